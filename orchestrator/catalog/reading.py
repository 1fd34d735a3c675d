"""What people and the planner ask the catalog."""

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from orchestrator.catalog.leaderboard import (
    TableKey,
    configurations,
    last_submissions,
    leaderboard_rows,
    of_sweep,
    planned_trials,
    tables_of,
    test_score,
    test_scores,
)
from orchestrator.catalog.records import (
    FailureRow,
    LeaderboardRow,
    SweepRow,
    TrialFilter,
    TrialRow,
    TrialState,
)
from orchestrator.catalog.standing import Standings, current_state
from orchestrator.catalog.store import chunks, clock
from orchestrator.catalog.submissions import dead_submissions, is_dead, submission_from
from orchestrator.catalog.tables import (
    attempts,
    submissions,
    sweeps,
    trials,
)
from orchestrator.errors import CatalogError
from orchestrator.planning.ranking import Planned, rank
from orchestrator.planning.settings import differing, labelled, words
from workers.contract.results import TrialResult
from workers.contract.trial import Trial

TEST_SCORE = "test_score"
SORTED_BY = (*(name for name in TrialRow.model_fields if name != "unsaid"), TEST_SCORE)
"""What trials can be sorted by."""

HEX = re.compile("[0-9a-f]{1,20}")
"""How the id of a trial or a configuration begins."""

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
        found = self._json("result", trial_ids)
        with self._legible():
            return {k: TrialResult.model_validate_json(v) for k, v in found.items()}

    def planned(self, trial_ids: Iterable[str]) -> dict[str, Trial]:
        """Return the full configurations of those of the trials that the catalog knows."""
        found = self._json("config", trial_ids)
        with self._legible():
            return {k: Trial.model_validate_json(v) for k, v in found.items()}

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
        query = of_sweep(select(trials.c.trial_id, trials.c.state), sweep)
        with self._reading() as connection:
            found = {r.trial_id: TrialState(r.state) for r in connection.execute(query)}
        return found or self._empty(sweep)

    def counts(self, sweep: str) -> dict[TrialState, int]:
        """Return how many of a sweep's trials are in each state now, zeros included.

        Raises:
            CatalogError: there is no such sweep.
        """
        with self._reading() as connection:
            state = current_state(dead_submissions(connection))
            query = of_sweep(select(state, func.count().label("n")), sweep)
            rows = connection.execute(query.group_by(state)).all()
        found = {TrialState(r.state): int(r.n) for r in rows} or self._empty(sweep)
        return {state: found.get(state, 0) for state in TrialState}

    def trial(self, id_prefix: str) -> TrialRow:
        """Return the one trial whose id starts so.

        Raises:
            CatalogError: no trial's id does, or several do.
        """
        if not HEX.fullmatch(id_prefix):
            raise CatalogError(f"a trial id is up to 20 digits of 0-9a-f, found {id_prefix!r}")
        query = select(*_COLUMNS).where(trials.c.trial_id.like(f"{id_prefix}%"))
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
        self, filter: TrialFilter | None = None, sort: str = "-score", *, limit: int | None = 100
    ) -> list[TrialRow]:
        """Return trials, sorted; those without a value in that column come last.

        Args:
            sort: the name of a column; a leading `-` sorts from the largest down.
            limit: at most this many; None for all.

        Raises:
            CatalogError: there is no such column, sweep, task or base.
        """
        chosen = filter or TrialFilter()
        with self._reading() as connection:
            state = current_state(dead_submissions(connection))
        query = select(*(state if c is trials.c.state else c for c in _COLUMNS))
        query = query.where(*_conditions(chosen, state.element))
        if chosen.sweep is not None:
            query = of_sweep(query, chosen.sweep)
        rows = self._trial_rows(query.order_by(*_order(sort)).limit(limit))
        if not rows:
            self._check_names(chosen)
        return rows

    def leaderboard(
        self,
        sweep: str | None = None,
        task: str | None = None,
        limit: int | None = None,
        *,
        archived: bool = False,
    ) -> list[LeaderboardRow]:
        """Return finished configurations: a table for each task, fingerprint and metric.

        Tables come by task, of one task the one submitted last first. In a table, configurations of
        which all seeds have finished come first, then the others, each by their mean over seeds.

        Args:
            limit: at most this many of each table; None for all.
            archived: without `sweep`, whether trials count that only archived sweeps asked for.

        Raises:
            CatalogError: there is no such sweep, or no such task in it.
        """
        with self._legible():
            with self._reading() as connection:
                tables = tables_of(
                    connection.execute(configurations(sweep, task, archived=archived))
                )
                order = self._order(connection, tables, sweep)
                contenders = {key: tables[key].contenders(limit) for key in order}
                chosen = itertools.chain(*contenders.values())
                planned = self._planned(connection, sweep, chosen, archived=archived)
            if not tables:
                self._check_names(TrialFilter(sweep=sweep, task=task))
            ranked = {
                key: rank(trial for c in contenders[key] for trial in planned[c])[:limit]
                for key in order
            }
            shown = [row for rows in ranked.values() for row in rows]
            best = self._by_id(row.finished[0][0] for row in shown)
            test = self._test_scores(trial_id for row in shown for trial_id, _ in row.finished)
            return [
                row
                for key, rows in ranked.items()
                for row in leaderboard_rows(key, tables[key], rows, best=best, test=test)
            ]

    def sweeps(self) -> list[SweepRow]:
        """Return all sweeps, the one submitted last first."""
        counts = self.sweep_counts()
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
        query = of_sweep(select(trials.c.unsaid).distinct(), sweep)
        with self._reading() as connection:
            return differing(json.loads(text) for text in connection.scalars(query))

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
        self, connection: Connection, sweep: str | None, chosen: Iterable[str], *, archived: bool
    ) -> dict[str, list[Planned]]:
        """Return the trials of each of the configurations."""
        found: dict[str, list[Planned]] = defaultdict(list)
        for part in chunks(chosen):
            for row in connection.execute(planned_trials(sweep, part, archived=archived)):
                found[row.configuration].append(Planned(*row))
        return found

    def _test_scores(self, trial_ids: Iterable[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        with self._reading() as connection:
            for part in chunks(trial_ids):
                rows = connection.execute(test_scores(part))
                found.update((r.trial_id, r.value) for r in rows if r.value is not None)
        return found

    def _json(self, column: str, trial_ids: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        query = select(trials.c.trial_id, trials.c[column].label("text"))
        with self._reading() as connection:
            for part in chunks(trial_ids):
                here = query.where(trials.c.trial_id.in_(part), trials.c[column].is_not(None))
                found.update((r.trial_id, r.text) for r in connection.execute(here))
        return found

    def _by_id(self, trial_ids: Iterable[str]) -> dict[str, TrialRow]:
        rows: list[TrialRow] = []
        for part in chunks(trial_ids):
            rows += self._trial_rows(select(*_COLUMNS).where(trials.c.trial_id.in_(part)))
        return {r.trial_id: r for r in rows}

    def _trial_rows(self, query: Select[Any]) -> list[TrialRow]:
        with self._reading() as connection:
            return [TrialRow.model_validate(dict(r)) for r in connection.execute(query).mappings()]

    def _empty(self, sweep: str) -> dict[Any, Any]:
        """Return nothing for a sweep that has no trials; a sweep that is not there is an error."""
        self._check_names(TrialFilter(sweep=sweep))
        return {}

    def _check_names(self, chosen: TrialFilter) -> None:
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
                    query = of_sweep(query, chosen.sweep)
                _check_name(kind, name, connection.scalars(query).all(), place)


def _check_name(kind: str, name: str, known: Sequence[str], place: str) -> None:
    if name not in known:
        raise CatalogError(
            f"{place} has no {kind} {name!r}; it has: {', '.join(known) or 'none yet'}"
        )


def _conditions(chosen: TrialFilter, state: ColumnElement[str]) -> list[ColumnElement[bool]]:
    wanted = {
        trials.c.task: chosen.task,
        trials.c.method: chosen.method,
        state: chosen.state,
        trials.c.base_name: chosen.base,
        trials.c.drop_mode: chosen.drop_mode,
        trials.c.drop_depth: chosen.drop_depth,
        trials.c.seed: chosen.seed,
    }
    conditions = [column == value for column, value in wanted.items() if value is not None]
    if chosen.min_score is not None:
        conditions.append(trials.c.score >= chosen.min_score)
    return conditions


def _order(sort: str) -> tuple[ColumnElement[Any], ...]:
    name = sort.removeprefix("-")
    if name not in SORTED_BY:
        columns = ", ".join(SORTED_BY)
        raise CatalogError(f"trials have no column {name!r} to sort by; they have: {columns}")
    column: ColumnElement[Any] = test_score() if name == TEST_SCORE else trials.c[name]
    directed = column.desc() if sort.startswith("-") else column.asc()
    return directed.nulls_last(), trials.c.trial_id.asc()
