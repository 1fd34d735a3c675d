"""The bottlenecks of many adapters side by side, applied to groups of rows in two batched products.

A group is a number of rows that one adapter, its owner, applies to: a whole batch, or one example.
Which groups there are is left to `adapter_lib.joint.branches`. Smaller bottlenecks are padded with
zeros, which every non-linearity here maps to zero. Bottlenecks with an arrangement of residuals and
norms other than their placement's are applied one after another.

Legend for shapes: b rows, s tokens, d hidden, r the largest bottleneck, n adapters, g groups,
m tokens of all rows of a group.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.config.arrangement import USUAL
from adapter_lib.config.configuration import Placement
from adapter_lib.modules.block_output import BlockOutput
from adapter_lib.modules.bottleneck import (
    NON_LINEARITIES,
    Adapter,
    Bottleneck,
    NormShift,
    require_layer_norm,
)
from adapter_lib.transformer.architectures import Norm

Owners = tuple[int | None, ...]
"""The adapter of each group, by its position; None for the base alone."""


class StackedBottlenecks(nn.Module):
    """Copies of n bottlenecks as four tensors, scaled."""

    down: Tensor
    down_bias: Tensor
    up: Tensor
    up_bias: Tensor
    kind: Tensor

    def __init__(self, bottlenecks: Sequence[Bottleneck]) -> None:
        super().__init__()
        size = max(bottleneck.size for bottleneck in bottlenecks)

        def stack(parts: Sequence[Tensor]) -> Tensor:
            """Pad the last dimension, which is r."""
            padded = [functional.pad(p.detach(), (0, size - p.shape[-1])) for p in parts]
            return torch.stack(padded)

        up = stack([one.up.weight * one.scaling for one in bottlenecks])
        up_bias = torch.stack([one.up.bias.detach() * one.scaling for one in bottlenecks])
        kinds = sorted({one.non_linearity for one in bottlenecks})
        self._activations = [NON_LINEARITIES[kind] for kind in kinds]
        kind = torch.tensor([kinds.index(one.non_linearity) for one in bottlenecks])
        self.register_buffer("down", stack([one.down.weight.T for one in bottlenecks]))
        self.register_buffer("down_bias", stack([one.down.bias[None] for one in bottlenecks]))
        self.register_buffer("up", up.transpose(1, 2).contiguous())
        self.register_buffer("up_bias", up_bias[:, None])
        self.register_buffer("kind", kind.to(up.device))

    def forward(self, z: Tensor, which: Tensor) -> Tensor:
        """Map z, (g, m, d), to (g, m, d), each group by the bottleneck that `which`, (g,), says."""
        x = torch.baddbmm(self.down_bias[which], z, self.down[which])
        activated = self._activations[0](x)
        for number, activate in enumerate(self._activations[1:], start=1):
            own = (self.kind[which] == number)[:, None, None]
            activated = torch.where(own, activate(x), activated)
        return torch.baddbmm(self.up_bias[which], activated, self.up[which])


class Place(nn.Module):
    """What n adapters do behind one block of one layer."""

    shift_weight: Tensor
    shift_bias: Tensor

    def __init__(
        self,
        placements: Mapping[int, Placement],
        shifts: Sequence[NormShift | None],
        stack: StackedBottlenecks | None,
        alone: Mapping[int, Bottleneck],
    ) -> None:
        """Put them together.

        Args:
            placements: of the adapters that have a bottleneck in the stack, by their positions.
            shifts: of all n adapters.
            stack: the bottlenecks, in the order of `placements`.
            alone: those that cannot be stacked, by their adapters' positions.
        """
        super().__init__()
        self._alone = nn.ModuleDict({str(row): one for row, one in alone.items()})
        self._placements = placements
        self._in_stack = {row: position for position, row in enumerate(placements)}
        self._stack = stack
        found = {row: shift for row, shift in enumerate(shifts) if shift is not None}
        self.changed_by = {*placements, *found, *alone}
        self._shifted = set(found)
        if found:
            zeros = torch.zeros_like(next(iter(found.values())).weight)
            weights = [zeros if shift is None else shift.weight.detach() for shift in shifts]
            biases = [zeros if shift is None else shift.bias.detach() for shift in shifts]
            # The last is for the base alone.
            self.register_buffer("shift_weight", torch.stack([*weights, zeros]))
            self.register_buffer("shift_bias", torch.stack([*biases, zeros]))

    def forward(self, x: Tensor, residual: Tensor, norm: Norm, owners: Owners) -> Tensor:
        """Return the block's output, (b, s, d), from its projection and residual, (b, s, d).

        Args:
            owners: of g groups, b / g rows each.
        """
        shape = x.shape
        x, residual = (part.reshape(len(owners), -1, shape[-1]) for part in (x, residual))
        output = self._stacked(x, residual, self._shifted_norm(norm, owners), owners)
        for row, bottleneck in self._alone.items():
            groups = [group for group, own in enumerate(owners) if own == int(row)]
            if groups:
                assert isinstance(bottleneck, Bottleneck)
                chosen = torch.tensor(groups, device=x.device)
                own_norm = self._shifted_norm(norm, (int(row),) * len(groups))
                own_output = bottleneck.behind(BlockOutput(x[chosen], residual[chosen], own_norm))
                output = output.index_copy(0, chosen, own_output.to(output.dtype))
        return output.reshape(shape)

    def _stacked(self, x: Tensor, residual: Tensor, norm: Norm, owners: Owners) -> Tensor:
        """Return the output of all groups, (g, m, d), as if those in `alone` had no adapter."""
        total = x + residual
        placements = [None if own is None else self._placements.get(own) for own in owners]
        groups = [group for group, placement in enumerate(placements) if placement is not None]
        if self._stack is None or not groups:
            return norm(total)
        z = _read(placements, x, residual, total, norm)
        rows = [own for own in owners if own in self._in_stack]
        which = torch.tensor([self._in_stack[row] for row in rows], device=x.device)
        if len(groups) == len(owners):
            return norm(self._stack(z, which) + total)
        chosen = torch.tensor(groups, device=x.device)
        total = total.index_add(0, chosen, self._stack(z[chosen], which).to(total.dtype))
        return norm(total)

    def _shifted_norm(self, norm: Norm, owners: Owners) -> Norm:
        """Return the norm with each group's own shift, for (g, m, d)."""
        if not self._shifted & set(owners):
            return norm
        plain = require_layer_norm(norm)
        rows = [-1 if own is None else own for own in owners]
        which = torch.tensor(rows, device=self.shift_weight.device)
        weight = plain.weight + self.shift_weight[which, None]
        bias = plain.bias + self.shift_bias[which, None]

        def shifted(x: Tensor) -> Tensor:
            x = functional.layer_norm(x, plain.normalized_shape, eps=plain.eps)
            return x * weight + bias

        return shifted


