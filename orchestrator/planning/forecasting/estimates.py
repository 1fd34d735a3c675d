"""Numbers that are not known exactly: an expected value, and how far off it may be.

Doubt is kept as standard deviations of the logarithm: costs are off by a factor, not by an amount.
"""

import math
from dataclasses import dataclass

Z_80 = 1.2816
"""Standard deviations to either side of the middle that hold 80 % of a normal distribution."""


@dataclass(frozen=True)
class Range:
    """An interval that is to hold the truth four times out of five, and what is most likely."""

    low: float
    likely: float
    high: float

    def times(self, factor: float) -> "Range":
        return Range(self.low * factor, self.likely * factor, self.high * factor)

    def __add__(self, other: "Range") -> "Range":
        """Add what is off in the same direction."""
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def as_json(self) -> dict[str, float]:
        return {"low": self.low, "likely": self.likely, "high": self.high}


@dataclass(frozen=True)
class Estimate:
    """What one thing takes.

    Attributes:
        shared: doubt that all things estimated in the same way have in common.
        own: doubt of this one alone, which evens out over many.
    """

    value: float
    shared: float = 0.0
    own: float = 0.0

    def times(self, factor: float, *, shared: float = 0.0, own: float = 0.0) -> "Estimate":
        """Return so many times it, where the factor is in doubt too."""
        return Estimate(
            self.value * factor, math.hypot(self.shared, shared), math.hypot(self.own, own)
        )


class Total:
    """A sum of estimates."""

    def __init__(self) -> None:
        self.value = 0.0
        self._shared = 0.0
        self._own_squared = 0.0

    def add(self, estimate: Estimate, count: int = 1) -> None:
        """Add as many things of this estimate."""
        self.value += count * estimate.value
        self._shared += count * estimate.value * estimate.shared
        self._own_squared += count * (estimate.value * estimate.own) ** 2

    def add_total(self, other: "Total") -> None:
        self.value += other.value
        self._shared += other._shared
        self._own_squared += other._own_squared

    @property
    def doubt(self) -> float:
        """Return the standard deviation of the sum's logarithm."""
        if not self.value:
            return 0.0
        return math.hypot(self._shared, math.sqrt(self._own_squared)) / self.value

    @property
    def range(self) -> Range:
        factor = math.exp(Z_80 * self.doubt)
        return Range(self.value / factor, self.value, self.value * factor)


def blended(deviations: list[float], assumed: float, *, weight: float = 3.0) -> float:
    """Return a standard deviation: what is assumed, as if seen `weight` times, and what was seen.

    Args:
        deviations: from a mean that was fitted to them.
    """
    squares = sum(d * d for d in deviations)
    seen = max(0, len(deviations) - 1)
    return math.sqrt((weight * assumed**2 + squares) / (weight + seen))
