"""The driver's view of a running submission: hands out bundles, takes in events, writes records.

It alone writes the catalog while a submission runs. How bundles reach workers is left to
`orchestrator.running.scheduling`; a call that raises there would end the whole run, so what can
fail here is caught and mended by `reconcile`.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import SAME_ANYWHERE, Request, Submission, TrialState
from orchestrator.errors import CatalogError, SubmissionOverError
from orchestrator.running.best_so_far import BestSoFar
from orchestrator.running.heartbeat import Heartbeat
from orchestrator.running.lost_trials import lost, unreadable
from orchestrator.running.stopping import Stopping
from orchestrator.running.work_queue import USUAL, WorkQueue, WorkState
from workers.contract.claims import current_claim, write_claim
from workers.contract.events import GIVEN_BACK, EventKind, TrialEvent
from workers.contract.paths import Workspace
from workers.contract.results import (
    Epoch,
    FailureReason,
    TrialFailure,
    TrialResult,
    read_failure,
    read_result,
)
from workers.contract.trial import Trial
from workers.errors import ResultFileError, StorageError

log = logging.getLogger(__name__)

CATALOG_POLL_S = 5.0
_NOBODY = 0
"""In place of an attempt's number; no attempt has this one."""

_SHOWN_AS = {
    WorkState.RUNNING: TrialState.RUNNING,
    WorkState.ELSEWHERE: TrialState.RUNNING,
    WorkState.FINISHED: TrialState.FINISHED,
    WorkState.FAILED: TrialState.FAILED,
    WorkState.STOPPED: TrialState.STOPPED,
    WorkState.BLOCKED: TrialState.BLOCKED,
}
"""What the catalog, and so `status`, calls what the queue knows; the rest is pending."""

Listener = Callable[[TrialEvent, TrialResult | None], None]


