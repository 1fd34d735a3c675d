"""Several models over one frozen base in one pass, each on rows of its own.

The frozen part below a model's `entry` is computed once for all models that read the same batch, or
taken from where it was stored; each model's rows join the pass at its entry. From there on the
frozen layers run on the tokens of all models at once, adapters and heads of one shape in one
product (`adapter_lib.joint.stacked_parameters`), and any other adapter, such as a fusion, on its
own. Gradients loop to every model's own parameters. Losses and optimisers are left to the caller.

Legend for shapes: b rows of a model, padded to its longest, of s tokens; n tokens of all models; d
hidden, L layers.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby

import torch
from torch import Tensor

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.layer_loop import JointLayerLoop, SubBatch
from adapter_lib.joint.part import Part, activations_at_entry
from adapter_lib.joint.row_dropout import RowDropout
from adapter_lib.joint.stacked_layers import StackedLayer, stacked_head
from adapter_lib.transformer.activations import Block, CutPoint
from adapter_lib.transformer.architectures import Norm, read_tokens
from adapter_lib.transformer.backbone import Backbone
from adapter_lib.transformer.ragged_batch import ByModel


def run_together(parts: Sequence[Part]) -> list[Tensor]:
    """Return each part's logits in training mode, as `AdapterModel.forward` does.

    The base and models outside of stacks must be in training mode; where dropout is off is decided
    here.

    Raises:
        ConfigurationError: the parts have different bases, or read one token and all.
    """
    backbone = _common_backbone(parts)
    order = sorted(range(len(parts)), key=lambda i: (id(parts[i].stack), parts[i].row))
    dropout = RowDropout()
    run = _Pass([parts[i] for i in order], backbone, dropout)
    with dropout:
        logits = run.logits(run.hidden())
    return [found for _, found in sorted(zip(order, logits, strict=True), key=lambda pair: pair[0])]


class _Pass:
    """One pass over all parts; a `LayerAdapter` for the tokens that are in it at a time."""

    lowest_layer = 0
    token_wise = False

    def __init__(self, parts: Sequence[Part], backbone: Backbone, dropout: RowDropout) -> None:
        self._parts, self._backbone, self._dropout = parts, backbone, dropout
        self._rows = {part: part.dropout_rows() for part in parts}
        sub_batches = [SubBatch(part.batch, part.token_index, self._rows[part]) for part in parts]
        self._sub_batches = dict(zip(parts, sub_batches, strict=True))
        self._part_in = dict(zip(sub_batches, parts, strict=True))
        lowest = min(part.entry for part in parts)
        self._loop = JointLayerLoop(backbone, dropout, sub_batches, cut_point=lowest)
        self._by_model: dict[tuple[int, ...], ByModel] = {}

    def hidden(self) -> list[Tensor]:
        """Return the last hidden states of each part, (b, s or 1, d)."""
        waiting = activations_at_entry(self._parts, self._backbone, self._dropout)
        loop, top = self._loop, CutPoint(self._backbone.layers_count)
        while True:
            joining = {
                self._sub_batches[p]: activations
                for p, activations in waiting.items()
                if p.entry == loop.cut_point
            }
            if joining:
                loop.join(joining)
            if loop.cut_point == top:
                return [
                    activations.residual
                    for activations in loop.activations(loop.sub_batches).values()
                ]
            loop.advance(self)

    def logits(self, states: Sequence[Tensor]) -> list[Tensor]:
        """Return each part's logits from its last hidden states, (b, s or 1, d)."""
        found: list[Tensor] = []
        known = dict(zip(self._parts, states, strict=True))
        for stack, same in groupby(self._parts, key=lambda part: part.stack):
            group = list(same)
            if stack is not None:
                found += self._stacked_logits(group, [known[part] for part in group])
                continue
            for part in group:
                with self._own_rows([part]):
                    found.append(part.model.logits(known[part], part.batch))
        return found

    def _stacked_logits(self, group: Sequence[Part], states: Sequence[Tensor]) -> list[Tensor]:
        stack, head = group[0].stack, group[0].model.head
        assert stack is not None
        inputs = []
        for part, h in zip(group, states, strict=True):
            whole = head.config.kind.reads_one_token and h.shape[1] > 1
            token_index = (
                head.token_index(part.batch, causal=self._backbone.causal) if whole else None
            )
            inputs.append(read_tokens(h, token_index))
        tokens = torch.cat([x.flatten(0, 1) for x in inputs])
        sizes = self._sizes([x.shape[:2].numel() for x in inputs])
        rows = tuple(part.row for part in group)
        with self._own_rows(group):
            logits = stacked_head(stack, rows, tokens, sizes, pooler=self._backbone.pooler)
        found = []
        for own, x, size in zip(logits, inputs, sizes.sizes, strict=True):
            if head.config.kind is HeadKind.MULTIPLE_CHOICE:
                found.append(own[:size].view(-1, head.config.labels))
            elif head.config.kind.reads_one_token:
                found.append(own[:size])
            else:
                found.append(own[:size].unflatten(0, x.shape[:2]))
        return found

    def after_attention(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the attention block's output, (1, n, d). See `LayerAdapter`."""
        return self._behind(CutPoint(layer, Block.ATTENTION), x, residual, norm, token_mask)

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (1, n, d). See `LayerAdapter`."""
        return self._behind(CutPoint(layer, Block.FEED_FORWARD), x, residual, norm, token_mask)

    def _behind(
        self, cut_point: CutPoint, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        live = [self._part_in[sub_batch] for sub_batch in self._loop.sub_batches]
        sizes = self._loop.layout.sizes

        def kind(index: int) -> tuple[bool, int]:
            part = live[index]
            adapts = part.adapts(cut_point.layer)
            return adapts, id(part.stack or part) if adapts else 0

        groups = [(adapts, list(same)) for (adapts, _), same in groupby(range(len(live)), key=kind)]
        tokens = [sum(sizes[i] for i in group) for _, group in groups]
        beside = residual.expand_as(x)  # a zero where all joined with sums
        apart = (torch.split(part, tokens, dim=1) for part in (x, beside, token_mask))
        outputs = []
        for (adapts, group), own_x, own_beside, mask in zip(groups, *apart, strict=True):
            parts = [live[i] for i in group]
            if not adapts:
                outputs.append(norm(own_x + own_beside))
                continue
            with self._own_rows(parts):
                if parts[0].stack is not None:
                    by_model = self._sizes([sizes[i] for i in group])
                    outputs.append(_stacked(cut_point, parts, own_x, own_beside, norm, by_model))
                else:
                    outputs.append(_own(cut_point, parts[0], own_x, own_beside, norm, mask))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)

    def _sizes(self, sizes: Sequence[int]) -> ByModel:
        """Return how tokens of several models are turned into as many for each and back."""
        key = tuple(sizes)
        if key not in self._by_model:
            self._by_model[key] = ByModel(key, self._parts[0].batch.input_ids.device)
        return self._by_model[key]

    def _own_rows(self, group: Iterable[Part]) -> AbstractContextManager[None]:
        return self._dropout.rows_of([self._rows[part] for part in group], everywhere=True)


def _stacked(
    cut_point: CutPoint,
    group: Sequence[Part],
    x: Tensor,
    residual: Tensor,
    norm: Norm,
    sizes: ByModel,
) -> Tensor:
    """Return what the adapters of a stack make of the tokens of their models, (1, n, d)."""
    stack = group[0].stack
    assert stack is not None
    rows = tuple(part.row for part in group)
    return StackedLayer(stack, rows, sizes, layer=cut_point.layer, block=cut_point.block)(
        x, residual, norm
    )


def _own(
    cut_point: CutPoint, part: Part, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
) -> Tensor:
    """Return what the adapter of one model makes of its tokens, (1, n, d)."""
    adapter = part.model.adapter
    assert adapter is not None
    behind = (
        adapter.after_attention
        if cut_point.block is Block.ATTENTION
        else adapter.after_feed_forward
    )
    return behind(cut_point.layer, x, residual, norm, token_mask)


def _common_backbone(parts: Iterable[Part]) -> Backbone:
    found = {id(part.model.backbone): part.model.backbone for part in parts}
    kinds = {part.model.reads_one_token for part in parts}
    if len(found) != 1 or len(kinds) != 1:
        raise ConfigurationError(
            f"expected models over one base, and heads that all read one token or all of them, "
            f"found {len(found)} bases and {len(kinds)} kinds of heads; train them in packs of "
            "their own"
        )
    return next(iter(found.values()))
