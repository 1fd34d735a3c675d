"""Mirror a sweep into MLflow, from a thread of its own, through the catalog's outbox.

An entry leaves the outbox when MLflow has it, so MLflow being down delays it and loses nothing.
How runs are found and sent to is left to `orchestrator.mlflow.runs`, and what is in them to
`orchestrator.mlflow.run_content`.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.outbox import LEASE_S
from orchestrator.catalog.records import (
    OutboxEntry,
    OutboxKind,
    TrialFilter,
    TrialRow,
    TrialState,
)
from orchestrator.errors import CatalogError, OrchestratorError, TrackingError
from orchestrator.mlflow.facts import Facts
from orchestrator.mlflow.parent_page import describe
from orchestrator.mlflow.run_content import (
    FAILURE_TAGS,
    ROWS_PER_TABLE,
    STATE,
    STOP_TAGS,
    SWEPT,
    Point,
    epoch_points,
    failure_tags,
    parameters,
    result_points,
    result_tags,
    run_name,
    stop_tags,
    trial_tags,
)
from orchestrator.mlflow.runs import SweepRuns, connect
from orchestrator.stores import Stores
from workers.contract.results import Epoch, TrialResult
from workers.errors import StorageError

log = logging.getLogger(__name__)

PUBLISH_LIMIT_S = 120.0
"""How long MLflow is waited for since it last took something; there may be minutes of it left."""
_POLL_S = 1.0
_SUMMARY_S = 15.0
_LONGEST_PAUSE_S = 60.0
_STOP_LIMIT_S = 40.0
_SAY_S = 10.0
_NOTE_S = 1.0
"""How long what MLflow has been told is kept before it is noted together; it may be told twice."""


class Publisher:
    """Publishes one sweep while it runs, and what earlier submissions of it left behind.

    One process publishes a sweep at a time; the catalog decides which. Nothing that goes wrong
    here reaches the caller: it is logged, noted in the outbox, and tried again.
    """

    def __init__(self, catalog: Catalog, stores: Stores, sweep: str) -> None:
        self._catalog = catalog
        self._stores = stores
        self._sweep = sweep
        self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._runs: SweepRuns | None = None
        self._failures = 0
        self._leased_until = 0.0
        self._summary_stale = True
        self._summarised_at = 0.0
        self._reopened = set[str]()
        self._swept: tuple[str, ...] | None = None
        self._facts = Facts({}, {}, {}, {}, (), {})
        self._delivered: list[int] = []
        self._noted_at = 0.0

    def start(self) -> None:
        """Begin to publish in the background."""
        self._thread.start()

    def drain(
        self,
        limit_s: float,
        *,
        while_told: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> int:
        """Wait until MLflow knows everything; return how much is still to tell.

        Args:
            limit_s: how long at most; with `while_told` since MLflow last took something.
            say: is told now and then how much is left.
        """
        begun = said_at = time.monotonic()
        least: float = math.inf
        self._hurry.set()
        while True:
            try:
                left = self._catalog.count_undelivered(self._sweep)
            except CatalogError:
                log.exception("cannot see how much of %s is unpublished", self._sweep)
                left = 1
            moment = time.monotonic()
            if while_told and left < least:
                begun, least = moment, left
            told = left == 0 and not self._summary_stale
            if told or moment - begun >= limit_s or not self._thread.is_alive():
                return left
            if say is not None and moment - said_at >= _SAY_S:
                said_at = moment
                say(f"MLflow has still to be told of {left:,} results, starts and epochs")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the thread after the request that it is in; what is untold stays in the outbox."""
        self._stopping.set()
        self._hurry.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_LIMIT_S)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                told = self._round()
            except OrchestratorError as error:
                self._failures += 1
                self._runs = None  # what it remembers may not hold any more
                log.warning("publishing %s waits: %s", self._sweep, error)
                told = False
            except Exception:  # the thread must outlive whatever MLflow may raise
                self._failures += 1
                self._runs = None
                log.exception("publishing %s failed; it is tried again", self._sweep)
                told = False
            if not told:
                self._pause()
        try:
            self._catalog.give_up_publishing(self._sweep)
        except CatalogError:
            log.exception("could not give up publishing %s; it lapses by itself", self._sweep)

    def _pause(self) -> None:
        hurried = self._hurry.is_set()
        pause_s = min(_POLL_S * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        if hurried:  # somebody waits: no long pauses
            self._stopping.wait(min(pause_s, _POLL_S) if self._failures else 0.1)
        else:
            self._hurry.wait(pause_s)

    def _round(self) -> bool:
        """Tell what is due; return whether anything was told, which means to look again at once."""
        if not self._is_publisher():
            return False
        hurry = self._hurry.is_set()
        runs = self._connected()
        entries = self._catalog.undelivered(self._sweep, early=hurry)
        self._summary_stale = self._summary_stale or bool(entries)
        self._facts = Facts.read(self._catalog, self._sweep, entries, runs)
        told = 0
        try:
            for group in _by_trial(entries):
                if self._stopping.is_set():
                    return False
                told += self._tell(runs, group)
                if time.monotonic() - self._noted_at > _NOTE_S:
                    self._note(runs)
        finally:
            self._note(runs)
        due = hurry or time.monotonic() - self._summarised_at > _SUMMARY_S
        if self._summary_stale and due and not (hurry and told):
            self._summarise(runs)
        self._failures = self._failures + 1 if entries and not told else 0
        return bool(told)

    def _is_publisher(self) -> bool:
        if time.monotonic() < self._leased_until:
            return True
        if not self._catalog.take_publishing(self._sweep):
            return False
        self._leased_until = time.monotonic() + LEASE_S / 3
        return True

    def _connected(self) -> SweepRuns:
        if self._runs is None:
            client = connect(self._stores.tracking_uri)
            self._delivered = []  # perhaps to a store that is another one now
            self._runs = SweepRuns(client, self._catalog, self._stores, self._sweep)
        return self._runs

    def _tell(self, runs: SweepRuns, group: Sequence[OutboxEntry]) -> int:
        """Send what belongs to one trial, or one entry of the sweep; return how many were sent."""
        ids = [entry.id for entry in group]
        try:
            if group[0].trial_id is None:
                self._tell_sweep(runs, group)
            else:
                self._tell_trial(runs, group[0].trial_id, group)
        except StorageError as error:  # its own fault, and not of the entry
            log.warning("could not publish trial %s: %s", group[0].trial_id, error)
            self._catalog.mark_undeliverable(ids, str(error))
            return 0
        except TrackingError as error:
            self._catalog.mark_undeliverable(ids, str(error))
            if not _answers(runs):
                raise
            log.warning("could not publish trial %s: %s", group[0].trial_id, error)
            return 0
        self._delivered += ids
        return len(ids)

    def _note(self, runs: SweepRuns) -> None:
        """Note which runs there are, and what MLflow knows of them."""
        self._noted_at = time.monotonic()
        runs.note()
        told, self._delivered = self._delivered, []
        if told:
            self._catalog.mark_delivered(told)

    def _tell_sweep(self, runs: SweepRuns, group: Sequence[OutboxEntry]) -> None:
        last = group[-1]
        at_ms = _unix_ms(last.created_at)
        if last.kind is OutboxKind.SWEEP_STARTED:
            self._name_anew(runs)
            runs.reopen(runs.parent, "running")
            return
        outcome = last.payload["outcome"]
        for state, row in self._open_rows():
            if run_id := runs.known().get(row.trial_id):
                runs.send(run_id, tags={STATE: state.value})
                runs.end(run_id, "KILLED", at_ms)
                self._reopened.discard(run_id)
        done = {"completed": "FINISHED", "budget_reached": "FINISHED", "failed": "FAILED"}
        status = done.get(outcome, "KILLED")
        runs.send(runs.parent, tags={STATE: outcome})
        runs.end(runs.parent, status, at_ms)

    def _named_by(self) -> tuple[str, ...]:
        if self._swept is None:
            self._swept = self._catalog.swept(self._sweep)
        return self._swept

    def _name_anew(self, runs: SweepRuns) -> None:
        """Give the runs that are there names that say what this submission has come to sweep."""
        self._swept = None
        swept = ", ".join(self._named_by()) or "nothing"
        if runs.tag(runs.parent, SWEPT) not in (None, swept):
            for row in self._catalog.trials(TrialFilter(sweep=self._sweep), "trial_id", limit=None):
                if run_id := runs.known().get(row.trial_id):
                    runs.rename(run_id, run_name(row, self._named_by()))
        runs.send(runs.parent, tags={SWEPT: swept})

    def _open_rows(self) -> Iterable[tuple[TrialState, TrialRow]]:
        """Yield the trials that were begun and are neither finished, failed nor running."""
        for state in (TrialState.PENDING, TrialState.BLOCKED):
            filter_ = TrialFilter(sweep=self._sweep, state=state)
            for row in self._catalog.trials(filter_, "trial_id", limit=None):
                yield state, row

    def _tell_trial(self, runs: SweepRuns, trial_id: str, group: Sequence[OutboxEntry]) -> None:
        known = self._facts.known
        trial, row = known[trial_id], self._facts.rows[trial_id]
        result = self._facts.results.get(trial_id)
        is_new = trial_id not in runs.known()
        finished = result if any(e.kind is OutboxKind.TRIAL_FINISHED for e in group) else None
        of_result = result_tags(finished) if finished is not None else {}
        run_id = runs.run(
            trial_id,
            name=run_name(row, self._named_by()),
            tags=trial_tags(trial, self._sweep, runs.parent) | of_result,
            started_at_ms=_started_at_ms(row, result),
        )
        goes_on = row.state not in (TrialState.STOPPED, TrialState.FAILED)
        if goes_on and trial_id in self._facts.told_of_ends and run_id not in self._reopened:
            runs.remove_tags(run_id, (*STOP_TAGS, *FAILURE_TAGS))
        live = [Epoch.model_validate(e.payload) for e in group if e.kind is OutboxKind.TRIAL_EPOCH]
        points = [p for epoch in live for p in epoch_points(epoch)]
        if result is not None:
            if finished is not None:
                tags = {} if is_new else of_result  # with which a new one was created
                settings = parameters(trial, known)
                self._tell_result(runs, run_id, finished, points, settings=settings, tags=tags)
            elif points:
                runs.send(run_id, points=points)
            return
        if row.state is TrialState.STOPPED:
            stop = self._facts.stops.get(trial_id)
            tags = stop_tags(stop) if stop is not None else {}
            runs.send(run_id, points=points, parameters=parameters(trial, known), tags=tags)
            runs.end(run_id, "KILLED", _unix_ms(row.ended_at) if row.ended_at else None)
            self._reopened.discard(run_id)
            return
        if row.state is TrialState.FAILED:
            tags = failure_tags(row)
            runs.send(run_id, points=points, parameters=parameters(trial, known), tags=tags)
            runs.end(run_id, "FAILED", _unix_ms(row.ended_at) if row.ended_at else None)
            self._reopened.discard(run_id)
            return
        runs.send(run_id, points=points, parameters=parameters(trial, known))
        if not is_new and run_id not in self._reopened:
            runs.reopen(run_id, row.state.value)
        self._reopened.add(run_id)

    def _tell_result(
        self,
        runs: SweepRuns,
        run_id: str,
        result: TrialResult,
        live: list[Point],
        *,
        settings: dict[str, str],
        tags: dict[str, str],
    ) -> None:
        """Send scores, the epochs that were not told as they happened, and the adapter's files."""
        already = self._facts.told_epochs.get(result.trial_id, ())
        rest = (p for e in result.curve if e.epoch not in already for p in epoch_points(e))
        points = [*live, *rest, *result_points(result)]
        runs.send(run_id, points=points, parameters=settings, tags=tags)
        files = self._stores.workspace.trial(result.trial_id).files
        # What was imported came without its files.
        if result.adapter is not None and (
            files.has_adapter(None) or not self._catalog.brought([result.trial_id])
        ):
            with files.adapter(result.adapter.files) as folder:
                runs.send_folder(run_id, folder, "adapter")
        runs.end(run_id, "FINISHED", result.finished_at_unix_ms)

    def _summarise(self, runs: SweepRuns) -> None:
        """Bring the parent run's metrics and the descriptions up to date."""
        counts = self._catalog.counts(self._sweep)
        board = self._catalog.leaderboard(self._sweep, limit=ROWS_PER_TABLE)
        # Of a task that was changed, the data of the last submission; of no two tasks together.
        best: dict[str, float] = {}
        for row in board:
            best.setdefault(row.task, row.mean)
        finished = TrialFilter(sweep=self._sweep, state=TrialState.FINISHED)
        last = self._catalog.trials(finished, "-ended_at", limit=1)
        if last and last[0].ended_at:
            # Stamped with the last trial's end: the same state is the same point, told twice.
            done, at_ms = counts[TrialState.FINISHED], _unix_ms(last[0].ended_at)
            values = {"trials_finished": float(done)}
            values |= {f"best_mean/{task}": mean for task, mean in best.items()}
            points = [Point(name, value, done, at_ms) for name, value in values.items()]
            runs.send(runs.parent, points=points)
        describe(runs, self._sweep, counts, board)
        self._summary_stale = False
        self._summarised_at = time.monotonic()


@contextmanager
def publishing(catalog: Catalog, stores: Stores, sweep: str) -> Iterator[Publisher]:
    """Publish a sweep in the background as long as this lasts."""
    publisher = Publisher(catalog, stores, sweep)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def _by_trial(entries: Sequence[OutboxEntry]) -> list[list[OutboxEntry]]:
    """Group the entries of each trial, in the order of its first one; the sweep's stay in place."""
    groups: dict[object, list[OutboxEntry]] = {}
    for trial_id, run in groupby(entries, key=lambda e: e.trial_id):
        for entry in run:
            groups.setdefault(trial_id or entry.id, []).append(entry)
    return list(groups.values())


def _answers(runs: SweepRuns) -> bool:
    """Tell whether MLflow itself works, so that the fault lies with what was sent."""
    try:
        runs.send(runs.parent)
    except TrackingError:
        return False
    return True


def _started_at_ms(row: TrialRow, result: TrialResult | None) -> int:
    if result is not None:
        return result.finished_at_unix_ms - int(1000 * result.duration_s)
    return _unix_ms(row.started_at or row.created_at)


def _unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
