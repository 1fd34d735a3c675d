"""What pages show beside single trials: how far sweeps are, what there is to choose, what changed.

Everything is counted by the database; a page never holds more than it shows.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from orchestrator.catalog.configuration_sums import one_of_each
from orchestrator.catalog.details import Details
from orchestrator.catalog.filtering import filtered, is_sweep_first
from orchestrator.catalog.read_order import from_columns
from orchestrator.catalog.records import SweepRow, TrialFilter, TrialRow, TrialState
from orchestrator.catalog.standing import Counted, current_state, newest_submissions
from orchestrator.catalog.store import clock
from orchestrator.catalog.submissions import dead_submissions
from orchestrator.catalog.tables import outbox, submissions, sweep_trials, sweeps, trials
from orchestrator.planning.forecasting.pace import TrialGroup, seconds_left
from workers.contract.frozen import Frozen
from workers.contract.results import FailureReason

FACETS = (
    *("task", "method", "drop_mode", "drop_depth", "placement", "bottleneck_size", "sharing"),
    *("non_linearity", "keep", "learning_rate", "metric", "base"),
)
"""The columns of a filter of which a page offers the values that there are."""

_SHOWN_CHANGES = 50
_WEIGHED = 4_000
"""Of how many trials it is read what they took, to say how long a sweep has still to go."""


class Progress(Frozen):
    """How far a sweep's last submission is.

    Attributes:
        computed: trials that it finished itself.
        reused: trials that it asked for and that were finished before, by whichever sweep.
        saved_s: how long those had taken.
        left_s: what the rest will take at the pace so far, trials of each kind counted by what
            those took that are finished; None where nobody works on it, or nothing is finished yet.
    """

    computed: int = 0
    reused: int = 0
    saved_s: float = 0.0
    left_s: float | None = None


class Overview(Frozen):
    """A sweep, how far it is, and all of its trials by state, those of earlier submissions too."""

    row: SweepRow
    progress: Progress
    counts: dict[TrialState, int]


class FailureGroup(Frozen):
    """Trials that failed for one reason, or are blocked; `trial_id` and `message` of one."""

    state: TrialState
    reason: FailureReason | None
    trials: int
    trial_id: str
    message: str


class Changes(Frozen):
    """What happened in a sweep since a cursor.

    Attributes:
        cursor: where the next question begins.
        counts: trials by state, now.
        trials: those of which something was written, at most 50, the latest first.
    """

    cursor: str
    counts: dict[TrialState, int]
    trials: list[TrialRow]


class Overviews(Details):
    """The part of the catalog that pages ask."""

    def stamp(self) -> str:
        """Return a text that is another one whenever a score or a submission came or went."""
        newest = select(func.max(outbox.c.id)), select(func.max(submissions.c.id))
        seen = select(func.count()).select_from(sweeps).where(sweeps.c.archived_at.is_(None))
        every = select(func.count()).select_from(sweeps)
        parts = (query.scalar_subquery() for query in (*newest, seen, every))
        with self._reading() as connection:
            return ".".join(str(n) for n in connection.execute(select(*parts)).one())

    def any_more(self, chosen: TrialFilter, than: int) -> bool:
        """Tell whether a filter chooses more trials than so many, without counting them all."""
        with self._reading() as connection:
            state = current_state(dead_submissions(connection)).element
            found = filtered(select(trials.c.trial_id), chosen, state)
            found = from_columns(found, sweep_first=is_sweep_first(chosen))
            return len(connection.scalars(found.limit(than + 1)).all()) > than

    def count(self, chosen: TrialFilter) -> int:
        """Return how many trials a filter chooses."""
        if chosen.sweep is not None and chosen == TrialFilter(sweep=chosen.sweep):
            of_sweep = sweep_trials.c.sweep == chosen.sweep
            with self._reading() as connection:
                query = select(func.count()).select_from(sweep_trials).where(of_sweep)
                return connection.scalar(query) or 0
        with self._reading() as connection:
            state = current_state(dead_submissions(connection)).element
            query = select(func.count()).select_from(trials)
            query = filtered(query, chosen, state, sweep_first=False)
            return connection.scalar(from_columns(query, sweep_first=False)) or 0

    def facets(self, sweep: str | None) -> dict[str, list[Any]]:
        """Return column of a filter → the values there, as one trial of each configuration says."""
        columns = {name: trials.c["base_name" if name == "base" else name] for name in FACETS}
        query = select(*columns.values()).where(trials.c.trial_id.in_(one_of_each(sweep)))
        found: dict[str, set[Any]] = {name: set() for name in columns}
        with self._reading() as connection:
            for row in connection.execute(from_columns(query.distinct())):
                for name, value in zip(columns, row, strict=True):
                    found[name].add(value)
        return {name: sorted(values - {None}) for name, values in found.items()}

    def failure_groups(self, chosen: TrialFilter) -> list[FailureGroup]:
        """Return why trials failed or are blocked, the most frequent reason first."""
        t = trials.c
        bad = t.state.in_((TrialState.FAILED, TrialState.BLOCKED))
        key = t.state, t.failure_reason
        query = select(*key, func.count().label("n"), func.min(t.trial_id).label("trial_id"))
        query = filtered(query.where(bad).group_by(*key), chosen)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(func.count().desc())).all()
            ids = [row.trial_id for row in rows]
            said = select(t.trial_id, t.failure_message).where(t.trial_id.in_(ids))
            messages = {r.trial_id: r.failure_message for r in connection.execute(said)}
        return [
            FailureGroup(
                state=row.state,
                reason=row.failure_reason,
                trials=row.n,
                trial_id=row.trial_id,
                message=messages[row.trial_id] or "",
            )
            for row in rows
        ]

    def overviews(self, sweep: str | None = None) -> list[Overview]:
        """Return how all sweeps are, or one alone, the one submitted last first."""
        counted = self._counted(sweep, work=True)
        with self._reading() as connection:
            moment = clock(connection)
            began = self._began(connection)
            last = newest_submissions(connection)
            progress = {
                row.sweep: _progress(row, _left_s(connection, row, began.get(row.sweep), moment))
                for row in counted
                if row.submission == last.get(row.sweep)
            }
        every: dict[str, Counter[TrialState]] = defaultdict(Counter)
        for row in counted:
            every[row.sweep].update(row.counts)
        return [
            Overview(
                row=row,
                progress=progress.get(row.name, Progress()),
                counts=dict.fromkeys(TrialState, 0) | every[row.name],
            )
            for row in self._sweeps(counted)
            if sweep in (None, row.name)
        ]

    def progress(self, sweep: str | None = None) -> dict[str, Progress]:
        """Return sweep → how far its last submission is; of one sweep, or of all."""
        return {each.row.name: each.progress for each in self.overviews(sweep)}

    def time_left(self, rows: Iterable[SweepRow]) -> dict[str, float]:
        """Return sweep → seconds that it has still to go, of those that somebody works on.

        As `Progress.left_s`, without counting all that a page shows.
        """
        found: dict[str, float] = {}
        with self._reading() as connection:
            moment = clock(connection)
            for row in rows:
                last = row.last_submission
                if last is None or last.ended_at is not None or row.lost or not row.trials:
                    continue
                asked_for = Counted(row.name, last.id, row.counts)
                left_s = _left_s(connection, asked_for, last.submitted_at, moment)
                if left_s is not None:
                    found[row.name] = left_s
        return found

    def _began(self, connection: Connection) -> Mapping[str, datetime]:
        """Return sweep → since when it is worked on, where its last submission has not ended."""
        open_ = select(submissions.c.sweep, func.max(submissions.c.submitted_at).label("since"))
        open_ = open_.where(submissions.c.ended_at.is_(None)).group_by(submissions.c.sweep)
        return {row.sweep: row.since for row in connection.execute(open_)}

    def changes(
        self, sweep: str, since: str = "", *, counts: dict[TrialState, int] | None = None
    ) -> Changes:
        """Return what happened in a sweep since a cursor that an earlier answer gave.

        The log of it is the outbox: an entry for each epoch, result and failure, in their order.

        Args:
            since: a cursor; what is none of ours counts as the beginning.
            counts: its trials by state, where somebody has just counted them.

        Raises:
            CatalogError: there is no such sweep.
        """
        counts = self.counts(sweep) if counts is None else counts
        number, _, _ = since.partition("-")
        after = min(int(number), 2**31 - 1) if number.isascii() and number.isdigit() else 0
        mine = outbox.c.sweep == sweep
        newer = mine, outbox.c.id > after, outbox.c.trial_id.is_not(None)
        query = select(outbox.c.trial_id, func.max(outbox.c.id).label("last")).where(*newer)
        query = query.group_by(outbox.c.trial_id).order_by(func.max(outbox.c.id).desc())
        with self._reading() as connection:
            last = connection.scalar(select(func.max(outbox.c.id)).where(mine)) or 0
            ids = connection.scalars(query.limit(_SHOWN_CHANGES)).all()
        rows = self._by_id(ids)
        digest = hashlib.sha256(repr(sorted(counts.items())).encode()).hexdigest()[:8]
        return Changes(
            cursor=f"{last}-{digest}", counts=counts, trials=[rows[i] for i in ids if i in rows]
        )


def _progress(row: Counted, left_s: float | None) -> Progress:
    return Progress(
        computed=row.computed,
        reused=row.counts[TrialState.FINISHED] - row.computed,
        saved_s=row.saved_s,
        left_s=left_s,
    )


def _left_s(
    connection: Connection, row: Counted, since: datetime | None, moment: datetime
) -> float | None:
    if since is None:
        return None
    return seconds_left(_groups(connection, row), (moment - since).total_seconds())


def _groups(connection: Connection, of: Counted) -> list[TrialGroup]:
    """Return what a submission asks for in groups that cost about the same.

    Of very many trials some thousands stand for all, whose ids, being hashes, are drawn evenly: the
    pace and what is left are both of them, so that nothing has to be scaled.
    """
    links, t = sweep_trials.c, trials.c
    done = t.state == TrialState.FINISHED
    own = and_(done, t.claimed_by == links.submission)
    kind = (t.method, t.task, t.base_name, t.placement, t.drop_mode, t.drop_depth)
    query = (
        select(
            *kind,
            func.sum(case((done, 1), else_=0)).label("finished"),
            func.sum(case((done, t.duration_s), else_=0.0)).label("seconds"),
            func.sum(case((own, t.duration_s), else_=0.0)).label("own_s"),
            func.sum(case((t.state.in_(("pending", "running")), 1), else_=0)).label("open"),
        )
        .join(trials, t.trial_id == links.trial_id)
        .where(links.sweep == of.sweep, links.submission == of.submission)
        .group_by(*kind)
    )
    share = _WEIGHED / sum(of.counts.values())
    if share < 1:
        query = query.where(links.trial_id < f"{round(256 * share):02x}")
    return [
        TrialGroup(
            line=(row.method, row.task, row.base_name, row.placement, row.drop_mode),
            method=row.method,
            depth=row.drop_depth,
            finished=row.finished,
            seconds=row.seconds or 0.0,
            own_s=row.own_s or 0.0,
            open=row.open,
        )
        for row in connection.execute(from_columns(query))
    ]
