"""The parameters of several models of one shape, as the rows of one matrix.

While a model is in a row, its own parameters are views into it, so it can be measured and saved as
ever; the stacked leaves are views of the same numbers across all rows, so one product serves all
models, and their gradients are rows of a second matrix. Models that differ only in which layers
have adapters are of one shape: what a model lacks stays zero, and so does what a smaller
bottleneck leaves of the places of a larger one, as every non-linearity maps zero to zero.

Legend for shapes: K rows, P numbers in a row, S tensors in a row, g models at work, m tokens of
all rows of a model, d hidden, r bottleneck.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Initialisation
from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.transformer.batch import to_device

_ALIGNED = 32
"""Tensors start at multiples of so many numbers, 128 bytes, as fast kernels like them to."""


@dataclass(frozen=True)
class StackShape:
    """What models must have in common to be in one stack; None for what it holds nothing of."""

    adapter: AdapterConfig | None
    head: HeadConfig | None

    @classmethod
    def of(cls, model: AdapterModel) -> "StackShape | None":
        """Return a model's shape, None if it cannot be in a stack: a fusion, or a trained base."""
        adapter, head = model.adapter, model.head.config
        if not model.backbone.frozen or head.kind is HeadKind.MASKED_LM:
            return None
        if adapter is None:
            return cls(None, head)
        if not isinstance(adapter, Adapter):
            return None
        same = replace(
            adapter.config, drop_depth=0, initialisation=Initialisation.BERT, initial_std=None
        )
        return cls(same, head)


