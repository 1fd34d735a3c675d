"""AdapterFusion: per token, attention over the outputs of several tasks' adapters.

With f the feed-forward projection, a its residual, LN the layer's frozen norm and z = LN(f + a)
(Pfeiffer et al. 2021, equations 3 to 5, as AdapterHub computes them):

    u_n = up_n(φ_n(down_n(z))),  p = softmax_n((Q z + b_q)·(K u_n + b_k)),
    y = LN(Σ_n p_n V u_n + f + a).

The arithmetic of one layer is in `adapter_lib.modules.fusion_layer`. Which sources to keep when
pruning is decided in `adapter_lib.modules.pruning`. Legend for shapes: b batch, s tokens, d hidden,
r bottleneck, n adapters, L layers.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn

from adapter_lib.config.configuration import FusionConfig, Placement
from adapter_lib.config.cut_points import Block, CutPoint
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.block_output import BlockOutput
from adapter_lib.modules.bottleneck import Adapter, Bottleneck
from adapter_lib.modules.fusion_layer import FusionLayer
from adapter_lib.transformer.architectures import Norm
from adapter_lib.transformer.backbone import Backbone


class Fusion(nn.Module):
    """The fusion layers over a base of L layers, with frozen copies of the source adapters.

    A layer fuses the sources that have an adapter there; one without any is a dropped layer.
    Sources are used as they were trained, without their own dropout.
    Query and key start from N(0, 0.02²) with zero biases; value starts as ones on the diagonal.

    Attributes:
        source_names: in the order in which they were given.
        sources: one adapter per name, with those layers only that are fused.
        kept: the names that each fused layer attends to.
        lowest_layer: the lowest fused layer.
    """

    def __init__(
        self,
        config: FusionConfig,
        sources: Mapping[str, Adapter],
        *,
        layers: int,
        hidden_size: int,
        generator: torch.Generator | None = None,
        kept: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        """Copy and freeze the sources, and build a fusion layer wherever one of them is left.

        Args:
            generator: of the CPU; None draws from torch's global one.
            kept: layer → the sources that it fuses, as a pruned fusion has it; by default all.

        Raises:
            ConfigurationError: fewer than two sources, one of another placement than Pfeiffer's or
                with norms of its own, sources of different arrangements, one built for another
                base, no layer left, or `kept` names what there is not.
        """
        super().__init__()
        _check_sources(sources, layers=layers, hidden_size=hidden_size)
        available = _available(sources, range(config.drop_depth, layers))
        self.kept = available if kept is None else _chosen(available, kept)
        if not self.kept or (kept is None and len(sources) < 2):
            raise ConfigurationError(
                f"a fusion needs at least two sources and one layer to fuse them in, found "
                f"{list(sources)} with layers {list(self.kept)} from drop depth "
                f"{config.drop_depth} on"
            )
        first = next(iter(sources.values())).config
        self._reads, self._arrangement = first.reads, first.arrangement
        self._reads_sum = first.reads_sum and not config.query_before_norm
        self.config = config
        self.layers = layers
        self.hidden_size = hidden_size
        self.lowest_layer = min(self.kept)
        kept_names = {name for names in self.kept.values() for name in names}
        self.source_names = tuple(name for name in sources if name in kept_names)
        # A list, since a name could clash with a ModuleDict's own attributes or hold a dot.
        self.sources = nn.ModuleList(
            sources[name].restricted_to([i for i, names in self.kept.items() if name in names])
            for name in self.source_names
        ).requires_grad_(False)
        self.fused = nn.ModuleDict()
        self._by_layer: list[FusionLayer | None] = [None] * layers
        make = partial(FusionLayer, config=config, hidden_size=hidden_size, generator=generator)
        for i in self.kept:
            self.fused[str(i)] = self._by_layer[i] = make(self._bottlenecks(i))

    @classmethod
    def over(
        cls,
        backbone: Backbone,
        config: FusionConfig,
        sources: Mapping[str, Adapter],
        *,
        generator: torch.Generator | None = None,
    ) -> Self:
        """Build a fusion with the sizes of `backbone`.

        Raises:
            ConfigurationError: as for the class.
        """
        layers, hidden_size = backbone.layers_count, backbone.hidden_size
        return cls(config, sources, layers=layers, hidden_size=hidden_size, generator=generator)

    def entry(self, drop_depth: int = 0) -> CutPoint:
        """Return the lowest cut point behind which this changes anything. See `Adapter.entry`."""
        layer = min((i for i in self.kept if i >= drop_depth), default=self.layers)
        if layer == self.layers:
            return CutPoint(layer)
        return CutPoint(layer, Block.FEED_FORWARD, summed=self._reads_sum)

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (b, s, d), which fusion leaves as it is."""
        return norm(x + residual)

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d). See `LayerAdapter`."""
        fusion_layer = self._by_layer[layer]
        block = BlockOutput(x, residual, norm)
        if fusion_layer is None:
            return block.normed
        query = block.x if self.config.query_before_norm else None
        added = fusion_layer(block.read(self._reads), token_mask, query)
        return block.finish(added, self._arrangement)

    def regularisation_loss(self) -> Tensor:
        """Return λ·Σ_layers ‖I − V‖²_F, a scalar, with λ of the configuration; add it to the loss.

        AdapterHub's `get_fusion_regularization_loss`; without it V drifts (Pfeiffer et al., §3.3).
        """
        values = [layer.value for layer in self._by_layer if layer is not None]
        distances = [
            (value - torch.eye(len(value), device=value.device, dtype=value.dtype)).square().sum()
            for value in values
            if value is not None
        ]
        if not distances:
            return next(self.fused.parameters()).new_zeros(())
        return float(self.config.regularisation) * torch.stack(distances).sum()

    def start_attention_statistics(self) -> None:
        """Forget what was seen and sum up fusion weights from now on, on the device."""
        for layer in self._by_layer:
            if layer is not None:
                layer.start_statistics()

    def attention_statistics(self) -> dict[int, dict[str, float]]:
        """Return layer → source → its mean fusion weight over all real tokens seen.

        Counting stops here. Run the batches in evaluation mode, since dropout changes the weights.
        Layers that were dropped in every batch are left out.

        Raises:
            ConfigurationError: `start_attention_statistics` was not called before.
        """
        statistics = {}
        for index, names in self.kept.items():
            layer = self._by_layer[index]
            assert layer is not None
            means = layer.stop_statistics()
            if means is not None:
                statistics[index] = dict(zip(names, means, strict=True))
        return statistics

    def pruned(self, keep: Mapping[int, Sequence[str]]) -> "Fusion":
        """Return a copy in which each layer fuses only the sources that `keep` names for it.

        The weights stay as they are (Rücklé et al. 2021, §5.2). Layers that `keep` does not name
        keep all; a layer with an empty list becomes a dropped layer.

        Raises:
            ConfigurationError: a layer is not fused, or does not fuse a source of that name.
        """
        copy = Fusion(
            self.config,
            {name: self.source(name) for name in self.source_names},
            layers=self.layers,
            hidden_size=self.hidden_size,
            generator=torch.Generator(),
            kept=_chosen(self.kept, {**self.kept, **keep}),
        )
        parameter = next(self.fused.parameters())
        copy.to(device=parameter.device, dtype=parameter.dtype)
        weights = self.fused.state_dict()
        copy.fused.load_state_dict({name: weights[name] for name in copy.fused.state_dict()})
        return copy.train(self.training)

    def source(self, name: str) -> Adapter:
        """Return the frozen adapter of that name.

        Raises:
            ConfigurationError: there is none.
        """
        if name not in self.source_names:
            raise ConfigurationError(f"expected one of {list(self.source_names)}, found {name!r}")
        found = self.sources[self.source_names.index(name)]
        assert isinstance(found, Adapter)
        return found

    def _bottlenecks(self, layer: int) -> list[Bottleneck]:
        found = [self.source(name).bottleneck(layer) for name in self.kept[layer]]
        return [bottleneck for bottleneck in found if bottleneck is not None]


def _check_sources(sources: Mapping[str, Adapter], *, layers: int, hidden_size: int) -> None:
    for name, source in sources.items():
        if source.config.placement is not Placement.PFEIFFER:
            raise ConfigurationError(
                f"fusion needs sources of placement {Placement.PFEIFFER}, found "
                f"{source.config.placement} in {name!r}; train that source with the other placement"
            )
        if source.config.trained_norm:
            raise ConfigurationError(
                f"fusion needs sources over the base's own norms, found trained_norm in {name!r}; "
                "train that source without"
            )
        if source.config.arrangement.own_norms:
            raise ConfigurationError(
                f"fusion needs sources without norms of their own, found arrangement "
                f"({source.config.arrangement}) in {name!r}; train that source without"
            )
        first = next(iter(sources.values())).config.arrangement
        if source.config.arrangement != first:
            raise ConfigurationError(
                f"fusion needs sources of one arrangement, found ({first}) and "
                f"({source.config.arrangement}) in {name!r}; train them alike"
            )
        if (source.layers, source.hidden_size) != (layers, hidden_size):
            raise ConfigurationError(
                f"expected sources for (layers, hidden size) {(layers, hidden_size)}, found "
                f"{(source.layers, source.hidden_size)} in {name!r}; all need the same base"
            )


def _available(sources: Mapping[str, Adapter], layers: range) -> dict[int, tuple[str, ...]]:
    found = {
        layer: tuple(name for name, source in sources.items() if layer in source.kept_layers)
        for layer in layers
    }
    return {layer: names for layer, names in found.items() if names}


def _chosen(
    available: Mapping[int, Sequence[str]], kept: Mapping[int, Sequence[str]]
) -> dict[int, tuple[str, ...]]:
    """Return `kept` in the order of layers and sources, without empty layers."""
    for layer, names in kept.items():
        if layer not in available:
            raise ConfigurationError(
                f"expected fused layers among {list(available)}, found layer {layer}"
            )
        if unknown := set(names) - set(available[layer]):
            raise ConfigurationError(
                f"layer {layer} fuses {list(available[layer])}, cannot keep {sorted(unknown)}"
            )
    chosen = {
        layer: tuple(name for name in names if name in kept.get(layer, ()))
        for layer, names in available.items()
    }
    return {layer: names for layer, names in chosen.items() if names}
