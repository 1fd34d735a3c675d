"""Several batches on their way through the frozen layers, each block run for all of them at once.

Batches may join and leave between any two blocks. Where the architecture allows it, attention has
its projections in common too; elsewhere it is computed for one batch after the other.

Legend for shapes: b rows of a batch of s tokens, padding included; n tokens of all batches, without
it; d hidden.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adapter_lib.joint.row_dropout import RowDropout, Rows
from adapter_lib.transformer.activations import Block, Held, Start, Tap
from adapter_lib.transformer.backbone import Backbone, LayerAdapter, LayerRun
from adapter_lib.transformer.batch import Batch
from adapter_lib.transformer.ragged_batch import Ragged


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
    layout: of the tokens that are computed.
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
        self.layout, self._held = Ragged((), (), ()), Held(None, torch.empty(0))
        self._context: Any = None

    def join(self, joining: Mapping[Lane, Held]) -> None:
        """Take in batches with what they hold here: (b, s, d), or (b, 1, d) of one token."""
        kept = {
            lane: Held.of(tuple(map(self._layout([lane]).join, zip(held.parts))))
            for lane, held in joining.items()
        }
        self._set(self._apart() | kept)

    def leave(self, leaving: Iterable[Lane]) -> None:
        """Let batches go."""
        gone = set(leaving)
        self._set({lane: held for lane, held in self._apart().items() if lane not in gone})

    def held(self, lanes: Iterable[Lane]) -> dict[Lane, Held]:
        """Return what some of the batches hold here, as for `join`."""
        apart, found = self._apart(), {}
        for lane in lanes:
            layout = self._layout([lane])
            found[lane] = Held.of(tuple(layout.apart(part)[0] for part in apart[lane].parts))
        return found

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
        reached = self._backbone.advance(start, None, run, token_mask=self.layout.token_mask)
        self._held = reached.held

    def _attend(self) -> None:
        backbone, layer, h = self._backbone, self.tap.layer, self._held.residual
        reads = [lane.read for lane in self.lanes] if layer == backbone.layers_count - 1 else []
        read = None if not reads or reads[0] is None else torch.cat(reads)  # type: ignore[arg-type]
        x, residual = backbone.attend(layer, h, self._context, read), h
        if read is not None:
            residual, self.layout = self.layout.read(h, read), self.layout.of_one_token()
        self._held = Held(x.view(residual.shape), residual)

    def _apart(self) -> dict[Lane, Held]:
        """Return what each batch holds here without padding, (1, its own n, d)."""
        if not self.lanes:
            return {}
        pieces = zip(*map(self.layout.split, self._held.parts), strict=True)
        return {lane: Held.of(parts) for lane, parts in zip(self.lanes, pieces, strict=True)}

    def _set(self, held: Mapping[Lane, Held]) -> None:
        self.lanes = [lane for lane in self._order if lane in held]
        if not self.lanes:
            return
        self.layout = self._layout(self.lanes)
        contexts = [self._backbone.context_of(lane.batch) for lane in self.lanes]
        self._context = self._backbone.joint_context(self.layout, contexts)
        apart = [held[lane].parts for lane in self.lanes]
        if len({len(parts) for parts in apart}) > 1:
            # A sum among pairs: at a layer's entry all are of one kind.
            apart = [p if len(p) == 2 else (p[0], torch.zeros_like(p[0])) for p in apart]
        self._held = Held.of(tuple(torch.cat(parts, 1) for parts in zip(*apart, strict=True)))

    def _layout(self, lanes: Sequence[Lane]) -> Ragged:
        """Return where the tokens of lanes stand here."""
        layout = Ragged.of([lane.batch for lane in lanes], self._alone)
        behind = self.tap > Tap(self._backbone.layers_count - 1)
        one_token = behind and lanes[0].read is not None
        return layout.of_one_token() if one_token else layout

    def _alone(self, number: int) -> AbstractContextManager[None]:
        rows = self.lanes[number].rows
        return self._dropout.rows_of([] if rows is None else [rows])
