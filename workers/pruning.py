"""Prune a finished fusion by mean attention over its target's training set, without retraining."""

import torch

from adapter_lib.fusion import Fusion
from adapter_lib.model import AdapterModel
from adapter_lib.pruning import most_attended
from workers.batching import evaluation_batches
from workers.evaluation import EVALUATION_BATCH
from workers.feeding import Feeds
from workers.fitting import autocast_type
from workers.layout import Workspace
from workers.models import finished_result
from workers.tasks.card import Split
from workers.trial import PruningOrder, Trial

Attention = dict[int, dict[str, float]]
"""Layer → source → its mean fusion weight."""


def mean_attention(trial: Trial, model: AdapterModel, feeds: Feeds) -> Attention:
    """Average each source's fusion weight over the target's training set (AdapterDrop §5.2)."""
    fusion = model.adapter
    assert isinstance(fusion, Fusion)
    train, precision = feeds[Split.TRAIN], autocast_type(trial)
    depth, entry = trial.drop.depth, model.entry(trial.drop.depth)
    model.eval()
    fusion.start_attention_statistics()
    with (
        torch.inference_mode(),
        torch.autocast(train.device.type, dtype=precision, enabled=precision is not None),
    ):
        for indices in evaluation_batches(train.examples.tokens, batch_size=EVALUATION_BATCH):
            start = train.start(indices, entry, whole=True)
            model.hidden(train.batch(indices), drop_depth=depth, start=start)
    return fusion.attention_statistics()


def prune(trial: Trial, model: AdapterModel, feeds: Feeds, workspace: Workspace) -> AdapterModel:
    """Keep the trial's number of most attended adapters in each layer of its finished fusion.

    At once, the fusion's own statistics decide; one by one, the least attended adapter of each
    layer leaves and the attention over those that are left is measured again.
    """
    assert trial.pruning is not None
    attention: Attention = finished_result(trial.pruning.fusion_trial, workspace).attention
    most = max(len(means) for means in attention.values())
    one_by_one = trial.pruning.order is PruningOrder.ONE_BY_ONE
    for keep in range(most - 1, trial.pruning.keep - 1, -1) if one_by_one else [trial.pruning.keep]:
        fusion = model.adapter
        assert isinstance(fusion, Fusion)
        pruned = AdapterModel(
            model.backbone, model.head, fusion.pruned(most_attended(attention, keep))
        )
        pruned.whole_top = model.whole_top
        model = pruned.to(next(model.parameters()).device)
        if keep > trial.pruning.keep:
            attention = mean_attention(trial, model, feeds)
    return model
