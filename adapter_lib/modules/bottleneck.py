"""Bottleneck adapters: where they sit, dropped layers, cross-layer sharing, trained norms.

With f the block's projection, a its residual and LN the layer's own frozen norm (the identity in
pre-norm architectures), s the scaling:

- Pfeiffer et al. 2021, as AdapterHub computes it: z = LN(f + a),
  y = LN(s·up(φ(down(z))) + f + a), after the feed-forward block only;
- Houlsby et al. 2019, figure 2: y = LN(s·up(φ(down(f))) + f + a), after both blocks;
- parallel, He et al. 2022: y = LN(s·up(φ(down(a))) + f + a), beside the feed-forward block;
- a layer without adapter: y = LN(f + a).

A zeroed up-projection therefore gives the base model. Other arrangements of residuals and norms are
described in `adapter_lib.config.arrangement`. Legend for shapes: b batch, s tokens,
d hidden, r bottleneck, L layers.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.config.arrangement import NormAfter
from adapter_lib.config.configuration import AdapterConfig, Initialisation, NonLinearity, Placement
from adapter_lib.config.cut_points import CutPoint
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.block_output import BlockOutput
from adapter_lib.modules.linear import BERT_STD, empty_linear
from adapter_lib.transformer.architectures import Norm
from adapter_lib.transformer.backbone import Backbone

HOULSBY_STD = 0.01
NON_LINEARITIES: dict[NonLinearity, Callable[[Tensor], Tensor]] = {
    NonLinearity.RELU: functional.relu,
    NonLinearity.GELU: functional.gelu,
    NonLinearity.GELU_NEW: partial(functional.gelu, approximate="tanh"),
    NonLinearity.SWISH: functional.silu,
    NonLinearity.TANH: torch.tanh,
}


class BottleneckFormula:
    """The formula of a bottleneck, for one adapter's layers or those of several at once.

    Attributes:
        training: whether dropout is on.
        down, up: d→r and r→d.
        norm_before, norm_after: of its own, None where the arrangement has none.
    """

    config: AdapterConfig
    training: bool
    down: Callable[[Tensor], Tensor]
    up: Callable[[Tensor], Tensor]
    norm_before: Norm | None
    norm_after: Norm | None

    def __call__(self, z: Tensor) -> Tensor:
        """Map what is read, z, (b, s, d), to what the bottleneck gives, u, (b, s, d)."""
        if self.norm_before is not None:
            z = self.norm_before(z)
        output = self.up(NON_LINEARITIES[self.config.non_linearity](self.down(z)))
        if self.config.scaling != 1.0:
            output = output * self.config.scaling
        return functional.dropout(output, self.config.dropout, self.training)

    def behind(self, block: BlockOutput) -> Tensor:
        """Return the block's output, (b, s, d), with this bottleneck in it."""
        added = self(block.read(self.config.reads))
        return block.finish(added, self.config.arrangement, self.norm_after)


class Bottleneck(nn.Module, BottleneckFormula):
    """One parameter set: `down` d→r, a non-linearity, `up` r→d, scaled, and norms of its own."""

    down: nn.Linear
    up: nn.Linear

    def __init__(self, config: AdapterConfig, *, hidden_size: int, size: int) -> None:
        super().__init__()
        self.config = config
        self.size = size
        self.down = empty_linear(hidden_size, size)
        self.up = empty_linear(size, hidden_size)
        arrangement = config.arrangement
        self.norm_before = nn.LayerNorm(hidden_size) if arrangement.norm_before else None
        has_norm_after = arrangement.norm_after is not NormAfter.NONE
        self.norm_after = nn.LayerNorm(hidden_size) if has_norm_after else None

    def forward(self, z: Tensor) -> Tensor:
        """Map what is read, z, (b, s, d), to what the bottleneck gives, u, (b, s, d)."""
        return BottleneckFormula.__call__(self, z)

    def initialise(self, how: Initialisation, generator: torch.Generator | None) -> None:
        """Draw both weights, down first; biases stay zero, norms of its own the identity's."""
        std = self.config.initial_std
        if how is Initialisation.MAM:
            nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5), generator=generator)
            nn.init.zeros_(self.up.weight)
            return
        for weight in (self.down.weight, self.up.weight):
            if how is Initialisation.BERT:
                nn.init.normal_(weight, std=std or BERT_STD, generator=generator)
            else:
                std = std or HOULSBY_STD
                nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std, generator=generator)


