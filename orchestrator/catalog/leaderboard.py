"""Leaderboards: a table for each task, fingerprint and metric, of configurations by their mean.

Scores are compared where they were measured on the same rows with the same metric, and nowhere
else: a task's name outlives an edit of its rows. Ranking itself is
`orchestrator.planning.ranking`'s.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ScalarSelect, Select, and_, false, func, or_, select

from orchestrator.catalog.records import LeaderboardRow, OverSeeds, TrialRow, TrialState
from orchestrator.catalog.tables import scores, sweep_trials, sweeps, trials
from orchestrator.planning.ranking import Ranked, over_seeds
from orchestrator.planning.settings import differing, labelled, words
from workers.contract.task_card import Split

TableKey = tuple[str, str, str]
"""What must be equal for scores to be compared: task, fingerprint of its rows, and metric."""

_ROUNDING = 1e-9


@dataclass
class Table:
    """What is ranked together: its configurations as SQL sums them up, and their `unsaid`."""

    means: list[tuple[bool, float, str]] = field(default_factory=list)
    unsaid: set[str] = field(default_factory=set)

    def contenders(self, limit: int | None) -> list[str]:
        """Return the configurations that may be among the first `limit`.

        A database's mean may differ from Python's in the last digit, so equals stay in.
        """
        ordered = sorted(self.means, key=lambda row: (not row[0], -row[1]))
        if limit is None or len(ordered) <= limit:
            return [configuration for _, _, configuration in ordered]
        complete, mean, _ = ordered[limit - 1]
        last = (not complete, -mean + _ROUNDING)
        return [c for done, mean, c in ordered if (not done, -mean) <= last]


def of_sweep(query: Select[Any], sweep: str) -> Select[Any]:
    """Narrow a query over trials to those of one sweep."""
    linked = sweep_trials.c.trial_id == trials.c.trial_id
    return query.join(sweep_trials, linked).where(sweep_trials.c.sweep == sweep)


def configurations(sweep: str | None, task: str | None, *, archived: bool) -> Select[Any]:
    """Select for each configuration its table, what is unsaid, its seeds and their mean.

    A trial counts that is finished, or that a sweep still asks for; of all sweeps, those that only
    archived ones asked for count with `archived` alone.
    """
    t = trials.c
    key = (t.task, t.fingerprint, t.metric, t.configuration)
    seeds = (func.max(t.unsaid), func.count(), func.count(t.score), func.avg(t.score))
    query = select(*key, *seeds).group_by(*key).having(func.count(t.score) > 0)
    return _counting(query, sweep, task, archived)


def planned_trials(sweep: str | None, chosen: Sequence[str], *, archived: bool) -> Select[Any]:
    """Select the trials of some configurations, as far as they count."""
    t = trials.c
    query = select(t.configuration, t.trial_id, t.seed, t.score)
    return _counting(query.where(t.configuration.in_(chosen)), sweep, None, archived)


def _counting(
    query: Select[Any], sweep: str | None, task: str | None, archived: bool
) -> Select[Any]:
    if sweep is not None:
        query = of_sweep(query, sweep)
    else:
        asked = select(sweep_trials.c.trial_id).where(sweep_trials.c.trial_id == trials.c.trial_id)
        seen = asked if archived else asked.join(sweeps).where(sweeps.c.archived_at.is_(None))
        finished = trials.c.state == TrialState.FINISHED
        unseen = false() if archived else asked.exists()
        query = query.where(or_(and_(finished, ~unseen), seen.exists()))
    return query if task is None else query.where(trials.c.task == task)


def last_submissions(sweep: str | None) -> Select[Any]:
    """Select for each table the last submission that asked for a trial of it."""
    t = trials.c
    query = select(t.task, t.fingerprint, t.metric, func.max(sweep_trials.c.submission))
    query = query.join(sweep_trials, sweep_trials.c.trial_id == t.trial_id)
    if sweep is not None:
        query = query.where(sweep_trials.c.sweep == sweep)
    return query.group_by(t.task, t.fingerprint, t.metric)


def test_score() -> ScalarSelect[Any]:
    """Select a trial's primary metric on test, at its own depth."""
    own = (
        scores.c.trial_id == trials.c.trial_id,
        scores.c.split == Split.TEST,
        scores.c.depth == trials.c.drop_depth,
        scores.c.metric == trials.c.metric,
    )
    return select(scores.c.value).where(*own).correlate(trials).scalar_subquery()


def test_scores(trial_ids: Sequence[str]) -> Select[Any]:
    """Select these trials' scores on test."""
    here = trials.c.trial_id.in_(trial_ids)
    return select(trials.c.trial_id, test_score().label("value")).where(here)


def tables_of(rows: Iterable[Any]) -> dict[TableKey, Table]:
    """Sort what `configurations` selected into tables."""
    tables: dict[TableKey, Table] = {}
    for task, fingerprint, metric, configuration, unsaid, planned, finished, mean in rows:
        table = tables.setdefault((task, fingerprint, metric), Table())
        table.means.append((planned == finished, mean, configuration))
        table.unsaid.add(unsaid)
    return tables


def leaderboard_rows(
    key: TableKey,
    table: Table,
    ranked: Sequence[Ranked],
    *,
    best: Mapping[str, TrialRow],
    test: Mapping[str, float],
) -> list[LeaderboardRow]:
    """Make the rows of one table.

    Args:
        ranked: those of its configurations that are shown.
        best, test: by trial_id.
    """
    task, fingerprint, metric = key
    names = differing(json.loads(text) for text in table.unsaid)
    labels = _labels(ranked, best, names)
    return [
        LeaderboardRow(
            task=task,
            fingerprint=fingerprint,
            metric=metric,
            configuration=row.configuration,
            label=label,
            mean=row.mean,
            std=row.std,
            seeds=len(row.finished),
            planned=row.planned,
            test=_over_seeds([test[i] for i, _ in row.finished if i in test]),
            best=best[row.finished[0][0]],
        )
        for row, label in zip(ranked, labels, strict=True)
    ]


def _labels(
    ranked: Sequence[Ranked], best: Mapping[str, TrialRow], names: Sequence[str]
) -> list[str]:
    """Say what each configuration is, and what tells it from the others of its table."""
    labels = []
    for row in ranked:
        trial = best[row.finished[0][0]]
        plain = trial.label.removesuffix(f" · seed {trial.seed}")
        labels.append(labelled(plain, words(trial.unsaid, names)))
    repeated = Counter(labels)
    # A catalog of an earlier version does not know all of it: a hash then tells them apart.
    return [
        label if repeated[label] == 1 else f"{label} · {row.configuration[:6]}"
        for row, label in zip(ranked, labels, strict=True)
    ]


def _over_seeds(values: Sequence[float]) -> OverSeeds | None:
    if not values:
        return None
    mean, std = over_seeds(values)
    return OverSeeds(mean=mean, std=std, seeds=len(values))
