"""Build the network of a trial: base model, head, and the adapter, fusion or nothing on top."""

import copy
from collections.abc import Mapping

from adapter_lib.config.configuration import HeadConfig, HeadKind
from adapter_lib.errors import AdapterFileError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import load_adapter
from adapter_lib.transformer.backbone import Backbone
from workers.contract.head_settings import head_config
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, read_result
from workers.contract.trial import FusionSource, Method, Trial
from workers.errors import DamagedObjectError, TrialFailedError
from workers.training.removed_layers import removed_layers, without
from workers.training.seeds import generator_for


def build(trial: Trial, backbone: Backbone, workspace: Workspace) -> AdapterModel:
    """Build the untrained network of a trial; of what trains nothing, the finished one.

    `backbone` is shared between trials and stays frozen; what trains it gets a copy.
    """
    if trial.method is Method.PRUNED_FUSION:
        assert trial.pruning is not None
        return _finished_model(trial.pruning.fusion_trial, backbone, workspace)
    if trial.removal is not None:
        finished = _finished_model(trial.removal.adapter_trial, backbone, workspace)
        return without(finished, removed_layers(trial))
    generator = generator_for(trial.seed, "initialisation")
    layers, hidden_size = backbone.layers_count, backbone.hidden_size
    head = Head.over(backbone, _head_config(trial, backbone), generator=generator)
    adapter: Adapter | Fusion | None = None
    if trial.adapter is not None:
        adapter = Adapter(
            trial.adapter, layers=layers, hidden_size=hidden_size, generator=generator
        )
        if trial.start_from is not None:
            _start_from(adapter, _finished_model(trial.start_from, backbone, workspace))
    elif trial.fusion is not None:
        sources = {}
        for task, trial_id in chosen_sources(trial, workspace).items():
            source = _finished_model(trial_id, backbone, workspace).adapter
            assert isinstance(source, Adapter)
            if trial.fusion.random_sources:
                drawn = generator_for(trial.seed, f"random source {task}")
                source = Adapter.over(backbone, source.config, generator=drawn)
            sources[task] = source
        adapter = Fusion(
            trial.fusion.config,
            sources,
            layers=layers,
            hidden_size=hidden_size,
            generator=generator,
        )
    elif trial.method.trains_base:
        backbone = _trained_copy(trial, backbone)
    return AdapterModel(backbone, head, adapter).to(next(backbone.parameters()).device)


def _head_config(trial: Trial, backbone: Backbone) -> HeadConfig:
    if trial.method is not Method.PRETRAINING:
        return head_config(trial.task.card, trial.head)
    vocabulary = len(backbone.token_embedding)
    return HeadConfig(HeadKind.MASKED_LM, labels=vocabulary, dropout=trial.head.dropout)


def _start_from(adapter: Adapter, pretrained: AdapterModel) -> None:
    """Take the weights of a pre-trained adapter, in those layers that this one has."""
    source = pretrained.adapter
    assert isinstance(source, Adapter)
    found = source.state_dict()
    adapter.load_state_dict({name: found[name] for name in adapter.state_dict()})


def _trained_copy(trial: Trial, backbone: Backbone) -> Backbone:
    copied = copy.deepcopy(backbone)
    match trial.method:
        case Method.TOP_LAYERS:
            assert trial.top_layers is not None
            copied.unfreeze_top(trial.top_layers)
        case Method.LAYER_NORM:
            copied.unfreeze_norms()
        case _:
            copied.unfreeze()
    return copied


def chosen_sources(trial: Trial, workspace: Workspace) -> Mapping[str, str]:
    """Return task → trial_id of the best finished candidate on validation, ties to the lower id."""
    assert trial.fusion is not None
    return {source.task: _best(source, workspace) for source in trial.fusion.sources}


def _best(source: FusionSource, workspace: Workspace) -> str:
    results = [finished_result(candidate, workspace) for candidate in source.candidates]
    return min(results, key=lambda r: (-r.score, r.trial_id)).trial_id


def _finished_model(trial_id: str, backbone: Backbone, workspace: Workspace) -> AdapterModel:
    """Load what a finished trial left.

    Raises:
        TrialFailedError: its files are damaged or gone, which its own result does not tell.
    """
    paths, left = workspace.trial(trial_id), finished_result(trial_id, workspace).left
    try:
        with paths.files.adapter(left.files if left else {}) as folder:
            return load_adapter(folder, backbone)
    except (AdapterFileError, DamagedObjectError) as error:
        raise TrialFailedError(
            "bad_input",
            f"{error}; trial {trial_id} left it: remove {paths.place('adapter')} and submit with "
            "--retrain-missing to train that one again",
        ) from error


def finished_result(trial_id: str, workspace: Workspace) -> TrialResult:
    """Return the committed result of a trial that another one builds on.

    Raises:
        TrialFailedError: it is not there.
    """
    result = read_result(workspace.trial(trial_id))
    if result is None:
        raise TrialFailedError(
            "bad_input",
            f"expected the result of trial {trial_id} in {workspace.trial(trial_id).place()}, "
            "found none; the trial's files were moved or deleted: submit again",
        )
    return result
