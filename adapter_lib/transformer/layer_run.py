"""Options of a run over the layers: its adapter, drop depth, and the one token that is read.

Legend for shapes: b batch, s tokens, d hidden; n tokens without padding, r rows of all batches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from adapter_lib.transformer.architectures import Norm
from adapter_lib.transformer.ragged_batch import RaggedBatch


class LayerAdapter(Protocol):
    """What changes the two blocks of a layer. Layers below `lowest_layer` are left alone.

    It treats each token alone, so that these may stand in any arrangement.
    """

    lowest_layer: int

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (b, s, d), from its projection x, (b, s, d)."""

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d), from the feed-forward projection x, (b, s, d)."""


@dataclass(frozen=True)
class LayerRun:
    """How layers are run.

    Attributes:
        adapter: applied in layers from `drop_depth` and its own lowest layer on.
        token_index: the position in each row of the only token that is read in the end, (b,); then
            the highest layer computes no other. None for all tokens.
    """

    adapter: LayerAdapter | None = None
    drop_depth: int = 0
    token_index: Tensor | None = None

    def adapter_in(self, layer: int) -> LayerAdapter | None:
        """Return the adapter if it has something to do in that layer."""
        if self.adapter is None or layer < max(self.drop_depth, self.adapter.lowest_layer):
            return None
        return self.adapter


class BatchByBatch:
    """What attention needs of batches without padding where it takes one after the other, padded.

    Attributes:
        layout: of the batches.
    """

    def __init__(self, layout: RaggedBatch, contexts: Sequence[Callable[[Tensor], Any]]) -> None:
        """Begin; `contexts` make what each batch's attention needs, once."""
        self.layout = layout
        self._make, self._made = contexts, dict[int, Any]()

    def attended(
        self,
        attend: Callable[[Tensor, Any, Tensor | None], Tensor],
        h: Tensor,
        token_index: Tensor | None,
    ) -> Tensor:
        """Return a layer's attention of h, (1, n, d), or of one token of each row, (r, 1, d)."""
        rows = [b for b, _ in self.layout.shapes]
        token_indices = (
            [None] * len(rows) if token_index is None else torch.split(token_index, rows)
        )
        outputs = []
        for number, (own, at) in enumerate(zip(self.layout.apart(h), token_indices, strict=True)):
            if number not in self._made:
                self._made[number] = self._make[number](own)
            with self.layout.context(number):
                outputs.append(attend(own, self._made[number], at))
        return self.layout.join(outputs) if token_index is None else torch.cat(outputs)