class StackedParameters:
    """A matrix with a row of parameters for each of K models of one shape, and their gradients.

    Attributes:
        values: (K, P).
        gradients: (K, P); backward passes add to it.
        starts: where each tensor starts in a row, (S,), and at the end P.
    """

    def __init__(
        self, like: AdapterModel, rows: int, *, frozen_shape: StackShape | None = None
    ) -> None:
        """Make empty rows for models of the shape of `like`, on its device.

        Args:
            frozen_shape: instead of the shape of `like`, for inference alone: there are no
                gradients then.

        Raises:
            ConfigurationError: it has none.
        """
        shape = frozen_shape or StackShape.of(like)
        if shape is None:
            raise ConfigurationError(
                "expected an adapter or a head alone over a frozen base, found another model; "
                "train it alone"
            )
        self.shape, self.rows = shape, rows
        self._shapes = _tensor_shapes(like, shape)
        sizes = [shape.numel() for shape in self._shapes.values()]
        padded = [-(-size // _ALIGNED) * _ALIGNED for size in sizes]
        self.starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(padded)]).astype(np.int64)
        alike = next(iter(self._parameters(like).values()))
        self.values = alike.new_zeros(rows, int(self.starts[-1]), requires_grad=False)
        trained = frozen_shape is None
        self.gradients = torch.zeros_like(self.values, device=None if trained else "meta")
        self._index = {name: i for i, name in enumerate(self._shapes)}
        leaf = self._leaf if trained else partial(self._of_all, self.values)
        self._leaves: dict[str, Tensor] = {name: leaf(name) for name in self._shapes}
        self._chosen: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()
    def put(self, row: int, model: AdapterModel) -> None:
        """Copy a model's parameters to a row, and let them be views of it from now on."""
        self.values[row].zero_()
        self.gradients[row].zero_()
        for name, parameter in self._parameters(model).items():
            view = self._of_row(self.values, name, row, parameter)
            view.copy_(parameter)
            parameter.data = view
            parameter.grad = None

    @torch.no_grad()
    def take(self, row: int, model: AdapterModel) -> None:
        """Give a model's parameters storage of their own again, and empty its row."""
        for parameter in self._parameters(model).values():
            parameter.data = parameter.data.clone()
        self.values[row].zero_()
        self.gradients[row].zero_()

    def tensors(self, of: Tensor, row: int, model: AdapterModel) -> dict[str, Tensor]:
        """Return name → a model's part of a matrix like `values`, (K, P), as views."""
        parameters = self._parameters(model).items()
        return {name: self._of_row(of, name, row, parameter) for name, parameter in parameters}

    def index(self, name: str) -> int:
        """Return the number of a tensor, 0…S-1."""
        return self._index[name]

    def used(self, model: AdapterModel, drop_depth: int) -> NDArray[np.bool_]:
        """Return which tensors of a model have a gradient if a batch drops so many layers, (S,)."""
        prefixes, adapter = ["head."], model.adapter
        if isinstance(adapter, Adapter):
            for layer in adapter.kept_layers:
                if layer >= drop_depth:
                    group = adapter.config.parameter_set(layer)
                    for block in ("attention", "feed_forward"):
                        prefixes.append(f"adapter.{block}.{group}.")
                        prefixes.append(f"adapter.{block}_norm.{layer}.")
        return np.array([name.startswith(tuple(prefixes)) for name in self._shapes])

    def stacked(self, name: str, rows: Sequence[int]) -> Tensor:
        """Return one tensor of the models in `rows`, (g, …), for a product with a gradient."""
        leaf, first, last = self._leaves[name], rows[0], rows[-1] + 1
        if tuple(rows) == tuple(range(first, last)):
            return leaf if last - first == self.rows else leaf[first:last]
        return leaf[self._indices(tuple(rows))]

    def linear(self, name: str, z: Tensor, rows: Sequence[int]) -> Tensor:
        """Map z, (g, m, inputs), by each model's own linear layer, to (g, m, outputs)."""
        weight, bias = (self.stacked(f"{name}.{part}", rows) for part in ("weight", "bias"))
        return torch.baddbmm(bias[:, None], z, weight.transpose(1, 2))

    def _indices(self, rows: tuple[int, ...]) -> Tensor:
        if rows not in self._chosen:
            if len(self._chosen) >= 1024:
                self._chosen.clear()
            self._chosen[rows] = to_device(torch.tensor(rows), self.values.device)
        return self._chosen[rows]

    def _leaf(self, name: str) -> nn.Parameter:
        leaf = nn.Parameter(self._of_all(self.values, name))
        gathered = self._of_all(self.gradients, name)

        @torch.no_grad()
        def gather(found: Tensor) -> None:
            # As `grad` itself, a part of a row would be no layout that autograd adds to gladly.
            if found.grad is not None:
                gathered.add_(found.grad)
                found.grad = None

        leaf.register_post_accumulate_grad_hook(gather)  # type: ignore[no-untyped-call]
        return leaf

    def _of_all(self, matrix: Tensor, name: str) -> Tensor:
        start, shape = int(self.starts[self._index[name]]), self._shapes[name]
        return matrix[:, start : start + shape.numel()].view(self.rows, *shape)

    def _of_row(self, matrix: Tensor, name: str, row: int, own: Tensor) -> Tensor:
        """Return the places of a model's own tensor in its row."""
        return self._of_all(matrix, name)[row][tuple(map(slice, own.shape))]

    def _parameters(self, model: AdapterModel) -> dict[str, nn.Parameter]:
        """Return what of a model is in a stack, by the names in the model."""
        found: dict[str, nn.Parameter] = {}
        for prefix in ("head", "adapter"):
            part: Any = getattr(model, prefix) if getattr(self.shape, prefix) else None
            if part is not None:
                found |= {f"{prefix}.{name}": value for name, value in part.named_parameters()}
        return found


def _tensor_shapes(like: AdapterModel, shape: StackShape) -> dict[str, torch.Size]:
    """Return name → shape of all that a model of this shape may have, adapters in every layer."""
    shapes: dict[str, torch.Size] = {}
    if shape.head is not None:
        shapes |= {f"head.{name}": p.shape for name, p in like.head.named_parameters()}
    if shape.adapter is not None:
        backbone = like.backbone
        full = Adapter(
            shape.adapter,
            layers=backbone.layers_count,
            hidden_size=backbone.hidden_size,
            generator=torch.Generator(),
        )
        shapes |= {f"adapter.{name}": p.shape for name, p in full.named_parameters()}
    return shapes
