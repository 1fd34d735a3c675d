"""What goes into a pass over several models: each one's rows, and what is known of them before.

The frozen part below a model's `entry` is computed once for all models that read the same batch,
or taken from where it was stored. Legend for shapes: b rows of a model, s tokens of the longest row
of all, d hidden.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.backbone import Backbone, LayerRun
from adapter_lib.bank import Bank
from adapter_lib.batch import Batch
from adapter_lib.bottleneck import Adapter
from adapter_lib.model import AdapterModel
from adapter_lib.row_dropout import RandomStream, RowDropout, Rows
from adapter_lib.taps import Block, Held, Start, Tap


@dataclass(frozen=True, eq=False)
class Part:
    """One model's part of a pass.

    Attributes:
        batch: padded at the right. All parts have as many rows; the last of them may be there
            for that alone. Parts that read the same rows should share the object.
        rows: how many of them are real, the first ones.
        stream: what its dropout draws from.
        slot: its place in `bank`, if its parameters are in one.
        start: what is stored of its frozen part, at `model.entry` or below it, for this batch.
        prefix_dropout: dropout is on below its lowest adapter too; then nothing there is shared.
    """

    model: AdapterModel
    batch: Batch
    rows: int
    stream: RandomStream
    drop_depth: int = 0
    bank: Bank | None = None
    slot: int = 0
    start: Start | None = None
    prefix_dropout: bool = False

    @property
    def entry(self) -> Tap:
        """Where its rows join the pass."""
        found = None if self.prefix_dropout else self.model.entry(self.drop_depth)
        return found or Tap(0)

    def adapts(self, layer: int) -> bool:
        """Say whether it changes anything in that layer."""
        adapter = self.model.adapter
        if adapter is None or layer < max(self.drop_depth, adapter.lowest_layer):
            return False
        return not isinstance(adapter, Adapter) or layer in adapter.kept_layers

    def dropout_rows(self) -> Rows:
        """Return how dropout acts on it, as `AdapterModel.train_from` says."""
        tokens = self.batch.input_ids.shape[1]
        if self.prefix_dropout:
            return Rows(self.stream, -1, self.rows, tokens)
        entry = self.entry
        first = entry.layer if entry.block is Block.ENTRY else entry.layer + 1
        return Rows(self.stream, first, self.rows, tokens)


class Prefixes:
    """What parts hold where they join: stored, shared, or embedded with dropout."""

    def __init__(
        self, batches: Mapping[Part, Batch], backbone: Backbone, dropout: RowDropout
    ) -> None:
        """Find or compute it.

        Args:
            batches: the parts, and what they read, as `filled` returns it.
        """
        parts = list(batches)
        self._backbone, self._batches = backbone, batches
        self._size, self._tokens = batches[parts[0]].input_ids.shape
        self._found: dict[Part, Held] = {}
        self._points = {part: part.entry.point for part in parts}
        shared = []
        for part in parts:
            if part.start is not None:
                self._found[part] = self._stored(part, part.start)
            elif part.prefix_dropout:
                dropout.layer = -1
                with dropout.rows_of([part.dropout_rows()]):
                    self._found[part] = backbone.begin(batches[part]).held
            else:
                shared.append(part)
        if shared:
            self._run(shared)

    def at(self, tap: Tap) -> dict[Part, Held]:
        """Return what is held by the parts that join at a tap."""
        return {part: held for part, held in self._found.items() if self._points[part] == tap}

    @torch.no_grad()
    def _stored(self, part: Part, start: Start) -> Held:
        """Go on from what is stored, if it is not what is wanted itself."""
        if start.tap.point != part.entry.point:
            run = LayerRun(read=part.model.reads(part.batch))
            start = self._backbone.finish(start, part.batch, run, stop=part.entry.point)
        return Held.of(tuple(map(self._lengthened, start.held.parts)))

    @torch.no_grad()
    def _run(self, parts: Sequence[Part]) -> None:
        """Run the frozen part once for each batch, as far as anyone needs it; dropout is off."""
        highest: dict[int, Tap] = {}
        for part in parts:
            key = id(part.batch)
            highest[key] = max(highest.get(key, Tap(0)), self._points[part])
        batches = {id(part.batch): self._batches[part] for part in parts}
        now: dict[int, Held] = {}
        reached = Tap(0)
        for tap in sorted({self._points[part] for part in parts}):
            left = [key for key, last in highest.items() if last >= tap]
            batch = together([batches[key] for key in left])
            if now:
                start = Start(reached, joined([now[key] for key in left]))
            else:
                start = self._backbone.begin(batch)
            run = LayerRun(read=parts[0].model.reads(batch))
            end = self._backbone.finish(start, batch, run, stop=tap)
            pieces = zip(
                *(torch.split(tensor, self._size) for tensor in end.held.parts), strict=True
            )
            now, reached = {k: Held.of(p) for k, p in zip(left, pieces, strict=True)}, tap
            for part in parts:
                if self._points[part] == tap:
                    self._found[part] = now[id(part.batch)]

    def _lengthened(self, x: Tensor) -> Tensor:
        if x.shape[1] in (1, self._tokens):
            return x
        return functional.pad(x, (0, 0, 0, self._tokens - x.shape[1]))


def joined(held: Sequence[Held]) -> Held:
    """Put the rows of several parts together; sums stand for a projection with no residual."""
    if len(held) == 1:
        return held[0]
    apart = [one.parts for one in held]
    if len({len(parts) for parts in apart}) > 1:
        # A sum among pairs: at a layer's entry all are of one kind.
        apart = [p if len(p) == 2 else (p[0], torch.zeros_like(p[0])) for p in apart]
    return Held.of(tuple(torch.cat(same) for same in zip(*apart, strict=True)))


def together(batches: Sequence[Batch]) -> Batch:
    """Return the rows of several batches of one length as one."""
    if len(batches) == 1:
        return batches[0]
    types = [batch.token_type_ids for batch in batches]
    given = [found for found in types if found is not None]
    if given and len(given) < len(types):
        zeros = torch.zeros_like(given[0])
        given = [zeros if found is None else found for found in types]
    return Batch(
        torch.cat([batch.input_ids for batch in batches]),
        torch.cat([batch.attention_mask for batch in batches]),
        torch.cat(given) if given else None,
    )


def filled(parts: Sequence[Part]) -> dict[Part, Batch]:
    """Return what each part reads, all padded to the longest."""
    tokens = max(part.batch.input_ids.shape[1] for part in parts)
    by_batch = {id(part.batch): _padded(part.batch, tokens) for part in parts}
    return {part: by_batch[id(part.batch)] for part in parts}


def _padded(batch: Batch, tokens: int) -> Batch:
    missing = tokens - batch.input_ids.shape[1]
    if not missing:
        return batch
    types = batch.token_type_ids
    return Batch(
        functional.pad(batch.input_ids, (0, missing)),
        functional.pad(batch.attention_mask, (0, missing)),
        None if types is None else functional.pad(types, (0, missing)),
    )
