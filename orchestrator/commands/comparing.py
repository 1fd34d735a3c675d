"""`compare`: two configurations side by side: what differs, both scores, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.sides import Side, comparable, places, what_differs
from orchestrator.commands.output import console, print_json, table
from orchestrator.commands.paired_differences import (
    Compared,
    DifferingRow,
    answered,
    differences,
    differing_rows,
    splits_of,
)
from orchestrator.commands.showing import shown
from orchestrator.errors import OrchestratorError
from orchestrator.planning.ranking import over_seeds
from orchestrator.stores import Stores
from workers.errors import WorkerError


def compare(
    one: str,
    other: str,
    stores: Stores,
    *,
    base: str | None,
    all_depths: bool,
    most_rows: int,
    as_json: bool,
) -> None:
    """Print what differs between two configurations, their scores, and how sure that is.

    Args:
        most_rows: how many rows are shown that one of them answers better.
    """
    with Catalog.open(stores.catalog_url, create=False) as opened:
        trials = [_trial_of(name, stores, base=base) for name in (one, other)]
        sides = (Side(opened, trials[0]), Side(opened, trials[1]))
        alike = comparable(sides)
        doubt: _Doubt | str = "measured on other data or with another metric"
        if alike:
            doubt = _doubt(opened, sides, stores, all_depths=all_depths, most_rows=most_rows)
    differing = what_differs(sides)
    if as_json:
        print_json(_as_json(sides, differing, alike) | _doubt_as_json(doubt))
        return
    out = console()
    _print(out, sides, differing, alike)
    if alike:
        _print_doubt(out, doubt)


def _trial_of(name: str, stores: Stores, *, base: str | None) -> str:
    """Return how the id begins that a name stands for: itself, or TASK@ALIAS's trial."""
    if "@" not in name:
        return name
    from orchestrator.registry.lookup import find

    return find(name, tracking_uri=stores.tracking_uri, base=base).trial_id


@dataclass(frozen=True)
class _Doubt:
    found: list[Compared]
    rows: list[DifferingRow]


def _doubt(
    opened: Catalog,
    sides: tuple[Side, Side],
    stores: Stores,
    *,
    all_depths: bool,
    most_rows: int,
) -> _Doubt | str:
    """Return what the kept predictions say of the difference, or why they say nothing."""
    if sides[0].configuration == sides[1].configuration:
        return "they are one configuration"
    try:
        one, other = (answered(opened, side.rows, stores.workspace) for side in sides)
        card, splits = splits_of(opened, sides[0].rows[0].trial_id)
    except (OrchestratorError, WorkerError) as error:
        return str(error)
    found = list(differences(card, splits, (one, other), all_depths=all_depths))
    if not found:
        return "nothing was measured of both at once"
    split = found[0].split
    there = one.at(split, one.own_depth), other.at(split, other.own_depth)
    return _Doubt(found, differing_rows(card, splits[split], there, most=most_rows))


def _doubt_as_json(doubt: _Doubt | str) -> dict[str, Any]:
    if isinstance(doubt, str):
        return {"differences": None, "why_none": doubt, "rows": []}
    return {
        "differences": [each.as_json() for each in doubt.found],
        "rows": [asdict(row) for row in doubt.rows],
    }


def _print_doubt(out: Console, doubt: _Doubt | str) -> None:
    if isinstance(doubt, str):
        out.print(f"\nNo test of the difference: {escape(doubt)}", soft_wrap=True)
        return
    columns = ("split", "depth A", "depth B", "metric", "B − A", "95 % interval", "p", "seeds")
    view = table(*columns, title="\nMore than chance? (paired bootstrap over rows and seeds)")
    for each in doubt.found:
        d, (a, b) = each.difference, each.seeds
        interval = f"{d.low:+.3f} … {d.high:+.3f}"
        seeds = f"{a}, the same" if d.paired_seeds else f"{a} and {b}"
        depths = map(str, each.depths)
        metric = each.metric.value
        split, p = each.split.value, _p(d.p)
        view.add_row(split, *depths, metric, f"{d.value:+.3f}", interval, p, seeds)
    out.print(view)
    if max(map(max, (each.seeds for each in doubt.found))) == 1:
        out.print("One seed on each side: what other seeds would change is not in the interval.")
    _print_mcnemar(out, doubt.found)
    _print_rows(out, doubt)


def _print_mcnemar(out: Console, found: Sequence[Compared]) -> None:
    view = table(
        *("split", "depth A", "depth B", "seed", "only A right", "only B right", "p"),
        title="\nRows that one has right (McNemar's exact test)",
    )
    for each in found:
        for seed, test in each.by_seed.items():
            counts = str(test.only_first), str(test.only_second)
            depths = map(str, each.depths)
            view.add_row(each.split.value, *depths, str(seed), *counts, _p(test.p))
    if view.row_count:
        out.print(view)


def _print_rows(out: Console, doubt: _Doubt) -> None:
    if not doubt.rows:
        return
    split = doubt.found[0].split.value
    values = doubt.rows[0].label.replace(".", "").isdecimal() and not doubt.found[0].by_seed
    how = "mean error" if values else "seeds right"
    view = table(
        *("row", "label", "A", "B", f"{how} A", f"{how} B", "text"),
        title=f"\nRows of {split} on which they differ most",
    )
    for row in doubt.rows:
        merits = [f"{m:.3f}" if values else f"{m:.0%}" for m in (row.a, row.b)]
        said = map(escape, (row.label, row.says_a, row.says_b))
        view.add_row(str(row.number), *said, *merits, escape(row.text))
    out.print(view)


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _as_json(
    sides: Sequence[Side], differing: Mapping[str, tuple[Any, ...]], alike: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "comparable": alike,
        "differing": {name: list(values) for name, values in differing.items()},
    }
    for key, side in zip("ab", sides, strict=True):
        found[key] = {
            "configuration": side.configuration,
            "label": side.label,
            "trials": {row.trial_id: row.score for row in side.rows},
            "settings": side.settings,
            "scores": [
                {"split": split, "depth": depth, "metric": metric, "seeds": len(values)}
                | dict(zip(("mean", "std"), over_seeds(values), strict=True))
                for (split, depth, metric), values in side.scores.items()
            ],
        }
    return found


def _print(
    out: Console,
    sides: Sequence[Side],
    differing: Mapping[str, tuple[Any, ...]],
    alike: bool,
) -> None:
    for name, side in zip("AB", sides, strict=True):
        out.print(f"[bold]{name}[/]  {side.configuration[:8]}  {side.label}  ({side.seeds})")
    view = table("setting", "A", "B", title="\nWhat differs")
    for name, values in differing.items():
        view.add_row(name, *("–" if value is None else shown(value) for value in values))
    if differing:
        out.print(view)
    else:
        out.print("\nnothing differs: one configuration")
    if not alike:
        out.print("\n[red]not comparable:[/] measured on other data or with another metric")
    view = table("split", "drop depth", "metric", "A", "B", "B − A", title="\nScores over seeds")
    for place in places(sides):
        found = [side.scores.get(place) for side in sides]
        split, depth, metric = place
        view.add_row(split, str(depth), metric, *map(_cell, found), _change(found, alike))
    out.print(view)


def _cell(values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    mean, std = over_seeds(values)
    return f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f} ({len(values)})"


def _change(values: Sequence[Sequence[float] | None], alike: bool) -> str:
    one, other = values
    if not (alike and one and other):
        return "–"
    return f"{over_seeds(other)[0] - over_seeds(one)[0]:+.3f}"
