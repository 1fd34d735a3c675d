"""Build the network of a trial: base model, head, and the adapter, fusion or nothing on top."""

import copy
from collections.abc import Mapping

from adapter_lib.backbone import Backbone
from adapter_lib.bottleneck import Adapter
from adapter_lib.configuration import HeadConfig, HeadKind
from adapter_lib.files import load_adapter
from adapter_lib.fusion import Fusion
from adapter_lib.heads import Head
from adapter_lib.model import AdapterModel
from adapter_lib.pruning import most_attended
from workers.errors import TrialFailedError
from workers.layout import Workspace
from workers.results import TrialResult, read_result
from workers.seeds import generator_for
from workers.tasks.card import TaskCard, TaskKind
from workers.trial import FusionSource, Method, Trial


def head_config(card: TaskCard) -> HeadConfig:
    if card.kind is TaskKind.REGRESSION:
        return HeadConfig(kind=HeadKind.REGRESSION, labels=1)
    return HeadConfig(kind=HeadKind.CLASSIFICATION, labels=len(card.label_names))


def build(trial: Trial, backbone: Backbone, workspace: Workspace) -> AdapterModel:
    """Build the untrained network of a trial (for a pruned fusion: the finished one).

    `backbone` is shared between trials and stays frozen; full fine-tuning gets a copy.
    """
    if trial.method is Method.PRUNED_FUSION:
        return _pruned(trial, backbone, workspace)
    generator = generator_for(trial.seed, "initialisation")
    layers, hidden_size = backbone.layers_count, backbone.hidden_size
    head = Head(head_config(trial.task.card), hidden_size=hidden_size, generator=generator)
    adapter: Adapter | Fusion | None = None
    if trial.adapter is not None:
        adapter = Adapter(
            trial.adapter, layers=layers, hidden_size=hidden_size, generator=generator
        )
    elif trial.fusion is not None:
        sources = {}
        for task, trial_id in chosen_sources(trial, workspace).items():
            source = load_adapter(workspace.trial(trial_id).adapter, backbone).adapter
            assert isinstance(source, Adapter)
            sources[task] = source
        adapter = Fusion(
            trial.fusion.config,
            sources,
            layers=layers,
            hidden_size=hidden_size,
            generator=generator,
        )
    elif trial.method is Method.FULL_FINE_TUNING:
        backbone = copy.deepcopy(backbone)
        backbone.unfreeze()
    return AdapterModel(backbone, head, adapter).to(next(backbone.parameters()).device)


def chosen_sources(trial: Trial, workspace: Workspace) -> Mapping[str, str]:
    """Return task → trial_id of the best finished candidate on validation, ties to the lower id."""
    assert trial.fusion is not None
    return {source.task: _best(source, workspace) for source in trial.fusion.sources}


def _best(source: FusionSource, workspace: Workspace) -> str:
    results = [_finished(candidate, workspace) for candidate in source.candidates]
    return min(results, key=lambda r: (-r.score, r.trial_id)).trial_id


def _pruned(trial: Trial, backbone: Backbone, workspace: Workspace) -> AdapterModel:
    """Keep the most attended adapters of a finished fusion (AdapterDrop §5.2), no retraining."""
    assert trial.pruning is not None
    parent = trial.pruning.fusion_trial
    model = load_adapter(workspace.trial(parent).adapter, backbone)
    assert isinstance(model.adapter, Fusion)
    keep = most_attended(_finished(parent, workspace).attention, trial.pruning.keep)
    pruned = AdapterModel(backbone, model.head, model.adapter.pruned(keep))
    return pruned.to(next(backbone.parameters()).device)


def _finished(trial_id: str, workspace: Workspace) -> TrialResult:
    result = read_result(workspace.trial(trial_id))
    if result is None:
        raise TrialFailedError(
            "bad_input",
            f"expected the result of trial {trial_id} in {workspace.trial(trial_id).folder}, found "
            "none; the trial's files were moved or deleted: submit again",
        )
    return result
