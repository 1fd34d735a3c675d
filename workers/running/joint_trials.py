"""Run trials that can be trained together, from their first step to their commits.

As many as the width allows are in the pack; whoever ends an epoch is measured and saved, whoever
is done is committed, and who waits takes its place. A trial that diverges or is to stop leaves
alone. When memory runs out, half of them wait in the middle of what they are doing. When a pass
fails for any other reason, all go on one after another, so that the one at fault fails alone.
"""

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch

from workers.contract.claims import check_claim
from workers.contract.events import EventKind, TrialEvent
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason
from workers.contract.spending import Phase
from workers.contract.trial import Trial
from workers.errors import ClaimLostError, PreemptedError, TrialFailedError
from workers.joint.joint_training import Pack
from workers.joint.pack_width import PackWidth
from workers.joint.packed_trial import PackedTrial
from workers.running.accelerator import check_alive
from workers.running.one_trial import (
    Running,
    begin_training,
    conclude,
    epoch_event,
    logging_to,
    reason_of,
    record_failure,
    stops,
)
from workers.running.warm_state import WarmState
from workers.training.checkpoint_pace import Pace

log = logging.getLogger(__name__)

Alone = Callable[[Trial, Workspace, WarmState], Iterator[TrialEvent]]


def run_together(
    trials: Sequence[Trial],
    workspace: Workspace,
    warm: WarmState,
    *,
    width: PackWidth,
    alone: Alone,
) -> Iterator[TrialEvent]:
    """Run trials of one `pack_key` to their committed results or failures.

    Args:
        alone: runs one trial by itself.
    """
    run = _Together(trials, workspace, warm, width)
    while run.waiting or run.parked or run.running:
        yield from run.fill()
        if not run.running:
            continue
        run.fail_overdue()
        if any(packed.epoch_ended or packed.failure for packed in run.running):
            width.pause()
            yield from run.between_epochs()
            continue
        try:
            run.pack.run_pass()
        except Exception as error:  # of one of them, and nobody knows which
            log.exception("a pass over %d trials failed", len(run.running))
            check_alive(error)
            if not run.shrink_after(error):
                for trial in run.dismiss():
                    yield from alone(trial, workspace, warm)
            continue
        if width.passed(len(run.running)):
            run.fit()


@dataclass
class _Place:
    """What a packed trial needs, what it took, and whether its last epoch is measured and told."""

    running: Running
    pace: Pace
    spent_s: float
    closed: bool = False


def _waiting_at_the_end(events: Sequence[TrialEvent]) -> Iterator[TrialEvent]:
    """Yield events of which any waits for an answer, so that the last one waits for all."""
    waits = any(event.waits for event in events)
    for number, event in enumerate(events, 1):
        yield event.model_copy(update={"waits": waits and number == len(events)})


