"""What the models of a stack compute, all in one product: bottlenecks, norms, heads.

The formulas are those of `adapter_lib.modules.bottleneck` and `adapter_lib.modules.heads`. Legend
for shapes: g models at work, n tokens of all of them, m of the one that has most, d hidden.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.config.arrangement import NormAfter
from adapter_lib.config.configuration import Placement
from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.modules.block_output import BlockOutput
from adapter_lib.modules.bottleneck import NON_LINEARITIES, require_layer_norm
from adapter_lib.transformer.activations import Block
from adapter_lib.transformer.architectures import Norm, Pooler
from adapter_lib.transformer.ragged_batch import ByModel

Slots = tuple[int, ...]

_OWN_NORM_EPS = nn.LayerNorm(1).eps


class StackedLayer:
    """What the adapters in some rows of a stack do behind one block of one layer."""

    def __init__(
        self, stack: StackedParameters, rows: Slots, sizes: ByModel, *, layer: int, block: Block
    ) -> None:
        assert stack.shape.adapter is not None
        self._stack, self._rows, self._config = stack, rows, stack.shape.adapter
        self._sizes = sizes
        self._layer = layer
        self._block = "attention" if block is Block.ATTENTION else "feed_forward"

    def __call__(self, x: Tensor, residual: Tensor, norm: Norm) -> Tensor:
        """Return the block's output, (1, n, d), from its projection and residual."""
        config = self._config
        if config.trained_norm:
            norm = self._shifted(norm)
        block = BlockOutput(x, residual, norm)
        if self._block == "attention" and config.placement is not Placement.HOULSBY:
            return block.normed
        z = block.read(config.reads)
        if config.arrangement.norm_before:
            z = self._own_norm("norm_before")(z)
        has_norm_after = config.arrangement.norm_after is not NormAfter.NONE
        norm_after = self._own_norm("norm_after") if has_norm_after else None
        return block.finish(self._bottleneck(z), config.arrangement, norm_after)

    def _bottleneck(self, z: Tensor) -> Tensor:
        config, name = self._config, self._parameter_set
        activate = NON_LINEARITIES[config.non_linearity]
        inner = self._stack.linear(f"{name}.down", self._sizes.apart(z), self._rows)
        output = self._stack.linear(f"{name}.up", activate(inner), self._rows)
        if config.scaling != 1.0:
            output = output * float(config.scaling)
        return functional.dropout(self._sizes.together(output).view(z.shape), config.dropout, True)

    @property
    def _parameter_set(self) -> str:
        return f"adapter.{self._block}.{self._config.parameter_set(self._layer)}"

    def _own_norm(self, which: str) -> Norm:
        """Return the LayerNorm that each model's bottleneck has of its own."""
        name = f"{self._parameter_set}.{which}"
        weight, bias = self._pair(name)
        return partial(self._normed, weight=weight, bias=bias, eps=_OWN_NORM_EPS)

    def _shifted(self, norm: Norm) -> Norm:
        """Return the norm behind the block with what each model has added to it."""
        plain = require_layer_norm(norm)
        weight, bias = self._pair(f"adapter.{self._block}_norm.{self._layer}")
        weight, bias = plain.weight + weight, plain.bias + bias
        return partial(self._normed, weight=weight, bias=bias, eps=plain.eps)

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        weight, bias = (self._stack.stacked(f"{name}.{p}", self._rows) for p in ("weight", "bias"))
        return weight[:, None], bias[:, None]

    def _normed(self, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        normed = functional.layer_norm(x, x.shape[-1:], eps=eps)
        return self._sizes.together(self._sizes.apart(normed) * weight + bias).view(x.shape)


def stacked_head(
    stack: StackedParameters, rows: Slots, x: Tensor, sizes: ByModel, *, pooler: Pooler | None
) -> Tensor:
    """Return what the heads in some rows give for the tokens of their models, x, (n, d).

    Returns:
        (g, m, outputs), of which each model's first ones count.
    """
    config = stack.shape.head
    if config.use_pooler and pooler is not None:
        x = pooler(x)
    x = functional.dropout(x, config.dropout, True)
    if config.layers == 2:
        inner = torch.tanh(stack.linear("head.dense", sizes.apart(x), rows))
        x = functional.dropout(sizes.together(inner), config.dropout, True)
    return stack.linear("head.output", sizes.apart(x), rows)
