"""Tables as values: what a page shows, and its files hold, of one list of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from orchestrator.planning.ranking import over_seeds


class Kind(StrEnum):
    """How the values of a column are written."""

    TEXT = "text"
    CODE = "code"  # an id, a path, a command
    SCORE = "score"
    SPREAD = "spread"  # a `Spread`
    COUNT = "count"
    PLAIN = "plain"  # a number as it is: a rate, a size, a depth
    DURATION = "duration"
    MOMENT = "moment"

    @property
    def is_number(self) -> bool:
        return self not in (self.TEXT, self.CODE, self.MOMENT)


@dataclass(frozen=True)
class Spread:
    """A mean over seeds, its standard deviation, and of how many seeds."""

    mean: float
    std: float | None = None
    seeds: int | None = None
    planned: int | None = None

    @classmethod
    def over(cls, values: Sequence[float]) -> "Spread | None":
        if not values:
            return None
        mean, std = over_seeds(values)
        return cls(mean, std, len(values))

    @property
    def complete(self) -> bool:
        return self.planned is None or self.seeds == self.planned


@dataclass(frozen=True)
class Column:
    """One column; `sort` is what the page sorts by for it, None where it cannot."""

    name: str
    title: str
    kind: Kind = Kind.TEXT
    sort: str | None = None


@dataclass(frozen=True)
class Cell:
    """One value.

    Attributes:
        href: where it leads.
        strong: whether it is the best of its column.
        key: what the colour beside it stands for: a method, a way of dropping, or a state.
        choice: the id of a configuration that can be chosen here to be compared.
    """

    value: Any
    href: str | None = None
    strong: bool = False
    key: str | None = None
    choice: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows under a caption.

    Attributes:
        quiet: numbers of rows that are shown faintly, such as configurations that miss seeds.
        empty: what to say, and to do, where there is no row.
        note: what to know about it.
        span: the least and the largest that a drawn spread can be, None where none is drawn.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str = "nothing to show"
    note: str = ""
    quiet: frozenset[int] = frozenset()
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Panel:
    """What is downloaded together: tables of one name, and their plain rows.

    Attributes:
        json_rows, csv_rows: what files hold, where that is not just what the tables show.
        next_page: whether there are more rows behind these.
    """

    name: str
    title: str
    tables: Sequence[Table]
    json_rows: Sequence[Mapping[str, Any]] | None = None
    csv_columns: Sequence[str] | None = None
    csv_rows: Sequence[Mapping[str, Any]] | None = None
    total: int | None = None
    next_page: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Return every row of every table as plain values, one field or more for each column."""
        named = len(self.tables) > 1
        return [
            ({"table": table.caption} if named else {})
            | {name: value for part in map(_fields, table.columns, row) for name, value in part}
            for table in self.tables
            for row in table.rows
        ]

    def columns(self) -> list[str]:
        """Return the names that `rows` has, also where there is no row."""
        named = ["table"] if len(self.tables) > 1 else []
        found = (n for t in self.tables for c in t.columns for n, _ in _fields(c, Cell(None)))
        return list(dict.fromkeys((*named, *found)))


def _fields(column: Column, cell: Cell) -> list[tuple[str, Any]]:
    value = cell.value
    if column.kind is Kind.SPREAD:
        names = ("mean", "std", "seeds")
        return [(f"{column.name}_{n}", getattr(value, n) if value else None) for n in names]
    return [(column.name, value.isoformat() if isinstance(value, datetime) else value)]


def written(kind: Kind, value: Any) -> str:
    """Return a value as people read it."""
    if value is None or value == "":
        return "–"
    match kind:
        case Kind.SCORE:
            return f"{value:.3f}"
        case Kind.SPREAD:
            return f"{value.mean:.3f}" if value.std is None else spread_in_words(value)
        case Kind.COUNT:
            return f"{value:,}"
        case Kind.DURATION:
            return duration(value)
        case Kind.MOMENT:
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return plain(value)


def spread_in_words(value: Spread) -> str:
    return f"{value.mean:.3f} ± {value.std:.3f}"


def plain(value: Any) -> str:
    """Say a setting's value."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def duration(seconds: float | None) -> str:
    """Return seconds as people say them: 45 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"
