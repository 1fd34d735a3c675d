"""Prune a finished fusion by mean attention over its target's training set, without retraining."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence

import torch

from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.pruning import most_attended
from workers.batches.batching import evaluation_batches
from workers.batches.feeding import Feeds
from workers.batches.precision import autocast
from workers.contract.paths import Workspace
from workers.contract.task_card import Split
from workers.contract.trial import PruningOrder, Trial, content_hash
from workers.objectives.divergence import check_finite
from workers.training.build import finished_result
from workers.training.seeds import generator_for

Attention = dict[int, dict[str, float]]
"""Layer → source → its mean fusion weight."""

KEPT_MEASUREMENTS = 1024


class AttentionMemo:
    """What a worker has measured of finished fusions on the way to fewer adapters.

    Pruning one by one to k and to fewer takes the same steps down to k, so every further k costs
    no pass over the training set that another one has made.
    """

    def __init__(self) -> None:
        self._measured: OrderedDict[Hashable, Attention] = OrderedDict()

    def get(self, key: Hashable) -> Attention | None:
        """Return what was measured under that key, if it is still there."""
        if key in self._measured:
            self._measured.move_to_end(key)
        return self._measured.get(key)

    def put(self, key: Hashable, attention: Attention) -> Attention:
        """Keep and return a measurement; the one that was not used for longest leaves."""
        self._measured[key] = attention
        while len(self._measured) > KEPT_MEASUREMENTS:
            self._measured.popitem(last=False)
        return attention


def mean_attention(trial: Trial, model: AdapterModel, feeds: Feeds) -> Attention:
    """Average each source's fusion weight over the target's training set (AdapterDrop §5.2).

    Raises:
        TrialFailedError: a weight is not finite, by which no source could be chosen.
    """
    fusion = model.adapter
    assert isinstance(fusion, Fusion)
    train = feeds[Split.TRAIN]
    depth, entry = trial.drop.depth, model.entry(trial.drop.depth)
    model.eval()
    fusion.start_attention_statistics()
    with torch.inference_mode(), autocast(trial.training.precision, train.device):
        for indices in evaluation_batches(train.examples.tokens, train.device):
            start = train.start(indices, entry, whole=True)
            model.hidden(train.batch(indices), drop_depth=depth, start=start)
    attention = fusion.attention_statistics()
    means = [torch.tensor(list(of.values())) for of in attention.values()]
    check_finite(means, "the fusion's attention")
    return attention


def prune(
    trial: Trial,
    model: AdapterModel,
    feeds: Feeds,
    *,
    workspace: Workspace,
    memo: AttentionMemo,
) -> AdapterModel:
    """Keep the trial's number of most attended adapters in each layer of its finished fusion.

    At once, the fusion's own statistics decide; one by one, the least attended adapter of each
    layer leaves and the attention over those that are left is measured again, or known from
    `memo`; at random, the trial's seed decides, and of fewer all are among those of more.
    """
    assert trial.pruning is not None
    attention: Attention = finished_result(trial.pruning.fusion_trial, workspace).attention
    if trial.pruning.order is PruningOrder.AT_ONCE:
        return _pruned(model, most_attended(attention, trial.pruning.keep))
    if trial.pruning.order is PruningOrder.RANDOM:
        return _pruned(model, most_attended(_drawn(attention, trial.seed), trial.pruning.keep))
    kept: Mapping[int, Sequence[str]] = {}
    most = max(len(means) for means in attention.values())
    for keep in range(most - 1, trial.pruning.keep - 1, -1):
        kept = most_attended(attention, keep)
        if keep > trial.pruning.keep:
            key = _measurement(trial, kept)
            attention = memo.get(key) or memo.put(
                key, mean_attention(trial, _pruned(model, kept), feeds)
            )
    return _pruned(model, kept)


def _drawn(attention: Attention, seed: int) -> Attention:
    """Return random weights in place of measured ones, for every layer its own."""
    generator = generator_for(seed, "pruning")
    return {
        layer: dict(zip(names, torch.rand(len(names), generator=generator).tolist(), strict=True))
        for layer, names in sorted(attention.items())
    }


def pruned_from(trial: Trial) -> Hashable:
    """Return what is the same for all prunings of one finished fusion or adapter."""
    (parent,) = trial.parents
    return content_hash(trial.identity | {"pruning": parent, "removal": None})


def _measurement(trial: Trial, kept: Mapping[int, Sequence[str]]) -> Hashable:
    """Return all that decides what `mean_attention` finds in a fusion pruned to `kept`."""
    return pruned_from(trial), tuple(
        (layer, frozenset(names)) for layer, names in sorted(kept.items())
    )


def _pruned(model: AdapterModel, kept: Mapping[int, Sequence[str]]) -> AdapterModel:
    fusion = model.adapter
    assert isinstance(fusion, Fusion)
    pruned = AdapterModel(model.backbone, model.head, fusion.pruned(kept))
    pruned.all_tokens_in_top_layer = model.all_tokens_in_top_layer
    return pruned.to(next(model.parameters()).device)
