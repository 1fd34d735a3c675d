"""What goes into a pass over several models: each one's batch, and what is known of it before.

The frozen part below a model's `entry` is computed once for all models that read the same batch,
or taken from where it was stored. Legend for shapes: b rows of a model, s tokens of the longest of
them, d hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from adapter_lib.joint.layer_loop import Flow, Lane
from adapter_lib.joint.row_dropout import RandomStream, RowDropout, Rows
from adapter_lib.joint.stacked_parameters import Bank
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.transformer.activations import Block, Held, Start, Tap
from adapter_lib.transformer.backbone import Backbone
from adapter_lib.transformer.batch import Batch


@dataclass(frozen=True, eq=False)
class Part:
    """One model's part of a pass.

    Attributes:
        batch: padded at the right. Parts that read the same rows should share the object.
        stream: what its dropout draws from.
        slot: its place in `bank`, if its parameters are in one.
        start: what is stored of its frozen part, at `model.entry` or below it, for this batch.
        prefix_dropout: dropout is on below its lowest adapter too; then nothing there is shared.
    """

    model: AdapterModel
    batch: Batch
    stream: RandomStream
    drop_depth: int = 0
    bank: Bank | None = None
    slot: int = 0
    start: Start | None = None
    prefix_dropout: bool = False

    @cached_property
    def entry(self) -> Tap:
        """Where its rows join the pass."""
        found = None if self.prefix_dropout else self.model.entry(self.drop_depth)
        return (found or Tap(0)).point

    @cached_property
    def read(self) -> Tensor | None:
        """The position of the only token of each row that its head reads, (b,); None for all."""
        return self.model.reads(self.batch)

    def adapts(self, layer: int) -> bool:
        """Say whether it changes anything in that layer."""
        adapter = self.model.adapter
        if adapter is None or layer < max(self.drop_depth, adapter.lowest_layer):
            return False
        return not isinstance(adapter, Adapter) or layer in adapter.kept_layers

    def dropout_rows(self) -> Rows:
        """Return how dropout acts on it, as `AdapterModel.train_from` says."""
        lengths, tokens = self.batch.kept_lengths, self.batch.input_ids.shape[1]
        if self.prefix_dropout:
            return Rows(self.stream, -1, lengths, tokens)
        entry = self.entry
        first = entry.layer if entry.block is Block.ENTRY else entry.layer + 1
        return Rows(self.stream, first, lengths, tokens)


def held_at_entry(
    parts: Sequence[Part], backbone: Backbone, dropout: RowDropout
) -> dict[Part, Held]:
    """Return what each part holds where it joins: stored, shared, or embedded with dropout."""
    found: dict[Part, Held] = {}
    lanes: dict[int, Lane] = {}
    users: dict[Lane, list[Part]] = {}
    starts: dict[Lane, Start] = {}
    for part in parts:
        stored = part.start
        if part.prefix_dropout:
            dropout.layer = -1
            with dropout.rows_of([part.dropout_rows()]):
                found[part] = backbone.begin(part.batch).held
        elif stored is not None and stored.tap.point == part.entry:
            found[part] = stored.held
        else:
            key = id(part.batch if stored is None else part)
            if key not in lanes:
                lanes[key] = lane = Lane(part.batch, part.read)
                starts[lane] = stored or backbone.begin(part.batch)
            users.setdefault(lanes[key], []).append(part)
    if lanes:
        found |= _run_frozen(users, starts, backbone, dropout)
    return found


@torch.no_grad()
def _run_frozen(
    users: dict[Lane, list[Part]],
    starts: dict[Lane, Start],
    backbone: Backbone,
    dropout: RowDropout,
) -> dict[Part, Held]:
    """Run the frozen part once for each batch, as far as anyone needs it; dropout is off."""
    found: dict[Part, Held] = {}
    last = {lane: max(part.entry for part in of) for lane, of in users.items()}
    first = {lane: start.tap.point for lane, start in starts.items()}
    flow = Flow(backbone, dropout, list(users), tap=min(first.values()))
    while True:
        joining = {lane: starts[lane].held for lane, tap in first.items() if tap == flow.tap}
        if joining:
            flow.join(joining)
        ready = [lane for lane in flow.lanes if any(p.entry == flow.tap for p in users[lane])]
        for lane, held in flow.held(ready).items():
            found |= {part: held for part in users[lane] if part.entry == flow.tap}
        if arrived := [lane for lane in flow.lanes if last[lane] == flow.tap]:
            flow.leave(arrived)
        if flow.tap == max(last.values()):
            return found
        flow.advance()
