"""`diff`: two configurations side by side, what differs first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import ScoreRow, TrialRow
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, print_json, table
from orchestrator.commands.showing import shown
from orchestrator.planning.ranking import over_seeds

Place = tuple[str, int, str]
"""Split, drop depth and metric."""


class _Side:
    """One configuration with all its seeds.

    Attributes:
        settings: with what its scores were measured on, by `task`, `fingerprint` and `metric`.
        scores: over its seeds that have finished.
    """

    def __init__(self, opened: Catalog, id_prefix: str) -> None:
        self.configuration = opened.configuration(id_prefix)
        self.rows: Sequence[TrialRow] = opened.configuration_rows(self.configuration)
        first = self.rows[0]
        self.label = first.label.removesuffix(f" · seed {first.seed}")
        self.measured = {
            "task": first.task,
            "fingerprint": first.fingerprint,
            "metric": first.metric,
        }
        recipe = {"recipe": first.unsaid.get("recipe")}
        own = opened.settings([first.trial_id])[first.trial_id]
        self.settings: dict[str, Any] = self.measured | dict(own) | recipe
        self.scores: dict[Place, list[float]] = {}
        for rows in opened.scores(row.trial_id for row in self.rows).values():
            for score in rows:
                self.scores.setdefault(_place(score), []).append(score.value)

    @property
    def seeds(self) -> str:
        finished = sum(row.score is not None for row in self.rows)
        return f"{finished} of {len(self.rows)} seeds finished"


def diff(a: str, b: str, workspace: Path, *, catalog: str | None, as_json: bool) -> None:
    """Print what differs between two configurations, and the scores of both over their seeds."""
    with open_catalog(workspace, catalog) as opened:
        sides = (_Side(opened, a), _Side(opened, b))
    differing = _differing(sides)
    comparable = sides[0].measured == sides[1].measured
    if as_json:
        print_json(_as_json(sides, differing, comparable))
    else:
        _print(console(), sides, differing, comparable)


def _differing(sides: Sequence[_Side]) -> dict[str, tuple[Any, Any]]:
    """Return setting → its values; None where a configuration does not have it."""
    one, other = (side.settings for side in sides)
    names = dict.fromkeys([*one, *other])
    return {n: (one.get(n), other.get(n)) for n in names if one.get(n) != other.get(n)}


def _as_json(
    sides: Sequence[_Side], differing: Mapping[str, tuple[Any, Any]], comparable: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "comparable": comparable,
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
    sides: Sequence[_Side],
    differing: Mapping[str, tuple[Any, Any]],
    comparable: bool,
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
    if not comparable:
        out.print("\n[red]not comparable:[/] measured on other data or with another metric")
    view = table("split", "drop depth", "metric", "A", "B", "B − A", title="\nScores over seeds")
    for place in sorted({*sides[0].scores, *sides[1].scores}, key=lambda p: (p[0] == "test", p)):
        found = [side.scores.get(place) for side in sides]
        split, depth, metric = place
        view.add_row(split, str(depth), metric, *map(_cell, found), _change(found, comparable))
    out.print(view)


def _cell(values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    mean, std = over_seeds(values)
    return f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f} ({len(values)})"


def _change(values: Sequence[Sequence[float] | None], comparable: bool) -> str:
    one, other = values
    if not (comparable and one and other):
        return "–"
    return f"{over_seeds(other)[0] - over_seeds(one)[0]:+.3f}"


def _place(score: ScoreRow) -> Place:
    return score.split.value, score.depth, score.metric
