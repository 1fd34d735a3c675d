"""What people and the planner ask the catalog."""

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from orchestrator.catalog.configuration_sums import any_archived, planned_trials
from orchestrator.catalog.filtering import filtered, is_sweep_first, of_sweep
from orchestrator.catalog.leaderboard import (
    Table,
    TableKey,
    configurations,
    last_submissions,
    leaderboard_rows,
    of_one_trial,
    tables_of,
)
from orchestrator.catalog.read_order import from_columns
from orchestrator.catalog.records import (
    FailureRow,
    LeaderboardRow,
    TrialFilter,
    TrialRow,
    TrialState,
)
from orchestrator.catalog.rows import by_name
from orchestrator.catalog.standing import Standings, current_state
from orchestrator.catalog.store import chunks
from orchestrator.catalog.submissions import dead_submissions
from orchestrator.catalog.tables import (
    attempts,
    sweeps,
    trials,
)
from orchestrator.errors import CatalogError
from orchestrator.planning.ranking import Planned, Ranked, rank
from orchestrator.planning.settings import differing, labelled, words
from workers.contract.results import TrialResult
from workers.contract.trial import Trial

TEST_SCORE = "test_score"
SORTED_BY = (*(name for name in TrialRow.model_fields if name != "unsaid"), TEST_SCORE)
"""What trials can be sorted by."""

HEX = re.compile("[0-9a-f]{1,20}")
"""How the id of a trial or a configuration begins."""

_STATE = trials.c.state
_COLUMNS = [trials.c[name] for name in TrialRow.model_fields]


