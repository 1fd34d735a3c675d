"""What an export takes out of the catalog."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping, select

from orchestrator.catalog.exchanged import (
    Exchanged,
    ExchangedMeasurement,
    ExchangedSweep,
    ExchangedTrial,
)
from orchestrator.catalog.measurements import measurement_from
from orchestrator.catalog.records import Stop, SubmissionOutcome, TrialState
from orchestrator.catalog.store import Store, chunks
from orchestrator.catalog.submissions import check_known
from orchestrator.catalog.tables import measurements, submissions, sweep_trials, sweeps, trials
from workers.contract.results import TrialResult
from workers.contract.trial import Trial

_COLUMNS = (
    *("trial_id", "configuration", "config", "state", "result", "unsaid"),
    *("failure_reason", "failure_message", "stopped", "created_at", "started_at", "ended_at"),
)


class Exporting(Store):
    """The part of the catalog that hands all of itself out, in one consistent state."""

    def exported(
        self, of_sweeps: Sequence[str] | None = None, *, with_measurements: bool = True
    ) -> Exchanged:
        """Return sweeps with their trials, and what these build on.

        A trial that is running is pending in what is returned.

        Args:
            of_sweeps: only these; None for the whole catalog, with trials that no sweep has.

        Raises:
            CatalogError: there is no such sweep.
        """
        with self._reading() as connection:
            for name in of_sweeps or ():
                check_known(connection, name)
            every = connection.scalars(select(sweeps.c.name)).all()
            names = sorted(set(every if of_sweeps is None else of_sweeps))
            found = [_sweep(connection, name) for name in names]
            if of_sweeps is None:
                ids = set(connection.scalars(select(trials.c.trial_id)))
            else:
                ids = {i for each in found for i in (*each.trials, *each.earlier)}
            return Exchanged.model_construct(
                sweeps=tuple(found),
                trials=tuple(_with_parents(connection, ids)),
                measurements=tuple(_measurements(connection) if with_measurements else ()),
            )


def _sweep(connection: Connection, name: str) -> ExchangedSweep:
    row = connection.execute(select(sweeps).where(sweeps.c.name == name)).mappings().one()
    own = select(submissions).where(submissions.c.sweep == name)
    last = connection.execute(own.order_by(submissions.c.id.desc()).limit(1)).mappings().one()
    links = select(sweep_trials).where(sweep_trials.c.sweep == name)
    asked = connection.execute(links.order_by(sweep_trials.c.trial_id)).mappings().all()
    return ExchangedSweep(
        name=name,
        created_at=row["created_at"],
        archived_at=row["archived_at"],
        spec_yaml=last["spec_yaml"],
        submitted_at=last["submitted_at"],
        ended_at=last["ended_at"] or last["heartbeat_at"],
        outcome=SubmissionOutcome(last["outcome"] or SubmissionOutcome.INTERRUPTED),
        trials=tuple(a["trial_id"] for a in asked if a["submission"] == last["id"]),
        earlier=tuple(a["trial_id"] for a in asked if a["submission"] != last["id"]),
        stoppable=tuple(a["trial_id"] for a in asked if not a["in_full"]),
    )


def _with_parents(connection: Connection, trial_ids: Iterable[str]) -> list[ExchangedTrial]:
    found: dict[str, ExchangedTrial] = {}
    wanted = set(trial_ids)
    columns = select(*(trials.c[name] for name in _COLUMNS))
    while wanted:
        for part in chunks(sorted(wanted)):
            rows = connection.execute(columns.where(trials.c.trial_id.in_(part))).mappings()
            found.update((row["trial_id"], _trial(row)) for row in rows)
        wanted = {p for i in wanted for p in found[i].trial.parents} - found.keys()
    return [found[i] for i in sorted(found)]


def _trial(row: RowMapping) -> ExchangedTrial:
    state = TrialState(row["state"])
    running = state is TrialState.RUNNING
    result, stopped = row["result"], row["stopped"]
    plain = ("trial_id", "configuration", "failure_reason", "failure_message", "created_at")
    return ExchangedTrial(
        **{name: row[name] for name in plain},
        recipe=json.loads(row["unsaid"])["recipe"],
        trial=Trial.model_validate_json(row["config"]),
        state=TrialState.PENDING if running else state,
        result=None if result is None else TrialResult.model_validate_json(result),
        stopped=None if stopped is None else Stop.model_validate_json(stopped),
        started_at=None if running else row["started_at"],
        ended_at=row["ended_at"],
    )


def _measurements(connection: Connection) -> Iterable[ExchangedMeasurement]:
    query = select(measurements).order_by(measurements.c.run, measurements.c.place)
    for row in connection.execute(query).mappings():
        yield ExchangedMeasurement(place=row["place"], row=measurement_from(row))
