"""What a unit of work takes in seconds, fitted to what was measured.

Seconds are b · (token layers + κ · batches): one rate, and what a batch costs beside its tokens.
Over that comes what a task and a configuration are off by, each only as far as it was measured
often enough to be believed. Between two measured drop depths that is interpolated.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from orchestrator.planning.forecasting.estimates import Estimate, blended
from orchestrator.planning.forecasting.trial_work import Work

SPREAD_OF_TRIALS = 0.08
"""Assumed of equal trials until more are measured: a machine that is used by others too."""
SPREAD_OF_CONFIGURATIONS = 0.08
SPREAD_OF_TASKS = 0.12
SPREAD_OF_METHODS = 0.35
DRIFT = 0.05
"""Of one machine between two days; no number of trials measured on one day tells it."""

_BATCH_TOKEN_LAYERS = {"cpu": 40.0, "cuda": 20_000.0}
"""Where κ is looked for first: a batch's calls cost as much as so many token layers."""
_BATCH_SPREAD = 1.5
_STEPS = [math.exp(0.25 * i) for i in range(-20, 21)]


@dataclass(frozen=True)
class Place:
    """Which trials are alike.

    Attributes:
        task: fingerprint, base and length.
        line: configuration without drop depth and seed.
        depth: the drop depth, None where it is no matter of one depth.
    """

    task: Hashable
    line: Hashable
    depth: int | None

    @property
    def cell(self) -> Hashable:
        return self.task, self.line, self.depth


@dataclass(frozen=True)
class Measurement:
    """What some work took."""

    place: Place
    work: Work
    seconds: float


class Rate:
    """What work of one kind takes, as fitted."""

    def __init__(self, measured: Sequence[Measurement], device: str = "cpu") -> None:
        """Fit; there must be a measurement, and none of nothing."""
        self.count = len(measured)
        self._batch = _fitted_batch(measured, _BATCH_TOKEN_LAYERS[device])
        cells: dict[Hashable, list[Measurement]] = defaultdict(list)
        for each in measured:
            cells[each.place.cell].append(each)
        logs = {cell: [self._log_rate(m) for m in of] for cell, of in cells.items()}
        means = {cell: statistics.fmean(found) for cell, found in logs.items()}
        self._log_rate_all = statistics.fmean(means.values())
        self._cells = {
            cell: (of[0].place, means[cell], len(of), logs[cell]) for cell, of in cells.items()
        }
        self._set_spreads()

    def _log_rate(self, measured: Measurement) -> float:
        return math.log(measured.seconds / self._amount(measured.work))

    def _amount(self, work: Work) -> float:
        return max(work.token_layers + self._batch * work.batches, 1e-9)

    def _set_spreads(self) -> None:
        within = [x - mean for _, mean, _, logs in self._cells.values() for x in logs]
        cells_of: dict[Hashable, list[float]] = defaultdict(list)
        for place, mean, _, _ in self._cells.values():
            cells_of[place.task].append(mean)
        tasks = {task: statistics.fmean(means) for task, means in cells_of.items()}
        between = [mean - tasks[task] for task, means in cells_of.items() for mean in means]
        off = [mean - self._log_rate_all for mean in tasks.values()]
        self._of_trials = blended(within, SPREAD_OF_TRIALS)
        self._of_cells = blended(between, SPREAD_OF_CONFIGURATIONS)
        self._of_tasks = blended(off, SPREAD_OF_TASKS)
        self._tasks = {
            task: (self._shrunk(mean - self._log_rate_all, len(cells_of[task]), self._of_tasks))
            for task, mean in tasks.items()
        }

    def _shrunk(self, off: float, count: int, spread: float) -> float:
        """Return how much of what was found to be off is believed, after so many looks at it."""
        noise = (self._of_trials**2 + self._of_cells**2) / count
        return off * spread**2 / (spread**2 + noise)

    def estimate(self, work: Work, place: Place) -> Estimate:
        """Return what work at a place takes."""
        log_rate = self._log_rate_all + self._tasks.get(place.task, 0.0)
        if place.task in self._tasks:
            shared = self._of_cells
        else:
            shared = math.hypot(self._of_cells, self._of_tasks)
        near = self._near(place)
        if near:
            correction, shared = self._from_near(near, log_rate)
            log_rate += correction
        return Estimate(
            math.exp(log_rate) * self._amount(work), math.hypot(shared, DRIFT), self._of_trials
        )

    def _from_near(
        self, near: list[tuple[float, float, int]], log_rate: float
    ) -> tuple[float, float]:
        """Return by how much measured trials of the same line are off, and the doubt that stays."""
        off = noise = 0.0
        for weight, mean, count in near:
            off += weight * (mean - log_rate)
            noise += (weight * self._of_trials) ** 2 / count
        known = self._of_cells**2 / (self._of_cells**2 + noise)
        measured = max(weight for weight, _, _ in near) == 1.0
        left = math.sqrt(noise) if measured else math.hypot(math.sqrt(noise), self._of_cells / 2)
        return off * known, left

    def _near(self, place: Place) -> list[tuple[float, float, int]]:
        """Return (weight, mean, count) of the cell itself, or of the depths on both sides of it."""
        if place.cell in self._cells:
            _, mean, count, _ = self._cells[place.cell]
            return [(1.0, mean, count)]
        if place.depth is None:
            return []
        line = sorted(
            (p.depth, mean, count)
            for p, mean, count, _ in self._cells.values()
            if (p.task, p.line) == (place.task, place.line) and p.depth is not None
        )
        below = [found for found in line if found[0] < place.depth][-1:]
        above = [found for found in line if found[0] > place.depth][:1]
        if not (below and above):
            # The nearest depth is believed by half: there is nothing on the other side.
            return [(0.5, mean, count) for _, mean, count in below or above]
        (low, *first), (high, *second) = below[0], above[0]
        share = (place.depth - low) / (high - low)
        return [(1 - share, first[0], int(first[1])), (share, second[0], int(second[1]))]


class OtherMethods:
    """What work of a kind takes that was never measured, told from kinds that were."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        self._rates = list(rates)

    def estimate(self, work: Work, place: Place) -> Estimate:
        found = [rate.estimate(work, place) for rate in self._rates]
        value = math.exp(statistics.fmean(math.log(e.value) for e in found))
        return Estimate(value, SPREAD_OF_METHODS, max(e.own for e in found))


def _fitted_batch(measured: Sequence[Measurement], first: float) -> float:
    """Return κ: of some around `first` the one that leaves the least over.

    Without trials of different proportions it stays `first`.
    """

    def left_over(times: float) -> float:
        batch = first * times
        logs = [
            math.log(m.seconds / max(m.work.token_layers + batch * m.work.batches, 1e-9))
            for m in measured
        ]
        middle = statistics.fmean(logs)
        noise = SPREAD_OF_TRIALS**2 + SPREAD_OF_CONFIGURATIONS**2
        return sum((x - middle) ** 2 for x in logs) / noise + (math.log(times) / _BATCH_SPREAD) ** 2

    return first * min(_STEPS, key=left_over)
