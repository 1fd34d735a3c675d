"""Which layers one of AdapterHub's adapters serves: one layer each, but for ALBERT.

AdapterHub puts adapters into modules. ALBERT applies a few modules as all of its layers, so there
adapters are shared as the base's own weights are. A *place* is such a module, counted from the
lowest; what AdapterHub says of a layer, `leave_out` for instance, it says of a place.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from adapter_lib.config.arrangement import Placement, Reading
from adapter_lib.config.configuration import AdapterConfig, Sharing
from adapter_lib.errors import UnsupportedArchitectureError, UnsupportedSettingError
from adapter_lib.transformer.backbone import Backbone


@dataclass(frozen=True)
class Places:
    """Attributes:
    count: number of places.
    layers_each: how many consecutive layers each of them is.
    swapped: whether AdapterHub gives the attention block's adapters its residual as its projection,
        and the other way round, as in ALBERT.
    """

    count: int
    layers_each: int
    swapped: bool = False

    @classmethod
    def of(cls, backbone: Backbone) -> Self:
        """Return the places of a base.

        Raises:
            UnsupportedArchitectureError: they are not equally many layers each.
        """
        layers = backbone.layers_count
        albert = backbone.identity.model_type == "albert"
        model: Any = backbone.model
        count: int = model.config.num_hidden_groups if albert else layers
        if layers % count:
            raise UnsupportedArchitectureError(
                f"expected an albert whose num_hidden_groups={count} divides its {layers} layers, "
                "to exchange adapters with AdapterHub; no published model is another"
            )
        return cls(count, layers // count, swapped=albert)

    def check_unshared(self, what: str) -> None:
        """Raise UnsupportedArchitectureError where a place is several layers."""
        if self.layers_each > 1:
            raise UnsupportedArchitectureError(
                f"{what} are not exchanged with AdapterHub for a base whose layers share their "
                f"weights: it has one for {self.layers_each} layers, this library one for each; "
                "exchange the adapters alone"
            )

    def over_layers(self, config: AdapterConfig, where: str) -> AdapterConfig:
        """Return a configuration over places, which shares nothing, as one over layers.

        Raises:
            UnsupportedSettingError: places of several layers differ in size, or both blocks have
                adapters that would be given the wrong part.
        """
        each = self.layers_each
        if not self._means_the_same(config):
            raise UnsupportedSettingError(
                f"{where} has mh_adapter=True, which this library cannot represent for albert, "
                "where AdapterHub's attention adapters take the layer's input for what the block "
                "projected; it has mh_adapter=False, or adapters that read and add to the sum of "
                "both (original_ln_before=True) only"
            )
        if each == 1:
            return config
        if config.layer_sizes:
            raise UnsupportedSettingError(
                f"{where} has a reduction_factor for each group of layers, which this library "
                "cannot represent; layers that share parameters have one size in all groups"
            )
        sharing, group = self._sharing
        left_out = set(range(self.count)) - set(config.layers_of(self.count))
        return replace(
            config,
            sharing=sharing,
            group_layers=group,
            drop_depth=0,
            leave_out=tuple(place * each + i for place in left_out for i in range(each)),
        )

    def over_places(self, config: AdapterConfig) -> AdapterConfig:
        """Return a configuration over layers as one over places.

        Raises:
            UnsupportedSettingError: it shares parameters otherwise than this base does, leaves out
                some layers of a place, or would not mean the same there.
        """
        each = self.layers_each
        if not self._means_the_same(config):
            raise UnsupportedSettingError(
                f"AdapterHub cannot represent placement={config.placement} over albert, where it "
                "gives the attention block's adapters the layer's input for what the block "
                "projected; it has adapters behind the feed-forward block only, or such that read "
                f"{Reading.NORMED}"
            )
        wanted = self._sharing
        if (config.sharing, config.group_layers) != wanted:
            shown = f"sharing={wanted[0]}" + (f" with group_layers={wanted[1]}" * (wanted[1] > 1))
            raise UnsupportedSettingError(
                f"AdapterHub cannot represent sharing={config.sharing} with group_layers="
                f"{config.group_layers} over this base; it has {shown} only"
            )
        if each == 1:
            return config
        kept = config.layers_of(self.count * each)
        places = sorted({layer // each for layer in kept})
        if len(kept) != len(places) * each:
            raise UnsupportedSettingError(
                f"AdapterHub cannot represent an adapter in layers {list(kept)} of this base; it "
                f"leaves out {each} layers that share their weights together"
            )
        left_out = tuple(place for place in range(self.count) if place not in places)
        return replace(
            config, sharing=Sharing.NONE, group_layers=1, drop_depth=0, leave_out=left_out
        )

    def _means_the_same(self, config: AdapterConfig) -> bool:
        in_attention = self.swapped and config.placement is Placement.HOULSBY
        of_the_sum = config.reads is Reading.NORMED and config.arrangement.adds_to_sum
        return not in_attention or of_the_sum

    @property
    def _sharing(self) -> tuple[Sharing, int]:
        if self.layers_each == 1:
            return Sharing.NONE, 1
        if self.count == 1:
            return Sharing.ALL_LAYERS, 1
        return Sharing.GROUPS, self.layers_each