def _read(
    placements: Sequence[Placement | None], x: Tensor, residual: Tensor, total: Tensor, norm: Norm
) -> Tensor:
    """Return what each group's bottleneck reads, (g, m, d); anything where there is none."""
    sources: dict[Placement, Callable[[], Tensor]] = {
        Placement.PFEIFFER: lambda: norm(total),
        Placement.HOULSBY: lambda: x,
        Placement.PARALLEL: lambda: residual,
    }
    first, *others = sorted({placement for placement in placements if placement is not None})
    z = sources[first]()
    for other in others:
        own = torch.tensor([placement is other for placement in placements], device=x.device)
        z = torch.where(own[:, None, None], sources[other](), z)
    return z


class StackedAdapters(nn.Module):
    """Copies of n adapters over a base of L layers.

    Attributes:
        lowest_layers: of each adapter, L where there is none.
    """

    def __init__(self, adapters: Sequence[Adapter | None], *, layers: int) -> None:
        """Copy the weights as they are now; None stands for the base alone."""
        super().__init__()
        self.layers = layers
        self.lowest_layers = tuple(
            layers if adapter is None else adapter.lowest_layer for adapter in adapters
        )
        stacks: dict[tuple[int, ...], StackedBottlenecks] = {}  # layers may share their weights
        self._places = nn.ModuleDict(
            {
                f"{block}{layer}": _place(adapters, layer, block, stacks)
                for layer in range(layers)
                for block in (_ATTENTION, _FEED_FORWARD)
            }
        )

    def after_attention(self, layer: int) -> Place:
        """Return what all adapters do behind the attention block of a layer."""
        return self._place(f"{_ATTENTION}{layer}")

    def after_feed_forward(self, layer: int) -> Place:
        """Return what all adapters do behind the feed-forward block of a layer."""
        return self._place(f"{_FEED_FORWARD}{layer}")

    def _place(self, name: str) -> Place:
        place = self._places[name]
        assert isinstance(place, Place)
        return place


_ATTENTION, _FEED_FORWARD = "attention", "feed_forward"


def _place(
    adapters: Sequence[Adapter | None],
    layer: int,
    block: str,
    stacks: dict[tuple[int, ...], StackedBottlenecks],
) -> Place:
    found: dict[int, Bottleneck] = {}
    alone: dict[int, Bottleneck] = {}
    placements: dict[int, Placement] = {}
    shifts: list[NormShift | None] = []
    for row, adapter in enumerate(adapters):
        if adapter is None:
            shifts.append(None)
            continue
        attention = block == _ATTENTION
        one = adapter.attention_bottleneck(layer) if attention else adapter.bottleneck(layer)
        if one is not None and adapter.config.arrangement != USUAL:
            alone[row] = one.for_inference()
        elif one is not None:
            found[row], placements[row] = one, adapter.config.placement
        both = adapter.norm_shifts(layer)
        shifts.append(None if both is None else both[0 if attention else 1])
    key = tuple(map(id, found.values()))
    if found and key not in stacks:
        stacks[key] = StackedBottlenecks(list(found.values()))
    return Place(placements, shifts, stacks.get(key), alone)