class Reading(Standings):
    """The part of the catalog that answers questions and changes nothing."""

    def finished(self, trial_ids: Iterable[str]) -> set[str]:
        """Return which of the trials are finished, in any sweep."""
        done = set[str]()
        with self._reading() as connection:
            for part in chunks(trial_ids):
                here = trials.c.trial_id.in_(part), trials.c.state == TrialState.FINISHED
                done.update(connection.scalars(select(trials.c.trial_id).where(*here)))
        return done

    def results(self, trial_ids: Iterable[str]) -> dict[str, TrialResult]:
        """Return the results of those of the trials that are finished."""
        found = self._column("result", trial_ids)
        with self._legible():
            return {k: TrialResult.model_validate_json(v) for k, v in found.items()}

    def planned(self, trial_ids: Iterable[str]) -> dict[str, Trial]:
        """Return the full configurations of those of the trials that the catalog knows."""
        found = self._column("config", trial_ids)
        with self._legible():
            return {k: Trial.model_validate_json(v) for k, v in found.items()}

    def rows(self, trial_ids: Iterable[str]) -> dict[str, TrialRow]:
        """Return the columns of those of the trials that the catalog knows."""
        return self._by_id(trial_ids)

    def with_parents(self, trial_ids: Iterable[str]) -> dict[str, Trial]:
        """Return the trials, and all that they build on, directly or not."""
        found: dict[str, Trial] = {}
        wanted = set(trial_ids)
        while wanted:
            found |= self.planned(wanted)
            wanted = {parent for i in wanted & found.keys() for parent in found[i].parents}
            wanted -= found.keys()
        return found

    def states(self, sweep: str) -> dict[str, TrialState]:
        """Return the state of each trial of a sweep.

        Raises:
            CatalogError: there is no such sweep.
        """
        query = from_columns(of_sweep(select(trials.c.trial_id, trials.c.state), sweep))
        with self._reading() as connection:
            found = {r.trial_id: TrialState(r.state) for r in connection.execute(query).all()}
        return found or self._empty(sweep)

    def counts(self, sweep: str) -> dict[TrialState, int]:
        """Return how many of a sweep's trials are in each state now, zeros included.

        Raises:
            CatalogError: there is no such sweep.
        """
        found = Counter(dict.fromkeys(TrialState, 0))
        for row in self._counted(sweep):
            found.update(row.counts)
        return dict(found) if found.total() else self._empty(sweep) | found

    def trial(self, id_prefix: str) -> TrialRow:
        """Return the one trial whose id starts so.

        Raises:
            CatalogError: no trial's id does, or several do.
        """
        if not HEX.fullmatch(id_prefix):
            raise CatalogError(f"a trial id is up to 20 digits of 0-9a-f, found {id_prefix!r}")
        query = select(*_COLUMNS).where(*begins_with(trials.c.trial_id, id_prefix))
        rows = self._trial_rows(query.order_by(trials.c.trial_id).limit(6))
        if len(rows) == 1:
            return rows[0]
        if not rows:
            raise CatalogError(
                f"no trial's id starts with {id_prefix}; `adaptersweep trials` lists them"
            )
        some = ", ".join(f"{r.trial_id} ({r.label})" for r in rows[:5])
        raise CatalogError(f"several trials' ids start with {id_prefix}: {some}; give more digits")

    def trials(
        self,
        filter: TrialFilter | None = None,
        sort: str = "-score",
        *,
        limit: int | None = 100,
        offset: int = 0,
        total: int | None = None,
    ) -> list[TrialRow]:
        """Return trials, sorted; those without a value in that column come last.

        Args:
            sort: the name of a column; a leading `-` sorts from the largest down.
            limit: at most this many; None for all.
            offset: leave out so many of the first.
            total: how many there are without `limit`, if that is known: then the last ones take no
                longer than the first ones.

        Raises:
            CatalogError: there is no such column, sweep, task or base.
        """
        chosen = filter or TrialFilter()
        with self._reading() as connection:
            state = current_state(dead_submissions(connection))
            found = filtered(select(trials.c.trial_id), chosen, state.element)
            if not sort.endswith("failure_message"):  # which is too long for an index
                found = from_columns(found, sweep_first=is_sweep_first(chosen))
            number, skipped, backwards = _place(limit, offset, total)
            ordered = found.order_by(*_order(sort, backwards=backwards))
            ids = connection.scalars(ordered.limit(number).offset(skipped)).all()
            ids = ids[::-1] if backwards else ids
        if not ids:
            self.check_names(chosen)
        # What sorts and filters is in an index; whole rows are read of those alone that are shown.
        rows = self._by_id(ids, state)
        return [rows[trial_id] for trial_id in ids if trial_id in rows]

    def leaderboard(
        self,
        sweep: str | None = None,
        task: str | None = None,
        limit: int | None = None,
        *,
        archived: bool = False,
        where: TrialFilter | None = None,
    ) -> list[LeaderboardRow]:
        """Return finished configurations: a table for each task, fingerprint and metric.

        Tables come by task, of one task the one submitted last first. In a table, configurations of
        which all seeds have finished come first, then the others, each by their mean over seeds.

        Args:
            limit: at most this many of each table; None for all.
            archived: without `sweep`, whether trials count that only archived sweeps asked for.
            where: only trials that it chooses count; `sweep` and `task` come first.

        Raises:
            CatalogError: there is no such sweep, or no such task in it.
        """
        named = {"sweep": sweep, "task": task}
        chosen = (where or TrialFilter()).model_copy(
            update={name: value for name, value in named.items() if value is not None}
        )
        with self._legible():
            return self._leaderboard_rows(*self._ranked_tables(chosen, limit, archived=archived))

    def ranked(
        self, chosen: TrialFilter, limit: int | None = None, *, archived: bool = False
    ) -> list[list[Ranked]]:
        """Return which configurations the tables of a leaderboard have, without their rows."""
        with self._legible():
            return list(self._ranked_tables(chosen, limit, archived=archived)[1].values())

    def _ranked_tables(
        self, chosen: TrialFilter, limit: int | None, *, archived: bool
    ) -> tuple[dict[TableKey, Table], dict[TableKey, list[Ranked]], dict[str, float]]:
        """Return the tables, what is shown of each, and the scores on test of its trials."""
        with self._reading() as connection:
            archived = archived or not any_archived(connection)
            tables = tables_of(connection.execute(configurations(chosen, limit, archived=archived)))
            order = self._order(connection, tables, chosen.sweep)
            contenders = {key: tables[key].contenders(limit) for key in order}
            among = itertools.chain(*contenders.values())
            planned, test = self._planned(connection, chosen, among, archived=archived)
        if not tables:
            self.check_names(chosen)
        ranked = {
            key: rank(trial for c in contenders[key] for trial in planned[c])[:limit]
            for key in order
        }
        return tables, ranked, test

    def _leaderboard_rows(
        self,
        tables: Mapping[TableKey, Table],
        ranked: Mapping[TableKey, Sequence[Ranked]],
        test: Mapping[str, float],
    ) -> list[LeaderboardRow]:
        """Read what belongs to the configurations that are shown."""
        shown = [row for rows in ranked.values() for row in rows]
        best = self._by_id(row.finished[0][0] for row in shown)
        unsaid = self._unsaid(c for table in tables.values() for c in table.unsaid.values())
        found: list[LeaderboardRow] = []
        for key, rows in ranked.items():
            texts = [unsaid[i] for i in tables[key].unsaid.values()]
            found += leaderboard_rows(key, rows, unsaid=texts, best=best, test=test)
        return found

    def _unsaid(self, among: Iterable[str]) -> dict[str, str]:
        """Return configuration → what its label leaves out, which all of its trials have alike."""
        queries = [of_one_trial(part, trials.c.unsaid) for part in chunks(among)]
        with self._reading() as connection:
            return {r[0]: r[1] for query in queries for r in connection.execute(query).all()}

    def failures(self, sweep: str) -> list[FailureRow]:
        """Return a sweep's failed and blocked trials with their reasons, failed ones first."""
        tries = (
            select(func.count())
            .where(attempts.c.trial_id == trials.c.trial_id)
            .scalar_subquery()
            .label("attempts")
        )
        query = of_sweep(select(*_COLUMNS, tries), sweep).where(
            trials.c.state.in_((TrialState.FAILED, TrialState.BLOCKED))
        )
        with self._reading() as connection:
            rows = connection.execute(
                query.order_by(trials.c.state.desc(), trials.c.task, trials.c.trial_id)
            ).all()
        names = self.swept(sweep) if rows else ()
        with self._legible():
            return [
                FailureRow(
                    trial_id=r.trial_id,
                    label=labelled(r.label, words(json.loads(r.unsaid), names)),
                    task=r.task,
                    state=r.state,
                    reason=r.failure_reason,
                    message=r.failure_message or "",
                    attempts=r.attempts,
                    ended_at=r.ended_at,
                )
                for r in rows
            ]

    def swept(self, sweep: str) -> tuple[str, ...]:
        """Return what differs between a sweep's trials and their labels leave out."""
        query = from_columns(of_sweep(select(func.max(trials.c.trial_id)), sweep))
        with self._reading() as connection:
            some = connection.scalars(query.group_by(trials.c.unsaid_hash)).all()
        return differing(json.loads(text) for text in self._column("unsaid", some).values())

    def _order(
        self, connection: Connection, tables: Iterable[TableKey], sweep: str | None
    ) -> list[TableKey]:
        """Sort tables by task, and those of one task by when they were asked for last."""
        keys = sorted(tables)
        if len({task for task, _, _ in keys}) == len(keys):
            return keys
        rows = connection.execute(last_submissions(sweep)).all()
        last = {(task, fingerprint, metric): n for task, fingerprint, metric, n in rows}
        return sorted(keys, key=lambda key: (key[0], -last.get(key, 0)))

    def _planned(
        self,
        connection: Connection,
        chosen: TrialFilter,
        among: Iterable[str],
        *,
        archived: bool,
    ) -> tuple[dict[str, list[Planned]], dict[str, float]]:
        """Return the trials of each of the configurations, and trial → its score on test."""
        found: dict[str, list[Planned]] = defaultdict(list)
        test: dict[str, float] = {}
        for part in chunks(among):
            rows = connection.execute(planned_trials(chosen, part, archived=archived)).all()
            for configuration, trial_id, seed, score, test_score in rows:
                found[configuration].append(Planned(configuration, trial_id, seed, score))
                if test_score is not None:
                    test[trial_id] = test_score
        return found, test

    def _test_scores(self, trial_ids: Iterable[str]) -> dict[str, float]:
        return self._column(TEST_SCORE, trial_ids)

    def _column(self, name: str, trial_ids: Iterable[str]) -> dict[str, Any]:
        """Return the values of a column, of those of the trials that have one."""
        found: dict[str, Any] = {}
        query = select(trials.c.trial_id, trials.c[name].label("value"))
        with self._reading() as connection:
            for part in chunks(trial_ids):
                here = query.where(trials.c.trial_id.in_(part), trials.c[name].is_not(None))
                found.update((r.trial_id, r.value) for r in connection.execute(here).all())
        return found

    def _by_id(
        self, trial_ids: Iterable[str], state: ColumnElement[str] = _STATE
    ) -> dict[str, TrialRow]:
        query = select(*(state if c is _STATE else c for c in _COLUMNS))
        asked = (query.where(trials.c.trial_id.in_(part)) for part in chunks(trial_ids))
        return {row.trial_id: row for one in asked for row in self._trial_rows(one)}

    def _trial_rows(self, query: Select[Any]) -> list[TrialRow]:
        with self._reading() as connection:
            return [TrialRow.model_validate(row) for row in by_name(connection.execute(query))]

    def _empty(self, sweep: str) -> dict[Any, Any]:
        """Return nothing for a sweep that has no trials; a sweep that is not there is an error."""
        self.check_names(TrialFilter(sweep=sweep))
        return {}

    def check_names(self, chosen: TrialFilter) -> None:
        """Refuse names that nothing in the catalog, or in the chosen sweep, goes by.

        Raises:
            CatalogError: says which there are.
        """
        with self._reading() as connection:
            if chosen.sweep is not None:
                known = connection.scalars(select(sweeps.c.name).order_by(sweeps.c.name)).all()
                _check_name("sweep", chosen.sweep, known, "the catalog")
            place = "the catalog" if chosen.sweep is None else f"sweep {chosen.sweep!r}"
            wanted = (
                ("task", chosen.task, trials.c.task),
                ("base", chosen.base, trials.c.base_name),
            )
            for kind, name, column in wanted:
                if name is None:
                    continue
                query = select(column).distinct().order_by(column)
                if chosen.sweep is not None:
                    query = from_columns(of_sweep(query, chosen.sweep))
                _check_name(kind, name, connection.scalars(query).all(), place)


