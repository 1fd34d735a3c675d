"""The adapters and heads of several models of one shape: each of their layers is one product.

The formulas are those of one adapter and of one head (`adapter_lib.modules`), over layers whose
weights are rows of a `StackedParameters`. Legend for shapes: g models, n tokens of all of them, m
of the one that has most, d hidden, r bottleneck.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.config.arrangement import NormAfter
from adapter_lib.config.configuration import AdapterConfig, Placement
from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.modules.block_output import BlockOutput
from adapter_lib.modules.bottleneck import BottleneckFormula, shifted_norm
from adapter_lib.modules.heads import HeadFormula
from adapter_lib.transformer.activations import Block, CutPoint
from adapter_lib.transformer.architectures import Norm
from adapter_lib.transformer.ragged_batch import ByModel

_EPS = nn.LayerNorm(1).eps


@dataclass(frozen=True)
class StackedModels:
    """Those models of a stack whose tokens are computed, by their rows in it.

    Attributes:
        places: turns their tokens into as many places for each, and back.
    """

    stack: StackedParameters
    rows: tuple[int, ...]
    places: ByModel

    def linear(self, name: str, x: Tensor) -> Tensor:
        """Map x, (g, m, inputs), by each model's own linear layer, to (g, m, outputs)."""
        return self.stack.linear(name, x, self.rows)

    def norm(self, name: str) -> Norm:
        """Return the LayerNorm that each model has of its own, of (1, n, d)."""
        weight, bias = self.weight_and_bias(name)
        shape = weight.shape[-1:]
        return partial(self.layer_norm, normalized_shape=shape, weight=weight, bias=bias, eps=_EPS)

    def weight_and_bias(self, name: str) -> tuple[Tensor, Tensor]:
        """Return what each model's norm multiplies with and adds, (g, d) each."""
        weight, bias = (self.stack.stacked(f"{name}.{p}", self.rows) for p in ("weight", "bias"))
        return weight, bias

    def layer_norm(
        self, x: Tensor, normalized_shape: Sequence[int], weight: Tensor, bias: Tensor, eps: float
    ) -> Tensor:
        """Return torch's `layer_norm` of x, (1, n, d), with a weight and bias per model, (g, d)."""
        normed = self.places.apart(functional.layer_norm(x, normalized_shape, eps=eps))
        return self.places.together(normed * weight[:, None] + bias[:, None]).view(x.shape)


class StackedBottleneck(BottleneckFormula):
    """The bottlenecks of several models behind one block of one layer."""

    training = True  # `RowDropout` knows whose dropout is off

    def __init__(self, models: StackedModels, config: AdapterConfig, name: str) -> None:
        """Choose the bottlenecks by the name of their parameter set."""
        self.config, self._models, self._name = config, models, name
        found = config.arrangement
        has_norm_after = found.norm_after is not NormAfter.NONE
        self.norm_before = models.norm(f"{name}.norm_before") if found.norm_before else None
        self.norm_after = models.norm(f"{name}.norm_after") if has_norm_after else None

    def down(self, z: Tensor) -> Tensor:
        """Map (1, n, d) to (g, m, r)."""
        return self._models.linear(f"{self._name}.down", self._models.places.apart(z))

    def up(self, z: Tensor) -> Tensor:
        """Map (g, m, r) to (1, n, d)."""
        return self._models.places.together(self._models.linear(f"{self._name}.up", z))[None]


class StackedHead(HeadFormula):
    """The heads of several models."""

    training = True  # likewise

    def __init__(self, models: StackedModels) -> None:
        assert models.stack.shape.head is not None
        self.config, self._models = models.stack.shape.head, models
        self.dense = self._dense if self.config.layers == 2 else None

    def output(self, x: Tensor) -> Tensor:
        """Map (n, d) to (g, m, outputs), of which each model's first ones count."""
        return self._models.linear("head.output", self._models.places.apart(x))

    def _dense(self, x: Tensor) -> Tensor:
        return self._models.places.together(
            self._models.linear("head.dense", self._models.places.apart(x))
        )


def behind_block(
    models: StackedModels, cut_point: CutPoint, x: Tensor, residual: Tensor, norm: Norm
) -> Tensor:
    """Return a block's output, (1, n, d), with each model's adapter in it."""
    config, layer = models.stack.shape.adapter, cut_point.layer
    assert config is not None
    attention = cut_point.block is Block.ATTENTION
    name = "attention" if attention else "feed_forward"
    if config.trained_norm:
        shift = models.weight_and_bias(f"adapter.{name}_norm.{layer}")
        norm = shifted_norm(norm, *shift, models.layer_norm)
    block = BlockOutput(x, residual, norm)
    if attention and config.placement is not Placement.HOULSBY:
        return block.normed
    parameter_set = f"adapter.{name}.{config.parameter_set(layer)}"
    return StackedBottleneck(models, config, parameter_set).behind(block)
