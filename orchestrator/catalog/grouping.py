"""Scores of many configurations at once: grouped by axes, or as a grid of task and configuration.

Seeds are folded first: a configuration counts once, whatever the number of its seeds.
"""

import itertools
import json
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Subquery, func, select

from orchestrator.catalog.configuration_sums import summed
from orchestrator.catalog.leaderboard import (
    Table,
    TableKey,
    configurations,
    of_one_trial,
    tables_of,
)
from orchestrator.catalog.overviews import Overviews
from orchestrator.catalog.read_order import from_columns
from orchestrator.catalog.records import TrialFilter
from orchestrator.catalog.store import chunks
from orchestrator.catalog.tables import trials
from orchestrator.errors import CatalogError
from orchestrator.planning.ranking import Ranked, over_seeds, rank
from orchestrator.planning.settings import AXIS_NAMES, differing, words
from workers.contract.frozen import Frozen

COLUMN_AXES = (
    *("method", "base_model", "drop_mode", "drop_depth", "placement", "bottleneck_size"),
    *("sharing", "non_linearity", "keep", "learning_rate"),
)
"""The axes that are columns of the catalog, so that the database groups by them."""

GROUPED_BY = (*COLUMN_AXES, *(n for n in AXIS_NAMES if n not in ("task", "seed", *COLUMN_AXES)))
"""What configurations can be grouped by."""

GROUP_SORTS = ("mean", "std", "least", "most", "configurations", "trials", "finished")
MOST_CONFIGURATIONS = 2000
"""Of how many configurations at most axes are read that are no columns, and aligned in a grid."""

_SEED = re.compile(r" · seed \d+$")


class GroupRow(Frozen):
    """Configurations of one task that have the same values on some axes.

    Attributes:
        values: of the axes, None where these configurations have none.
        mean, std: over the configurations' means, each over its seeds.
        least, most: of the configurations' means.
        trials: how many were asked for, of which `finished` have a score.
    """

    task: str
    fingerprint: str
    metric: str
    values: tuple[Any, ...]
    configurations: int
    trials: int
    finished: int
    mean: float | None
    std: float | None
    least: float | None
    most: float | None


class GridCell(Frozen):
    """One configuration over its seeds on one task; `best` if none on that task is better."""

    configuration: str
    mean: float
    std: float | None
    seeds: int
    planned: int
    best: bool = False


class GridRow(Frozen):
    """One configuration on several tasks; `average` of its means, None where it misses a task."""

    label: str
    cells: tuple[GridCell | None, ...]
    average: float | None


class Grid(Frozen):
    """Task × configuration.

    Attributes:
        tables: task, fingerprint and metric of each column.
        recipes: how many rows there are, of which these are some.
        left_out: configurations that were not looked at, being behind the best of their task.
    """

    tables: tuple[TableKey, ...]
    rows: tuple[GridRow, ...]
    recipes: int
    left_out: int


