"""How far trials are, as those see it who wait for them or watch.

The catalog calls a trial running until somebody claims it, although its submission may be dead:
reading changes nothing. Here such a trial is pending, which is what it is to everybody else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Label, and_, case, func, select

from orchestrator.catalog.records import TrialState
from orchestrator.catalog.store import Store, chunks
from orchestrator.catalog.submissions import dead_submissions
from orchestrator.catalog.tables import submissions, sweep_trials, trials
from workers.contract.results import FailureReason


@dataclass(frozen=True)
class Standing:
    """Where a trial stands; `metric` and `score` once it is finished, `reason` where it failed."""

    state: TrialState
    reason: FailureReason | None
    metric: str | None
    score: float | None


class Standings(Store):
    """The part of the catalog that says how far trials are."""

    def standings(self, trial_ids: Iterable[str]) -> dict[str, Standing]:
        """Return where each of the trials stands that the catalog knows."""
        found: dict[str, Standing] = {}
        with self._reading() as connection:
            state = current_state(dead_submissions(connection))
            more = trials.c.failure_reason, trials.c.metric, trials.c.score
            query = select(trials.c.trial_id, state, *more)
            for part in chunks(trial_ids):
                for row in connection.execute(query.where(trials.c.trial_id.in_(part))):
                    reason = FailureReason(row.failure_reason) if row.failure_reason else None
                    standing = Standing(TrialState(row.state), reason, row.metric, row.score)
                    found[row.trial_id] = standing
        return found

    def sweep_counts(self) -> dict[str, tuple[dict[TrialState, int], int]]:
        """Count each sweep's trials by state, and those that only earlier submissions asked for."""
        counts: dict[str, tuple[dict[TrialState, int], int]] = {}
        links, numbers = sweep_trials.c, submissions.c
        newest = (
            select(numbers.sweep, func.max(numbers.id).label("id"))
            .group_by(numbers.sweep)
            .subquery()
        )
        asked_for = (links.submission == newest.c.id).label("asked_for")
        with self._reading() as connection:
            state = current_state(dead_submissions(connection))
            query = (
                select(links.sweep, state, asked_for, func.count().label("n"))
                .join(trials, trials.c.trial_id == links.trial_id)
                .join(newest, newest.c.sweep == links.sweep)
                .group_by(links.sweep, state, asked_for)
            )
            for row in connection.execute(query):
                of_sweep, earlier = counts.get(row.sweep, (dict.fromkeys(TrialState, 0), 0))
                if row.asked_for:
                    of_sweep[TrialState(row.state)] += row.n
                counts[row.sweep] = of_sweep, earlier + (0 if row.asked_for else row.n)
        return counts


def current_state(dead: Sequence[int]) -> Label[Any]:
    """Select a trial's state as it is now, given the submissions that hold trials and are dead."""
    stale = and_(trials.c.state == TrialState.RUNNING, trials.c.claimed_by.in_(dead))
    return case((stale, TrialState.PENDING.value), else_=trials.c.state).label("state")
