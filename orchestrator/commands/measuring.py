"""`measure`: time what a YAML names, keep it in the catalog, and show the paper's values beside."""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from dashboards.drawing import WRITERS, check_target, write_figure
from dashboards.efficiency import (
    RECORD_COLUMNS,
    Measured,
    efficiency_records,
    efficiency_tables,
    machines_of,
    measured_of,
)
from dashboards.errors import DashboardError
from dashboards.figures.figure import Nothing
from dashboards.figures.speeds import speeds_figure
from dashboards.reporting.contents import Table
from dashboards.reporting.writing_text import markdown_table
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.measurements import MeasurementRow, asked_of
from orchestrator.commands.output import (
    Form,
    console,
    duration,
    print_csv,
    print_json,
    say,
    table,
)
from orchestrator.planning.measure_plan import MeasurePlan, plan_measurement
from orchestrator.spec.measure_model import MeasureSpec
from orchestrator.spec.read import read_as
from orchestrator.spec.source import SpecSource
from orchestrator.stores import Stores
from workers.contract.machine import this_machine
from workers.contract.measurement import Group, Machine
from workers.errors import MeasuringError

Found = dict[int, list[MeasurementRow]]
"""Number of a group → its cells."""


def measure(
    path: Path,
    given: Sequence[str],
    *,
    workspace: Path,
    catalog: str | None,
    again: bool,
    dry_run: bool,
    form: Form,
    figure: Path | None = None,
) -> int:
    """Measure what is not in the catalog yet, and print all; return the exit code.

    Args:
        again: measure all anew.
        dry_run: measure nothing.
        figure: a file to draw all of it into.
    """
    if figure is not None:
        check_target(figure, tuple(WRITERS))
    spec, source = read_as(MeasureSpec, path, given)
    plan = plan_measurement(spec, source)
    stores = Stores.at(workspace, catalog=catalog)
    failed: list[str] = []
    with Catalog.open(stores.catalog_url) as opened:
        machines = _machines(plan)
        asked = [asked_of(group, machines[group.conditions.device]) for group in plan.groups]
        known = opened.measured(asked)
        found = {n: known[of] for n, of in enumerate(asked) if of in known and not again}
        _say_what_is_to_do(plan, found)
        if not dry_run:
            failed = _Measuring(plan, source, machines, opened).run(found)
    measured = measured_of(plan, found)
    _print(plan, measured, form)
    if figure is not None:
        _draw(plan, measured, figure)
    for problem in failed:
        say(problem)
    return 1 if failed else 0


def _machines(plan: MeasurePlan) -> dict[str, Machine]:
    """Return each device that is named with what it is.

    Raises:
        WorkerError: there is no such GPU.
    """
    devices = sorted({group.conditions.device for group in plan.groups})
    return {name: this_machine(None if name == "cpu" else _gpu(name)) for name in devices}


def _gpu(name: str) -> str:
    import torch

    from workers.running.accelerator import claim

    return torch.cuda.get_device_name(claim(torch.device(name))[0])


def _say_what_is_to_do(plan: MeasurePlan, found: Found) -> None:
    cells = sum(len(plan.groups[number].cells) for number in found)
    said = f"{plan.cells} cells in {len(plan.groups)} groups that take turns"
    say(f"{plan.spec.name}: {said}; {cells} are measured already")


class _Measuring:
    """Measures one group after another; what is done is in the catalog at once."""

    def __init__(
        self,
        plan: MeasurePlan,
        source: SpecSource,
        machines: dict[str, Machine],
        catalog: Catalog,
    ) -> None:
        self._plan, self._machines, self._catalog = plan, machines, catalog
        digest = hashlib.sha256(source.text.encode()).hexdigest()
        self._spec = (plan.spec.name, digest)

    def run(self, found: Found) -> list[str]:
        """Measure all groups that are not `found` yet, and add them; return what failed."""
        failed = []
        for number, group in enumerate(self._plan.groups):
            if number in found:
                continue
            where = f"[{number + 1}/{len(self._plan.groups)}] {_words(group)}"
            say(f"{where} …")
            started = time.monotonic()
            try:
                found[number] = self._measured(group)
            except MeasuringError as error:
                failed.append(f"{where}: {error}")
                continue
            say(f"{where}: {duration(time.monotonic() - started)}")
        return failed

    def _measured(self, group: Group) -> list[MeasurementRow]:
        from workers.running.measuring.group import measure_group

        before = _load()
        timings = measure_group(group)
        return self._catalog.record_measurements(
            group,
            timings,
            self._machines[group.conditions.device],
            spec=self._spec,
            clock=self._plan.clock(group),
            load=(before, _load()),
        )


def _words(group: Group) -> str:
    cell, conditions = group.cells[0], group.conditions
    tasks = max(each.tasks for each in group.cells)
    return (
        f"{cell.action}, {cell.batch_size} × {cell.length}, {conditions.device}, "
        f"{conditions.precision}: {len(group.cells)} cells"
        f"{f', {tasks} tasks' if tasks > 1 else ''}"
    )


def _load() -> float:
    """Return how many processes wanted a processor, in the mean over the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


def _draw(plan: MeasurePlan, measured: Sequence[Measured], target: Path) -> None:
    spec = speeds_figure(plan, measured)
    if isinstance(spec, Nothing):
        raise DashboardError(f"nothing to draw: {spec.reason}")
    write_figure(spec, target)
    say(f"the figure is in {target}")


def _print(plan: MeasurePlan, measured: Sequence[Measured], form: Form) -> None:
    if form is Form.JSON:
        print_json(efficiency_records(plan, measured))
        return
    if form is Form.CSV:
        print_csv(efficiency_records(plan, measured), RECORD_COLUMNS)
        return
    out = console()
    for each in efficiency_tables(plan, measured):
        if form is Form.MARKDOWN:
            out.print(markdown_table(each), markup=False, soft_wrap=True)
        else:
            _print_table(each)
        out.print()
    for said in machines_of(measured):
        out.print(said, markup=False, soft_wrap=True)


def _print_table(given: Table) -> None:
    right = tuple(name for name in given.columns if name in given.numbers)
    made = table(*given.columns, title=given.title, right=right)
    for row in given.rows:
        made.add_row(*map(escape, row))
    out = console()
    out.print(made)
    out.print(given.note, style="dim", markup=False)
