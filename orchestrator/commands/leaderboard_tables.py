"""How a leaderboard is printed: a table for each task, or for each of its data and metrics."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import LeaderboardRow
from orchestrator.commands.output import count, number, table
from orchestrator.errors import OrchestratorError
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult
from workers.contract.task_card import Split
from workers.errors import WorkerError

if TYPE_CHECKING:
    from workers.tasks.paired import Difference

_NOT_TOLD_APART = 0.05
_EXPLAINED = (
    "p: of the difference to the first, by paired bootstrap over rows and seeds; ≈ cannot be told "
    "apart from it. One test for each row: of twenty, one falls below 0.05 by chance."
)
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
    doubt_in: Workspace | None = None,
) -> None:
    """Print configurations by their mean score, with the majority's to compare with.

    Args:
        doubt_in: where the trials' predictions are, which each row is tested on against the first.
    """
    rows = catalog.leaderboard(sweep=sweep, task=task, limit=limit, archived=archived)
    tables = [list(group) for _, group in groupby(rows, key=lambda row: row.table)]
    results = catalog.results(mine[0].best.trial_id for mine in tables)
    data = Counter(mine[0].task for mine in tables)
    for mine in tables:
        first = mine[0]
        other = f" · data {first.fingerprint[:8]}" if data[first.task] > 1 else ""
        title = f"\n{_title(first, results[first.best.trial_id])}{other}"
        found = {} if doubt_in is None else doubts(catalog, mine, doubt_in)
        _print_table(out, mine, title=title, doubts=found if isinstance(found, dict) else {})
        if isinstance(found, str):
            out.print(f"No test of the differences: {escape(found)}", soft_wrap=True)
    if doubt_in is not None:
        out.print(f"\n{_EXPLAINED}", style="dim")
    several = [name for name, n in data.items() if n > 1]
    if several:
        out.print(
            f"\n{', '.join(several)}: measured on other rows or with another metric in between, "
            "which cannot be compared: a table for each, the one submitted last first",
            style="dim",
        )
    if any(not row.complete for row in rows):
        out.print(
            "\n“1 of 3” seeds: the others failed, were stopped or are still to come, so the mean "
            "is one of survivors and ranks last",
            style="dim",
        )


def doubts(
    catalog: Catalog, table: Sequence[LeaderboardRow], workspace: Workspace
) -> "dict[str, Difference] | str":
    """Return configuration → its difference to the table's first, or why none can be tested."""
    from orchestrator.commands.paired_differences import against_best

    try:
        return against_best(catalog, table, workspace)
    except (OrchestratorError, WorkerError) as error:
        return str(error)


def with_doubts(
    catalog: Catalog,
    rows: Sequence[LeaderboardRow],
    plain: Sequence[dict[str, Any]],
    doubt_in: Workspace | None,
) -> list[dict[str, Any]]:
    """Return the plain rows, each with its difference to the first of its table.

    Args:
        doubt_in: as for `print_leaderboard`; None leaves the rows as they are.
    """
    if doubt_in is None:
        return list(plain)
    tables = {key: list(group) for key, group in groupby(rows, key=lambda row: row.table)}
    tested = {key: doubts(catalog, mine, doubt_in) for key, mine in tables.items()}
    return [
        values | {"against_best": _plain(tested[row.table], row.configuration)}
        for values, row in zip(plain, rows, strict=True)
    ]


def _title(row: LeaderboardRow, result: TrialResult) -> str:
    measured = [s.rows for s in result.scores if s.split is Split.VALIDATION]
    on = f" on {measured[0]:,} validation rows" if measured else ""
    return f"{row.task}  ({row.metric}{on}, majority {number(result.majority)})"


def _plain(tested: "dict[str, Difference] | str", configuration: str) -> Any:
    if isinstance(tested, str):
        return tested
    return asdict(tested[configuration]) if configuration in tested else None


def _print_table(
    out: Console,
    rows: Sequence[LeaderboardRow],
    *,
    title: str,
    doubts: Mapping[str, "Difference"],
) -> None:
    metric = rows[0].metric
    has_test = any(row.test for row in rows)
    wide = out.width >= _WIDE
    names = [
        *("configuration", metric, "±", "seeds"),
        *(("test", "±") if has_test else ()),
        *(("trained",) if wide else ()),
        *(("p",) if doubts else ()),
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
        if doubts:
            cells.append(_chance(doubts.get(row.configuration)))
        view.add_row(*cells, row.best.trial_id[:8], style=None if row.complete else "dim")
    out.print(view)


def _chance(difference: "Difference | None") -> str:
    if difference is None:
        return ""
    return f"{'≈ ' if difference.p >= _NOT_TOLD_APART else ''}{difference.p:.3f}"


def seeds(row: LeaderboardRow) -> str:
    """Say over how many seeds a mean is, and of how many where some are missing."""
    return str(row.seeds) if row.complete else f"{row.seeds} of {row.planned}"
