"""Dropout for several models in one batch, each with random numbers of its own.

Wherever dropout would draw for all rows at once, it is applied to the rows of one model after the
other, at their own number and length and with the state that the device's generator has for this
model. So a model draws exactly what it would draw alone, whoever else is in the batch, and each may
begin with dropout at a layer of its own. Everything else runs on all rows at once.

Legend for shapes: b rows of a model, padded to those of the largest; s tokens, likewise; d hidden,
h heads.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from adapter_lib.errors import ConfigurationError


def default_generator(device: torch.device) -> torch.Generator:
    """Return the generator that dropout on a device draws from."""
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        return torch.cuda.default_generators[index]
    return torch.default_generator


class RandomStream:
    """Random numbers that are a model's own: inside a `with`, the device draws from them."""

    def __init__(self, device: torch.device) -> None:
        """Go on from the state that the device's generator is in now."""
        self._generator = default_generator(device)
        self._own = self._generator.get_state()
        self._outer = self._own

    @property
    def state(self) -> Tensor:
        """What follows next; set it to draw the same again."""
        return self._own

    @state.setter
    def state(self, state: Tensor) -> None:
        self._own = state

    def __enter__(self) -> None:
        self._outer = self._generator.get_state()
        self._generator.set_state(self._own)

    def __exit__(self, *_: object) -> None:
        self._own = self._generator.get_state()
        self._generator.set_state(self._outer)


@dataclass(frozen=True)
class Rows:
    """One model's part of a batch.

    Attributes:
        stream: what its dropout draws from.
        dropout_from: the lowest layer with dropout; -1 for the embeddings too.
        rows: how many of its b rows are real, the first ones.
        tokens: the longest of them.
    """

    stream: RandomStream
    dropout_from: int
    rows: int
    tokens: int


class RowDropout(TorchFunctionMode):
    """While it is entered, dropout is drawn model by model. Attributes:

    layer: that is run; -1 for the embeddings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layer = -1
        self._owners: Sequence[Rows] = ()
        self._everywhere = False

    @contextmanager
    def rows_of(self, owners: Sequence[Rows], *, everywhere: bool = False) -> Iterator[None]:
        """Let the batch be the rows of these models, b each; of none, to leave dropout off.

        Args:
            everywhere: dropout is on whatever the layer, as in adapters and heads.
        """
        before = self._owners, self._everywhere
        self._owners, self._everywhere = owners, everywhere
        try:
            yield
        finally:
            self._owners, self._everywhere = before

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Take over what draws random numbers; see `TorchFunctionMode`."""
        kwargs = kwargs or {}
        if func is functional.dropout and kwargs.get("training", True) and kwargs["p"] > 0:
            return self._drop(args[0], kwargs["p"])
        if func is functional.scaled_dot_product_attention and kwargs.get("dropout_p", 0.0) > 0:
            return self._attend(*args, **kwargs)
        return func(*args, **kwargs)

    def _drop(self, x: Tensor, p: float) -> Tensor:
        """Drop in (b, s, d), or in (b, 1, d) or (b, d) of one token each."""
        by_token = x.ndim == 3 and x.shape[1] > 1

        def of(owner: Rows, rows: Tensor) -> Tensor:
            own = rows[: owner.rows, : owner.tokens] if by_token else rows[: owner.rows]
            return _padded(functional.dropout(own.contiguous(), p), rows.shape)

        return self._each(of, x)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        """Attend in (b, h, s, d / h), and to a query of (b, h, 1, d / h)."""
        given: Tensor | None = options.pop("attn_mask", None)
        tensors = [query, key, value]
        if given is not None:
            tensors.append(given.expand(len(query), -1, -1, -1))
        p = options.pop("dropout_p")

        def attend(*parts: Tensor, p: float = 0.0) -> Tensor:
            mask = parts[3] if len(parts) > 3 else None
            return functional.scaled_dot_product_attention(
                parts[0], parts[1], parts[2], attn_mask=mask, dropout_p=p, **options
            )

        def of(owner: Rows, *parts: Tensor) -> Tensor:
            own = [part[: owner.rows, :, : owner.tokens] for part in parts]
            if len(own) > 3:
                own[3] = own[3][..., : owner.tokens]
            return _padded(attend(*own, p=p), parts[0].shape)

        return self._each(of, *tensors, plain=attend)

    def _each(
        self,
        of: Callable[..., Tensor],
        *tensors: Tensor,
        plain: Callable[..., Tensor] = lambda x: x,
    ) -> Tensor:
        """Apply `of` to the rows of each model with dropout here, and `plain` to all others'."""
        on = [self._everywhere or self.layer >= owner.dropout_from for owner in self._owners]
        if not any(on):
            return plain(*tensors)
        size, left = divmod(len(tensors[0]), len(on))
        if left:
            raise ConfigurationError(
                f"expected the rows of {len(on)} models under dropout, found a tensor of shape "
                f"{tuple(tensors[0].shape)}; train these models one by one"
            )
        outputs = []
        for number, owner in enumerate(self._owners):
            parts = [tensor[number * size : (number + 1) * size] for tensor in tensors]
            if on[number]:
                with owner.stream:
                    outputs.append(of(owner, *parts))
            else:
                outputs.append(plain(*parts))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def _padded(x: Tensor, shape: torch.Size) -> Tensor:
    """Fill x up with zeros, behind what it has, to `shape`."""
    missing = [size - found for size, found in zip(shape, x.shape, strict=True)]
    if not any(missing):
        return x
    return functional.pad(x, [n for size in reversed(missing) for n in (0, size)])
