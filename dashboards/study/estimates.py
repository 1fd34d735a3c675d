"""Estimates with their doubt, and what a claim's test makes of one.

Scores are paired by panel (a task) and seed, as `dashboards.reporting.differences` does. Times are
paired by round within one group of cells that took turns; groups, such as batch and length, then
count as tasks do.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dashboards.reporting.differences import Difference, Scores, paired

POINT = 1.0
"""How far scores may be apart that are still called the same, in hundredths of the metric."""


class Unit(StrEnum):
    POINTS = "points"  # hundredths of the metric
    PERCENT = "%"
    TIMES = "×"


@dataclass(frozen=True)
class Estimate:
    """What was measured for a claim.

    Attributes:
        interval: where it lies with 95 % confidence; None where one pair alone was measured.
        basis: over what, in words.
        traces: ids of the trials or of the measurements behind it.
    """

    value: float
    interval: tuple[float, float] | None
    unit: Unit
    basis: str
    traces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sides:
    """Scores of two sides by panel and seed, and the trials that they are of."""

    one: Scores
    other: Scores
    trials: tuple[str, ...] = ()


def points(sides: Sides) -> Estimate | None:
    """Return one minus other, in points."""
    return _estimate(paired(sides.one, sides.other), Unit.POINTS, sides)


def kept(sides: Sides) -> Estimate | None:
    """Return the mean of one in percent of the mean of the other.

    The doubt is that of a ratio of two means, to first order (Cochran 1977, section 2.11).
    """
    shared = {
        panel: seeds
        for panel in sides.one.keys() & sides.other.keys()
        if (seeds := sides.one[panel].keys() & sides.other[panel].keys())
    }
    if not shared:
        return None
    one, other = (
        statistics.fmean(statistics.fmean(side[p][s] for s in seeds) for p, seeds in shared.items())
        for side in (sides.one, sides.other)
    )
    if other <= 0:
        return None  # a share of nothing
    ratio = one / other

    def to_first_order(a: float, b: float) -> float:
        return 100 * (ratio + (a - ratio * b) / other)

    found = paired(sides.one, sides.other, by=to_first_order)
    return _estimate(found, Unit.PERCENT, sides)


def _estimate(found: Difference | None, unit: Unit, sides: Sides) -> Estimate | None:
    if found is None:
        return None
    tasks = "1 task" if found.panels == 1 else f"{found.panels} tasks"
    seeds = "1 seed" if found.seeds == 1 else f"{found.seeds} seeds"
    return Estimate(found.mean, found.interval, unit, f"{tasks}, {seeds}", sides.trials)


def of_rounds(
    rounds: Mapping[str, Sequence[float]], unit: Unit, traces: Iterable[str]
) -> Estimate | None:
    """Return the mean of what was measured round by round, over groups of cells.

    Args:
        rounds: group → a value for each of its rounds.
    """
    one = {group: dict(enumerate(values)) for group, values in rounds.items()}
    nothing = {group: dict.fromkeys(values, 0.0) for group, values in one.items()}
    found = paired(one, nothing, by=lambda value, _: value)
    if found is None:
        return None
    groups = "1 setting" if found.panels == 1 else f"{found.panels} settings"
    basis = f"{groups}, {found.seeds} rounds"
    return Estimate(found.mean, found.interval, unit, basis, tuple(traces))


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    UNDECIDED = "not decidable here"
    NOT_MEASURED = "not measured"


class Test(Protocol):
    """Says from an interval whether a claim holds; `str` says how."""

    def holds(self, low: float, high: float) -> bool | None:
        """Tell whether a value that lies in the interval meets it; None where that depends."""


@dataclass(frozen=True)
class AtLeast:
    bound: float

    def holds(self, low: float, high: float) -> bool | None:
        return True if low >= self.bound else False if high < self.bound else None

    def __str__(self) -> str:
        return f"≥ {shown(self.bound)}"


@dataclass(frozen=True)
class AtMost:
    bound: float

    def holds(self, low: float, high: float) -> bool | None:
        return True if high <= self.bound else False if low > self.bound else None

    def __str__(self) -> str:
        return f"≤ {shown(self.bound)}"


@dataclass(frozen=True)
class Within:
    """Between two bounds: the paper's value and what would still be called the same."""

    low: float
    high: float

    def holds(self, low: float, high: float) -> bool | None:
        if self.low <= low and high <= self.high:
            return True
        return False if high < self.low or low > self.high else None

    def __str__(self) -> str:
        return f"{shown(self.low)} to {shown(self.high)}"


def judge(test: Test, estimate: Estimate | None) -> Verdict:
    """Say whether a claim is confirmed: the whole interval, or none of it, must meet the test."""
    if estimate is None:
        return Verdict.NOT_MEASURED
    if estimate.interval is None:
        return Verdict.UNDECIDED
    holds = test.holds(*estimate.interval)
    if holds is None:
        return Verdict.UNDECIDED
    return Verdict.CONFIRMED if holds else Verdict.NOT_CONFIRMED


def shown(value: float) -> str:
    """Return a number with as many digits as it deserves, and a minus as wide as a plus."""
    return f"{value:.4g}".replace("-", "−")
