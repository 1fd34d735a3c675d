"""Run the trials of a pack one after another in a warm worker, and commit each when it is done.

Each trial fails alone. What happens is told as a stream of events; who listens is left to the
scheduler. Retrying, blocking dependants and recording are left to the orchestrator.
"""

import logging
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import torch
import transformers

from adapter_lib.errors import AdapterLibError
from adapter_lib.files import save_adapter
from adapter_lib.fusion import Fusion
from adapter_lib.model import AdapterModel
from workers.digest import folder_digest
from workers.errors import TrialFailedError, WorkerError
from workers.events import EventKind, PackEvent
from workers.examples import TaskExamples
from workers.fitting import Fit, measure_finished
from workers.layout import TrialPaths, Workspace
from workers.models import build, chosen_sources
from workers.pacing import Pace
from workers.pruning import mean_attention, prune
from workers.results import (
    AdapterFiles,
    FailureReason,
    ParameterCounts,
    Score,
    SelectionRecord,
    TrialFailure,
    TrialResult,
    commit,
    read_result,
)
from workers.tasks.card import Split
from workers.trial import Method, Trial
from workers.warm import WarmState

log = logging.getLogger(__name__)

# What torch and the checks behind it raise for a file that is cut, damaged or of another model.
_UNREADABLE = (RuntimeError, EOFError, KeyError, ValueError, UnpicklingError, AdapterLibError)


def run_pack(trials: Sequence[Trial], workspace: Workspace, warm: WarmState) -> Iterator[PackEvent]:
    """Run each trial to its committed result or failure, skipping those already committed."""
    for trial in trials:
        paths = workspace.trial(trial.trial_id)
        if read_result(paths) is not None:
            yield PackEvent(kind=EventKind.FINISHED, trial_id=trial.trial_id)
            continue
        with _logging_to(paths):
            yield from _run_guarded(trial, workspace, warm)


def _run_guarded(trial: Trial, workspace: Workspace, warm: WarmState) -> Iterator[PackEvent]:
    """Run one trial; whatever it raises becomes its own failure and not the pack's."""
    paths = workspace.trial(trial.trial_id)
    try:
        yield from _run_trial(trial, workspace, warm)
    except Exception as error:  # a trial fails alone, whatever the cause
        log.exception("trial %s failed", trial.trial_id)
        reason = _reason(error)
        commit(
            paths,
            TrialFailure(
                trial_id=trial.trial_id,
                reason=reason,
                message=f"{error}" or type(error).__name__,
                at_unix_ms=time.time_ns() // 1_000_000,
            ),
        )
        if reason is FailureReason.DIVERGED:
            paths.checkpoint.unlink(missing_ok=True)
        yield PackEvent(kind=EventKind.FAILED, trial_id=trial.trial_id)


def _reason(error: Exception) -> FailureReason:
    if isinstance(error, TrialFailedError):
        return FailureReason(error.reason)
    memory = isinstance(error, torch.OutOfMemoryError | MemoryError)
    if memory or "allocate memory" in str(error):
        return FailureReason.OUT_OF_MEMORY
    if isinstance(error, WorkerError | AdapterLibError):
        return FailureReason.BAD_INPUT
    return FailureReason.ERROR


def _run_trial(trial: Trial, workspace: Workspace, warm: WarmState) -> Iterator[PackEvent]:
    started = time.perf_counter()
    paths = workspace.trial(trial.trial_id)
    log.info("start: %s", trial.label)
    yield PackEvent(kind=EventKind.STARTED, trial_id=trial.trial_id)
    examples = warm.task(trial)
    model = build(trial, warm.backbone(trial.base), workspace)
    feeds, prefix = warm.feeds(trial, model)
    fit: Fit | None = None
    if trial.method is Method.PRUNED_FUSION:
        model = prune(trial, model, feeds, workspace=workspace, memo=warm.attention)
        scores = measure_finished(trial, model, feeds)
    else:
        fit = Fit(trial, model, examples, feeds)
        if paths.checkpoint.exists():
            fit = _resumed(fit, paths.checkpoint, lambda: _fresh(trial, workspace, warm))
            model = fit.model
            for epoch in fit.curve:
                yield PackEvent(kind=EventKind.EPOCH, trial_id=trial.trial_id, epoch=epoch)
        pace = Pace(warm.fast_path.checkpoint_share)
        while not fit.done:
            epoch = fit.run_epoch()
            if pace.due:
                with pace.writing():
                    fit.save(paths.checkpoint)
            yield PackEvent(kind=EventKind.EPOCH, trial_id=trial.trial_id, epoch=epoch)
        scores = fit.final_scores()
    attention = mean_attention(trial, model, feeds) if trial.fusion else {}
    result = _finish(trial, model, examples, fit=fit, scores=scores, workspace=workspace)
    measured = {"prefix": prefix, "attention": attention}
    duration = time.perf_counter() - started
    commit(paths, result.model_copy(update={**measured, "duration_s": duration}))
    paths.checkpoint.unlink(missing_ok=True)
    paths.failure.unlink(missing_ok=True)
    log.info("finished: %s %.4f", result.metric, result.score)
    yield PackEvent(kind=EventKind.FINISHED, trial_id=trial.trial_id)