class Grouping(Overviews):
    """The part of the catalog that looks at many configurations at once."""

    def grouped(
        self,
        chosen: TrialFilter,
        axes: Sequence[str],
        sort: str = "-mean",
        *,
        limit: int = 200,
        offset: int = 0,
    ) -> list[GroupRow]:
        """Return the configurations of each task grouped by axes.

        Args:
            sort: one of `GROUP_SORTS`, or `task`, or an axis; a leading `-` for the largest first.

        Raises:
            CatalogError: there is no such axis or order; or too many configurations for an axis
                that is no column.
        """
        self._check_axes(axes, sort)
        if set(axes) <= set(COLUMN_AXES):
            rows = self._grouped_by_columns(chosen, axes, sort, limit, offset)
        else:
            rows = self._grouped_by_settings(chosen, axes, sort)[offset : offset + limit]
        if not rows:
            self.check_names(chosen)
        return rows

    def _check_axes(self, axes: Sequence[str], sort: str) -> None:
        if strange := [name for name in axes if name not in GROUPED_BY]:
            raise CatalogError(
                f"by: expected some of {', '.join(GROUPED_BY)}; found {strange[0][:80]!r}"
            )
        orders = (*GROUP_SORTS, "task", *axes)
        if sort.removeprefix("-") not in orders:
            raise CatalogError(f"sort: expected one of {', '.join(orders)}; found {sort[:80]!r}")

    def _grouped_by_columns(
        self, chosen: TrialFilter, axes: Sequence[str], sort: str, limit: int, offset: int
    ) -> list[GroupRow]:
        query = _groups(chosen, axes)
        name = sort.removeprefix("-")
        column = query.selected_columns[f"axis_{name}" if name in axes else name]
        directed = column.desc() if sort.startswith("-") else column.asc()
        ties = [query.selected_columns[n] for n in ("task", *(f"axis_{a}" for a in axes))]
        query = query.order_by(directed.nulls_last(), *ties).limit(limit).offset(offset)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        with self._legible():
            return [_group_row(row, tuple(row[f"axis_{a}"] for a in axes)) for row in rows]

    def _grouped_by_settings(
        self, chosen: TrialFilter, axes: Sequence[str], sort: str
    ) -> list[GroupRow]:
        """Group by what only a trial's full configuration says, one trial for each."""
        query = _per_configuration(chosen, ()).limit(MOST_CONFIGURATIONS + 1)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        if len(rows) > MOST_CONFIGURATIONS:
            other = ", ".join(name for name in axes if name not in COLUMN_AXES)
            raise CatalogError(
                f"{other} can be grouped by for up to {MOST_CONFIGURATIONS:,} configurations, "
                f"found more; narrow the filter, or group by some of {', '.join(COLUMN_AXES)}"
            )
        every = self.settings(row.trial_id for row in rows)
        groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for row in rows:
            values = tuple(_plain(every[row.trial_id].get(name)) for name in axes)
            groups[(row.task, row.fingerprint, row.metric, values)].append(row)
        found = [_folded(key, group) for key, group in groups.items()]
        return _sorted(found, axes, sort)

    def grid(self, chosen: TrialFilter, *, limit: int = 25, offset: int = 0) -> Grid:
        """Return the scores of configurations on each task, those on most tasks first.

        Rows of different tasks belong together whose configurations differ in nothing else.

        Raises:
            CatalogError: there is no such sweep, task or base.
        """
        with self._legible():
            with self._reading() as connection:
                tables = tables_of(connection.execute(configurations(chosen, archived=False)))
            if not tables:
                self.check_names(chosen)
            keys = sorted(tables)
            most = MOST_CONFIGURATIONS // max(1, len(keys))
            among = {key: tables[key].contenders(most) for key in keys}
            means = {c: mean for key in keys for _, mean, c in tables[key].means}
            recipes = self._recipes(among)
            names = differing(json.loads(unsaid) for _, unsaid in recipes)

            def place(recipe: Mapping[TableKey, str]) -> tuple[int, float]:
                return -len(recipe), -statistics.fmean(means[c] for c in recipe.values())

            order = sorted(recipes, key=lambda recipe: (*place(recipes[recipe]), recipe))
            shown = order[offset : offset + limit]
            ranked = self._ranked(chosen, [c for r in shown for c in recipes[r].values()])
            best = self._best(chosen, tables)
            every = sum(len(table.means) for table in tables.values())
            return Grid(
                tables=tuple(keys),
                rows=tuple(_grid_row(r, recipes[r], keys, ranked, best, names) for r in shown),
                recipes=len(order),
                left_out=every - sum(map(len, among.values())),
            )

    def _recipes(
        self, among: Mapping[TableKey, Sequence[str]]
    ) -> dict[tuple[str, str], dict[TableKey, str]]:
        """Return what is tried, whatever the task → table → configuration."""
        t = trials.c
        of = {c: key for key, group in among.items() for c in group}
        recipes: dict[tuple[str, str], dict[TableKey, str]] = defaultdict(dict)
        with self._reading() as connection:
            for part in chunks(of):
                for row in connection.execute(of_one_trial(part, t.label, t.unsaid)):
                    key = of[row.configuration]
                    plain = _SEED.sub("", row.label).removeprefix(key[0]).removeprefix(" · ")
                    recipes[plain, row.unsaid][key] = row.configuration
        return recipes

    def _ranked(self, chosen: TrialFilter, among: Sequence[str]) -> dict[str, Ranked]:
        with self._reading() as connection:
            planned, _ = self._planned(connection, chosen, among, archived=False)
        return {row.configuration: row for row in rank(itertools.chain(*planned.values()))}

    def _best(self, chosen: TrialFilter, tables: Mapping[TableKey, Table]) -> set[str]:
        """Return the configurations that no other of their table is better than."""
        first = {key: self._ranked(chosen, table.contenders(1)) for key, table in tables.items()}
        found: set[str] = set()
        for ranked in first.values():
            whole = [r for r in ranked.values() if r.complete] or list(ranked.values())
            top = max((r.mean for r in whole), default=None)
            found.update(r.configuration for r in whole if r.mean == top)
        return found


