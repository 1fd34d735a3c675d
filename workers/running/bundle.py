"""Run the trials of a bundle in a warm worker, and commit each when it is done.

Those that can be are trained together where that pays, the others one after another. Each trial
fails alone. What happens is told as a stream of events; who listens is left to the scheduler.
Retrying, blocking dependants and recording are left to the orchestrator.
"""

import logging
import time
from collections.abc import Hashable, Iterator, Sequence

from workers.contract.claims import check_claim
from workers.contract.events import EventKind, TrialEvent
from workers.contract.paths import Workspace
from workers.contract.results import read_failure, read_result
from workers.contract.spending import Phase
from workers.contract.trial import Trial
from workers.errors import PreemptedError, ResultFileError
from workers.joint.joint_training import pack_key, packable
from workers.running.joint_trials import run_together
from workers.running.one_trial import (
    Running,
    begin_training,
    conclude,
    epoch_event,
    logging_to,
    record_failure,
    stops,
)
from workers.running.prunings import begin_pruned, run_prunings
from workers.running.warm_state import WarmState
from workers.running.worker_figures import worker_figures
from workers.training.checkpoint_pace import Pace
from workers.training.pruning import pruned_from
from workers.training.trainer import Trainer, measure_finished

log = logging.getLogger(__name__)


def run_bundle(
    trials: Sequence[Trial], workspace: Workspace, warm: WarmState
) -> Iterator[TrialEvent]:
    """Run each trial to its committed result or failure, skipping those already committed."""
    try:
        for event in _run_all(trials, workspace, warm):
            figures = worker_figures(warm.device, bundle_trials=len(trials))
            yield event.model_copy(update={"worker": figures})
    finally:
        for trial in trials:
            workspace.trial(trial.trial_id).files.release()


def _run_all(
    trials: Sequence[Trial], workspace: Workspace, warm: WarmState
) -> Iterator[TrialEvent]:
    for independent in _waves(trials):
        groups: dict[Hashable | None, list[Trial]] = {}
        prunings: dict[Hashable, list[Trial]] = {}
        for trial in independent:
            paths = workspace.trial(trial.trial_id)
            try:
                done = read_result(paths) is not None
                # A driver removes the failures of earlier attempts: this worker's predecessor left
                # it, and would have it again.
                failed = paths.attempt is not None and read_failure(paths) is not None
            except ResultFileError as error:  # likewise, a trial fails alone
                yield record_failure(trial, workspace, error)
                continue
            if done:
                yield TrialEvent(kind=EventKind.FINISHED, trial_id=trial.trial_id)
                continue
            if failed:
                yield TrialEvent(kind=EventKind.FAILED, trial_id=trial.trial_id)
                continue
            if trial.method.trains_nothing and warm.fast_path.enabled:
                prunings.setdefault(pruned_from(trial), []).append(trial)
                continue
            together = packable(trial) and warm.width(pack_key(trial)).packs
            groups.setdefault(pack_key(trial) if together else None, []).append(trial)
        for trial in groups.pop(None, []):
            yield from _run_alone(trial, workspace, warm)
        for group in prunings.values():
            yield from run_prunings(group, workspace, warm, alone=_run_alone)
        for key, group in groups.items():
            width = warm.width(key)
            yield from run_together(group, workspace, warm, width=width, alone=_run_alone)


def _waves(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    """Cut a sequence wherever a trial needs one that is not done before."""
    wave: dict[str, Trial] = {}
    for trial in trials:
        if not wave.keys().isdisjoint(trial.parents):
            yield list(wave.values())
            wave = {}
        wave[trial.trial_id] = trial
    yield list(wave.values())


def _run_alone(trial: Trial, workspace: Workspace, warm: WarmState) -> Iterator[TrialEvent]:
    """Run one trial; whatever it raises becomes its own failure and not the bundle's."""
    with logging_to(workspace.trial(trial.trial_id)):
        try:
            yield from _run_trial(trial, workspace, warm)
        except Exception as error:  # a trial fails alone, whatever the cause
            log.exception("trial %s failed", trial.trial_id)
            yield record_failure(trial, workspace, error)


def _run_trial(trial: Trial, workspace: Workspace, warm: WarmState) -> Iterator[TrialEvent]:
    started = time.perf_counter()
    if stops(workspace.trial(trial.trial_id), warm):
        yield TrialEvent(kind=EventKind.STOPPED, trial_id=trial.trial_id)
        return
    yield TrialEvent(kind=EventKind.STARTED, trial_id=trial.trial_id)
    trainer = None
    if trial.method.trains_nothing:
        running = begin_pruned(trial, workspace, warm)
        with running.stopwatch.during(Phase.MEASURING):
            (measured,) = measure_finished(trial, [running.model], running.feeds)
    else:
        running, trainer = begin_training(trial, workspace, warm)
        yield from _train(running, trainer, warm)
        if not trainer.done:
            log.info("stopped after epoch %d, as it was asked to", len(trainer.curve))
            yield TrialEvent(kind=EventKind.STOPPED, trial_id=trial.trial_id)
            return
        with running.stopwatch.during(Phase.MEASURING):
            measured = trainer.final_evaluations()
    duration_s = time.perf_counter() - started
    conclude(running, trainer, measured=measured, workspace=workspace, duration_s=duration_s)
    yield TrialEvent(kind=EventKind.FINISHED, trial_id=trial.trial_id)


def _train(running: Running, trainer: Trainer, warm: WarmState) -> Iterator[TrialEvent]:
    """Train to the last epoch, or to one after which it is to stop; then it leaves a checkpoint."""
    paths, method = running.paths, running.trial.method
    for epoch in trainer.curve:
        yield epoch_event(trainer, epoch, warm)
    pace = Pace(warm.fast_path.checkpoint_share)
    while not trainer.done:
        if stops(paths, warm):
            trainer.save(paths.checkpoint)
            paths.files.keep_checkpoint()
            return
        cpu_started = time.process_time()
        try:
            epoch = trainer.run_epoch()
        except PreemptedError:
            trainer.save_kept(paths.checkpoint)
            paths.files.keep_checkpoint()
            raise
        cpu_s = time.process_time() - cpu_started
        running.stopwatch.add_epoch(epoch.train_s, epoch.evaluate_s, cpu_s=cpu_s)
        check_claim(paths)
        if pace.due:
            with pace.writing(), running.stopwatch.during(Phase.KEEPING):
                trainer.save(paths.checkpoint)
                paths.files.keep_checkpoint()
        elif pace.worth_keeping and not method.trains_base:
            trainer.keep()
            pace.kept()
        yield epoch_event(trainer, epoch, warm)