def _fresh(trial: Trial, workspace: Workspace, warm: WarmState) -> Fit:
    model = build(trial, warm.backbone(trial.base), workspace)
    return Fit(trial, model, warm.task(trial), warm.feeds(trial, model)[0])


def _resumed(fit: Fit, checkpoint: Path, start_over: Callable[[], Fit]) -> Fit:
    """Go on from the checkpoint; one that cannot be read costs its epochs and not the trial."""
    try:
        fit.restore(checkpoint)
    except _UNREADABLE as error:
        log.warning("the checkpoint cannot be read, starting over: %s", error)
        checkpoint.unlink()
        return start_over()
    log.info("resumed after epoch %d", len(fit.curve))
    return fit


def _finish(
    trial: Trial,
    model: AdapterModel,
    examples: TaskExamples,
    *,
    fit: Fit | None,
    scores: list[Score],
    workspace: Workspace,
) -> TrialResult:
    """Write the adapter's files and put together the record; the caller commits it."""
    own = next(s for s in scores if s.split is Split.VALIDATION and s.depth == trial.drop.depth)
    score, files = own.metrics[trial.metric], None
    if not trial.method.trains_base:
        files = _save(trial, model, workspace.trial(trial.trial_id), score=score)
    if trial.method is Method.PRETRAINING:
        files = None  # they stay in the workspace for those that start from them
    fusion = model.adapter if isinstance(model.adapter, Fusion) else None
    return TrialResult(
        trial_id=trial.trial_id,
        metric=trial.metric,
        score=score,
        depth=trial.drop.depth,
        scores=tuple(scores),
        majority=examples.majority,
        curve=tuple(fit.curve) if fit else (),
        best_epoch=fit.best.epoch if fit else None,
        stopped_early=fit.stopped_early if fit else False,
        selection=_selection(trial, examples),
        parameters=_parameters(model, trained=fit is not None),
        adapter=files,
        sources=dict(chosen_sources(trial, workspace)) if trial.fusion else {},
        kept=fusion.kept if fusion is not None and trial.pruning else {},
        duration_s=0.0,
        finished_at_unix_ms=time.time_ns() // 1_000_000,
        environment=_environment(model),
    )


def _selection(trial: Trial, examples: TaskExamples) -> SelectionRecord:
    how = f"best validation {trial.metric}"
    if trial.drop.mode == "robust":
        how += " (mean over all depths)"
    if trial.method is Method.PRUNED_FUSION:
        how = "the fusion's own; adapters kept by mean attention over train"
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
    return AdapterFiles(kind=manifest.kind, files=files, digest=digest, size_bytes=size)


def _parameters(model: AdapterModel, *, trained: bool) -> ParameterCounts:
    adapter = sum(p.numel() for p in model.adapter.parameters()) if model.adapter else 0
    head = sum(p.numel() for p in model.head.parameters())
    learnt = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return ParameterCounts(trained=learnt if trained else 0, stored=adapter + head, adapter=adapter)


def _environment(model: AdapterModel) -> dict[str, str]:
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "device": str(next(model.parameters()).device),
        "threads": str(torch.get_num_threads()),
        "machine": platform.machine(),
    }


@contextmanager
def _logging_to(paths: TrialPaths) -> Iterator[None]:
    """Append what this package logs to the trial's own file while it runs."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(paths.log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("workers")
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(handler)
        handler.close()