class Board:
    """One submission's queue, kept in step with the catalog and with the committed files.

    Attributes:
        stopped: why nothing more may be handed out although trials are left, such as that this
            submission was taken over, or that it is asked to stop; None while it may.
        heartbeat: says what people ask of this submission.
        trained: the trials that this submission itself finished.
        attempts: trial → the attempt under which this submission runs it.
        most_failures: how many trials of this submission may fail before it gives up.
        gave_up: whether more than that failed.
        best: task → its best trial, of all that are finished, also before this submission.
        failures: reason → how many trials of this submission failed for it.
        retries: reason → how often trials were given out again.
        stops: what the sweep's rule of early termination and its budget stop.
    """

    def __init__(
        self,
        queue: WorkQueue,
        catalog: Catalog,
        workspace: Workspace,
        submission: Submission,
        heartbeat: Heartbeat | None = None,
        stops: Stopping | None = None,
    ) -> None:
        self.queue = queue
        self.heartbeat = heartbeat or Heartbeat(catalog, submission)
        self.listeners: list[Listener] = []
        self.running_epochs: dict[str, Epoch | None] = {}
        self.stopped: str | None = None
        self.trained: set[str] = set()
        self.attempts: dict[str, int] = {}
        self.best = BestSoFar()
        self.most_failures = math.inf
        self.gave_up = False
        self.failures: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self._catalog = catalog
        self._workspace = workspace
        self._submission = submission
        self._polled_at = 0.0
        self._withdrawn: set[str] = set()
        self.stops = stops or Stopping(None, queue, catalog, workspace, submission)

    @property
    def over(self) -> bool:
        return self.stopped is not None or self.queue.ended

    @property
    def held(self) -> str | None:
        """Say why nothing new may start now although it will later; None while it may."""
        control = self.heartbeat.control
        if control.request is Request.PAUSE:
            resume = f"adaptersweep resume {self._submission.sweep}"
            return f"paused by {control.requested_by}; `{resume}` lets it go on"
        if control.outranked_by is not None:
            return f"sweep {control.outranked_by} has a higher priority and waits for workers"
        return self.heartbeat.outage

    @property
    def stopping(self) -> str | None:
        """Say who asked this submission to end, or what it waited for in vain; None if nothing."""
        control = self.heartbeat.control
        if control.request not in (Request.STOP, Request.CANCEL):
            return self.heartbeat.given_up
        return f"{control.requested_by} asked to {control.request}; submit again to go on"

    @property
    def waits(self) -> bool:
        """Tell whether what is left can go on later, without any bundle being out."""
        return self.held is not None or self.queue.number(WorkState.ELSEWHERE) > 0

    def worker_limit(self, usual: int | None) -> int | None:
        """Return how many workers there may be at most now; None for as many as fit."""
        return self.heartbeat.control.max_workers or usual

    def hold(self, workers: Mapping[int, int]) -> None:
        """Note how many workers of each kind there are, for what they take of the budget."""
        self.heartbeat.gpu_s = self.stops.spending.hold(workers)

    def heed(self) -> None:
        """Do what people ask of this submission, and see now and then what others changed."""
        self.obey()
        self._poll_catalog()

    def obey(self) -> None:
        """Do what people ask of this submission, as far as it is not done yet."""
        self.stopped = self.stopped or self.stopping
        self.stops.spend(self.best, self.attempts)
        if self.stopping or (self.held and not self.heartbeat.outage):
            self._withdraw()

    def _withdraw(self) -> None:
        """Let workers leave alone what they were given and have not begun.

        They find that the claim is not theirs, and say so; until then it counts as running.
        """
        begun = self.running_epochs.keys()
        for trial_id in set(self.queue.having(WorkState.RUNNING)) - begun - self._withdrawn:
            paths = self._workspace.trial(trial_id)
            if current_claim(paths) == self.attempts[trial_id]:  # it was not taken over
                write_claim(paths, _NOBODY)
            self._withdrawn.add(trial_id)

    def counts(self) -> Counter[TrialState]:
        """Count trials by state, as `status` does."""
        counts: Counter[TrialState] = Counter()
        for state, n in self.queue.counts().items():
            counts[_SHOWN_AS.get(state, TrialState.PENDING)] += n
        return counts

    def unpublished(self) -> tuple[int, float]:
        """Return how much of the sweep MLflow does not know, and for how long already, seconds.

        Raises:
            CatalogError: the catalog does not answer.
        """
        return self._catalog.outbox_lag(self._submission.sweep)

    def recall(self) -> None:
        """Bring to mind the scores of what was finished before."""
        finished = self.queue.having(WorkState.FINISHED)
        for trial_id, standing in self._catalog.standings(finished).items():
            if standing.metric is not None and standing.score is not None:
                self.best.note(self.queue.trials[trial_id], standing.metric, standing.score)
        self.stops.recall()

    def next_bundle(self, *, size: int, workers: int, kind: int = USUAL) -> list[Trial]:
        """Claim and return the next trials that belong together; empty while nothing is ready."""
        if not self._workspace.is_there:
            self.stopped = (
                f"the workspace {self._workspace.address} is gone: it was moved, deleted or "
                "unmounted meanwhile; bring it back, or give its new place with --workspace, and "
                "submit again"
            )
            return []
        self.heed()
        if self.stopped is not None or self.held is not None:
            return []
        bundle = self.stops.next_bundle(size=size, workers=workers, kind=kind)
        if not bundle:
            return []
        try:
            claimed = self._catalog.claim([t.trial_id for t in bundle], self._submission.id)
        except CatalogError as error:
            for trial in bundle:
                self.queue.put_back(trial.trial_id)
            if not isinstance(error, SubmissionOverError):
                raise
            self.stopped = str(error)
            return []
        for trial in bundle:
            if trial.trial_id not in claimed and not self._take_committed(trial.trial_id):
                self.queue.defer(trial.trial_id)
        mine = [t for t in bundle if t.trial_id in claimed]
        try:
            self._workspace.each(lambda trial: self._prepare(trial, claimed[trial.trial_id]), mine)
        except (OSError, StorageError) as error:
            log.warning("trials are not handed out now: %s", error)
            for trial in mine:
                self._leave(trial.trial_id)
            return []
        return mine

    def _prepare(self, trial: Trial, attempt: int) -> None:
        """Write down what a worker needs; from now on no other attempt at it may commit."""
        paths = self._workspace.trial(trial.trial_id)
        write_claim(paths, attempt)
        for name in (paths.failure.name, paths.pruned.name):
            paths.files.delete(name)
        paths.files.write(paths.trial.name, trial.model_dump_json(indent=1).encode())
        self.attempts[trial.trial_id] = attempt
        self.stops.spending.given.add(trial.trial_id)

    def take(self, *events: TrialEvent) -> None:
        """Record what a worker tells, in its order: results together, epochs together."""
        self.obey()
        results = self._committed(e.trial_id for e in events if e.kind is EventKind.FINISHED)
        self._finish(results.values())
        # The curve of what has a result is in it.
        points = [(e.trial_id, e.epoch) for e in events if e.epoch and e.trial_id not in results]
        if points:
            mine = self._submission
            self._catalog.record_epochs(mine.sweep, points, by=mine.id)
            self.stops.rule.hear(points)
        for event in events:
            trial_id = event.trial_id
            if event.kind is EventKind.FINISHED:
                self._tell(event, results.get(trial_id))
                continue
            if trial_id not in results and event.kind in (EventKind.STARTED, EventKind.EPOCH):
                self.running_epochs[trial_id] = event.epoch
            elif event.kind is EventKind.FAILED:
                failure = read_failure(self._workspace.trial(trial_id))
                self._fail(failure or lost(trial_id, "the worker left no reason"))
            elif event.kind in GIVEN_BACK and not self._take_committed(trial_id):
                self.retries[event.kind] += event.kind is EventKind.PREEMPTED
                self._leave(trial_id)
            elif event.kind is EventKind.STOPPED and not self._take_committed(trial_id):
                self.running_epochs.pop(trial_id, None)
                if not self.stops.settle(trial_id):
                    self._leave(trial_id)
            self._tell(event, None)
        self.stops.ask(self.attempts)

    def _committed(self, trial_ids: Iterable[str]) -> dict[str, TrialResult]:
        """Read what trials have committed that said they are finished.

        One that left nothing stays under way until its worker has ended its bundle, which fails it.
        """
        found: dict[str, TrialResult] = {}
        for trial_id in trial_ids:
            try:
                result = read_result(self._workspace.trial(trial_id))
            except ResultFileError as error:
                self._fail(unreadable(trial_id, error))
                continue
            if result is not None:
                found[trial_id] = result
        return found

    def lose(self, trial_ids: list[str], why: str) -> None:
        """Record trials whose worker is gone for good; those already committed are finished."""
        for trial_id in trial_ids:
            if self.queue.states[trial_id] is not WorkState.RUNNING:
                continue
            if not self._take_committed(trial_id) and not self.stops.settle(trial_id):
                said = read_failure(self._workspace.trial(trial_id))  # to a catalog that was away
                failure = said or lost(trial_id, why)
                if not said and "OutOfMemory" in why:  # Ray's word for what it killed for memory
                    failure = failure.model_copy(update={"reason": FailureReason.OUT_OF_MEMORY})
                self._fail(failure)

    def reconcile(self) -> int:
        """Take over results that are committed in storage and not yet in the catalog."""
        open_states = (WorkState.WAITING, WorkState.READY, WorkState.RUNNING, WorkState.ELSEWHERE)
        ids = [i for state in open_states for i in self.queue.having(state)]
        there = self._workspace.found(ids)
        return sum(self._take_committed(i) for i in ids if there[i].result)

    def release(self) -> None:
        """Hand back what this submission has claimed and not finished."""
        ids = self.queue.having(WorkState.RUNNING)
        self._catalog.release(ids, self._submission.id)
        for trial_id in ids:
            self.queue.put_back(trial_id)

    def _take_committed(self, trial_id: str) -> bool:
        """Finish a trial whose result is there; an unreadable one fails the trial alone."""
        try:
            result = read_result(self._workspace.trial(trial_id))
        except ResultFileError as error:
            self._fail(unreadable(trial_id, error))
            return True
        if result is None:
            return False
        self._finish([result])
        return True

    def _finish(self, results: Collection[TrialResult]) -> None:
        if not results:
            return
        self._catalog.record_results(self._submission.sweep, list(results))
        for result in results:
            self.running_epochs.pop(result.trial_id, None)
            if self.queue.states[result.trial_id] is WorkState.RUNNING:
                self.trained.add(result.trial_id)
            self.queue.finish(result.trial_id)
            self.best.note(self.queue.trials[result.trial_id], result.metric, result.score)
            self.stops.rule.end(result.trial_id, result.curve)

    def _fail(self, failure: TrialFailure) -> None:
        """Record a failure of this submission's own, and what it blocks."""
        mine, trial_id = self._submission, failure.trial_id
        if not self._catalog.record_failure(mine.sweep, failure, by=mine.id):
            self._leave(trial_id)  # it was taken over; what becomes of it is told by who has it
            return
        self.failures[failure.reason] += 1
        self._end_failed(trial_id)
        if self.failures.total() > self.most_failures and self.stopped is None:
            self.gave_up = True
            self.stopped = (
                f"{self.failures.total()} trials failed, more than limits.failures allows; the "
                f"last for {failure.reason}: {failure.message}; mend that and submit again"
            )

    def _end_failed(self, trial_id: str) -> None:
        self.running_epochs.pop(trial_id, None)
        self.stops.rule.drop(trial_id)
        blocked = self.queue.fail(trial_id)
        if blocked:
            self._catalog.record_blocked(blocked, f"waits for {trial_id}, which failed")

    def _leave(self, trial_id: str) -> None:
        """Leave a trial to whoever has taken it over; if nobody has, it is claimed anew."""
        self._withdrawn.discard(trial_id)
        self.stops.forget(trial_id)
        self.running_epochs.pop(trial_id, None)
        self._catalog.release([trial_id], self._submission.id)
        self.queue.defer(trial_id)

    def _poll_catalog(self) -> None:
        """Look now and then at what others change: trials that they run, or want tried again."""
        if time.monotonic() - self._polled_at < CATALOG_POLL_S:
            return
        self._polled_at = time.monotonic()
        self._poll_failed()
        self._poll_elsewhere()

    def _poll_failed(self) -> None:
        """Take up failed trials that somebody made pending again, and what they blocked."""
        failed = self.queue.having(WorkState.FAILED)
        if not failed:
            return
        for trial_id, standing in self._catalog.standings(failed).items():
            if standing.state is TrialState.PENDING:
                self._catalog.unblock(self.queue.retry(trial_id))

    def _poll_elsewhere(self) -> None:
        """Settle trials of other submissions that are finished, failed, or free to take."""
        waiting = self.queue.having(WorkState.ELSEWHERE)
        if not waiting:
            return
        standings = self._catalog.standings(waiting)
        there = self._workspace.found(waiting)
        for trial_id in waiting:
            standing = standings[trial_id]
            taken = there[trial_id].result and self._take_committed(trial_id)
            if taken or standing.state is TrialState.RUNNING:
                continue
            if standing.state is TrialState.FINISHED:
                self.stopped = (
                    f"trial {trial_id} was finished by another submission, and its result is not "
                    f"in {self._workspace.trial(trial_id).place()}; all who use a catalog must use "
                    "one workspace: check --workspace and --catalog"
                )
            elif standing.state is TrialState.FAILED and standing.reason in SAME_ANYWHERE:
                self._end_failed(trial_id)
                self._tell(TrialEvent(kind=EventKind.FAILED, trial_id=trial_id), None)
            elif standing.state is not TrialState.STOPPED or not self.stops.keeps(trial_id):
                self.queue.put_back(trial_id)

    def _tell(self, event: TrialEvent, result: TrialResult | None) -> None:
        for listener in self.listeners:
            listener(event, result)
