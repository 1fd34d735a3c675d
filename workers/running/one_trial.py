"""Begin a trial with all that it needs, and conclude it with a committed result or failure.

The order of these steps, and what is trained between them, is left to `bundle` and `joint_trials`.
"""

import logging
import math
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import transformers

from adapter_lib.errors import AdapterLibError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.atomic_write import remove_leftovers
from adapter_lib.storage.files import save_adapter
from workers.batches.examples import TaskExamples
from workers.batches.feeding import Feeds
from workers.contract.checksums import folder_digest
from workers.contract.claims import check_claim, is_to_stop
from workers.contract.events import EventKind, TrialEvent
from workers.contract.log_lines import LogFormat, formatter
from workers.contract.paths import TrialPaths, Workspace
from workers.contract.predictions import PredictionsFile, write_predictions
from workers.contract.redaction import redacted
from workers.contract.results import (
    AdapterFiles,
    Epoch,
    FailureReason,
    ParameterCounts,
    PrefixUse,
    Score,
    SelectionRecord,
    TrialFailure,
    TrialResult,
    commit,
)
from workers.contract.spending import Phase, Stopwatch
from workers.contract.task_card import Split
from workers.contract.trial import Method, Precision, PruningOrder, Trial
from workers.errors import (
    BaseModelSourceError,
    CheckpointError,
    ClaimLostError,
    PreemptedError,
    TrialFailedError,
    WorkerError,
)
from workers.objectives.divergence import check_parameters
from workers.running.accelerator import check_alive, emulates_bfloat16, is_out_of_memory
from workers.running.preemption import announcement, check_preemption
from workers.running.warm_state import WarmState
from workers.training.build import build, chosen_sources
from workers.training.evaluation import Evaluation
from workers.training.pruning import mean_attention
from workers.training.removed_layers import removed_layers
from workers.training.trainer import Trainer

log = logging.getLogger(__name__)

_UNFINISHED_S = 600.0
"""What a killed worker was writing in a trial's folder is removed after so long."""


@dataclass
class Running:
    """A trial that has what it needs.

    Attributes:
        model: untrained, or as its checkpoint has it; of what trains nothing, the finished one.
        prefix: what is taken from storage.
        ends_at: see `Trainer`.
        keep_predictions: whether what it says of each row is written to a file.
        stopwatch: adds up what it takes.
    """

    trial: Trial
    paths: TrialPaths
    examples: TaskExamples
    model: AdapterModel
    feeds: Feeds
    prefix: PrefixUse | None
    ends_at: float
    keep_predictions: bool
    stopwatch: Stopwatch


def begin(trial: Trial, workspace: Workspace, warm: WarmState) -> Running:
    """Load or build what a trial needs.

    Raises:
        ClaimLostError: another attempt has taken the trial over.
        PreemptedError: the node is being taken away.
    """
    check_preemption()
    check_claim(workspace.trial(trial.trial_id))
    ends_at = time.monotonic() + (warm.limits.trial_s or math.inf)
    log.info("start: %s", trial.label)
    stopwatch = warm.stopwatch()
    with stopwatch.during(Phase.TASK):
        examples = warm.task(trial)
    with stopwatch.during(Phase.BASE):
        backbone = warm.backbone(trial.base)
    _check_vocabulary(examples, len(backbone.token_embedding), trial)
    for oddity in examples.oddities:
        log.warning("%s", oddity)
    for split, reading in examples.readings.items():
        if losses := reading.losses():
            length = trial.training.max_length
            log.warning("%s at max_length %d: %s", split, length, ", ".join(losses))
    if trial.training.precision is Precision.BFLOAT16 and emulates_bfloat16(warm.device):
        log.warning("this GPU emulates bfloat16, slowly: set training.precision: float32")
    with stopwatch.during(Phase.BUILD):
        model = build(trial, backbone, workspace)
    with stopwatch.during(Phase.PREFIX):
        feeds, prefix = warm.feeds(trial, model)
    paths = workspace.trial(trial.trial_id)
    remove_leftovers(paths.folder, older_than_s=_UNFINISHED_S)
    keep = warm.keep_predictions and trial.method is not Method.PRETRAINING  # that says nothing
    return Running(trial, paths, examples, model, feeds, prefix, ends_at, keep, stopwatch)


def _check_vocabulary(examples: TaskExamples, size: int, trial: Trial) -> None:
    """Compare tokens with what the base has embeddings of, where a GPU would only stop for good."""
    largest = max(int(split.tokens.ids.max(initial=0)) for split in examples.splits.values())
    if largest >= size:
        raise BaseModelSourceError(
            f"{trial.base.source}: its tokenizer gives token {largest}, its weights have "
            f"embeddings of {size}; they do not belong together: copy both from one model"
        )


