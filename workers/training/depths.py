"""The cut points from which a trial's runs over its splits start."""

from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.activations import CutPoint
from workers.contract.measured_depths import measured_depths, selection_depths
from workers.contract.task_card import Split
from workers.contract.trial import DropMode, Method, PruningOrder, Trial


def wanted_cut_points(trial: Trial, model: AdapterModel) -> dict[Split, list[CutPoint]]:
    """Return where the runs over each split can be taken up, as `Trainer` and `pruning` do them."""
    if trial.method is Method.PRETRAINING:  # masks what it reads
        return {}
    depths = {
        Split.TRAIN: _depths_over_train(trial, model),
        Split.VALIDATION: measured_depths(trial),
        Split.TEST: selection_depths(trial),
    }
    entries = {split: {model.entry(depth) for depth in of} for split, of in depths.items()}
    return {
        split: [cut_point for cut_point in cut_points if cut_point is not None]
        for split, cut_points in entries.items()
    }


def _depths_over_train(trial: Trial, model: AdapterModel) -> list[int]:
    """Return the depths at which what is stored of the training set is read."""
    if trial.pruning is not None:
        fusion = model.adapter
        assert isinstance(fusion, Fusion)
        steps = max(map(len, fusion.kept.values())) - trial.pruning.keep
        measures = trial.pruning.order is PruningOrder.ONE_BY_ONE and steps > 1
        # Attention is measured over every token, and some are not stored that high.
        all_stored = not model.reads_one_token or fusion.lowest_layer < trial.base.layers - 1
        return [trial.drop.depth] if measures and all_stored else []
    if trial.removal is not None:  # which nothing is trained for
        return []
    if trial.training.frozen_dropout:  # which what is stored does not have
        return []
    robust = trial.drop.mode is DropMode.ROBUST
    return list(range(trial.base.layers)) if robust else [trial.drop.depth]
