"""One model's batch in a joint pass, and its activations where the frozen part of the base ends.

Up to a model's `entry` nothing but the input decides: that is computed once for all models that
read the same batch, or taken from where it was stored. Legend for shapes: b rows of a model, s
tokens of the longest of them, d hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from adapter_lib.joint.layer_loop import JointLayerLoop, SubBatch
from adapter_lib.joint.row_dropout import RandomStream, RowDropout, Rows
from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.transformer.activations import Activations, ActivationsAt, Block, CutPoint
from adapter_lib.transformer.backbone import Backbone
from adapter_lib.transformer.batch import Batch


@dataclass(frozen=True, eq=False)
class Part:
    """One model's part of a pass: its batch, and how it is computed.

    Attributes:
        batch: parts that read the same rows should share the object.
        stream: what its dropout draws from; None for evaluation, in which dropout is off.
        row: its place in `stack`, if its parameters are in one.
        start: what is stored of its frozen part, at `model.entry` or below it, for this batch.
        frozen_dropout: dropout is on below its lowest adapter too; then nothing there is shared.
        all_tokens: compute every token in the highest layer, also those that its head does not
            read.
    """

    model: AdapterModel
    batch: Batch
    stream: RandomStream | None = None
    drop_depth: int = 0
    stack: StackedParameters | None = None
    row: int = 0
    start: ActivationsAt | None = None
    frozen_dropout: bool = False
    all_tokens: bool = False

    @cached_property
    def entry(self) -> CutPoint:
        """The cut point where its rows join the pass: up to there all is frozen."""
        found = None if self.frozen_dropout else self.model.entry(self.drop_depth)
        return (found or CutPoint(0)).unsummed

    @property
    def reads_one_token(self) -> bool:
        """Whether the highest layer computes one token of each row, all that its head reads."""
        return self.model.reads_one_token and not self.all_tokens

    @cached_property
    def token_index(self) -> Tensor | None:
        """The position of that token in each row, (b,); None where all are computed."""
        return self.model.token_index(self.batch) if self.reads_one_token else None

    def adapts(self, layer: int) -> bool:
        """Say whether its adapter changes anything in that layer."""
        adapter = self.model.adapter
        if adapter is None or layer < max(self.drop_depth, adapter.lowest_layer):
            return False
        return not isinstance(adapter, Adapter) or layer in adapter.kept_layers

    def dropout_rows(self) -> Rows:
        """Return from which layer on its rows have dropout, as `AdapterModel.train_from` does."""
        lengths, tokens = self.batch.kept_lengths, self.batch.input_ids.shape[1]
        if self.frozen_dropout:
            return Rows(self.stream, -1, lengths, tokens)
        entry = self.entry
        first = entry.layer if entry.block is Block.ENTRY else entry.layer + 1
        return Rows(self.stream, first, lengths, tokens)


def activations_at_entry(
    parts: Sequence[Part], backbone: Backbone, dropout: RowDropout
) -> dict[Part, Activations]:
    """Return each part's activations at its `entry`: stored, shared, or embedded with dropout."""
    found: dict[Part, Activations] = {}
    sub_batches: dict[int, SubBatch] = {}
    users: dict[SubBatch, list[Part]] = {}
    starts: dict[SubBatch, ActivationsAt] = {}
    for part in parts:
        stored = part.start
        if part.frozen_dropout:
            dropout.layer = -1
            with dropout.rows_of([part.dropout_rows()]):
                found[part] = backbone.begin(part.batch).activations
        elif stored is not None and stored.cut_point.unsummed == part.entry:
            found[part] = stored.activations
        else:
            key = id(part.batch if stored is None else part)
            if key not in sub_batches:
                sub_batches[key] = sub_batch = SubBatch(part.batch, part.token_index)
                starts[sub_batch] = stored or backbone.begin(part.batch)
            users.setdefault(sub_batches[key], []).append(part)
    if sub_batches:
        found |= _run_frozen(users, starts, backbone, dropout)
    return found


@torch.no_grad()
def _run_frozen(
    users: dict[SubBatch, list[Part]],
    starts: dict[SubBatch, ActivationsAt],
    backbone: Backbone,
    dropout: RowDropout,
) -> dict[Part, Activations]:
    """Run the frozen part once for each batch, as far as anyone needs it; dropout is off."""
    found: dict[Part, Activations] = {}
    last = {sub_batch: max(part.entry for part in of) for sub_batch, of in users.items()}
    first = {sub_batch: start.cut_point.unsummed for sub_batch, start in starts.items()}
    loop = JointLayerLoop(backbone, dropout, list(users), cut_point=min(first.values()))
    while True:
        joining = {
            sub_batch: starts[sub_batch].activations
            for sub_batch, cut_point in first.items()
            if cut_point == loop.cut_point
        }
        loop.join(joining)
        here = {
            p: each for each in loop.sub_batches for p in users[each] if p.entry == loop.cut_point
        }
        activations = loop.activations(set(here.values()))
        found |= {part: activations[sub_batch] for part, sub_batch in here.items()}
        loop.leave([each for each in loop.sub_batches if last[each] == loop.cut_point])
        if loop.cut_point == max(last.values()):
            return found
        loop.advance()