def begins_with(column: ColumnElement[str], prefix: str) -> tuple[ColumnElement[bool], ...]:
    """Ask for ids that begin so in a way that an index answers; an id has no letter after f."""
    return column >= prefix, column < f"{prefix}g"


def _check_name(kind: str, name: str, known: Sequence[str], place: str) -> None:
    if name not in known:
        raise CatalogError(
            f"{place} has no {kind} {name!r}; it has: {', '.join(known) or 'none yet'}"
        )


def _place(limit: int | None, offset: int, total: int | None) -> tuple[int | None, int, bool]:
    """Return how many to take behind how many, and whether from the other end, as the shorter."""
    if limit is None or total is None or 2 * offset <= total:
        return limit, offset, False
    number = max(0, min(limit, total - offset))
    return number, max(0, total - offset - number), True


def _order(sort: str, *, backwards: bool) -> tuple[ColumnElement[Any], ...]:
    name = sort.removeprefix("-")
    if name not in SORTED_BY:
        columns = ", ".join(SORTED_BY)
        raise CatalogError(f"trials have no column {name!r} to sort by; they have: {columns}")
    column = trials.c[name]
    directed = column.desc() if sort.startswith("-") != backwards else column.asc()
    if backwards:
        return directed.nulls_first(), trials.c.trial_id.desc()
    return directed.nulls_last(), trials.c.trial_id.asc()
