"""The driver's view of a running submission: hands out packs, takes in events, writes records.

It alone writes the catalog while a submission runs. How packs reach workers is left to
`orchestrator.scheduling`; a call that raises there would end the whole run, so what can fail
here is caught and mended by `reconcile`.
"""

import logging
import time
from collections.abc import Callable

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Submission
from orchestrator.errors import CatalogError
from orchestrator.work_queue import WorkQueue, WorkState
from workers.errors import ResultFileError
from workers.events import EventKind, PackEvent
from workers.layout import Workspace
from workers.results import (
    Epoch,
    FailureReason,
    TrialFailure,
    TrialResult,
    read_failure,
    read_result,
    write_atomically,
)
from workers.trial import Trial

log = logging.getLogger(__name__)

ELSEWHERE_POLL_S = 5.0

Listener = Callable[[PackEvent, TrialResult | None], None]


class Board:
    """One submission's queue, kept in step with the catalog and with the committed files."""

    def __init__(
        self, queue: WorkQueue, catalog: Catalog, workspace: Workspace, submission: Submission
    ) -> None:
        self.queue = queue
        self.listeners: list[Listener] = []
        self.running_epochs: dict[str, Epoch | None] = {}
        self._catalog = catalog
        self._workspace = workspace
        self._submission = submission
        self._polled_at = 0.0

    @property
    def over(self) -> bool:
        return self.queue.ended

    @property
    def waits_for_others(self) -> bool:
        return bool(self.queue.having(WorkState.ELSEWHERE))

    def next_pack(self, *, size: int, workers: int) -> list[Trial]:
        """Claim and return the next trials that belong together; empty while nothing is ready."""
        self._poll_elsewhere()
        pack = self.queue.next_pack(size=size, workers=workers)
        if not pack:
            return []
        try:
            claimed = self._catalog.claim([t.trial_id for t in pack], self._submission.id)
        except CatalogError:
            for trial in pack:
                self.queue.put_back(trial.trial_id)
            raise
        for trial in pack:
            if trial.trial_id not in claimed and not self._take_committed(trial.trial_id):
                self.queue.defer(trial.trial_id)
        mine = [t for t in pack if t.trial_id in claimed]
        for trial in mine:
            paths = self._workspace.trial(trial.trial_id)
            paths.failure.unlink(missing_ok=True)
            write_atomically(paths.trial, trial.model_dump_json(indent=1))
        return mine

    def take(self, event: PackEvent) -> None:
        """Record one event of a worker."""
        result = None
        if event.kind is EventKind.STARTED:
            self.running_epochs[event.trial_id] = None
        elif event.kind is EventKind.EPOCH and event.epoch is not None:
            self.running_epochs[event.trial_id] = event.epoch
            self._catalog.record_epoch(self._submission.sweep, event.trial_id, event.epoch)
        elif event.kind is EventKind.FINISHED:
            result = self._finish(event.trial_id)
        elif event.kind is EventKind.FAILED:
            failure = read_failure(self._workspace.trial(event.trial_id))
            self._fail(failure or _lost(event.trial_id, "the worker left no reason"))
        for listener in self.listeners:
            listener(event, result)

    def lose(self, trial_ids: list[str], why: str) -> None:
        """Record trials whose worker is gone for good; those already committed are finished."""
        for trial_id in trial_ids:
            if self.queue.states[trial_id] is not WorkState.RUNNING:
                continue
            if not self._take_committed(trial_id):
                self._fail(_lost(trial_id, why))

    def reconcile(self) -> int:
        """Take over results that are committed in storage and not yet in the catalog."""
        open_states = (WorkState.WAITING, WorkState.READY, WorkState.RUNNING, WorkState.ELSEWHERE)
        ids = [i for i, s in self.queue.states.items() if s in open_states]
        return sum(self._take_committed(trial_id) for trial_id in ids)

    def release(self) -> None:
        """Hand back what this submission has claimed and not finished."""
        ids = self.queue.having(WorkState.RUNNING)
        self._catalog.release(ids, self._submission.id)
        for trial_id in ids:
            self.queue.put_back(trial_id)

    def heartbeat(self) -> None:
        self._catalog.heartbeat(self._submission.id)

    def _take_committed(self, trial_id: str) -> bool:
        """Finish a trial whose result is there; an unreadable one fails the trial alone."""
        try:
            if read_result(self._workspace.trial(trial_id)) is None:
                return False
            self._finish(trial_id)
        except ResultFileError as error:
            failure = _lost(trial_id, str(error))
            self._fail(failure.model_copy(update={"reason": FailureReason.BAD_INPUT}))
        return True

    def _finish(self, trial_id: str) -> TrialResult:
        result = read_result(self._workspace.trial(trial_id))
        if result is None:
            raise ResultFileError(f"trial {trial_id} said it finished and left no result.json")
        self.running_epochs.pop(trial_id, None)
        self._catalog.record_result(self._submission.sweep, result)
        self.queue.finish(trial_id)
        return result

    def _fail(self, failure: TrialFailure) -> None:
        self.running_epochs.pop(failure.trial_id, None)
        self._catalog.record_failure(self._submission.sweep, failure)
        blocked = self.queue.fail(failure.trial_id)
        if blocked:
            self._catalog.record_blocked(blocked, f"waits for {failure.trial_id}, which failed")

    def _poll_elsewhere(self) -> None:
        """Look now and then at trials of other submissions: finished, or free to take over."""
        if time.monotonic() - self._polled_at < ELSEWHERE_POLL_S:
            return
        self._polled_at = time.monotonic()
        for trial_id in self.queue.having(WorkState.ELSEWHERE):
            if not self._take_committed(trial_id):
                self.queue.put_back(trial_id)


def _lost(trial_id: str, why: str) -> TrialFailure:
    return TrialFailure(
        trial_id=trial_id,
        reason=FailureReason.WORKER_LOST,
        message=why,
        at_unix_ms=time.time_ns() // 1_000_000,
    )
