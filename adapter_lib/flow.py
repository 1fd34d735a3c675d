"""Several batches on their way through the frozen layers, each block run for all of them at once.

Batches may join and leave between any two blocks. Where the architecture allows it, attention has
its projections in common too; elsewhere it is computed for one batch after the other.

Legend for shapes: b rows of a batch of s tokens; n tokens of all batches; d hidden.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adapter_lib.backbone import Backbone, LayerAdapter, LayerRun
from adapter_lib.batch import Batch
from adapter_lib.row_dropout import RowDropout, Rows
from adapter_lib.spans import Spans, joined
from adapter_lib.taps import Block, Held, Start, Tap


@dataclass(frozen=True, eq=False)
class Lane:
    """One batch.

    Attributes:
        read: the position in each row of the only token that is read in the end, (b,); None for
            all. The lanes of a flow are alike in that.
        rows: how dropout acts on it; None where it is off.
    """

    batch: Batch
    read: Tensor | None = None
    rows: Rows | None = None


class Flow:
    """Attributes:
    tap: where all batches are.
    lanes: whose batches those are, in the order of their tokens.
    spans: of the tokens that are computed.
    """

    def __init__(
        self, backbone: Backbone, dropout: RowDropout, order: Sequence[Lane], *, tap: Tap
    ) -> None:
        """Begin at a tap, with nobody.

        Args:
            order: of all lanes that will join.
        """
        self._backbone, self._dropout, self._order = backbone, dropout, order
        self.tap, self.lanes = tap, list[Lane]()
        self.spans, self._held = Spans((), (), self._alone), Held(None, torch.empty(0))
        self._contexts: dict[Lane, Any] = {}

    def join(self, joining: Mapping[Lane, Held]) -> None:
        """Take in batches with what they hold here: (b, s, d), or (b, 1, d) of one token."""
        self._set({**self.held(), **joining})

    def leave(self, leaving: Iterable[Lane]) -> None:
        """Let batches go."""
        left, gone = self.held(), set(leaving)
        self._set({lane: held for lane, held in left.items() if lane not in gone})

    def held(self) -> dict[Lane, Held]:
        """Return what each batch holds here, as for `join`."""
        if not self.lanes:
            return {}
        pieces = zip(*map(self.spans.apart, self._held.parts), strict=True)
        return {lane: Held.of(parts) for lane, parts in zip(self.lanes, pieces, strict=True)}

    def advance(self, adapter: LayerAdapter | None = None) -> None:
        """Run one block; what an adapter gets are the tokens of all batches, (1, n, d)."""
        self._dropout.layer = self.tap.layer
        if self.lanes:
            rows = [lane.rows for lane in self.lanes if lane.rows is not None]
            with self._dropout.rows_of(rows):
                self._advance(adapter)
        self.tap = self.tap.next

    def _advance(self, adapter: LayerAdapter | None) -> None:
        if self.tap.block is Block.ENTRY:
            self._attend()
            return
        start, run = Start(self.tap, self._held), LayerRun(adapter)
        reached = self._backbone.advance(start, None, run, token_mask=self.spans.token_mask)
        self._held = reached.held

    def _attend(self) -> None:
        backbone, layer, h = self._backbone, self.tap.layer, self._held.residual
        reads = [lane.read for lane in self.lanes] if layer == backbone.layers_count - 1 else []
        read = None if not reads or reads[0] is None else torch.cat(reads)  # type: ignore[arg-type]
        context = backbone.joint_context(self.spans)
        if context is not None:
            x = backbone.attend(layer, h, context, read)
        else:
            x = joined(list(self._attended_apart(layer, h, with_read=read is not None)))
        residual = h
        if read is not None:
            residual, self.spans = self.spans.read(h, read), self.spans.of_one_token()
        self._held = Held(x.view(residual.shape), residual)

    def _attended_apart(self, layer: int, h: Tensor, *, with_read: bool) -> Iterable[Tensor]:
        for number, (lane, own) in enumerate(zip(self.lanes, self.spans.apart(h), strict=True)):
            if lane not in self._contexts:
                self._contexts[lane] = self._backbone.context(own, lane.batch.token_mask)
            with self._alone(number):
                read = lane.read if with_read else None
                yield self._backbone.attend(layer, own, self._contexts[lane], read)

    def _set(self, held: Mapping[Lane, Held]) -> None:
        self.lanes = [lane for lane in self._order if lane in held]
        if not self.lanes:
            return
        masks = [lane.batch.token_mask for lane in self.lanes]
        spans = Spans.of(masks, self._alone)
        behind = self.tap > Tap(self._backbone.layers_count - 1)
        one_token = behind and self.lanes[0].read is not None
        self.spans = spans.of_one_token() if one_token else spans
        apart = [held[lane].parts for lane in self.lanes]
        if len({len(parts) for parts in apart}) > 1:
            # A sum among pairs: at a layer's entry all are of one kind.
            apart = [p if len(p) == 2 else (p[0], torch.zeros_like(p[0])) for p in apart]
        self._held = Held.of(tuple(map(joined, zip(*apart, strict=True))))

    def _alone(self, number: int) -> AbstractContextManager[None]:
        rows = self.lanes[number].rows
        return self._dropout.rows_of([] if rows is None else [rows])
