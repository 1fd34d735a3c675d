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

from sqlalchemy import ColumnElement, Select, String, Subquery, column, func, or_, select, values

from orchestrator.catalog.configuration_sums import of_sweep_by_configuration, summed
from orchestrator.catalog.read_order import from_compared
from orchestrator.catalog.records import LeaderboardRow, OverSeeds, TrialFilter, TrialRow
from orchestrator.catalog.tables import sweep_trials, trials
from orchestrator.planning.ranking import Ranked, over_seeds
from orchestrator.planning.settings import differing, labelled, words

TableKey = tuple[str, str, str]
"""What must be equal for scores to be compared: task, fingerprint of its rows, and metric."""

_ROUNDING = 1e-9


@dataclass
class Table:
    """What is ranked together: its configurations as SQL sums them up.

    Attributes:
        unsaid: for each text in `unsaid` that differs, by its hash, a configuration that has it.
    """

    means: list[tuple[bool, float, str]] = field(default_factory=list)
    unsaid: dict[str, str] = field(default_factory=dict)

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


def configurations(chosen: TrialFilter, limit: int | None = None, *, archived: bool) -> Select[Any]:
    """Select for each configuration its table, what is unsaid, its seeds and their mean.

    Which trials count is said by `summed`.

    Args:
        limit: leave out most of what cannot be among so many of its table, as long as others have
            the same unsaid; None for all.
    """
    c = summed(chosen, archived=archived).c
    complete = (c.trials == c.finished).label("complete")
    key = c.configuration, c.task, c.fingerprint, c.metric
    query = select(*key, c.unsaid_hash, complete, c.mean).where(c.finished > 0)
    return query if limit is None else _first(query.subquery(), limit)


def _first(sums: Subquery, limit: int) -> Select[Any]:
    """Select the first `limit` of each table, whole or not, with equals; and of each unsaid one."""
    c = sums.c
    table = (c.task, c.fingerprint, c.metric)
    last = func.nth_value(c.mean, limit).over(
        partition_by=(*table, c.complete), order_by=c.mean.desc(), rows=(None, None)
    )
    number = func.row_number().over(partition_by=(*table, c.unsaid_hash), order_by=c.configuration)
    placed = select(*c, last.label("last"), number.label("number")).subquery()
    leads = placed.c.mean >= func.coalesce(placed.c.last, placed.c.mean) - _ROUNDING
    first: Select[Any] = select(*[placed.c[column.name] for column in c])
    return first.where(or_(leads, placed.c.number == 1))


def last_submissions(sweep: str | None) -> Select[Any]:
    """Select for each table the last submission that asked for a trial of it."""
    t = trials.c
    last = func.max(sweep_trials.c.submission)
    query: Select[Any] = select(t.task, t.fingerprint, t.metric, last)
    if sweep is not None:
        query = of_sweep_by_configuration(query, sweep)
    else:
        query = query.join(sweep_trials, sweep_trials.c.trial_id == t.trial_id)
    query = from_compared(query)
    return query.group_by(t.task, t.fingerprint, t.metric)


def of_one_trial(wanted: Sequence[str], *columns: ColumnElement[Any]) -> Select[Any]:
    """Select of each of some configurations what the first of its trials says."""
    asked = values(column("configuration", String), name="asked")
    each = asked.data([(one,) for one in wanted]).cte().c.configuration
    first = [select(c).where(trials.c.configuration == each).limit(1) for c in columns]
    said = [from_compared(query).scalar_subquery() for query in first]
    return select(each, *(s.label(c.key) for s, c in zip(said, columns, strict=True)))


def tables_of(rows: Iterable[Any]) -> dict[TableKey, Table]:
    """Sort what `configurations` selected into tables."""
    tables: dict[TableKey, Table] = {}
    for configuration, task, fingerprint, metric, unsaid, complete, mean in rows:
        table = tables.setdefault((task, fingerprint, metric), Table())
        table.means.append((complete, mean, configuration))
        table.unsaid.setdefault(unsaid, configuration)
    return tables


def leaderboard_rows(
    key: TableKey,
    ranked: Sequence[Ranked],
    *,
    unsaid: Iterable[str],
    best: Mapping[str, TrialRow],
    test: Mapping[str, float],
) -> list[LeaderboardRow]:
    """Make the rows of one table.

    Args:
        ranked: those of its configurations that are shown.
        unsaid: of all of its configurations.
        best, test: by trial_id.
    """
    task, fingerprint, metric = key
    names = differing(json.loads(text) for text in unsaid)
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
