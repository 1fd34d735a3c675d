"""Choose how many layers drop their adapters, so that requests stay within a latency budget.

What a pass takes at each depth is calibrated on this machine and corrected while requests are
served: by the shape of their batches, and by a margin that follows the tail of what they take. Pure
arithmetic; measuring is left to `workers.predict.calibrating`.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import model_validator

from workers.contract.frozen import Frozen
from workers.errors import TaskError

QUANTILE = 0.95
"""Of a budget's requests, so many shall be in time."""
_AIM = 0.97
"""Of the expected times plus margin, so many shall be kept: more than asked for, since the margin
is learned."""
_STEP = 0.02
"""Of the logarithm of the margin, after each request (Gibbs and Candès 2021, with one quantile)."""
_FIRST_MARGIN = 0.1
_RATE = 0.1
"""Weight of the latest request in what a shape's batches are corrected by."""
_OUTLIER = 0.5
"""Logarithm of the ratio behind which a time says nothing of the shape."""

Shape = tuple[int, int]
"""Rows of a batch, and the tokens of its longest row."""


class CalibratedShape(Frozen):
    """What passes over batches of one shape took.

    Attributes:
        ms: at each drop depth, from 0 on, never rising.
    """

    rows: int
    tokens: int
    ms: tuple[float, ...]

    @property
    def size(self) -> int:
        return self.rows * self.tokens


class Calibration(Frozen):
    """What passes take on a machine, by shape and depth."""

    shapes: tuple[CalibratedShape, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> "Calibration":
        depths = {len(shape.ms) for shape in self.shapes}
        fine = (
            len(depths) == 1
            and min(depths) > 0
            and all(ms > 0 and math.isfinite(ms) for shape in self.shapes for ms in shape.ms)
        )
        if not fine:
            raise ValueError("expected times above 0 for the same depths of at least one shape")
        return self

    @property
    def depths(self) -> int:
        return len(self.shapes[0].ms)

    def ms(self, shape: Shape, depth: int) -> float:
        """Return what a batch takes, between those that were measured along a line.

        Beyond the largest it grows as it did before; below the smallest it takes as long as that.
        """
        known = sorted((each.size, each.ms[depth]) for each in self.shapes)
        sizes, times = [size for size, _ in known], [ms for _, ms in known]
        size = shape[0] * shape[1]
        if size > sizes[-1]:
            return times[-1] * size / sizes[-1]
        return float(np.interp(size, sizes, times))


@dataclass(frozen=True)
class BudgetReport:
    """How a budget was kept.

    Attributes:
        p50_ms, p95_ms: over all requests.
        in_time: the share of requests within the budget.
        by_depth: drop depth → requests.
        hopeless: requests for which even the deepest drop was expected to take too long.
        layers: of the base.
    """

    budget_ms: float
    requests: int
    p50_ms: float
    p95_ms: float
    in_time: float
    by_depth: Mapping[int, int]
    hopeless: int
    layers: int

    @property
    def held(self) -> bool:
        return self.p95_ms <= self.budget_ms

    def __str__(self) -> str:
        depths = ", ".join(f"{n} in {count:,}" for n, count in sorted(self.by_depth.items()))
        said = (
            f"{self.requests:,} requests within {self.budget_ms:g} ms: p95 {self.p95_ms:.1f} ms, "
            f"median {self.p50_ms:.1f} ms, {self.in_time:.1%} in time; layers dropped: {depths}"
        )
        if self.held:
            return said
        said += f". The budget was not held: expected p95 at most {self.budget_ms:g} ms"
        if self.hopeless:
            said += (
                f"; for {self.hopeless:,} requests even {max(self.by_depth)} dropped layers of "
                f"{self.layers} are too few"
            )
        raised = math.ceil(self.p95_ms * 1.1)
        return f"{said}. Raise it to about {raised} ms, shorten texts, or ask fewer tasks at once"


@dataclass
class LatencyBudget:
    """The budget of all requests of one server, and what was learned of them.

    Attributes:
        budget_ms: of a request, from its rows to its answers.
        deepest: the most layers that may be dropped; by default all but the highest.
        clock: by which requests are timed, in seconds; the calibration's too.
        latencies_ms, depths: of every request so far.
    """

    budget_ms: float
    calibration: Calibration
    deepest: int | None = None
    clock: Callable[[], float] = time.perf_counter
    latencies_ms: list[float] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    hopeless: int = 0
    _margin: float = _FIRST_MARGIN
    _levels: dict[Shape, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.budget_ms) and self.budget_ms > 0):
            raise TaskError(
                f"expected a latency budget of more than 0 ms, found {self.budget_ms}; give another"
            )
        most = self.calibration.depths - 1
        if self.deepest is None:
            self.deepest = most
        if not 0 <= self.deepest <= most:
            raise TaskError(
                f"expected 0…{most} as the most layers to drop, found {self.deepest}; give another"
            )

    def choose(self, shapes: Sequence[Shape], *, spent_ms: float = 0.0) -> int:
        """Return the fewest layers to drop that keep a request within the budget.

        The deepest allowed where none does.

        Args:
            shapes: of the request's batches, which are run one after another.
            spent_ms: what the request took already.
        """
        assert self.deepest is not None
        left = self.budget_ms - spent_ms
        for depth in range(self.deepest + 1):
            if self.expected_ms(shapes, depth) * math.exp(self._margin) <= left:
                return depth
        self.hopeless += 1
        return self.deepest

    def expected_ms(self, shapes: Sequence[Shape], depth: int) -> float:
        """Return what passes over batches of these shapes take at a depth, without margin."""
        return sum(
            self.calibration.ms(shape, depth) * math.exp(self._levels.get(_class_of(shape), 0.0))
            for shape in shapes
        )

    def took(self, shapes: Sequence[Shape], depth: int, ms: float, *, spent_ms: float) -> None:
        """Learn from a request.

        Args:
            ms: from `choose` to its answers.
            spent_ms: before.
        """
        ratio = math.log(max(ms, 1e-6) / self.expected_ms(shapes, depth))
        late = ratio > self._margin
        self._margin = max(0.0, self._margin + _STEP * (late - (1 - _AIM)))
        if abs(ratio) < _OUTLIER or len(self.depths) < 1 / _RATE:
            for kind in {_class_of(shape) for shape in shapes}:
                self._levels[kind] = self._levels.get(kind, 0.0) + _RATE * ratio
        self.latencies_ms.append(ms + spent_ms)
        self.depths.append(depth)

    def report(self) -> BudgetReport:
        """Say how it was kept so far.

        Raises:
            TaskError: there was no request.
        """
        if not self.latencies_ms:
            raise TaskError("expected at least one request to report on, found none")
        ms = np.asarray(self.latencies_ms)
        return BudgetReport(
            budget_ms=self.budget_ms,
            requests=len(ms),
            p50_ms=float(np.quantile(ms, 0.5)),
            p95_ms=float(np.quantile(ms, QUANTILE)),
            in_time=float((ms <= self.budget_ms).mean()),
            by_depth=dict(Counter(self.depths)),
            hopeless=self.hopeless,
            layers=self.calibration.depths,
        )


def _class_of(shape: Shape) -> Shape:
    """Return the class of shapes that is corrected together: rounded up to powers of two."""
    rows, tokens = (1 << max(0, size - 1).bit_length() for size in shape)
    return rows, tokens
