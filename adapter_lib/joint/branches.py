"""Groups of rows with an adapter each, as the loop over layers applies them.

What several adapters compute side by side is in `adapter_lib.joint.stacking`; who owns which rows
is decided in `adapter_lib.joint.multitask`.

Legend for shapes: b rows, s tokens, d hidden.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from adapter_lib.joint.stacking import Owners, StackedAdapters
from adapter_lib.transformer.architectures import Norm


class Branches:
    """Groups of rows and the adapters that own them, as the loop over layers applies them.

    Attributes:
        owners: of the groups when the loop starts.
        lowest_layer: the lowest that has anything to do.
    """

    token_wise = False

    def __init__(
        self,
        stacked: StackedAdapters,
        owners: Owners,
        *,
        depths: Sequence[int] | None = None,
        split: tuple[Owners, list[int]] | None = None,
    ) -> None:
        """Choose the adapters.

        Args:
            depths: skip each group's adapter in this many lowest layers; none by default.
            split: the owners from a layer's feed-forward block on, and which group each of them
                comes from; only for running one layer.
        """
        self._stacked = stacked
        self.owners = owners
        self._depths = [0] * len(owners) if depths is None else depths
        self._split = split
        starts = [
            max(depth, stacked.lowest_layers[own])
            for own, depth in zip(owners, self._depths, strict=True)
            if own is not None
        ]
        self.lowest_layer = 0 if split else min(starts, default=stacked.layers)

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (b, s, d). See `LayerAdapter`."""
        place = self._stacked.after_attention(layer)
        output: Tensor = place(x, residual, norm, self._active(layer))
        return output

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d), with more rows if groups split."""
        owners = self._active(layer)
        if self._split is not None:
            groups = len(owners)
            owners, source = self._split
            x, residual = (take_groups(part, source, groups) for part in (x, residual))
        output: Tensor = self._stacked.after_feed_forward(layer)(x, residual, norm, owners)
        return output

    def _active(self, layer: int) -> Owners:
        pairs = zip(self.owners, self._depths, strict=True)
        return tuple(own if depth <= layer else None for own, depth in pairs)


def take_groups(h: Tensor, source: list[int], groups: int) -> Tensor:
    """Return the groups that `source` names, one after another, out of h, (b, s, d), which has
    `groups`.
    """
    if source == list(range(groups)):
        return h
    chosen = torch.tensor(source, device=h.device)
    return h.reshape(groups, -1, *h.shape[1:])[chosen].flatten(0, 1)
