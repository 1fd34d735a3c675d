"""Stop trials before their end: ask workers to, record it, and hand nothing hopeless out.

Which are hopeless is told by `orchestrator.running.early_stopping`, and what the sweep may take by
`orchestrator.running.budget`: what that cuts short is pending again, and not stopped. A worker that
is asked finds it between two epochs, leaves a checkpoint, and says so; until then the trial counts
as running, and if it comes to its result meanwhile, that counts.
"""

from collections.abc import Iterable, Mapping

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Stop, Submission
from orchestrator.errors import CatalogError
from orchestrator.running.best_so_far import Best
from orchestrator.running.budget import Spending
from orchestrator.running.early_stopping import EarlyStopping
from orchestrator.running.work_queue import USUAL, WorkQueue, WorkState
from workers.contract.claims import ask_to_stop
from workers.contract.paths import Workspace
from workers.contract.trial import Trial


class Stopping:
    """What one submission stops, by the rule and the budget of its sweep.

    Attributes:
        spending: what the sweep has taken of its budget.
        ended_by: the budget that was reached, in words; None while there is more to give.
        rule: the rule, with all that it has heard.
        asked: the trials of which workers were asked to stop, and why.
    """

    def __init__(
        self,
        rule: EarlyStopping | None,
        queue: WorkQueue,
        catalog: Catalog,
        workspace: Workspace,
        submission: Submission,
        *,
        spending: Spending | None = None,
    ) -> None:
        self.rule = rule or EarlyStopping(None, queue.trials, sweep="")
        self._queue, self._catalog, self._workspace = queue, catalog, workspace
        self._submission = submission
        self.spending = spending or Spending.unlimited()
        self.asked: dict[str, Stop] = {}
        self.ended_by: str | None = None
        self._cut_short: set[str] = set()

    def recall(self) -> None:
        """Bring to mind all curves, and which trials this very rule stopped before."""
        if self.rule.settings is None:
            return
        ids = self._queue.trials
        self.rule.recall(self._catalog.curves(ids), self._queue.is_finished)
        for trial_id, stop in self._catalog.stops(ids).items():
            if self.rule.stays(trial_id, stop):
                self._end(trial_id, stop)

    def next_bundle(self, *, size: int, workers: int, kind: int = USUAL) -> list[Trial]:
        """Take ready trials off the queue; those that are hopeless already are stopped unbegun.

        Raises:
            CatalogError: the catalog does not answer; nothing is taken.
        """
        if 0 < self.spending.trials_left < size:
            size = int(self.spending.trials_left)
        while bundle := self._queue.next_bundle(size=size, workers=workers, kind=kind):
            try:
                stops = self._hopeless([t.trial_id for t in bundle])
                stopped = self._catalog.record_stopped(self._submission.sweep, stops)
            except CatalogError:
                for trial in bundle:
                    self._queue.put_back(trial.trial_id)
                raise
            for trial_id, stop in stops.items():
                if trial_id in stopped:
                    self._end(trial_id, stop)
                else:
                    self._queue.defer(trial_id)
            if rest := [t for t in bundle if t.trial_id not in stops]:
                return rest
        return []

    def ask(self, attempts: Mapping[str, int]) -> None:
        """Ask workers to stop what the rule has come to find hopeless.

        Args:
            attempts: trial → the attempt under which it runs.
        """
        running = self._queue.having(WorkState.RUNNING) if self.rule.settings is not None else ()
        for trial_id, stop in self._hopeless(i for i in running if i not in self.asked).items():
            ask_to_stop(self._workspace.trial(trial_id), attempts[trial_id])
            self.asked[trial_id] = stop

    def spend(self, best: Mapping[str, Best], attempts: Mapping[str, int]) -> None:
        """Let nothing begin that the budget has no room for, and end what runs if it says so."""
        if (why := self.spending.reached(best)) is not None:
            self.ended_by = self.ended_by or why
            for trial_id in set(self._queue.having(WorkState.RUNNING)) - self._cut_short:
                ask_to_stop(self._workspace.trial(trial_id), attempts[trial_id])
                self._cut_short.add(trial_id)
            self._queue.leave_out(self._not_running())
        elif not self.spending.trials_left:
            new = [i for i in self._not_running() if i not in self.spending.given]
            if new:
                self.ended_by = self.spending.none_left()
                self._queue.leave_out(new)

    def _not_running(self) -> list[str]:
        states = (WorkState.WAITING, WorkState.READY, WorkState.ELSEWHERE)
        return [i for state in states for i in self._queue.having(state)]

    def keeps(self, trial_id: str) -> bool:
        """Tell whether another submission has stopped a trial by this very rule; then it stays."""
        stop = self._catalog.stops([trial_id]).get(trial_id)
        if stop is None or not self.rule.stays(trial_id, stop):
            return False
        self._end(trial_id, stop)
        return True

    def settle(self, trial_id: str) -> bool:
        """Record that a worker has stopped a trial; False if the rule had not asked for it."""
        stop, mine = self.asked.get(trial_id), self._submission
        if stop is None:
            return False
        recorded = self._catalog.record_stopped(mine.sweep, {trial_id: stop}, by=mine.id)
        self.forget(trial_id)
        if recorded:
            self._end(trial_id, stop)
        return bool(recorded)

    def forget(self, trial_id: str) -> None:
        """Forget that a trial is asked to stop, since it is nobody's now."""
        self.asked.pop(trial_id, None)
        self._cut_short.discard(trial_id)

    def _hopeless(self, trial_ids: Iterable[str]) -> dict[str, Stop]:
        """Return what the rule would stop of these and nobody else wants in full."""
        found = self.rule.hopeless(trial_ids)
        if found:
            for trial_id in self._catalog.wanted_in_full(found, self._submission.sweep):
                del found[trial_id]
        return found

    def _end(self, trial_id: str, stop: Stop) -> None:
        """Stop what waits for a stopped trial as well: it goes on when that one does."""
        self.rule.give_up(trial_id)
        waiting = self._queue.stop(trial_id)
        if waiting:
            why = f"waits for {trial_id}, which was {stop.message}"
            stops = dict.fromkeys(waiting, stop.model_copy(update={"message": why}))
            self._catalog.record_stopped(self._submission.sweep, stops)