class _Together:
    """Who waits, who is in the pack, and what was told of whom."""

    def __init__(
        self, trials: Sequence[Trial], workspace: Workspace, warm: WarmState, width: PackWidth
    ) -> None:
        self.waiting = deque(trials)
        self.running: dict[PackedTrial, _Place] = {}
        self.parked: deque[tuple[PackedTrial, _Place]] = deque()
        self._workspace, self._warm, self._width = workspace, warm, width
        self._told: dict[str, int] = {}
        self.pack = Pack(min(width.current, len(trials)))

    @property
    def rows(self) -> int:
        """How many of those who are not done can be in the pack at once."""
        left = len(self.running) + len(self.parked) + len(self.waiting)
        return max(1, min(self._width.current, left))

    def fill(self) -> Iterator[TrialEvent]:
        """Let those who wait take the free places, first those who had one."""
        while self.parked and len(self.running) < self._width.current:
            packed, place = self.parked.popleft()
            self.pack.join(packed)
            self.running[packed] = place
        while self.waiting and len(self.running) < self._width.current:
            trial, started = self.waiting.popleft(), time.perf_counter()
            if self._is_to_stop(trial):
                yield TrialEvent(kind=EventKind.STOPPED, trial_id=trial.trial_id)
                continue
            if trial.trial_id not in self._told:
                yield TrialEvent(kind=EventKind.STARTED, trial_id=trial.trial_id)
                self._told[trial.trial_id] = 0
            with logging_to(self._workspace.trial(trial.trial_id)):
                try:
                    running, trainer = begin_training(trial, self._workspace, self._warm)
                    packed = PackedTrial(trainer)
                    yield from self._tell(packed)
                    if trainer.done:
                        yield self._conclude(packed, running, time.perf_counter() - started)
                        continue
                    self.pack.join(packed)
                except Exception as error:  # a trial fails alone, whatever the cause
                    log.exception("trial %s cannot begin", trial.trial_id)
                    if not self._put_back(trial, error):
                        yield record_failure(trial, self._workspace, error)
                    continue
            pace = Pace(self._warm.fast_path.checkpoint_share)
            self.running[packed] = _Place(running, pace, time.perf_counter() - started)

    def _is_to_stop(self, trial: Trial) -> bool:
        """Tell whether a trial is to stop that waits; what else is wrong shows when it begins."""
        with suppress(ClaimLostError):
            return stops(self._workspace.trial(trial.trial_id), self._warm)
        return False

    def fail_overdue(self) -> None:
        """Note who may not go on; `between_epochs` lets them go."""
        for packed in self.running:
            try:
                packed.trainer.check_time()
            except (PreemptedError, TrialFailedError) as error:
                packed.failure = packed.failure or error

    def between_epochs(self) -> Iterator[TrialEvent]:
        """Measure and save who has ended an epoch; let go who is done, has failed or is to stop.

        Where it is decided who goes on, all that have ended one are told of before any does.
        """
        if self._warm.decisions is None:
            yield from self._close_epochs()
        else:
            yield from _waiting_at_the_end(list(self._close_epochs()))
        for packed in list(self.running):
            if packed in self.running and packed.epoch_ended and self.running[packed].closed:
                yield from self._alone(packed, self._go_on)

    def _close_epochs(self) -> Iterator[TrialEvent]:
        for packed in list(self.running):
            if packed not in self.running:  # it waits meanwhile
                continue
            if packed.failure is not None:
                yield self._fail(packed, packed.failure)
            elif packed.epoch_ended:
                yield from self._alone(packed, self._close_epoch)

    def _alone(
        self, packed: PackedTrial, do: Callable[[PackedTrial], Iterator[TrialEvent]]
    ) -> Iterator[TrialEvent]:
        """Do something with one trial of the pack, which fails alone, whatever the cause."""
        trial = packed.trainer.trial
        with logging_to(self._workspace.trial(trial.trial_id)):
            try:
                yield from do(packed)
            except Exception as error:
                log.exception("trial %s failed after an epoch", trial.trial_id)
                if not self.shrink_after(error):
                    yield self._fail(packed, error)

    def _close_epoch(self, packed: PackedTrial) -> Iterator[TrialEvent]:
        started, trainer, place = time.perf_counter(), packed.trainer, self.running[packed]
        check_claim(place.running.paths)
        if not place.closed:
            with trainer.stopwatch.during(Phase.MEASURING):
                trainer.close_epoch(packed.total, train_s=packed.train_s)
            place.closed = True
            if place.pace.due:
                with place.pace.writing(), trainer.stopwatch.during(Phase.KEEPING):
                    self._save(packed)
            elif place.pace.worth_keeping:
                self.pack.save(packed, None)
                place.pace.kept()
        place.spent_s += packed.train_s + time.perf_counter() - started
        yield from self._tell(packed)

    def _go_on(self, packed: PackedTrial) -> Iterator[TrialEvent]:
        """Begin the next epoch of a trial, or let it go."""
        trainer, place = packed.trainer, self.running[packed]
        yield from self._tell(packed)  # where memory ran out in between, it was not told of yet
        if not trainer.done and not stops(place.running.paths, self._warm):
            packed.begin_epoch()
            place.closed = False
            return
        if not trainer.done:
            self._save(packed)
        self.pack.leave(packed)
        if trainer.done:
            yield self._conclude(packed, place.running, place.spent_s)
        else:
            log.info("stopped after epoch %d, as it was asked to", len(trainer.curve))
            yield TrialEvent(kind=EventKind.STOPPED, trial_id=trainer.trial.trial_id)
        del self.running[packed]

    def _save(self, packed: PackedTrial) -> None:
        paths = self.running[packed].running.paths
        self.pack.save(packed, paths.checkpoint)
        paths.files.keep_checkpoint()

    def _conclude(self, packed: PackedTrial, running: Running, spent_s: float) -> TrialEvent:
        started = time.perf_counter()
        with running.stopwatch.during(Phase.MEASURING):
            measured = packed.trainer.final_evaluations()
        conclude(
            running,
            packed.trainer,
            measured=measured,
            workspace=self._workspace,
            duration_s=spent_s + time.perf_counter() - started,
            pack_width=packed.pack_width,
        )
        return TrialEvent(kind=EventKind.FINISHED, trial_id=running.trial.trial_id)

    def _tell(self, packed: PackedTrial) -> Iterator[TrialEvent]:
        """Tell the epochs that were not told yet."""
        trial_id, curve = packed.trainer.trial.trial_id, packed.trainer.curve
        for epoch in curve[self._told[trial_id] :]:
            self._told[trial_id] += 1
            yield epoch_event(packed.trainer, epoch, self._warm)

    def _fail(self, packed: PackedTrial, error: Exception) -> TrialEvent:
        trial = packed.trainer.trial
        self.pack.leave(packed)
        if isinstance(error, PreemptedError):
            paths = self.running[packed].running.paths
            packed.trainer.save_kept(paths.checkpoint)
            paths.files.keep_checkpoint()
        del self.running[packed]
        with logging_to(self._workspace.trial(trial.trial_id)):
            return record_failure(trial, self._workspace, error)

    def dismiss(self) -> list[Trial]:
        """Empty the pack, and return who was in it."""
        trials = [place.running.trial for place in self.running.values()]
        self.running.clear()
        self.pack = Pack(max(1, min(self._width.current, len(trials) + len(self.waiting))))
        return trials

    def fit(self) -> None:
        """Make the pack as wide as it may be; whoever is too many waits where it is."""
        for packed in list(self.running)[self._width.current :]:
            self.parked.append((packed, self.running.pop(packed)))
            self.pack.leave(packed)
        self.pack.resize(self.rows)

    def shrink_after(self, error: Exception) -> bool:
        """If memory ran out, let half of the pack wait; False if that is no way.

        Those whose parameters were being changed go on from their last checkpoints.
        """
        memory = reason_of(error) is FailureReason.OUT_OF_MEMORY
        if not memory or not self._width.halve(len(self.running)):
            return False
        # What the pass has computed is in the variables of the functions that failed.
        traceback.clear_frames(error.__traceback__)
        if self.pack.intact:
            self.fit()
        else:
            self.waiting.extendleft(reversed(self.dismiss()))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True

    def _put_back(self, trial: Trial, error: Exception) -> bool:
        """Let a trial for which there was no memory wait, if others can make room for it."""
        if not self.running or not self.shrink_after(error):
            return False
        self.waiting.append(trial)
        return True
