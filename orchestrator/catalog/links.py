"""Which trials a submission asks for, and what those wait for, as rows."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, select

from orchestrator.catalog.records import Submission
from orchestrator.catalog.store import chunks, insert_new, insert_or_replace
from orchestrator.catalog.tables import dependencies, sweep_trials, trials
from workers.contract.trial import Trial


def link(
    connection: Connection,
    planned: Sequence[Trial],
    submission: Submission,
    stoppable: Collection[str],
) -> None:
    """Note what trials wait for, and that the submission asks for them."""
    edges = [{"trial_id": t.trial_id, "parent_id": p} for t in planned for p in t.parents]
    insert_new(connection, dependencies, edges)
    known = configurations_of(connection, (t.trial_id for t in planned))
    links = [
        {
            "sweep": submission.sweep,
            "trial_id": t.trial_id,
            "submission": submission.id,
            "configuration": known[t.trial_id],
            "in_full": t.trial_id not in stoppable,
        }
        for t in planned
    ]
    insert_or_replace(connection, sweep_trials, links)


def configurations_of(connection: Connection, trial_ids: Iterable[str]) -> dict[str, str]:
    """Return the configurations of those of the trials that the catalog has."""
    found: dict[str, str] = {}
    columns = select(trials.c.trial_id, trials.c.configuration)
    for part in chunks(trial_ids):
        rows = connection.execute(columns.where(trials.c.trial_id.in_(part)))
        found.update((r.trial_id, r.configuration) for r in rows)
    return found
