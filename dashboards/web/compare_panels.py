"""Panels that put configurations side by side."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from dashboards.web.tables import Cell, Column, Kind, Panel, Spread, Table, plain
from orchestrator.catalog.sides import Side, comparable, places, what_differs, what_is_shared


def compared(sides: Sequence[Side]) -> list[Panel]:
    """Return what differs, the scores, and what is the same."""
    return [differences(sides), scores(sides), shared(sides)]


def differences(sides: Sequence[Side]) -> Panel:
    """List the settings that are not the same on all sides."""
    rows = [
        [Cell(name), *(Cell(None if value is None else _shown(name, value)) for value in values)]
        for name, values in what_differs(sides).items()
    ]
    columns = [Column("setting", "setting"), *_columns(sides, Kind.TEXT)]
    empty = "Nothing differs: it is one configuration."
    return Panel("differences", "What differs", [Table("What differs", columns, rows, empty)])


def scores(sides: Sequence[Side]) -> Panel:
    """List every score of each side, over its seeds."""
    alike = comparable(sides)
    rows = []
    for place in places(sides):
        spreads = [Spread.over(side.scores.get(place, ())) for side in sides]
        top = max((s.mean for s in spreads if s), default=None)
        split, depth, metric = place
        rows.append(
            [
                Cell(split),
                Cell(depth),
                Cell(metric),
                *(
                    Cell(s, strong=alike and len(sides) > 1 and s is not None and s.mean == top)
                    for s in spreads
                ),
            ]
        )
    columns = [
        Column("split", "split"),
        Column("depth", "drop depth", Kind.PLAIN),
        Column("metric", "metric"),
        *_columns(sides, Kind.SPREAD),
    ]
    table = Table("Scores over seeds", columns, rows, empty="No seed has finished yet.")
    return Panel("compared_scores", "Scores over seeds", [table])


def shared(sides: Sequence[Side]) -> Panel:
    """List the settings that are the same on all sides."""
    same = what_is_shared(sides).items()
    rows = [[Cell(name), Cell(_shown(name, value))] for name, value in same]
    columns = [Column("setting", "setting"), Column("value", "value on all sides")]
    return Panel("shared", "What is the same", [Table("What is the same", columns, rows)])


def _shown(name: str, value: Any) -> str:
    return plain(value)[:12] if name == "fingerprint" else plain(value)


def _columns(sides: Sequence[Side], kind: Kind) -> list[Column]:
    letters = ascii_uppercase[: len(sides)]
    return [Column(letter, letter, kind) for letter in letters]
