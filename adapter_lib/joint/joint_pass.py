"""Several models over one frozen base in one pass, each with a batch of its own.

The frozen part below a model's `entry` is computed once for all models that read the same batch, or
taken from where it was stored; each model's rows join the pass at its entry. From there on the
frozen layers run on the tokens of all models at once, adapters and heads of one shape in one
product (`adapter_lib.joint.stacked_parameters`), and any other adapter, such as a fusion, on its
own. Gradients flow to every model's own parameters. Losses and optimisers are left to the caller.

Legend for shapes: b rows of a model, padded to its longest, of s tokens; n tokens of all models; d
hidden, L layers.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby

import torch
from torch import Tensor

from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.layer_loop import JointLayerLoop, SubBatch
from adapter_lib.joint.part import Part, activations_at_entry
from adapter_lib.joint.row_dropout import RowDropout
from adapter_lib.joint.stacked_layers import StackedHead, StackedModels, behind_block
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.activations import ActivationsAt, Block, CutPoint
from adapter_lib.transformer.architectures import Norm
from adapter_lib.transformer.backbone import Backbone, Batch
from adapter_lib.transformer.ragged_batch import ByModel


def run_together(parts: Sequence[Part]) -> list[Tensor]:
    """Return each part's logits, as `AdapterModel.forward` does; at padding they mean nothing.

    For training, the base and models outside of stacks must be in training mode; where dropout is
    off is decided here.

    Raises:
        ConfigurationError: the parts have different bases, or read one token and all.
    """
    run = _Pass(parts)
    with run.dropout:
        logits = run.logits(run.hidden())
    return [logits[part] for part in parts]


def hidden_together(parts: Sequence[Part]) -> list[Tensor]:
    """Return each part's last hidden states, (b, s, d), or (b, 1, d) of the token that is read.

    Those of padding mean nothing.

    Raises:
        ConfigurationError: as for `run_together`.
    """
    run = _Pass(parts)
    with run.dropout:
        hidden = run.hidden()
    return [hidden[part] for part in parts]


def at_depths_of(
    models: Sequence[AdapterModel],
    batch: Batch,
    depths: Sequence[int],
    *,
    start_at: Callable[[CutPoint], ActivationsAt | None] | None = None,
) -> list[dict[int, Tensor]]:
    """Return `AdapterModel.at_depths` of each model, such as prunings of one fusion.

    The frozen part is run once for all; from there on one model and depth after the other, since
    on a CPU a pass over all of them at once took up to 12 % longer, and holds as many activations.
    Call it in evaluation mode.

    Args:
        start_at: as for `AdapterModel.at_depths`.

    Raises:
        ConfigurationError: as for `run_together`, or the base is trained, or a depth is out of
            range.
    """
    backbone = common_backbone(models)
    _check_heads(model.reads_one_token for model in models)
    if len(models) > 1 and not backbone.frozen:
        raise ConfigurationError(
            f"expected a frozen base, found that {backbone.identity.name} is trained"
        )
    cut_points = {cut_point for model in models for cut_point in model.entries(depths).values()}
    starts = models[0].starts(batch, cut_points, start_at=start_at)
    return [model.at_depths(batch, depths, start_at=starts.get) for model in models]


class _Pass:
    """Several models on their way through one base, to which they are one adapter of all tokens."""

    lowest_layer = 0

    def __init__(self, parts: Sequence[Part]) -> None:
        self._backbone = common_backbone([part.model for part in parts])
        _check_heads(part.reads_one_token for part in parts)
        # Those of a stack stand side by side, in the order of their rows.
        self._parts = sorted(parts, key=lambda part: (id(part.stack), part.row))
        self.dropout = RowDropout()
        self._rows = {part: part.dropout_rows() for part in self._parts}
        self._sub_batches = {
            part: SubBatch(part.batch, part.token_index, self._rows[part]) for part in self._parts
        }
        self._part_in = {sub_batch: part for part, sub_batch in self._sub_batches.items()}
        lowest = min(part.entry for part in parts)
        self._loop = JointLayerLoop(
            self._backbone, self.dropout, list(self._part_in), cut_point=lowest
        )
        self._by_model: dict[tuple[int, ...], ByModel] = {}

    def hidden(self) -> dict[Part, Tensor]:
        """Return the last hidden states of each part, (b, s or 1, d)."""
        waiting = activations_at_entry(self._parts, self._backbone, self.dropout)
        loop, top = self._loop, CutPoint(self._backbone.layers_count)
        while True:
            joining = {
                self._sub_batches[part]: activations
                for part, activations in waiting.items()
                if part.entry == loop.cut_point
            }
            loop.join(joining)
            if loop.cut_point == top:
                found = loop.activations(loop.sub_batches)
                return {self._part_in[each]: found[each].residual for each in found}
            loop.advance(self)

    def logits(self, hidden: dict[Part, Tensor]) -> dict[Part, Tensor]:
        """Return each part's logits from its last hidden states, (b, s or 1, d)."""
        found: dict[Part, Tensor] = {}
        for stack, same in groupby(self._parts, key=lambda part: part.stack):
            group = list(same)
            if stack is not None and stack.shape.head is not None:
                found |= self._stacked_logits(group, hidden)
                continue
            for part in group:
                with self._dropout_of([part]):
                    found[part] = part.model.logits(hidden[part], part.batch)
        return found

    def _stacked_logits(
        self, group: Sequence[Part], hidden: dict[Part, Tensor]
    ) -> dict[Part, Tensor]:
        """Return the logits of heads in a stack, all from one product."""
        causal, pooler = self._backbone.causal, self._backbone.pooler
        read = {p: p.model.head.read(hidden[p], p.batch, causal=causal) for p in group}
        tokens = [x.shape[:-1].numel() for x in read.values()]
        head = StackedHead(self._models(group, tokens))
        with self._dropout_of(group):
            scores = head.scores(torch.cat([x.flatten(0, -2) for x in read.values()]), pooler)
        found = {}
        for (part, x), own, count in zip(read.items(), scores, tokens, strict=True):
            own = own[:count].view(*x.shape[:-1], own.shape[-1])
            found[part] = part.model.head.by_example(own)
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
        sizes = dict(zip(live, self._loop.layout.sizes, strict=True))

        def kind(part: Part) -> tuple[bool, int]:
            adapts = part.adapts(cut_point.layer)
            return adapts, id(part.stack or part) if adapts else 0

        groups = [(adapts, list(same)) for (adapts, _), same in groupby(live, key=kind)]
        tokens = [sum(sizes[part] for part in group) for _, group in groups]
        beside = residual.expand_as(x)  # a zero where all joined with sums
        apart = (torch.split(whole, tokens, dim=1) for whole in (x, beside, token_mask))
        outputs = []
        for (adapts, group), own_x, own_beside, mask in zip(groups, *apart, strict=True):
            if not adapts:
                outputs.append(norm(own_x + own_beside))
                continue
            with self._dropout_of(group):
                if group[0].stack is not None:
                    models = self._models(group, [sizes[part] for part in group])
                    outputs.append(behind_block(models, cut_point, own_x, own_beside, norm))
                else:
                    outputs.append(
                        _behind_alone(cut_point, group[0], own_x, own_beside, norm, mask)
                    )
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)

    def _models(self, group: Sequence[Part], tokens: Sequence[int]) -> StackedModels:
        """Return the models of a group in one stack, each with so many tokens."""
        stack, key = group[0].stack, tuple(tokens)
        assert stack is not None
        if key not in self._by_model:
            self._by_model[key] = ByModel(key, self._parts[0].batch.input_ids.device)
        return StackedModels(stack, tuple(part.row for part in group), self._by_model[key])

    def _dropout_of(self, group: Iterable[Part]) -> AbstractContextManager[None]:
        return self.dropout.rows_of([self._rows[part] for part in group], everywhere=True)


def _behind_alone(
    cut_point: CutPoint, part: Part, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
) -> Tensor:
    """Return a block's output with the adapter of one model that is in no stack, (1, n, d)."""
    adapter = part.model.adapter
    assert adapter is not None
    attention = cut_point.block is Block.ATTENTION
    behind = adapter.after_attention if attention else adapter.after_feed_forward
    return behind(cut_point.layer, x, residual, norm, token_mask)


def common_backbone(models: Sequence[AdapterModel]) -> Backbone:
    """Return the base that all models are over.

    Raises:
        ConfigurationError: there is no model, or they are over several.
    """
    found = {id(model.backbone): model.backbone for model in models}
    if len(found) != 1:
        raise ConfigurationError(
            f"expected models over one base in memory, found {len(models)} models over "
            f"{len(found)}; build or load all of them with the same Backbone"
        )
    return next(iter(found.values()))


def _check_heads(read_one_token: Iterable[bool]) -> None:
    if len(set(read_one_token)) > 1:
        raise ConfigurationError(
            "expected heads that all read one token or all of them, found 2 kinds of heads; run "
            "each kind in a pass of its own"
        )