def begin_training(trial: Trial, workspace: Workspace, warm: WarmState) -> tuple[Running, Trainer]:
    """Do so for a trial that is trained, and go on from its checkpoint if there is one.

    A checkpoint that cannot be read costs its epochs and not the trial.
    """
    running = begin(trial, workspace, warm)
    trainer = _new_trainer(running)
    checkpoint = running.paths.checkpoint
    running.paths.files.bring_checkpoint()
    if not checkpoint.exists():
        return running, trainer
    try:
        trainer.restore(checkpoint)
    except CheckpointError as error:
        log.warning("the checkpoint cannot be used, starting over: %s", error)
        running.paths.files.drop_checkpoint()
        running = begin(trial, workspace, warm)
        return running, _new_trainer(running)
    log.info("resumed after epoch %d", len(trainer.curve))
    return running, trainer


def epoch_event(trainer: Trainer, epoch: Epoch, warm: WarmState) -> TrialEvent:
    """Return what tells of an epoch; it waits where it is decided whether the trial goes on."""
    trial, points = trainer.trial, warm.decisions
    waits = points is not None and points.include(epoch.epoch, trial.training.epochs)
    return TrialEvent(kind=EventKind.EPOCH, trial_id=trial.trial_id, epoch=epoch, waits=waits)


def stops(paths: TrialPaths, warm: WarmState) -> bool:
    """Tell whether a trial that is between two epochs, or not begun, is to stop there.

    Raises:
        ClaimLostError: another attempt has taken the trial over.
    """
    return warm.decisions is not None and is_to_stop(paths)


def _new_trainer(running: Running) -> Trainer:
    trainer = Trainer(running.trial, running.model, running.examples, running.feeds)
    trainer.ends_at, trainer.taken_away = running.ends_at, announcement()
    trainer.stopwatch = running.stopwatch
    return trainer


def conclude(
    running: Running,
    trainer: Trainer | None,
    *,
    measured: list[Evaluation],
    workspace: Workspace,
    duration_s: float,
    pack_width: int = 1,
) -> None:
    """Write the adapter's files and commit the result.

    Args:
        trainer: as it ended, None for what was not trained.
        measured: every split at every depth.
        duration_s: of all before this.
        pack_width: the most trials that were trained with it in one pass, itself included.

    Raises:
        ClaimLostError: another attempt has taken the trial over.
    """
    started = time.perf_counter()
    trial, model, paths = running.trial, running.model, running.paths
    check_claim(paths)  # the adapter's folder is the new one's
    with running.stopwatch.during(Phase.MEASURING):
        attention = mean_attention(trial, model, running.feeds) if trial.fusion else {}
    scores = [each.score for each in measured]
    with running.stopwatch.during(Phase.KEEPING):
        result = _finish(running, trainer, scores=scores, workspace=workspace)
        predictions = _keep(running, measured) if running.keep_predictions else None
    duration_s += time.perf_counter() - started
    more = {"prefix": running.prefix, "attention": attention, "pack_width": pack_width}
    spent = running.stopwatch.spent
    kept = {"predictions": predictions, "duration_s": duration_s, "spent": spent}
    commit(paths, result.model_copy(update=more | kept))
    paths.files.tidy(result.model_copy(update=kept).digests)
    log.info("finished: %s %.4f", result.metric, result.score)


def _keep(running: Running, measured: list[Evaluation]) -> PredictionsFile:
    found = {(e.score.split, e.score.depth): e.predictions for e in measured}
    paths = running.paths
    written = write_predictions(paths.predictions, found)
    paths.files.keep(paths.predictions.name, written.sha256)
    return written


def record_failure(trial: Trial, workspace: Workspace, error: Exception) -> TrialEvent:
    """Commit whatever a trial raised as its own failure, unless another attempt took it over.

    Raises:
        DeviceLostError: it is not the trial's own: nothing works here any more.
    """
    if isinstance(error, PreemptedError):
        return TrialEvent(kind=EventKind.PREEMPTED, trial_id=trial.trial_id)
    if isinstance(error, ClaimLostError):
        log.warning("%s", error)
        return TrialEvent(kind=EventKind.ABANDONED, trial_id=trial.trial_id)
    check_alive(error)
    log.error("trial %s failed: %s", trial.trial_id, error)
    paths, reason = workspace.trial(trial.trial_id), reason_of(error)
    failure = TrialFailure(
        trial_id=trial.trial_id,
        reason=reason,
        message=redacted(f"{error}") or type(error).__name__,
        at_unix_ms=time.time_ns() // 1_000_000,
    )
    try:
        commit(paths, failure)
    except ClaimLostError:
        return TrialEvent(kind=EventKind.ABANDONED, trial_id=trial.trial_id)
    if reason is FailureReason.DIVERGED:
        paths.files.drop_checkpoint()
    return TrialEvent(kind=EventKind.FAILED, trial_id=trial.trial_id)


