"""What a catalog holds for the papers' claims: pairs of scores, and times measured in turns.

Where two kinds of configuration are compared, both are the best on validation, among those whose
adapters are alike in all that the comparison is not about.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dashboards.comparing import Line, Panel, choose, panels_of
from dashboards.results import Results
from dashboards.study.estimates import Estimate, Sides, Unit, of_rounds
from orchestrator.catalog.measurements import MeasurementRow
from workers.contract.measurement import Cell
from workers.contract.trial import DropMode, Method

SHAPE = (
    *("placement", "bottleneck_size", "sharing", "group_layers", "non_linearity", "scaling"),
    *("initialisation", "initial_std", "trained_norm", "arrangement", "pretrained"),
)
"""What adapters are alike in, unless a comparison is about it."""

PAPER_LAYERS = 12
"""Of the base models that AdapterDrop and most of Houlsby et al. use."""

Pick = Callable[[Panel], Sequence[Line]]
Depth = Callable[[Line, int], int]
"""From a line and the layers of its base to the drop depth at which it is looked at."""


def lines(method: Method, mode: DropMode = DropMode.NONE) -> Pick:
    """Pick the lines of a method and a way of dropping."""
    return lambda panel: panel.of(method, mode=mode)


def own(line: Line, layers: int) -> int:
    return line.at


def whole(line: Line, layers: int) -> int:
    return 0


def share_of(dropped: int, layers: int) -> int:
    """Return how many of `layers` stand for `dropped` of the paper's 12, halves rounded up."""
    return min(layers - 1, math.floor(dropped * layers / PAPER_LAYERS + 0.5))


def dropped(number: int) -> Depth:
    """Look where as large a share of the layers is dropped as `number` of 12."""
    return lambda line, layers: share_of(number, layers)


@dataclass(frozen=True)
class Side:
    """One kind of configuration, where it is looked at."""

    pick: Pick
    at: Depth = own


class Evidence:
    """The finished trials and the measured times of a catalog.

    Attributes:
        measured: the latest run of everything that was timed, cells that took turns together.
    """

    def __init__(self, results: Results, measurements: Iterable[MeasurementRow] = ()) -> None:
        self.results = results
        self.panels = panels_of(results)
        self.measured = _latest_runs(measurements)

    def layers(self, panel: Panel) -> int:
        return self.results.layers[panel.key.base_identity]

    def hidden_size(self, panel: Panel) -> int:
        return self.results.bases[panel.key.base_identity].hidden_size

    def compare(
        self,
        one: Side,
        other: Side,
        *,
        alike: Sequence[str] = SHAPE,
        tasks: Sequence[str] | None = None,
    ) -> Sides:
        """Pair two kinds of configuration in every panel that has both.

        Args:
            alike: the settings in which both must agree.
            tasks: the names of those that the claim is about; None for all.
        """
        scores: tuple[dict[str, dict[int, float]], ...] = ({}, {})
        trials: dict[str, None] = {}
        for panel in self.panels:
            if tasks is not None and panel.key.task not in tasks:
                continue
            if (pair := self._pair(panel, one, other, alike)) is None:
                continue
            for side, line, found in zip((one, other), pair, scores, strict=True):
                depth = side.at(line, self.layers(panel))
                found[panel.title] = dict(line.scores[depth])
                trials |= dict.fromkeys(trials_at(line, depth))
        return Sides(scores[0], scores[1], tuple(trials))

    def _pair(
        self, panel: Panel, one: Side, other: Side, alike: Sequence[str]
    ) -> tuple[Line, Line] | None:
        kinds = [self._by_shape(panel, side, alike) for side in (one, other)]
        pairs = [
            (_best(kinds[0][key]), _best(kinds[1][key])) for key in kinds[0] if key in kinds[1]
        ]
        layers = self.layers(panel)
        return max(pairs, key=lambda pair: pair[1].mean(other.at(pair[1], layers)), default=None)

    def _by_shape(self, panel: Panel, side: Side, alike: Sequence[str]) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = defaultdict(list)
        for line in side.pick(panel):
            if line.scores.get(side.at(line, self.layers(panel))):
                found[repr([line.settings.get(name) for name in alike])].append(line)
        return found

    def speeds(
        self, cell: Callable[[MeasurementRow], bool], against: Callable[[Cell], Cell]
    ) -> Estimate | None:
        """Return how many of these cells are done in the time of what they are compared with."""
        return self._of_times(cell, against, lambda own, other: other / own, Unit.TIMES)

    def saved(
        self,
        cell: Callable[[MeasurementRow], bool],
        against: Callable[[Cell], Cell],
        scale: Callable[[MeasurementRow], float] = lambda row: 1.0,
    ) -> Estimate | None:
        """Return the share of time that these cells save, in percent, times `scale`."""
        percent = Unit.PERCENT
        return self._of_times(
            cell, against, lambda own, other: 100 * (1 - own / other), percent, scale
        )

    def _of_times(
        self,
        wanted: Callable[[MeasurementRow], bool],
        against: Callable[[Cell], Cell],
        value: Callable[[float, float], float],
        unit: Unit,
        scale: Callable[[MeasurementRow], float] = lambda row: 1.0,
    ) -> Estimate | None:
        rounds: dict[str, list[float]] = {}
        traces: dict[str, None] = {}
        for rows in self.measured:
            by_cell = {row.timing.cell: row for row in rows}
            for row in filter(wanted, rows):
                if (other := by_cell.get(against(row.timing.cell))) is None or other is row:
                    continue
                seconds = [each.timing.seconds(row.clock) for each in (row, other)]
                rounds[row.measurement_id] = [
                    scale(row) * value(own, base) for own, base in zip(*seconds, strict=True)
                ]
                traces |= dict.fromkeys((row.measurement_id, other.measurement_id))
        return of_rounds(rounds, unit, traces)


def trials_at(line: Line, depth: int) -> list[str]:
    """Return the trials of a line that have a score at a depth."""
    specialised = len(line.planned) > 1
    return [
        row.trial_id
        for row in line.rows
        if row.seed in line.scores[depth] and (not specialised or row.drop_depth == depth)
    ]


def _best(lines: Sequence[Line]) -> Line:
    return choose(lines)[0].line


def _latest_runs(rows: Iterable[MeasurementRow]) -> list[list[MeasurementRow]]:
    """Return the cells of each run, without the earlier runs of the same on the same machine."""
    runs: dict[str, list[MeasurementRow]] = defaultdict(list)
    for row in rows:
        runs[row.run].append(row)
    latest: dict[str, list[MeasurementRow]] = {}
    for run in sorted(runs.values(), key=lambda run: run[0].measured_at):
        latest[run[0].asked] = run
    return list(latest.values())
