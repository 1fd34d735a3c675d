"""How a leaderboard is printed: a table for each task, or for each of its data and metrics."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import LeaderboardRow
from orchestrator.commands.output import count, number, table
from workers.contract.results import TrialResult
from workers.contract.task_card import Split

_WIDE = 100
"""Columns of a terminal from which there is room for what can be done without."""


def print_leaderboard(
    out: Console,
    catalog: Catalog,
    sweep: str | None,
    *,
    limit: int,
    task: str | None = None,
    archived: bool = False,
) -> None:
    """Print configurations by their mean score, with the majority's to compare with."""
    rows = catalog.leaderboard(sweep=sweep, task=task, limit=limit, archived=archived)
    tables = [list(group) for _, group in groupby(rows, key=lambda row: row.table)]
    results = catalog.results(mine[0].best.trial_id for mine in tables)
    data = Counter(mine[0].task for mine in tables)
    for mine in tables:
        first = mine[0]
        other = f" · data {first.fingerprint[:8]}" if data[first.task] > 1 else ""
        _print_table(out, mine, title=f"\n{_title(first, results[first.best.trial_id])}{other}")
    several = [name for name, n in data.items() if n > 1]
    if several:
        out.print(
            f"\n{', '.join(several)}: measured on other rows or with another metric in between, "
            "which cannot be compared: a table for each, the one submitted last first",
            style="dim",
        )
    if any(not row.complete for row in rows):
        out.print(
            "\n“1 of 3” seeds: the others failed or are still to come, so the mean is one of "
            "survivors and ranks last",
            style="dim",
        )


def leaderboard_rows(
    catalog: Catalog,
    sweep: str | None,
    *,
    limit: int,
    task: str | None = None,
    archived: bool = False,
) -> list[dict[str, Any]]:
    """Return leaderboards as plain values: every row with its place, majority and settings."""
    rows = catalog.leaderboard(sweep=sweep, task=task, limit=limit, archived=archived)
    first = {row.table: row.best.trial_id for row in reversed(rows)}
    majority = {i: result.majority for i, result in catalog.results(first.values()).items()}
    every = catalog.settings(row.best.trial_id for row in rows)
    found = []
    for _, group in groupby(rows, key=lambda row: row.table):
        for place, row in enumerate(group, start=1):
            values = row.model_dump(mode="json", exclude={"best": {"unsaid"}})
            more = {
                "complete": row.complete,
                "place": place,
                "majority": majority[first[row.table]],
                "settings": every[row.best.trial_id],
            }
            found.append(values | more)
    return found


def _title(row: LeaderboardRow, result: TrialResult) -> str:
    measured = [s.rows for s in result.scores if s.split is Split.VALIDATION]
    on = f" on {measured[0]:,} validation rows" if measured else ""
    return f"{row.task}  ({row.metric}{on}, majority {number(result.majority)})"


def _print_table(out: Console, rows: Sequence[LeaderboardRow], *, title: str) -> None:
    metric = rows[0].metric
    has_test = any(row.test for row in rows)
    wide = out.width >= _WIDE
    names = [
        *("configuration", metric, "±", "seeds"),
        *(("test", "±") if has_test else ()),
        *(("trained",) if wide else ()),
        "best trial",
    ]
    view = table(*names, title=title, right=(metric, "±", "seeds", "test", "trained"))
    for row in rows:
        cells = [row.label.partition(" · ")[2], number(row.mean), number(row.std), seeds(row)]
        if has_test:
            test = row.test
            cells += [number(test.mean if test else None), number(test.std if test else None)]
        if wide:
            cells.append(count(row.best.trained_parameters))
        view.add_row(*cells, row.best.trial_id[:8], style=None if row.complete else "dim")
    out.print(view)


def seeds(row: LeaderboardRow) -> str:
    """Say over how many seeds a mean is, and of how many where some are missing."""
    return str(row.seeds) if row.complete else f"{row.seeds} of {row.planned}"
