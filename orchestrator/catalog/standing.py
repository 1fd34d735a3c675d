"""How far trials are, as those see it who wait for them or watch.

The catalog calls a trial running until somebody claims it, although its submission may be dead:
reading changes nothing. Here such a trial is pending, which is what it is to everybody else.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Label, and_, case, func, select

from orchestrator.catalog.read_order import from_columns, from_states, read_first
from orchestrator.catalog.records import SweepRow, TrialState
from orchestrator.catalog.store import Store, chunks, clock
from orchestrator.catalog.submissions import dead_submissions, is_dead, submission_from
from orchestrator.catalog.tables import (
    SUBMITTED_TRIALS,
    submissions,
    sweep_trials,
    sweeps,
    trials,
)
from workers.contract.results import FailureReason


@dataclass(frozen=True)
class Standing:
    """Where a trial stands; `metric` and `score` once it is finished, `reason` where it failed."""

    state: TrialState
    reason: FailureReason | None
    metric: str | None
    score: float | None


Counts = dict[TrialState, int]

_DRAWN = ("04", "g")
"""Ids below these are the 64th part of all trials, and all of them."""


class Counted(NamedTuple):
    """The trials that a submission was the last of its sweep to ask for.

    Attributes:
        computed: those that it finished itself.
        saved_s: how long the others had taken that are finished.
    """

    sweep: str
    submission: int
    counts: Counts
    computed: int = 0
    saved_s: float = 0.0


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

    def sweeps(self) -> list[SweepRow]:
        """Return all sweeps, the one submitted last first."""
        return self._sweeps(self._counted())

    def _sweeps(self, counted: Sequence[Counted]) -> list[SweepRow]:
        counts = self._of_sweeps(counted)
        with self._reading() as connection:
            moment = clock(connection)
            named = select(sweeps)
            names = connection.execute(named).all()
            rows = connection.execute(select(submissions).order_by(submissions.c.id)).mappings()
            submitted = [submission_from(r) for r in rows]
        found = []
        for row in names:
            own = [s for s in submitted if s.sweep == row.name]
            last = own[-1] if own else None
            of_sweep, earlier = counts.get(row.name, (dict.fromkeys(TrialState, 0), 0))
            with self._legible():
                found.append(
                    SweepRow(
                        name=row.name,
                        created_at=row.created_at,
                        submissions=len(own),
                        last_submission=last,
                        counts=of_sweep,
                        earlier=earlier,
                        archived=row.archived_at is not None,
                        priority=row.priority,
                        max_workers=row.max_workers,
                        lost=last is not None and last.ended_at is None and is_dead(last, moment),
                    )
                )
        newest = {s.sweep: s.id for s in submitted}
        return sorted(found, key=lambda s: newest.get(s.name, 0), reverse=True)

    def sweep_counts(self) -> dict[str, tuple[Counts, int]]:
        """Count each sweep's trials by state, and those that only earlier submissions asked for."""
        return self._of_sweeps(self._counted())

    def _of_sweeps(self, counted: Iterable[Counted]) -> dict[str, tuple[Counts, int]]:
        counts: dict[str, tuple[Counts, int]] = {}
        with self._reading() as connection:
            last = newest_submissions(connection)
        for row in counted:
            of_sweep, earlier = counts.get(row.sweep, (dict.fromkeys(TrialState, 0), 0))
            if row.submission == last.get(row.sweep):
                counts[row.sweep] = row.counts, earlier
            else:
                counts[row.sweep] = of_sweep, earlier + sum(row.counts.values())
        return counts

    def _counted(self, sweep: str | None = None, *, work: bool = False) -> list[Counted]:
        """Count trials by state; with `work` also who finished them, which takes longer."""
        if sweep is None and not work:
            with self._reading() as connection:
                return _counted_but_for_the_most(connection)
        links, t = sweep_trials.c, trials.c
        done = t.state == TrialState.FINISHED
        own, others = (
            and_(done, told)
            for told in (
                t.claimed_by == links.submission,
                t.claimed_by.is_distinct_from(links.submission),
            )
        )
        more = (
            func.count().filter(own).label("computed"),
            func.sum(t.duration_s).filter(others).label("saved_s"),
        )
        found = []
        with self._reading() as connection:
            state = current_state(dead_submissions(connection)).element
            # Sums in the order of the index; grouping by a trial's state would sort all of them.
            present = present_states(connection)
            sums = [func.count().filter(state == s).label(s) for s in present]
            number = func.count().label("trials")
            query = select(links.sweep, links.submission, number, *sums, *(more if work else ()))
            query = query.join(trials, t.trial_id == links.trial_id)
            query = query.where(*([links.sweep == sweep] if sweep is not None else []))
            query = query.group_by(links.sweep, links.submission)
            for row in connection.execute(from_columns(query)).mappings():
                counts = dict.fromkeys(TrialState, 0) | {s: int(row[s]) for s in present}
                counts[TrialState.PENDING] = row["trials"] - sum(counts.values())
                told = {name: row[name] or 0 for name in ("computed", "saved_s") if work}
                found.append(Counted(row["sweep"], row["submission"], counts, **told))
        return found


