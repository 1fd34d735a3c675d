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
from itertools import groupby

import torch
from torch import Tensor

from adapter_lib.architectures import Norm, read_tokens
from adapter_lib.backbone import Backbone, LayerRun
from adapter_lib.cpu_kernels import plain_kernels
from adapter_lib.errors import ConfigurationError
from adapter_lib.pack_parts import Part, Prefixes, filled, joined, together
from adapter_lib.row_dropout import RowDropout
from adapter_lib.stacked_parts import StackedLayer, stacked_head
from adapter_lib.taps import Block, Held, Start, Tap


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
    dropout = RowDropout(len(parts[0].batch.input_ids))
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
    token_wise = False

    def __init__(self, parts: Sequence[Part], backbone: Backbone, dropout: RowDropout) -> None:
        self._parts, self._backbone, self._dropout = parts, backbone, dropout
        self._size = len(parts[0].batch.input_ids)
        self._filled = filled(parts)
        self._rows = {part: part.dropout_rows() for part in parts}
        self._live: list[Part] = []

    def hidden(self) -> Tensor:
        """Return the last hidden states of all parts, (n·b, s or 1, d), for n parts."""
        waiting = Prefixes(self._filled, self._backbone, self._dropout)
        held: dict[Part, Held] = {}
        tap, top = min(part.entry.point for part in self._parts), Tap(self._backbone.layers_count)
        now, run, context, batch = Held(None, torch.empty(0)), LayerRun(), None, None
        while True:
            if joining := waiting.at(tap):
                held = self._split(now) | joining
                self._live = [part for part in self._parts if part in held]
                now = joined([held[part] for part in self._live])
                batch, context = together([self._filled[p] for p in self._live]), None
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
            batch = together([self._filled[part] for part in group])
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
                found.append(part.model.logits(h, self._filled[part]))
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

        groups = [(adapts, list(same)) for (adapts, _), same in groupby(self._live, key=kind)]
        sizes = [len(group) * self._size for _, group in groups]
        beside = residual.expand_as(x)  # a zero where all joined with sums
        apart = (torch.split(part, sizes) for part in (x, beside, token_mask))
        outputs = []
        for (adapts, group), own_x, own_beside, own_mask in zip(groups, *apart, strict=True):
            if adapts:
                with self._own_rows(group):
                    outputs.append(self._adapted(tap, group, own_x, own_beside, norm, own_mask))
            else:
                outputs.append(norm(own_x + own_beside))
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


def _common_backbone(parts: Iterable[Part]) -> Backbone:
    found = {id(part.model.backbone): part.model.backbone for part in parts}
    sizes = {len(part.batch.input_ids) for part in parts}
    kinds = {part.model.reads_one_token for part in parts}
    if len(found) != 1 or len(sizes) != 1 or len(kinds) != 1:
        raise ConfigurationError(
            f"expected models over one base, as many rows of each, and heads that all read one "
            f"token or all of them, found {len(found)} bases, {sorted(sizes)} rows and "
            f"{len(kinds)} kinds of heads; train them in packs of their own"
        )
    return next(iter(found.values()))
