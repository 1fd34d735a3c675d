"""Differences between two kinds of configuration, paired by task and seed, with their doubt.

A difference is the mean over panels (tasks) of the mean over seeds of score minus score, in points:
hundredths of the metric; panels count equally, however many seeds they have. Its error is the
standard error of that mean over panels, or what the deviation of seeds within panels gives where
that is larger, as by chance with few panels; where there is one panel, it is the one over its
seeds. The interval is Student's, with one degree of freedom less than panels, or than seeds of the
one panel. One pair alone has no error, and it says so.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

POINTS = 100
"""Points of a metric between 0 and 1."""
CONFIDENCE = 0.95

Scores = Mapping[str, Mapping[int, float]]
"""Panel → seed → score."""


@dataclass(frozen=True)
class Difference:
    """One minus other, in points.

    Attributes:
        error: standard error; None for one pair.
        interval: where the difference lies with 95 % confidence, None for one pair.
        panels, pairs: how many there were; `seeds` the most that a panel has.
        better: of the pairs, how many have a higher score in one than in the other.
    """

    mean: float
    error: float | None
    interval: tuple[float, float] | None
    panels: int
    seeds: int
    pairs: int
    better: int

    @property
    def is_told(self) -> bool:
        """Tell whether the interval leaves zero out."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


def in_points(one: float, other: float) -> float:
    return POINTS * (one - other)


def paired(
    one: Scores, other: Scores, by: Callable[[float, float], float] = in_points
) -> Difference | None:
    """Compare what both have: the same panels, and in them the same seeds.

    Args:
        by: what to make of a pair.
    """
    by_panel = [
        [by(one[panel][seed], other[panel][seed]) for seed in sorted(seeds)]
        for panel in sorted(one.keys() & other.keys())
        if (seeds := one[panel].keys() & other[panel].keys())
    ]
    if not by_panel:
        return None
    means = [statistics.fmean(values) for values in by_panel]
    error, interval = _doubt(by_panel)
    every = [value for values in by_panel for value in values]
    return Difference(
        mean=statistics.fmean(means),
        error=error,
        interval=interval,
        panels=len(by_panel),
        seeds=max(len(values) for values in by_panel),
        pairs=len(every),
        better=sum(value > 0 for value in every),
    )


def _doubt(
    by_panel: Sequence[Sequence[float]],
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the standard error of the mean over panels, and the interval around it."""
    means = [statistics.fmean(values) for values in by_panel]
    units = means if len(means) > 1 else by_panel[0]
    if len(units) < 2:
        return None, None
    within = sum(statistics.variance(v) / len(v) for v in by_panel if len(v) > 1)
    over_units = statistics.stdev(units) / math.sqrt(len(units))
    error = max(over_units, math.sqrt(within) / len(by_panel))
    reach = error * float(stats.t.ppf((1 + CONFIDENCE) / 2, len(units) - 1))
    mean = statistics.fmean(means)
    return error, (mean - reach, mean + reach)
