"""Measured times as tables: relative speeds and savings, each with the paper's value beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.paper_values import PaperValue, paper_value, share
from dashboards.reporting.contents import MISSING, Table
from orchestrator.catalog.measurements import MeasurementRow
from orchestrator.planning.measure_plan import Comparison, MeasurePlan
from orchestrator.spec.measure_model import Against
from workers.contract.measurement import Cell, Clock, Spread, ratios, spread

SAVING = (Against.NO_DROP,)
"""Baselines against which a saving of time is told, and not a speed."""
_NAMES = {
    Against.FULL_FINE_TUNING: "full fine-tuning",
    Against.ADAPTER: "one adapter",
    Against.NO_DROP: "no layer dropped",
    Against.ONE_BY_ONE: "one task after another",
}
SHOWN_DIGITS = 8
"""Of a measurement's id, in tables."""


def baseline_name(against: Against) -> str:
    """Return what people call a baseline."""
    return _NAMES[against]


@dataclass(frozen=True)
class Measured:
    """A comparison with its times, all of one run.

    Attributes:
        clock: by which it is judged.
    """

    comparison: Comparison
    row: MeasurementRow
    against: Mapping[Against, MeasurementRow]
    clock: Clock

    @property
    def cell(self) -> Cell:
        return self.comparison.cell

    @property
    def seconds(self) -> Spread:
        return spread(self.row.timing.seconds(self.clock))

    def speed(self, against: Against) -> Spread:
        """Return how many of these are done in the baseline's time, by round."""
        other = self.against[against].timing.seconds(self.clock)
        return ratios(other, self.row.timing.seconds(self.clock))

    def saved(self, against: Against) -> Spread:
        """Return the share of the baseline's time that is saved, by round."""
        other = self.against[against].timing.seconds(self.clock)
        own = self.row.timing.seconds(self.clock)
        return spread(1 - mine / theirs for mine, theirs in zip(own, other, strict=True))

    @property
    def ideal_a_layer(self) -> float | None:
        """The share of time that a shared layer could save at best, (1 − 1/N)/L."""
        if self.cell.tasks == 1:
            return None
        return (1 - 1 / self.cell.tasks) / self.row.conditions.base.layers

    def saved_a_layer(self, against: Against) -> float | None:
        """Return the saving for each dropped layer."""
        depth = self.cell.drop_depth
        return self.saved(against).median / depth if isinstance(depth, int) and depth else None


def measured_of(plan: MeasurePlan, found: Mapping[int, Sequence[MeasurementRow]]) -> list[Measured]:
    """Return every comparison whose group was measured.

    Args:
        found: number of a group → its rows.
    """
    measured = []
    for comparison in plan.comparisons:
        if comparison.group not in found:
            continue
        by_cell = {row.timing.cell: row for row in found[comparison.group]}
        others = {name: by_cell[cell] for name, cell in comparison.against.items()}
        clock = plan.clock(plan.groups[comparison.group])
        measured.append(Measured(comparison, by_cell[comparison.cell], others, clock))
    return measured


def efficiency_tables(plan: MeasurePlan, measured: Sequence[Measured]) -> list[Table]:
    """Return a table for each block of which something was measured."""
    tables = []
    for number, block in enumerate(plan.spec.measure):
        own = [each for each in measured if each.comparison.block == number]
        if own:
            title = block.title or f"measure[{number}]"
            tables.append(_table(title, own, tuple(block.against)))
    return tables


def machines_of(measured: Sequence[Measured]) -> list[str]:
    """Say on what, and how busy it was, all of it was measured."""
    loads: dict[str, list[float]] = {}
    for each in measured:
        machine, row = each.row.machine, each.row
        device = "" if machine.device == machine.cpu else f"{machine.device} with "
        said = (
            f"{device}{machine.cores} cores of {machine.cpu}, Python {machine.python}, torch "
            f"{machine.torch}, transformers {machine.transformers}, adaptersweep "
            f"{machine.adaptersweep}"
        )
        loads.setdefault(said, []).extend((row.load_before, row.load_after))
    return [f"{said}; load {min(found):.1f}–{max(found):.1f}" for said, found in loads.items()]


def _table(title: str, measured: Sequence[Measured], against: Sequence[Against]) -> Table:
    where = [_where(each) for each in measured]
    told = [name for name in where[0] if len({each[name] for each in where}) > 1]
    fixed = [f"{name} {value}" for name, value in where[0].items() if name not in told]
    columns = [*told, "what", f"{measured[0].clock} ms"]
    for name in against:
        columns += _columns(name, measured)
    columns.append("id")
    rows = []
    for place, each in zip(where, measured, strict=True):
        cells = [place[name] for name in told] + [each.cell.label, _ms(each.seconds)]
        for name in against:
            cells += _cells(each, name, measured)
        rows.append((*cells, each.row.measurement_id[:SHOWN_DIGITS]))
    text = {"what", "action", "device", "precision", "id"}
    return Table(
        title,
        tuple(columns),
        tuple(rows),
        numbers=frozenset(columns) - text,
        note=f"{', '.join(fixed)}; medians of {measured[0].seconds.count} rounds in turns "
        "(lowest–highest)",
    )


