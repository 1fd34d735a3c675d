"""Run trials that can be trained together, from their first step to their commits.

As many as the width allows are in the pack; whoever ends an epoch is measured and saved, whoever
is done is committed, and who waits takes its place. A trial that diverges leaves alone. When memory
runs out, all go on from their last checkpoints, half as many at a time; when a pass fails for any
other reason, one after another, so that the one that is at fault fails alone.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch

from workers.events import EventKind, PackEvent
from workers.layout import Workspace
from workers.pack_width import PackWidth
from workers.packing import Member, Pack
from workers.results import FailureReason
from workers.running import Running, begin_fit, conclude, logging_to, reason_of, record_failure
from workers.trial import Trial
from workers.warm import WarmState

log = logging.getLogger(__name__)

Alone = Callable[[Trial, Workspace, WarmState], Iterator[PackEvent]]


def run_together(
    trials: Sequence[Trial],
    workspace: Workspace,
    warm: WarmState,
    *,
    width: PackWidth,
    alone: Alone,
) -> Iterator[PackEvent]:
    """Run trials of one `pack_key` to their committed results or failures.

    Args:
        alone: runs one trial by itself.
    """
    run = _Together(trials, workspace, warm, width)
    while run.waiting or run.running:
        yield from run.fill()
        if not run.running:
            continue
        try:
            run.pack.run_pass()
        except Exception as error:  # of one of them, and nobody knows which
            log.exception("a pass over %d trials failed", len(run.running))
            if run.shrink_after(error):
                continue
            for trial in run.dismiss():
                yield from alone(trial, workspace, warm)
            continue
        if width.passed(len(run.running)):
            run.pack.resize(width.current)
        yield from run.between_epochs()


class _Together:
    """Who waits, who is in the pack, and what was told of whom."""

    def __init__(
        self, trials: Sequence[Trial], workspace: Workspace, warm: WarmState, width: PackWidth
    ) -> None:
        self.waiting = deque(trials)
        self.running: dict[Member, Running] = {}
        self._workspace, self._warm, self._width = workspace, warm, width
        self._spent_s: dict[Member, float] = {}
        self._told: dict[str, int] = {}
        self.pack = Pack(min(width.current, len(trials)))

    def fill(self) -> Iterator[PackEvent]:
        """Let those who wait take the free places."""
        while self.waiting and len(self.running) < self._width.current:
            trial, started = self.waiting.popleft(), time.perf_counter()
            if trial.trial_id not in self._told:
                yield PackEvent(kind=EventKind.STARTED, trial_id=trial.trial_id)
                self._told[trial.trial_id] = 0
            with logging_to(self._workspace.trial(trial.trial_id)):
                try:
                    running, fit = begin_fit(trial, self._workspace, self._warm)
                    member = Member(fit)
                    yield from self._tell(member)
                    if fit.done:
                        yield self._conclude(member, running, time.perf_counter() - started)
                        continue
                    self.pack.join(member)
                except Exception as error:  # a trial fails alone, whatever the cause
                    log.exception("trial %s cannot begin", trial.trial_id)
                    if not self._put_back(trial, error):
                        yield record_failure(trial, self._workspace, error)
                    continue
            self.running[member] = running
            self._spent_s[member] = time.perf_counter() - started

    def between_epochs(self) -> Iterator[PackEvent]:
        """Measure and save whoever has ended an epoch; let go who is done or has failed."""
        for member in list(self.running):
            if member not in self.running:  # dismissed meanwhile
                return
            if member.failure is not None:
                yield self._fail(member, member.failure)
            elif member.epoch_ended:
                trial = member.fit.trial
                with logging_to(self._workspace.trial(trial.trial_id)):
                    try:
                        yield from self._end_epoch(member)
                    except Exception as error:  # a trial fails alone, whatever the cause
                        log.exception("trial %s failed after an epoch", trial.trial_id)
                        if not self.shrink_after(error):
                            yield self._fail(member, error)

    def _end_epoch(self, member: Member) -> Iterator[PackEvent]:
        started, fit, running = time.perf_counter(), member.fit, self.running[member]
        fit.close_epoch(member.total, steps=member.steps, train_s=member.train_s)
        self._spent_s[member] += member.train_s
        self.pack.save(member, running.paths.checkpoint)
        yield from self._tell(member)
        self._spent_s[member] += time.perf_counter() - started
        if not fit.done:
            member.begin_epoch()
            return
        self.pack.leave(member)
        yield self._conclude(member, running, self._spent_s[member])
        self._let_go(member)

    def _conclude(self, member: Member, running: Running, spent_s: float) -> PackEvent:
        started = time.perf_counter()
        scores = member.fit.final_scores()
        conclude(
            running,
            member.fit,
            scores=scores,
            workspace=self._workspace,
            duration_s=spent_s + time.perf_counter() - started,
        )
        return PackEvent(kind=EventKind.FINISHED, trial_id=running.trial.trial_id)

    def _tell(self, member: Member) -> Iterator[PackEvent]:
        """Tell the epochs that were not told yet."""
        trial_id, curve = member.fit.trial.trial_id, member.fit.curve
        for epoch in curve[self._told[trial_id] :]:
            self._told[trial_id] += 1
            yield PackEvent(kind=EventKind.EPOCH, trial_id=trial_id, epoch=epoch)

    def _fail(self, member: Member, error: Exception) -> PackEvent:
        trial = member.fit.trial
        self._let_go(member)
        with logging_to(self._workspace.trial(trial.trial_id)):
            return record_failure(trial, self._workspace, error)

    def _let_go(self, member: Member) -> None:
        del self.running[member], self._spent_s[member]
        if member in self.pack.members:
            self.pack.leave(member)

    def dismiss(self) -> list[Trial]:
        """Empty the pack, and return who was in it."""
        trials = [running.trial for running in self.running.values()]
        self.running.clear()
        self._spent_s.clear()
        self.pack = Pack(min(self._width.current, max(1, len(trials) + len(self.waiting))))
        return trials

    def shrink_after(self, error: Exception) -> bool:
        """If memory ran out, put all back to wait, for half the places; False if that is no way.

        They go on from their last checkpoints.
        """
        if reason_of(error) is not FailureReason.OUT_OF_MEMORY or not self._width.halve():
            return False
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