def _per_configuration(chosen: TrialFilter, axes: Sequence[str]) -> Select[Any]:
    """Select each configuration: its table, axes as one of its trials says, trials, and mean."""
    c = summed(chosen, archived=False, with_one=True).c
    rest = c.one.label("trial_id"), c.trials, c.finished, c.mean
    query = select(c.task, c.fingerprint, c.metric, c.configuration, *rest)
    if not axes:
        return query
    named = [_column(name).label(f"axis_{name}") for name in axes]
    return from_columns(query.add_columns(*named).join(trials, trials.c.trial_id == c.one))


def _groups(chosen: TrialFilter, axes: Sequence[str]) -> Select[Any]:
    """Select the groups; squares are summed around the mean, as over seeds."""
    one: Subquery = _per_configuration(chosen, axes).subquery()
    key = [one.c[name] for name in ("task", "fingerprint", "metric", *(f"axis_{a}" for a in axes))]
    rest = [one.c[name] for name in ("trials", "finished", "mean")]
    centre = func.avg(one.c.mean).over(partition_by=key).label("centre")
    around = select(*key, *rest, centre).subquery()
    off = around.c.mean - around.c.centre
    squares = func.sum(off * off)
    outer = [around.c[column.name] for column in key]
    return select(
        *outer,
        func.count().label("configurations"),
        func.sum(around.c.trials).label("trials"),
        func.sum(around.c.finished).label("finished"),
        func.avg(around.c.mean).label("mean"),
        func.count(around.c.mean).label("scored"),
        squares.label("squares"),
        (squares / func.nullif(func.count(around.c.mean) - 1, 0)).label("std"),  # to sort by
        func.min(around.c.mean).label("least"),
        func.max(around.c.mean).label("most"),
    ).group_by(*outer)


def _column(axis: str) -> ColumnElement[Any]:
    return trials.c["base_name" if axis == "base_model" else axis]


def _group_row(row: RowMapping, values: tuple[Any, ...]) -> GroupRow:
    scored = row["scored"]
    std = math.sqrt(row["squares"] / (scored - 1)) if scored > 1 else None
    same = ("task", "fingerprint", "metric", "configurations", "trials", "finished")
    spread = {name: row[name] for name in ("mean", "least", "most")}
    return GroupRow(values=values, std=std, **spread, **{name: row[name] for name in same})


def _folded(key: tuple[Any, ...], group: Sequence[Any]) -> GroupRow:
    task, fingerprint, metric, values = key
    means = [row.mean for row in group if row.mean is not None]
    mean, std = over_seeds(means) if means else (None, None)
    return GroupRow(
        task=task,
        fingerprint=fingerprint,
        metric=metric,
        values=values,
        configurations=len(group),
        trials=sum(row.trials for row in group),
        finished=sum(row.finished for row in group),
        mean=mean,
        std=std,
        least=min(means, default=None),
        most=max(means, default=None),
    )


def _sorted(rows: Iterable[GroupRow], axes: Sequence[str], sort: str) -> list[GroupRow]:
    """Sort as the database does: what has no value comes last."""
    name = sort.removeprefix("-")

    def value(row: GroupRow) -> Any:
        return row.values[axes.index(name)] if name in axes else getattr(row, name)

    ordered = sorted(rows, key=lambda row: (row.task, str(row.values)))
    known = [row for row in ordered if value(row) is not None]
    numbers = all(isinstance(value(row), int | float) for row in known)
    known.sort(
        key=lambda row: value(row) if numbers else str(value(row)), reverse=sort.startswith("-")
    )
    return known + [row for row in ordered if value(row) is None]


def _grid_row(
    recipe: tuple[str, str],
    own: Mapping[TableKey, str],
    keys: Sequence[TableKey],
    ranked: Mapping[str, Ranked],
    best: set[str],
    names: Sequence[str],
) -> GridRow:
    label, unsaid = recipe
    cells = tuple(_cell(ranked.get(own.get(key, "")), best) for key in keys)
    whole = all(cell is not None and cell.seeds == cell.planned for cell in cells)
    means = [cell.mean for cell in cells if cell is not None]
    return GridRow(
        label=" · ".join([label, *words(json.loads(unsaid), names)]),
        cells=cells,
        average=statistics.fmean(means) if whole and means else None,
    )


def _cell(row: Ranked | None, best: set[str]) -> GridCell | None:
    if row is None:
        return None
    return GridCell(
        configuration=row.configuration,
        mean=row.mean,
        std=row.std,
        seeds=len(row.finished),
        planned=row.planned,
        best=row.configuration in best,
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