def _where(each: Measured) -> dict[str, str]:
    """Return what tells a comparison from others, beside what the cell is."""
    cell, conditions = each.cell, each.row.conditions
    return {
        "device": conditions.device,
        "precision": conditions.precision.value,
        "action": cell.action.value,
        "length": str(cell.length),
        "batch": str(cell.batch_size),
    }


def _columns(against: Against, measured: Sequence[Measured]) -> list[str]:
    name = _NAMES[against]
    columns = [f"time saved, {name}" if against in SAVING else f"speed ÷ {name}"]
    if against in SAVING:
        columns.append("each layer")
        if any(each.ideal_a_layer is not None for each in measured):
            columns.append("at best")
    if any(_paper(each, against) for each in measured):
        columns.append(f"paper, {name}")
    return columns


def _cells(each: Measured, against: Against, measured: Sequence[Measured]) -> list[str]:
    count = len(_columns(against, measured))
    paper = str(_paper(each, against) or MISSING)
    said = [paper] if any(_paper(other, against) for other in measured) else []
    if against not in each.against:
        return [MISSING] * (count - len(said)) + said
    if against not in SAVING:
        return [_bare(each.speed(against)), *said]
    a_layer, best = each.saved_a_layer(against), each.ideal_a_layer
    cells = [_percent(each.saved(against)), MISSING if a_layer is None else share(a_layer)]
    if any(other.ideal_a_layer is not None for other in measured):
        cells.append(MISSING if best is None else share(best))
    return [*cells, *said]


def _paper(each: Measured, against: Against) -> PaperValue | None:
    return paper_value(each.cell, against) if against in each.against else None


def _ms(found: Spread) -> str:
    return f"{found.median * 1e3:.4g} ({found.low * 1e3:.4g}–{found.high * 1e3:.4g})"


def _bare(found: Spread) -> str:
    return f"{found.median:.2f} ({found.low:.2f}–{found.high:.2f})"


def _percent(found: Spread) -> str:
    return f"{share(found.median)} ({share(found.low)}–{share(found.high)})"


RECORD_COLUMNS = (
    *("block", "measurement_id", "run", "device", "precision", "threads", "layers", "hidden_size"),
    *("method", "action", "placement", "drop_depth", "tasks", "one_by_one", "adapters", "form"),
    *("stored_prefix", "batch_size", "length", "clock", "median_s", "low_s", "high_s", "rounds"),
    *("against", "baseline_id", "speed", "speed_low", "speed_high", "saved", "saved_a_layer"),
    *("at_best_a_layer", "paper", "paper_low", "paper_high", "paper_quantity", "paper_source"),
    *("paper_quoted", "machine", "load_before", "load_after", "measured_at"),
)


def efficiency_records(plan: MeasurePlan, measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return a record for each comparison with each baseline, for scripts."""
    return [record for each in measured for record in _records(plan, each)]


def _records(plan: MeasurePlan, each: Measured) -> Iterator[dict[str, Any]]:
    row, took, conditions = each.row, each.seconds, each.row.conditions
    block = plan.spec.measure[each.comparison.block]
    plain = dict.fromkeys(RECORD_COLUMNS) | {
        "block": block.title or f"measure[{each.comparison.block}]",
        **{name: getattr(row, name) for name in ("measurement_id", "run")},
        **{name: getattr(conditions, name) for name in ("device", "precision", "threads")},
        "layers": conditions.base.layers,
        "hidden_size": conditions.base.hidden_size,
        **each.cell.model_dump(mode="json"),
        "clock": each.clock.value,
        "median_s": took.median,
        "low_s": took.low,
        "high_s": took.high,
        "rounds": took.count,
        "machine": row.machine.device,
        **{name: getattr(row, name) for name in ("load_before", "load_after", "measured_at")},
    }
    for against, other in each.against.items():
        speed, value = each.speed(against), paper_value(each.cell, against)
        yield plain | {
            "against": against.value,
            "baseline_id": other.measurement_id,
            "speed": speed.median,
            "speed_low": speed.low,
            "speed_high": speed.high,
            "saved": each.saved(against).median,
            "saved_a_layer": each.saved_a_layer(against),
            "at_best_a_layer": each.ideal_a_layer,
            "paper": None if value is None else str(value),
            "paper_low": None if value is None else value.low,
            "paper_high": None if value is None else value.high,
            "paper_quantity": None if value is None else value.quantity.value,
            "paper_source": None if value is None else value.source,
            "paper_quoted": None if value is None else value.quoted,
        }
    if not each.against:  # a baseline that the YAML names as a method too
        yield plain
