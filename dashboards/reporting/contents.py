"""A report as plain values: what every format writes, and nothing of how it looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dashboards.drawn_sweep import Drawn
from dashboards.reporting.arms import Contrast

MISSING = "–"


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        numbers: the columns that hold numbers, which stand on the right.
        note: what to know before reading it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """One topic: what is found in sentences, and every comparison behind it."""

    topic: str
    sentences: Sequence[str]
    contrasts: Sequence[Contrast] = ()


@dataclass(frozen=True)
class Report:
    """Everything that a report says.

    Attributes:
        facts: name and value of what stands at its head.
        method: how differences, errors and choices come about.
        skipped: title and reason of each figure that this sweep has nothing for.
        specification: the YAML that the sweep was submitted with last.
    """

    sweep: str
    description: str
    facts: Sequence[tuple[str, str]]
    overview: Table
    findings: Sequence[Finding]
    method: Sequence[str]
    figures: Sequence[Drawn]
    skipped: Sequence[tuple[str, str]]
    leaderboards: Sequence[Table]
    differences: Sequence[Table]
    choices: Sequence[Table]
    failures: Table | None
    versions: Sequence[Table]
    again: Sequence[str] = field(default=())
    specification: str = ""


def number(value: float | None, digits: int = 3) -> str:
    return MISSING if value is None else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int) -> str:
    """Return a number with its sign, and a minus as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def with_spread(mean: float, std: float | None, digits: int = 3) -> str:
    return number(mean, digits) + ("" if std is None else f" ± {std:.{digits}f}")
