"""Several models over one frozen base in one pass, each on rows of its own.

The frozen part below a model's `entry` is computed once for all models that read the same batch,
or taken from where it was stored; each model's rows join the pass at its entry. From there on the
frozen layers run on the rows of all models at once, adapters and heads of one shape in one product
(`adapter_lib.bank`), and any other adapter, such as a fusion, on its own rows. Gradients flow to
every model's own parameters. Losses and optimisers are left to the caller.

Legend for shapes: b rows of a model, s tokens of the longest row of all, d hidden, L layers.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.architectures import Norm, read_tokens
from adapter_lib.backbone import Backbone, LayerRun
from adapter_lib.bank import Bank
from adapter_lib.batch import Batch
from adapter_lib.bottleneck import Adapter
from adapter_lib.cpu_kernels import plain_kernels
from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.row_dropout import RandomStream, RowDropout, Rows
from adapter_lib.stacked_parts import StackedLayer, stacked_head
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


def run_together(parts: Sequence[Part]) -> list[Tensor]:
    """Return each part's logits in training mode, as `AdapterModel.forward` does.

    Only the first `rows` of a part mean anything, and of token-wise logits the first tokens. The
    base and models outside of banks must be in training mode; where dropout is off is decided here.

    Raises:
        ConfigurationError: the parts have different bases or numbers of rows, or read one token
            and all.
    """
    backbone = _common_backbone(parts)
    ordered = sorted(range(len(parts)), key=lambda i: (id(parts[i].bank), parts[i].slot))
    dropout = RowDropout()
    run = _Pass([parts[i] for i in ordered], backbone, dropout)
    # The base's own kernels below our dropout instead of above it.
    with backbone.kernels(parts[0].batch.input_ids.device), dropout, plain_kernels():
        h = run.hidden()
    with dropout:
        logits = run.logits(h)
    found: list[Tensor] = [logits[0]] * len(parts)
    for position, i in enumerate(ordered):
        found[i] = logits[position]
    return found


class _Pass:
    """One pass over all parts; a `LayerAdapter` for the rows that are in it at a time."""

    lowest_layer = 0

    def __init__(self, parts: Sequence[Part], backbone: Backbone, dropout: RowDropout) -> None:
        self._parts, self._backbone, self._dropout = parts, backbone, dropout
        self._size = len(parts[0].batch.input_ids)
        self._tokens = max(part.batch.input_ids.shape[1] for part in parts)
        self._rows = {part: part.dropout_rows() for part in parts}
        self._live: list[Part] = []

    def hidden(self) -> Tensor:
        """Return the last hidden states of all parts, (n·b, s or 1, d), for n parts."""
        waiting = _Prefixes(self._parts, self._backbone, self._dropout, self._tokens)
        held: dict[Part, Held] = {}
        tap, top = min(part.entry.point for part in self._parts), Tap(self._backbone.layers_count)
        now, run, context, batch = Held(None, torch.empty(0)), LayerRun(), None, None
        while True:
            if joining := waiting.at(tap):
                held = self._split(now) | joining
                self._live = [part for part in self._parts if part in held]
                now = _joined([held[part] for part in self._live])
                batch, context = _together([p.batch for p in self._live], self._tokens), None
                run = LayerRun(self, read=self._live[0].model.reads(batch))
            if tap == top:
                return now.residual
            assert batch is not None
            if context is None and tap.block is Block.ENTRY:
                context = self._backbone.context(now.residual, batch.token_mask)
            self._dropout.layer = tap.layer
            with self._dropout.rows_of([self._rows[part] for part in self._live]):
                reached = self._backbone.advance(
                    Start(tap, now), context, run, token_mask=batch.token_mask
                )
            tap, now = reached.tap, reached.held

    def logits(self, h: Tensor) -> list[Tensor]:
        """Return each part's logits from all last hidden states."""
        found: list[Tensor] = []
        size = self._size
        for bank, same in groupby(self._parts, key=lambda part: part.bank):
            group = list(same)
            first = len(found)
            x = h[first * size : (first + len(group)) * size]
            batch = _together([part.batch for part in group], self._tokens)
            with self._own_rows(group):
                if bank is None:
                    found += self._own_logits(group, x)
                    continue
                read = group[0].model.head.reads(batch, causal=self._backbone.causal)
                if read is not None:
                    x = x[:, 0] if x.shape[1] == 1 else read_tokens(x, read)[:, 0]
                slots = tuple(part.slot for part in group)
                found += stacked_head(bank, slots, x, pooler=self._backbone.pooler).unbind()
        return found

    def _own_logits(self, group: Sequence[Part], x: Tensor) -> list[Tensor]:
        found = []
        for part, h in zip(group, torch.split(x, self._size), strict=True):
            with self._own_rows([part]):
                found.append(part.model.logits(h, _padded(part.batch, self._tokens)))
        return found

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (n·b, s, d). See `LayerAdapter`."""
        return self._behind(Tap(layer, Block.ATTENTION), x, residual, norm, token_mask)

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (n·b, s, d). See `LayerAdapter`."""
        return self._behind(Tap(layer, Block.FEED_FORWARD), x, residual, norm, token_mask)

    def _behind(
        self, tap: Tap, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        def kind(part: Part) -> tuple[bool, int]:
            adapts = part.adapts(tap.layer)
            return adapts, id(part.bank or part) if adapts else 0

        outputs, first = [], 0
        beside = residual.expand_as(x)  # a zero where all joined with sums
        for (adapts, _), same in groupby(self._live, key=kind):
            group = list(same)
            rows = slice(first * self._size, (first + len(group)) * self._size)
            first += len(group)
            if adapts:
                with self._own_rows(group):
                    parts = (x[rows], beside[rows], norm, token_mask[rows])
                    outputs.append(self._adapted(tap, group, *parts))
            else:
                outputs.append(norm(x[rows] + beside[rows]))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _adapted(
        self,
        tap: Tap,
        group: Sequence[Part],
        x: Tensor,
        residual: Tensor,
        norm: Norm,
        token_mask: Tensor,
    ) -> Tensor:
        part = group[0]
        if part.bank is not None:
            slots = tuple(each.slot for each in group)
            stacked = StackedLayer(part.bank, slots, layer=tap.layer, block=tap.block)
            return stacked(x, residual, norm)
        own = part.model.adapter
        assert own is not None
        behind = own.after_attention if tap.block is Block.ATTENTION else own.after_feed_forward
        return behind(tap.layer, x, residual, norm, token_mask)

    def _own_rows(self, group: Sequence[Part]) -> AbstractContextManager[None]:
        rows = [self._rows[part] for part in group]
        return self._dropout.rows_of(rows, everywhere=True)

    def _split(self, now: Held) -> dict[Part, Held]:
        if not self._live:
            return {}
        pieces = zip(*(torch.split(tensor, self._size) for tensor in now.parts), strict=True)
        return {part: Held.of(found) for part, found in zip(self._live, pieces, strict=True)}


class _Prefixes:
    """What parts hold where they join: stored, shared, or embedded with dropout."""

    def __init__(
        self, parts: Sequence[Part], backbone: Backbone, dropout: RowDropout, tokens: int
    ) -> None:
        self._backbone, self._tokens = backbone, tokens
        self._size = len(parts[0].batch.input_ids)
        self._found: dict[Part, Held] = {}
        self._points = {part: part.entry.point for part in parts}
        shared = []
        for part in parts:
            if part.start is not None:
                self._found[part] = self._stored(part, part.start)
            elif part.prefix_dropout:
                dropout.layer = -1
                with dropout.rows_of([part.dropout_rows()]):
                    self._found[part] = backbone.begin(_padded(part.batch, tokens)).held
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
        return Held.of(tuple(map(self._padded, start.held.parts)))

    @torch.no_grad()
    def _run(self, parts: Sequence[Part]) -> None:
        """Run the frozen part once for each batch, as far as anyone needs it; dropout is off."""
        highest: dict[int, Tap] = {}
        for part in parts:
            key = id(part.batch)
            highest[key] = max(highest.get(key, Tap(0)), self._points[part])
        batches = {id(part.batch): part.batch for part in parts}
        now: dict[int, Held] = {}
        reached = Tap(0)
        for tap in sorted({self._points[part] for part in parts}):
            left = [key for key, last in highest.items() if last >= tap]
            batch = _together([batches[key] for key in left], self._tokens)
            if now:
                start = Start(reached, _joined([now[key] for key in left]))
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

    def _padded(self, x: Tensor) -> Tensor:
        if x.shape[1] in (1, self._tokens):
            return x
        return functional.pad(x, (0, 0, 0, self._tokens - x.shape[1]))


def _joined(held: Sequence[Held]) -> Held:
    """Put the rows of several parts together; sums stand for a projection with no residual."""
    if len(held) == 1:
        return held[0]
    apart = [one.parts for one in held]
    if len({len(parts) for parts in apart}) > 1:
        # A sum among pairs: at a layer's entry all are of one kind.
        apart = [p if len(p) == 2 else (p[0], torch.zeros_like(p[0])) for p in apart]
    return Held.of(tuple(torch.cat(same) for same in zip(*apart, strict=True)))


def _together(batches: Sequence[Batch], tokens: int) -> Batch:
    """Return the rows of several batches as one, all padded to so many tokens."""
    padded = [_padded(batch, tokens) for batch in batches]
    if len(padded) == 1:
        return padded[0]
    types = [batch.token_type_ids for batch in padded]
    given = [found for found in types if found is not None]
    if given and len(given) < len(types):
        zeros = torch.zeros_like(given[0])
        given = [zeros if found is None else found for found in types]
    return Batch(
        torch.cat([batch.input_ids for batch in padded]),
        torch.cat([batch.attention_mask for batch in padded]),
        torch.cat(given) if given else None,
    )


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


def _common_backbone(parts: Iterable[Part]) -> Backbone:
    found = {id(part.model.backbone): part.model.backbone for part in parts}
    sizes = {len(part.batch.input_ids) for part in parts}
    kinds = {part.model.reads(part.batch) is None for part in parts}
    if len(found) != 1 or len(sizes) != 1 or len(kinds) != 1:
        raise ConfigurationError(
            f"expected models over one base, as many rows of each, and heads that all read one "
            f"token or all of them, found {len(found)} bases, {sorted(sizes)} rows and "
            f"{len(kinds)} kinds of heads; train them in packs of their own"
        )
    return next(iter(found.values()))
