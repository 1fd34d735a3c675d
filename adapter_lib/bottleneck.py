"""Bottleneck adapters: Pfeiffer's and Houlsby's placement, dropped layers, cross-layer sharing.

With f the block's projection, a its residual and LN the layer's own frozen norm:

- Pfeiffer et al. 2021, as AdapterHub computes it: z = LN(f + a), y = LN(up(φ(down(z))) + f + a),
  after the feed-forward block only;
- Houlsby et al. 2019, figure 2: y = LN(up(φ(down(f))) + f + a), after both blocks;
- a layer without adapter: y = LN(f + a).

A zeroed up-projection therefore gives the base model. Legend for shapes: b batch, s tokens,
d hidden, r bottleneck, L layers.
"""

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.architectures import Norm
from adapter_lib.configuration import (
    AdapterConfig,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.linear import BERT_STD, empty_linear

_SHARED = "shared"

NON_LINEARITIES: dict[NonLinearity, Callable[[Tensor], Tensor]] = {
    NonLinearity.RELU: functional.relu,
    NonLinearity.GELU: functional.gelu,
    NonLinearity.SWISH: functional.silu,
    NonLinearity.TANH: torch.tanh,
}


class Bottleneck(nn.Module):
    """One parameter set: `down` d→r, a non-linearity, `up` r→d, without the residual."""

    def __init__(self, *, hidden_size: int, size: int, non_linearity: NonLinearity) -> None:
        super().__init__()
        self.size = size
        self.non_linearity = non_linearity
        self._activate = NON_LINEARITIES[non_linearity]
        self.down = empty_linear(hidden_size, size)
        self.up = empty_linear(size, hidden_size)

    def forward(self, z: Tensor) -> Tensor:
        """Map z, (b, s, d), to (b, s, d)."""
        output: Tensor = self.up(self._activate(self.down(z)))
        return output

    def initialise(self, how: Initialisation, generator: torch.Generator | None) -> None:
        """Draw both weights, down first; biases stay zero."""
        for weight in (self.down.weight, self.up.weight):
            if how is Initialisation.BERT:
                nn.init.normal_(weight, std=BERT_STD, generator=generator)
            else:
                nn.init.trunc_normal_(weight, 0.0, 0.01, -0.02, 0.02, generator=generator)


class Adapter(nn.Module):
    """The bottlenecks of one task over a base of L layers.

    A parameter set is stored once, under the number of its layer or, when all layers share it,
    under `shared`; layers without adapter have none.

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
                default in all from the drop depth on.

        Raises:
            ConfigurationError: no layer is left, or a kept layer is below the drop depth.
        """
        super().__init__()
        if config.drop_depth >= layers:
            raise ConfigurationError(
                f"drop_depth must be 0…{layers - 1} over {layers} layers, found "
                f"{config.drop_depth}; to train the head alone, give no adapter"
            )
        allowed = range(config.drop_depth, layers)
        self.kept_layers = tuple(sorted(allowed if kept_layers is None else set(kept_layers)))
        if not self.kept_layers or not set(self.kept_layers) <= set(allowed):
            raise ConfigurationError(
                f"kept_layers must be some of {allowed.start}…{layers - 1}, found "
                f"{list(self.kept_layers)}"
            )
        self.config = config
        self.layers = layers
        self.hidden_size = hidden_size
        self.lowest_layer = self.kept_layers[0]
        self.attention = nn.ModuleDict()
        self.feed_forward = nn.ModuleDict()
        self._after_attention: list[Bottleneck | None] = [None] * layers
        self._after_feed_forward: list[Bottleneck | None] = [None] * layers
        self._normalised_input = config.placement is Placement.PFEIFFER
        for layer in self.kept_layers:
            if config.placement is Placement.HOULSBY:
                self._after_attention[layer] = self._parameter_set(self.attention, layer, generator)
            self._after_feed_forward[layer] = self._parameter_set(
                self.feed_forward, layer, generator
            )

    def _parameter_set(
        self, sets: nn.ModuleDict, layer: int, generator: torch.Generator | None
    ) -> Bottleneck:
        name = _SHARED if self.config.sharing is Sharing.ALL_LAYERS else str(layer)
        if name not in sets:
            new = Bottleneck(
                hidden_size=self.hidden_size,
                size=self.config.bottleneck_size,
                non_linearity=self.config.non_linearity,
            )
            new.initialise(self.config.initialisation, generator)
            sets[name] = new
        found = sets[name]
        assert isinstance(found, Bottleneck)
        return found

    def bottleneck(self, layer: int) -> Bottleneck | None:
        """Return the parameter set after the feed-forward block of `layer`, if there is one."""
        return self._after_feed_forward[layer]

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (b, s, d). See `LayerAdapter`."""
        return self._apply_bottleneck(self._after_attention[layer], x, residual, norm)

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d). See `LayerAdapter`."""
        return self._apply_bottleneck(self._after_feed_forward[layer], x, residual, norm)

    def _apply_bottleneck(
        self, bottleneck: Bottleneck | None, x: Tensor, residual: Tensor, norm: Norm
    ) -> Tensor:
        total = x + residual
        if bottleneck is None:
            return norm(total)
        return norm(bottleneck(norm(total) if self._normalised_input else x) + total)

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