def _counted_but_for_the_most(connection: Connection) -> list[Counted]:
    """Count trials by state without looking at those that are in the state of the most.

    Of these it is only known how many there are: all that was asked for, less the others.
    """
    links, t = sweep_trials.c, trials.c
    most = _state_of_the_most(connection)
    state = current_state(dead_submissions(connection))
    others = select(links.sweep, links.submission, state, func.count().label("number"))
    others = others.join(trials, links.trial_id == read_first(t.trial_id))
    others = others.where(t.state.in_([s for s in TrialState if s is not most]))
    by_state: dict[tuple[str, int], Counts] = defaultdict(dict)
    for row in connection.execute(
        from_states(others).group_by(links.sweep, links.submission, state.element)
    ):
        by_state[row.sweep, row.submission][TrialState(row.state)] = row.number
    every = select(links.sweep, links.submission, func.count().label("number"))
    every = every.group_by(links.sweep, links.submission)
    every = every.with_hint(sweep_trials, f"INDEXED BY {SUBMITTED_TRIALS}", "sqlite")
    found = []
    for row in connection.execute(every):
        counts = dict.fromkeys(TrialState, 0) | by_state[row.sweep, row.submission]
        counts[most] += row.number - sum(counts.values())
        found.append(Counted(row.sweep, row.submission, counts))
    return found


def _state_of_the_most(connection: Connection) -> TrialState:
    """Guess it from the trials whose ids begin alike; being hashes, these are drawn evenly.

    Running trials may be pending ones, since somebody is dead, so it is never theirs.
    """
    t = trials.c
    for beginning in _DRAWN:
        drawn = select(t.state, func.count()).where(t.trial_id < beginning)
        drawn = drawn.where(t.state != TrialState.RUNNING).group_by(t.state)
        numbers = {row[0]: row[1] for row in connection.execute(from_columns(drawn))}
        if numbers:
            return TrialState(max(numbers, key=numbers.__getitem__))
    return TrialState.FINISHED


def newest_submissions(connection: Connection) -> dict[str, int]:
    """Return sweep → its last submission."""
    numbers = submissions.c
    newest = select(numbers.sweep, func.max(numbers.id)).group_by(numbers.sweep)
    return {row[0]: row[1] for row in connection.execute(newest)}


def present_states(connection: Connection) -> list[TrialState]:
    """Return the states that any trial is in, but for pending."""
    states = [state for state in TrialState if state is not TrialState.PENDING]
    one = from_states(select(trials.c.trial_id))
    there = [one.where(trials.c.state == s).limit(1).scalar_subquery().label(s) for s in states]
    row = connection.execute(select(*there)).one()
    return [state for state, some in zip(states, row, strict=True) if some is not None]


def current_state(dead: Sequence[int]) -> Label[Any]:
    """Select a trial's state as it is now, given the submissions that hold trials and are dead."""
    if not dead:
        return trials.c.state.label("state")
    stale = and_(trials.c.state == TrialState.RUNNING, trials.c.claimed_by.in_(dead))
    return case((stale, TrialState.PENDING.value), else_=trials.c.state).label("state")
