"""How a sweep that was exported elsewhere joins the one of its name here."""

import hashlib

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from orchestrator.catalog.exchanged import ExchangedSweep
from orchestrator.catalog.links import configurations_of
from orchestrator.catalog.store import chunks, insert_new
from orchestrator.catalog.tables import submissions, sweep_trials, sweeps


def take_sweep(connection: Connection, given: ExchangedSweep) -> bool:
    """Let a sweep ask for the trials of `given` too; tell whether it is new here.

    The later of two submissions is the last one. It asks for what both asked for, but for trials
    that it knows and left out. All trials are in the catalog already.
    """
    last = _last(connection, given.name)
    if last is None:
        values = given.model_dump(include={"name", "created_at", "archived_at"})
        connection.execute(insert(sweeps).values(values))
        before = _submission(connection, given) if given.earlier else 0
        newest = _submission(connection, given)
    else:
        _began_no_later(connection, given)
        before, newest = _joined(connection, given, last)
    _link(connection, given, given.trials, newest)
    _link(connection, given, given.earlier, before)
    return last is None


def _last(connection: Connection, sweep: str) -> RowMapping | None:
    query = select(submissions.c.id, submissions.c.submitted_at)
    query = query.where(submissions.c.sweep == sweep).order_by(submissions.c.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def _began_no_later(connection: Connection, given: ExchangedSweep) -> None:
    later = sweeps.c.name == given.name, sweeps.c.created_at > given.created_at
    connection.execute(update(sweeps).where(*later).values(created_at=given.created_at))


def _joined(connection: Connection, given: ExchangedSweep, last: RowMapping) -> tuple[int, int]:
    """Return the submissions of trials that only earlier ones asked for, and of all others."""
    links = sweep_trials.c
    known: int = last["id"]
    if given.submitted_at > last["submitted_at"]:
        newest = _submission(connection, given)
        mine = links.sweep == given.name, links.submission == known
        here = set(connection.scalars(select(links.trial_id).where(*mine)))
        for part in chunks(sorted(here - set(given.earlier))):
            moved = update(sweep_trials).where(*mine, links.trial_id.in_(part))
            connection.execute(moved.values(submission=newest))
        return known, newest
    if given.submitted_at == last["submitted_at"]:
        for part in chunks(given.trials):
            asked = update(sweep_trials).where(links.sweep == given.name, links.trial_id.in_(part))
            connection.execute(asked.values(submission=known))
    first = select(func.min(submissions.c.id)).where(submissions.c.sweep == given.name)
    return connection.execute(first).scalar_one(), known


def _submission(connection: Connection, given: ExchangedSweep) -> int:
    """Write down a submission of which no process is known, and return its number."""
    row = {
        "sweep": given.name,
        "spec_yaml": given.spec_yaml,
        "spec_digest": hashlib.sha256(given.spec_yaml.encode()).hexdigest(),
        "host": "",
        "pid": 0,
        "process_started_at": "",
        "submitted_at": given.submitted_at,
        "heartbeat_at": given.ended_at,
        "ended_at": given.ended_at,
        "outcome": given.outcome.value,
    }
    new = insert(submissions).values(row).returning(submissions.c.id)
    return int(connection.execute(new).scalar_one())


def _link(
    connection: Connection, given: ExchangedSweep, trial_ids: tuple[str, ...], submission: int
) -> None:
    """Let the submission ask for those of the trials that the sweep does not ask for yet."""
    stoppable = set(given.stoppable)
    known = configurations_of(connection, trial_ids)
    links = [
        {
            "sweep": given.name,
            "trial_id": trial_id,
            "submission": submission,
            "configuration": known[trial_id],
            "in_full": trial_id not in stoppable,
        }
        for trial_id in trial_ids
    ]
    insert_new(connection, sweep_trials, links)
    of_sweep = sweep_trials.c.sweep == given.name
    for part in chunks(i for i in trial_ids if i not in stoppable):
        in_full = update(sweep_trials).where(of_sweep, sweep_trials.c.trial_id.in_(part))
        connection.execute(in_full.values(in_full=True))
