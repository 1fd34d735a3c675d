"""Panels over many configurations: the grid of task and configuration, and groups by axes."""

from dashboards.web.asked import Asked
from dashboards.web.site import Site
from dashboards.web.tables import Cell, Column, Kind, Panel, Spread, Table, plain
from orchestrator.catalog.grouping import GROUPED_BY, Grid, GridCell, GridRow, GroupRow
from orchestrator.catalog.records import TrialFilter

ROWS_OF_A_GRID = 25
ROWS_OF_GROUPS = 200
USUAL_AXES = ("method", "drop_mode", "drop_depth")

_AS_FILTER = {"base_model": "base"} | {
    name: name for name in GROUPED_BY if name in TrialFilter.model_fields
}
"""Axis → the part of the filter that chooses its values."""


def grid(site: Site, asked: Asked) -> Panel:
    """Show the mean over seeds of every configuration on every task."""
    offset = (asked.page - 1) * ROWS_OF_A_GRID
    found = site.while_unchanged(
        ("grid", asked.where, offset),
        lambda: site.catalog.grid(asked.where, limit=ROWS_OF_A_GRID, offset=offset),
    )
    note = ""
    if found.left_out:
        note = f"{found.left_out:,} configurations behind the best of their task are left out."
    table = _turned(found, note) if asked.turned else _straight(found, note)
    return Panel(
        "grid",
        "Task × configuration",
        [table] if found.rows else [],
        total=found.recipes,
        next_page=found.recipes > offset + ROWS_OF_A_GRID,
    )


def _task_columns(found: Grid) -> list[str]:
    """Name each column by its task, and by data or metric where a task stands there twice."""
    tasks = [task for task, _, _ in found.tables]
    return [
        f"{task} ({metric})" if tasks.count(task) == 1 else f"{task} ({metric}, {fingerprint[:8]})"
        for task, fingerprint, metric in found.tables
    ]


def _straight(found: Grid, note: str) -> Table:
    several = len(found.tables) > 1
    columns = [
        Column("configuration", "configuration"),
        *(Column(name, name, Kind.SPREAD) for name in _task_columns(found)),
        *([Column("average", "average", Kind.SCORE)] if several else []),
    ]
    top = max((r.average for r in found.rows if r.average is not None), default=None)
    rows = [
        [
            _name(row),
            *map(_spread, row.cells),
            *([Cell(row.average, strong=_is_top(row, top))] if several else []),
        ]
        for row in found.rows
    ]
    return Table("Mean ± standard deviation over seeds", columns, rows, note=note)


def _turned(found: Grid, note: str) -> Table:
    columns = [
        Column("task", "task"),
        *(Column(row.label, row.label, Kind.SPREAD) for row in found.rows),
    ]
    rows = [
        [Cell(name), *(_spread(row.cells[n]) for row in found.rows)]
        for n, name in enumerate(_task_columns(found))
    ]
    if len(found.tables) > 1:
        top = max((r.average for r in found.rows if r.average is not None), default=None)
        averages = [
            Cell(None if row.average is None else Spread(row.average), strong=_is_top(row, top))
            for row in found.rows
        ]
        rows.append([Cell("average"), *averages])
    return Table("Mean ± standard deviation over seeds", columns, rows, note=note)


def _is_top(row: GridRow, top: float | None) -> bool:
    return row.average is not None and row.average == top


def _name(row: GridRow) -> Cell:
    chosen = [cell.configuration for cell in row.cells if cell is not None]
    return Cell(row.label, href=Asked(c=tuple(chosen[:8])).link("/compare"))


def _spread(cell: GridCell | None) -> Cell:
    if cell is None:
        return Cell(None)
    spread = Spread(cell.mean, cell.std, cell.seeds, cell.planned)
    link = Asked(c=(cell.configuration,)).link("/compare")
    return Cell(spread, href=link, strong=cell.best)


def groups(site: Site, asked: Asked) -> Panel:
    """Group the configurations of each task by some axes."""
    axes = asked.by or USUAL_AXES
    sort = asked.sort or "-mean"
    offset = (asked.page - 1) * ROWS_OF_GROUPS
    found = site.while_unchanged(
        ("groups", asked.where, axes, sort, offset),
        lambda: site.catalog.grouped(
            asked.where, axes, sort, limit=ROWS_OF_GROUPS + 1, offset=offset
        ),
    )
    several = len({row.fingerprint for row in found}) > len({row.task for row in found})
    columns = [
        Column("task", "task", sort="task"),
        *([Column("data", "data", Kind.CODE)] if several else []),
        *(Column(name, name.replace("_", " "), sort=name) for name in axes),
        Column("metric", "metric"),
        Column("mean", "mean", Kind.SCORE, "mean"),
        Column("std", "±", Kind.SCORE, "std"),
        Column("least", "least", Kind.SCORE, "least"),
        Column("most", "most", Kind.SCORE, "most"),
        Column("configurations", "configurations", Kind.COUNT, "configurations"),
        Column("trials", "trials", Kind.COUNT, "trials"),
        Column("finished", "finished", Kind.COUNT, "finished"),
    ]
    rows = [_group_cells(row, axes, asked, several=several) for row in found[:ROWS_OF_GROUPS]]
    note = (
        "The mean is over configurations, each over its own seeds; ± is the standard deviation "
        "between configurations."
    )
    empty = "No trial is like this. Leave a part of the filter out."
    table = Table("Groups", columns, rows, note=note, empty=empty)
    return Panel("groups", "Group by", [table], next_page=len(found) > ROWS_OF_GROUPS)


def _group_cells(
    row: GroupRow, axes: tuple[str, ...], asked: Asked, *, several: bool
) -> list[Cell]:
    told = {_AS_FILTER[a]: v for a, v in zip(axes, row.values, strict=True) if a in _AS_FILTER}
    link = asked.only().link("/trials", **{"task": row.task} | told)
    return [
        Cell(row.task, href=link),
        *([Cell(row.fingerprint[:8])] if several else []),
        *(Cell(None if value is None else plain(value)) for value in row.values),
        Cell(row.metric),
        Cell(row.mean),
        Cell(row.std),
        Cell(row.least),
        Cell(row.most),
        Cell(row.configurations),
        Cell(row.trials),
        Cell(row.finished),
    ]