class NormShift(nn.Module):
    """What training has added to a frozen norm's weight and bias; zero at first.

    Stored as a difference, so that an adapter is built without its base, and a new one is the
    base exactly.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x: Tensor, norm: Norm) -> Tensor:
        """Return x, (b, s, d), under the norm with both added.

        Raises:
            ConfigurationError: there is no such norm behind the block.
        """
        return shifted_norm(norm, self.weight, self.bias)(x)


def shifted_norm(
    norm: Norm,
    weight: Tensor,
    bias: Tensor,
    layer_norm: Callable[..., Tensor] = functional.layer_norm,
) -> Norm:
    """Return the norm behind a block with `weight` and `bias` added to its own.

    Args:
        layer_norm: called as torch's; another one where weights are those of several models.

    Raises:
        ConfigurationError: there is no such norm.
    """
    if not isinstance(norm, nn.LayerNorm):
        raise ConfigurationError(
            "expected a LayerNorm behind each block, found none; trained_norm is for "
            "post-norm architectures, such as BERT"
        )
    return partial(
        layer_norm,
        normalized_shape=norm.normalized_shape,
        weight=norm.weight + weight,
        bias=norm.bias + bias,
        eps=norm.eps,
    )


def _check_fits(config: AdapterConfig, layers: int) -> None:
    """Refuse a configuration that names layers which a base of `layers` layers has not."""
    if config.drop_depth >= layers:
        raise ConfigurationError(
            f"drop_depth must be 0…{layers - 1} over {layers} layers, found "
            f"{config.drop_depth}; to train the head alone, give no adapter"
        )
    if config.layer_sizes and len(config.layer_sizes) != layers:
        raise ConfigurationError(
            f"layer_sizes must name {layers} sizes, found {list(config.layer_sizes)}"
        )
    if config.leave_out and config.leave_out[-1] >= layers:
        raise ConfigurationError(
            f"leave_out must be some of 0…{layers - 1} over {layers} layers, found "
            f"{list(config.leave_out)}"
        )


class Adapter(nn.Module):
    """The bottlenecks of one task over a base of L layers.

    A parameter set is stored once, under the number of its layer or, when all layers share it,
    under `shared`, or under its group; layers without adapter have none.

    Attributes:
        layers: L of the base it belongs to.
        kept_layers: the layers that have an adapter, ascending.
        lowest_layer: the lowest of them.
    """

    def __init__(
        self,
        config: AdapterConfig,
        *,
        layers: int,
        hidden_size: int,
        generator: torch.Generator | None = None,
        kept_layers: Collection[int] | None = None,
    ) -> None:
        """Build and initialise on the CPU.

        Args:
            generator: of the CPU; None draws from torch's global one.
            kept_layers: carry adapters in these layers only, as a pruned fusion's sources do; by
                default in all that the configuration does not leave out.

        Raises:
            ConfigurationError: no layer is left, or a layer is named that there is not.
        """
        super().__init__()
        _check_fits(config, layers)
        allowed = config.layers_of(layers)
        self.kept_layers = tuple(sorted(allowed if kept_layers is None else set(kept_layers)))
        if not self.kept_layers or not set(self.kept_layers) <= set(allowed):
            raise ConfigurationError(
                f"kept_layers must be some of {list(allowed)}, found {list(self.kept_layers)}"
            )
        self.config = config
        self.layers = layers
        self.hidden_size = hidden_size
        self.lowest_layer = self.kept_layers[0]
        self.attention = nn.ModuleDict()
        self.feed_forward = nn.ModuleDict()
        self._after_attention: list[Bottleneck | None] = [None] * layers
        self._after_feed_forward: list[Bottleneck | None] = [None] * layers
        for i in self.kept_layers:
            if config.placement is Placement.HOULSBY:
                self._after_attention[i] = self._parameter_set(self.attention, i, generator)
            self._after_feed_forward[i] = self._parameter_set(self.feed_forward, i, generator)
        shifted = self.kept_layers if config.trained_norm else ()
        self._attention_norms = {i: NormShift(hidden_size) for i in shifted}
        self._feed_forward_norms = {i: NormShift(hidden_size) for i in shifted}
        if shifted:
            self.attention_norm = _by_layer(self._attention_norms)
            self.feed_forward_norm = _by_layer(self._feed_forward_norms)

    @classmethod
    def over(
        cls, backbone: Backbone, config: AdapterConfig, *, generator: torch.Generator | None = None
    ) -> Self:
        """Build an adapter with the sizes of `backbone`.

        Raises:
            ConfigurationError: the configuration does not fit it.
        """
        layers, hidden_size = backbone.layers_count, backbone.hidden_size
        return cls(config, layers=layers, hidden_size=hidden_size, generator=generator)

    def _parameter_set(
        self, sets: nn.ModuleDict, layer: int, generator: torch.Generator | None
    ) -> Bottleneck:
        name = self.config.parameter_set(layer)
        if name not in sets:
            new = Bottleneck(
                self.config, hidden_size=self.hidden_size, size=self.config.size(layer)
            )
            new.initialise(self.config.initialisation, generator)
            sets[name] = new
        found = sets[name]
        assert isinstance(found, Bottleneck)
        return found

    @property
    def kept_config(self) -> AdapterConfig:
        """The configuration, that leaves out every layer without adapter."""
        left_out = set(range(self.layers)) - set(self.kept_layers)
        return replace(self.config, drop_depth=0, leave_out=tuple(left_out))

    def bottleneck(self, layer: int) -> Bottleneck | None:
        """Return the parameter set after the feed-forward block of `layer`, if there is one."""
        return self._after_feed_forward[layer]

    def entry(self, drop_depth: int = 0) -> CutPoint:
        """Return the lowest cut point behind which this adapter changes anything.

        Args:
            drop_depth: its lowest layers are skipped.
        """
        layer = min((i for i in self.kept_layers if i >= drop_depth), default=self.layers)
        return CutPoint(layer) if layer == self.layers else self.config.entry(layer)

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (b, s, d). See `LayerAdapter`."""
        if shift := self._attention_norms.get(layer):
            norm = partial(shift, norm=norm)
        return self._apply_bottleneck(self._after_attention[layer], x, residual, norm)

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d). See `LayerAdapter`."""
        if shift := self._feed_forward_norms.get(layer):
            norm = partial(shift, norm=norm)
        return self._apply_bottleneck(self._after_feed_forward[layer], x, residual, norm)

    def _apply_bottleneck(
        self, bottleneck: Bottleneck | None, x: Tensor, residual: Tensor, norm: Norm
    ) -> Tensor:
        if bottleneck is None:
            return norm(x + residual)
        return bottleneck.behind(BlockOutput(x, residual, norm))

    def restricted_to(self, kept_layers: Collection[int]) -> "Adapter":
        """Return a copy that has adapters in `kept_layers` only.

        Raises:
            ConfigurationError: no layer is left, or one of them has no adapter.
        """
        copy = Adapter(
            self.config,
            layers=self.layers,
            hidden_size=self.hidden_size,
            generator=torch.Generator(),
            kept_layers=kept_layers,
        )
        if not set(copy.kept_layers) <= set(self.kept_layers):
            raise ConfigurationError(
                f"expected layers among {list(self.kept_layers)}, found {list(copy.kept_layers)}"
            )
        device = next(self.parameters()).device
        copy.to(device=device, dtype=next(self.parameters()).dtype)
        copy.load_state_dict({name: self.state_dict()[name] for name in copy.state_dict()})
        return copy


def _by_layer(modules: Mapping[int, nn.Module]) -> nn.ModuleDict:
    return nn.ModuleDict({str(layer): module for layer, module in modules.items()})
