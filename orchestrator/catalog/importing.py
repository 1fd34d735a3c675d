"""What an import puts into the catalog, beside what is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from orchestrator.catalog.exchanged import (
    Exchanged,
    ExchangedMeasurement,
    ExchangedTrial,
)
from orchestrator.catalog.measurements import measurement_columns, measurement_from
from orchestrator.catalog.records import AttemptOutcome, TrialState
from orchestrator.catalog.rows import epoch_row, result_columns, score_rows, trial_row
from orchestrator.catalog.store import Store, chunks, insert_new
from orchestrator.catalog.submissions import living
from orchestrator.catalog.sweep_merging import take_sweep
from orchestrator.catalog.tables import (
    attempts,
    dependencies,
    epochs,
    measurements,
    scores,
    trials,
)
from orchestrator.errors import CatalogError
from workers.contract.results import TrialResult
from workers.contract.trial import Trial


@dataclass
class Imported:
    """How much of what was imported is new here.

    Attributes:
        results: of finished trials, those of `trials` included.
        kept: trials whose result here is another one, and stayed.
    """

    sweeps: int = 0
    trials: int = 0
    results: int = 0
    measurements: int = 0
    kept: list[str] = field(default_factory=list)


IMPORTED = "imported"
"""What the attempt says that stands for all that were made elsewhere."""


class Importing(Store):
    """The part of the catalog that takes in what others exported."""

    def take_in(self, parts: Mapping[str, Exchanged], *, keep_first: bool = False) -> Imported:
        """Put exports into the catalog, all of them or nothing.

        What is there stays; a trial without a result takes one over. MLflow is told nothing.

        Args:
            parts: where each comes from, for messages → what it holds.
            keep_first: of two different results of a trial, keep the one of the catalog or of the
                earlier part.

        Raises:
            CatalogError: two results of one trial differ, or two measurements of one id; or
                somebody works on one of the sweeps.
        """
        told = Imported()
        with self._writing() as connection:
            holders: dict[str, str] = {}
            every = [sweep for part in parts.values() for sweep in part.sweeps]
            for name in sorted({sweep.name for sweep in every}):
                _check_idle(connection, name)
            for source, part in parts.items():
                taking = _Taking(connection, told, source, holders, self.url)
                taking.trials(part.trials, keep_first=keep_first)
                taking.measurements(part.measurements)
            # In the order of their submissions, whichever part stands first.
            for sweep in sorted(every, key=lambda each: each.submitted_at):
                told.sweeps += take_sweep(connection, sweep)
        return told

    def brought(self, trial_ids: Iterable[str]) -> set[str]:
        """Return those of the trials whose result was imported: their files are elsewhere."""
        last: dict[str, str | None] = {}
        columns = select(attempts.c.trial_id, attempts.c.message)
        with self._reading() as connection:
            said = connection.execute(columns.where(attempts.c.message == IMPORTED))
            some = {row.trial_id for row in said} & set(trial_ids)
            for part in chunks(sorted(some)):
                here = columns.where(attempts.c.trial_id.in_(part)).order_by(attempts.c.id)
                last.update((row.trial_id, row.message) for row in connection.execute(here))
        return {trial_id for trial_id, message in last.items() if message == IMPORTED}


def _check_idle(connection: Connection, sweep: str) -> None:
    if running := living(connection, sweep):
        raise CatalogError(
            f"{running[0].submitted_by or 'somebody'} works on sweep {sweep} now; import when it "
            f"has ended, or end it with `adaptersweep stop {sweep}`"
        )


Known = tuple[TrialState, TrialResult | None]


@dataclass
class _Taking:
    """Takes one export in.

    Attributes:
        _source: where it comes from.
        _holders: where each result and measurement comes from that earlier exports brought.
    """

    _connection: Connection
    _told: Imported
    _source: str
    _holders: dict[str, str]
    _url: str

    def trials(self, given: Sequence[ExchangedTrial], *, keep_first: bool) -> None:
        """Take trials in, and the results of those that had none here.

        Raises:
            CatalogError: two results of one trial differ.
        """
        known = self._known(given)
        new = [each for each in given if each.trial_id not in known]
        ended = [
            each
            for each in given
            if self._is_news(each, known.get(each.trial_id), keep_first=keep_first)
        ]
        parents = {each.trial_id: each.trial for each in given}
        insert_new(self._connection, trials, [_trial_row(each, parents) for each in new])
        edges = [{"trial_id": e.trial_id, "parent_id": p} for e in new for p in e.trial.parents]
        insert_new(self._connection, dependencies, edges)
        self._was_there_before(given, known)
        self._end(ended)
        results = [each.result for each in ended if each.result is not None]
        self._told.trials += len(new)
        self._told.results += len(results)
        self._holders.update((r.trial_id, self._source) for r in results)

    def _known(self, given: Sequence[ExchangedTrial]) -> dict[str, Known]:
        """Return the state and the result of those of the trials that are here."""
        found: dict[str, Known] = {}
        columns = select(trials.c.trial_id, trials.c.state, trials.c.result)
        for part in chunks(each.trial_id for each in given):
            for row in self._connection.execute(columns.where(trials.c.trial_id.in_(part))):
                text = row.result
                result = None if text is None else TrialResult.model_validate_json(text)
                found[row.trial_id] = TrialState(row.state), result
        return found

    def _is_news(self, given: ExchangedTrial, known: Known | None, *, keep_first: bool) -> bool:
        """Tell whether the end of a trial is to be written down here."""
        if known is None:
            return given.state is not TrialState.PENDING
        state, result = known
        if given.result is None:
            return state is TrialState.PENDING and given.state is not TrialState.PENDING
        if result is None:
            return True
        if not given.agrees_with(result):
            if not keep_first:
                raise CatalogError(
                    f"two different results of trial {given.trial_id} ({given.trial.label}): "
                    f"{result.metric} {result.score:.6g} in {self._holder(given.trial_id)}, "
                    f"{given.result.score:.6g} in {self._source}; nothing was imported: leave one "
                    "out, or give --keep first to keep the one that came first"
                )
            self._told.kept.append(given.trial_id)
        return False

    def _holder(self, name: str) -> str:
        return self._holders.get(name, f"the catalog at {self._url}")

    def _was_there_before(
        self, given: Sequence[ExchangedTrial], known: Mapping[str, Known]
    ) -> None:
        """Let trials be as old as the older of the two catalogs says, and their results too."""
        both = [each for each in given if each.trial_id in known]
        finished = [each for each in both if each.result and known[each.trial_id][1]]
        for name, those in (("created_at", both), ("started_at", finished), ("ended_at", finished)):
            column, at = trials.c[name], bindparam("at", type_=trials.c[name].type)
            older = update(trials).where(trials.c.trial_id == bindparam("of"), column > at)
            moments = [{"of": i.trial_id, "at": getattr(i, name)} for i in those]
            if moments := [each for each in moments if each["at"] is not None]:
                self._connection.execute(older.values({name: at}), moments)

    def _end(self, ended: Sequence[ExchangedTrial]) -> None:
        """Write down how trials ended."""
        finish = update(trials).where(trials.c.trial_id == bindparam("of"))
        for each in ended:
            self._connection.execute(finish.values(_ending(each)), {"of": each.trial_id})
        results = [each.result for each in ended if each.result is not None]
        made = [
            {
                "trial_id": each.trial_id,
                "started_at": each.started_at or each.created_at,
                "ended_at": each.ended_at,
                "outcome": AttemptOutcome.FINISHED.value,
                "message": IMPORTED,
            }
            for each in ended
            if each.result is not None
        ]
        if made:
            self._connection.execute(insert(attempts), made)
        insert_new(self._connection, scores, [row for r in results for row in score_rows(r)])
        for part in chunks(r.trial_id for r in results):
            self._connection.execute(delete(epochs).where(epochs.c.trial_id.in_(part)))
        curves = [epoch_row(r.trial_id, epoch) for r in results for epoch in r.curve]
        insert_new(self._connection, epochs, curves)

    def measurements(self, given: Sequence[ExchangedMeasurement]) -> None:
        """Take measured times in.

        Raises:
            CatalogError: two of one id differ.
        """
        known: dict[str, ExchangedMeasurement] = {}
        for part in chunks(each.row.measurement_id for each in given):
            query = select(measurements).where(measurements.c.measurement_id.in_(part))
            for row in self._connection.execute(query).mappings():
                found = ExchangedMeasurement(place=row["place"], row=measurement_from(row))
                known[found.row.measurement_id] = found
        new = [each for each in given if each.row.measurement_id not in known]
        for each in given:
            other = known.get(each.row.measurement_id)
            if other is not None and not each.agrees_with(other):
                raise CatalogError(
                    f"two different measurements {each.row.measurement_id}: in "
                    f"{self._holder(each.row.measurement_id)} and in {self._source}; one of them "
                    "was changed by hand: nothing was imported"
                )
        rows = [measurement_columns(each.row) | {"place": each.place} for each in new]
        if rows:
            self._connection.execute(insert(measurements), rows)
        self._told.measurements += len(new)
        self._holders.update((each.row.measurement_id, self._source) for each in new)


def _trial_row(given: ExchangedTrial, parents: Mapping[str, Trial]) -> dict[str, Any]:
    """Return the columns of a trial that has not run, whichever recipe it was made for."""
    row = trial_row(
        given.trial,
        configuration=given.configuration,
        parents=parents,
        created_at=given.created_at,
        recipe=given.recipe,
    )
    return row | {"trial_id": given.trial_id}


def _ending(given: ExchangedTrial) -> dict[str, Any]:
    """Return the columns that a trial's end fills."""
    columns = {
        "state": given.state.value,
        "failure_reason": given.failure_reason,
        "failure_message": given.failure_message,
        "stopped": None if given.stopped is None else given.stopped.model_dump_json(),
        "started_at": given.started_at,
        "ended_at": given.ended_at,
    }
    return columns if given.result is None else columns | result_columns(given.result)