def reason_of(error: Exception) -> FailureReason:
    """Say in a word why a trial failed."""
    if isinstance(error, TrialFailedError):
        return FailureReason(error.reason)
    if is_out_of_memory(error):
        return FailureReason.OUT_OF_MEMORY
    if isinstance(error, WorkerError | AdapterLibError):
        return FailureReason.BAD_INPUT
    return FailureReason.ERROR


def _finish(
    running: Running, trainer: Trainer | None, *, scores: list[Score], workspace: Workspace
) -> TrialResult:
    """Keep the adapter's files and put together the record; the caller commits it.

    Raises:
        StorageError: object storage does not take them.
        TrialFailedError: a parameter is not finite, also where no score shows it.
    """
    trial, model, examples = running.trial, running.model, running.examples
    check_parameters(model)
    own = next(s for s in scores if s.split is Split.VALIDATION and s.depth == trial.drop.depth)
    score, files, pretrained = own.metrics[trial.metric], None, None
    if trial.method.leaves_files:
        files = _save(trial, model, workspace.trial(trial.trial_id), score=score)
    if trial.method is Method.PRETRAINING:
        files, pretrained = None, files
    fusion = model.adapter if isinstance(model.adapter, Fusion) else None
    return TrialResult(
        trial_id=trial.trial_id,
        metric=trial.metric,
        score=score,
        depth=trial.drop.depth,
        scores=tuple(scores),
        majority=examples.majority,
        curve=tuple(trainer.curve) if trainer else (),
        best_epoch=trainer.best.epoch if trainer else None,
        stopped_early=trainer.stopped_early if trainer else False,
        selection=_selection(trial, examples),
        parameters=_parameters(model, trained=trainer is not None),
        adapter=files,
        pretrained=pretrained,
        sources=dict(chosen_sources(trial, workspace)) if trial.fusion else {},
        kept=fusion.kept if fusion is not None and trial.pruning else {},
        readings=dict(examples.readings),
        duration_s=0.0,
        finished_at_unix_ms=time.time_ns() // 1_000_000,
        environment=_environment(model),
    )


def _selection(trial: Trial, examples: TaskExamples) -> SelectionRecord:
    how = f"best validation {trial.metric}"
    if trial.drop.mode == "robust":
        how += " (mean over all depths)"
    if trial.pruning is not None:
        drawn = trial.pruning.order is PruningOrder.RANDOM
        kept = "at random" if drawn else "by mean attention over train"
        how = f"the fusion's own; adapters kept {kept}"
    if trial.removal is not None:
        gone = ", ".join(map(str, removed_layers(trial)))
        how = f"the adapter's own; without those of layers {gone}"
    return SelectionRecord(
        checkpoint=how,
        selected_on=Split.VALIDATION,
        reported_on=tuple(s for s in (Split.VALIDATION, Split.TEST) if s in examples.splits),
        validation_from_train=trial.task.validation_fraction is not None,
    )


def _save(trial: Trial, model: AdapterModel, paths: TrialPaths, *, score: float) -> AdapterFiles:
    task = trial.task.card.model_dump(mode="json") | {
        "name": trial.task.name,
        "max_length": trial.training.max_length,
    }
    provenance = {
        "trial_id": trial.trial_id,
        "label": trial.label,
        "seed": trial.seed,
        "drop_mode": trial.drop.mode.value,
        "drop_depth": trial.drop.depth,
        "metric": trial.metric.value,
        "score": score,
        "base_source": trial.base.source,
        "base_revision": trial.base.revision,
    }
    manifest = save_adapter(paths.adapter, model, task=task, provenance=provenance)
    files, digest = folder_digest(paths.adapter)
    size = sum((paths.adapter / name).stat().st_size for name in files)
    paths.files.keep_adapter(files)
    return AdapterFiles(kind=manifest.kind, files=files, digest=digest, size_bytes=size)


def _parameters(model: AdapterModel, *, trained: bool) -> ParameterCounts:
    adapter = sum(p.numel() for p in model.adapter.parameters()) if model.adapter else 0
    head = sum(p.numel() for p in model.head.parameters())
    learnt = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return ParameterCounts(trained=learnt if trained else 0, stored=adapter + head, adapter=adapter)


def _environment(model: AdapterModel) -> dict[str, str]:
    device = next(model.parameters()).device
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "device": str(device),
        "threads": str(torch.get_num_threads()),
        "machine": platform.machine(),
    }


@contextmanager
def logging_to(paths: TrialPaths) -> Iterator[None]:
    """Append what this package logs to the trial's own file while it runs.

    A driver has made the folder; where it is gone, nothing is made in its place.
    """
    if paths.attempt is None or paths.storage is not None:
        paths.folder.mkdir(parents=True, exist_ok=True)
    elif not paths.folder.is_dir():
        yield
        return
    paths.files.keep_log()
    handler = logging.FileHandler(paths.log, encoding="utf-8")
    handler.setFormatter(formatter(LogFormat.of_environment(), trial=paths.folder.name))
    package = logging.getLogger("workers")
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(handler)
        handler.close()
