"""The layers of the frozen base, run for several batches at once, block by block.

Batches may join and leave between any two blocks. Where the architecture allows it, attention has
its projections in common too; elsewhere it is computed for one batch after the other.

Legend for shapes: b rows of a batch of s tokens, padding included; n tokens of all batches, without
it; d hidden.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from adapter_lib.joint.row_dropout import RowDropout, Rows
from adapter_lib.transformer.activations import Activations, ActivationsAt, Block, CutPoint
from adapter_lib.transformer.backbone import Backbone
from adapter_lib.transformer.batch import Batch
from adapter_lib.transformer.layer_run import LayerAdapter, LayerRun
from adapter_lib.transformer.ragged_batch import RaggedBatch


@dataclass(frozen=True, eq=False)
class SubBatch:
    """One batch among those that a `JointLayerLoop` runs.

    Attributes:
        token_index: the position in each row of the only token that is read in the end, (b,); None
            for all. The sub-batches of a loop are alike in that.
        rows: how dropout acts on it; None where it is off.
    """

    batch: Batch
    token_index: Tensor | None = None
    rows: Rows | None = None


class JointLayerLoop:
    """Runs the layers of a base for several batches, which join and leave at cut points.

    Attributes:
        cut_point: how far the layers have been run, the same for all batches.
        sub_batches: the batches that are being run now, in the order of their tokens.
        layout: where the tokens of each stand.
    """

    def __init__(
        self,
        backbone: Backbone,
        dropout: RowDropout,
        order: Sequence[SubBatch],
        *,
        cut_point: CutPoint,
    ) -> None:
        """Begin at a cut point, without any batch.

        Args:
            order: all batches that will join, in the order that their tokens are to have.
        """
        self._backbone, self._dropout, self._order = backbone, dropout, order
        self.cut_point, self.sub_batches = cut_point, list[SubBatch]()
        self.layout, self._activations = RaggedBatch((), (), ()), Activations(None, torch.empty(0))
        self._context: Any = None

    def join(self, joining: Mapping[SubBatch, Activations]) -> None:
        """Add batches, given their activations here: (b, s, d), or (b, 1, d) of one token."""
        if not joining:
            return
        kept = {
            sub_batch: Activations.of(
                tuple(map(self._layout([sub_batch]).join, zip(activations.parts)))
            )
            for sub_batch, activations in joining.items()
        }
        self._set(self._apart() | kept)

    def leave(self, leaving: Iterable[SubBatch]) -> None:
        """Take batches out."""
        if gone := set(leaving):
            self._set({each: kept for each, kept in self._apart().items() if each not in gone})

    def activations(self, sub_batches: Iterable[SubBatch]) -> dict[SubBatch, Activations]:
        """Return the activations of some of the batches here, as `join` takes them."""
        apart, found = self._apart(), {}
        for sub_batch in sub_batches:
            layout = self._layout([sub_batch])
            found[sub_batch] = Activations.of(
                tuple(layout.apart(part)[0] for part in apart[sub_batch].parts)
            )
        return found

    def advance(self, adapter: LayerAdapter | None = None) -> None:
        """Run one block, in which `adapter` gets the tokens of all batches, (1, n, d)."""
        self._dropout.layer = self.cut_point.layer
        if self.sub_batches:
            rows = [sub_batch.rows for sub_batch in self.sub_batches if sub_batch.rows is not None]
            with self._dropout.rows_of(rows):
                self._advance(adapter)
        self.cut_point = self.cut_point.next

    def _advance(self, adapter: LayerAdapter | None) -> None:
        if self.cut_point.block is Block.ENTRY:
            self._attend()
            return
        start, run = ActivationsAt(self.cut_point, self._activations), LayerRun(adapter)
        reached = self._backbone.advance(start, None, run, token_mask=self.layout.token_mask)
        self._activations = reached.activations

    def _attend(self) -> None:
        backbone, layer, h = self._backbone, self.cut_point.layer, self._activations.residual
        token_index = None
        if layer == backbone.layers_count - 1:
            given = [each.token_index for each in self.sub_batches]
            wanted = [index for index in given if index is not None]
            token_index = torch.cat(wanted) if wanted else None
        x, residual = backbone.attend(layer, h, self._context, token_index), h
        if token_index is not None:
            residual, self.layout = self.layout.read(h, token_index), self.layout.of_one_token()
        self._activations = Activations(x.view(residual.shape), residual)

    def _apart(self) -> dict[SubBatch, Activations]:
        """Return each batch's activations here without padding, (1, its own n, d)."""
        if not self.sub_batches:
            return {}
        pieces = zip(*map(self.layout.split, self._activations.parts), strict=True)
        return {
            sub_batch: Activations.of(parts)
            for sub_batch, parts in zip(self.sub_batches, pieces, strict=True)
        }

    def _set(self, activations: Mapping[SubBatch, Activations]) -> None:
        self.sub_batches = [sub_batch for sub_batch in self._order if sub_batch in activations]
        if not self.sub_batches:
            return
        self.layout = self._layout(self.sub_batches)
        contexts = [self._backbone.context_of(sub_batch.batch) for sub_batch in self.sub_batches]
        self._context = self._backbone.joint_context(self.layout, contexts)
        apart = [activations[sub_batch].parts for sub_batch in self.sub_batches]
        if len({len(parts) for parts in apart}) > 1:
            # A sum among pairs: at a layer's entry all are of one kind.
            apart = [p if len(p) == 2 else (p[0], torch.zeros_like(p[0])) for p in apart]
        self._activations = Activations.of(
            tuple(torch.cat(parts, 1) for parts in zip(*apart, strict=True))
        )

    def _layout(self, sub_batches: Sequence[SubBatch]) -> RaggedBatch:
        """Return where the tokens of sub-batches stand here."""
        rows = [sub_batch.rows for sub_batch in sub_batches]
        # No method: the layout would hold this loop, and what is computed would stay until Python
        # looks for cycles.
        alone = partial(_alone, self._dropout, rows)
        layout = RaggedBatch.of([sub_batch.batch for sub_batch in sub_batches], alone)
        behind = self.cut_point > CutPoint(self._backbone.layers_count - 1)
        one_token = behind and sub_batches[0].token_index is not None
        return layout.of_one_token() if one_token else layout


def _alone(
    dropout: RowDropout, rows: Sequence[Rows | None], number: int
) -> AbstractContextManager[None]:
    own = rows[number]
    return dropout.rows_of([] if own is None else [own])
