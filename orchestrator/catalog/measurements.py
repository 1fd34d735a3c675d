"""Measured times: what was timed on which machine, and what it took."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select

from orchestrator.catalog.process import person
from orchestrator.catalog.store import Store, chunks, now
from orchestrator.catalog.tables import measurements
from workers.contract.frozen import Frozen
from workers.contract.measurement import Action, Clock, Conditions, Group, Machine, Timing, spread
from workers.contract.trial import content_hash


class MeasurementRow(Frozen):
    """One cell that was timed.

    Attributes:
        run: of the cells that took turns with it; only their times may be compared.
        asked: what would have been measured again: the group, the machine and the versions.
        spec, spec_hash: the YAML that asked for it first.
        clock: of which `median_s`, `low_s` and `high_s` are.
        load_before, load_after: processes that wanted a processor, in the mean over a minute.
    """

    measurement_id: str
    run: str
    asked: str
    spec: str
    spec_hash: str
    timing: Timing
    conditions: Conditions
    machine: Machine
    clock: Clock
    median_s: float
    low_s: float
    high_s: float
    load_before: float
    load_after: float
    measured_at: datetime
    measured_by: str


def asked_of(group: Group, machine: Machine) -> str:
    """Return what a group on a machine is found by again."""
    return content_hash([group.content, machine.model_dump(mode="json")])


class Measurements(Store):
    """The part of the catalog that keeps measured times. Rows never change."""

    def record_measurements(
        self,
        group: Group,
        timings: Sequence[Timing],
        machine: Machine,
        *,
        spec: tuple[str, str],
        clock: Clock,
        load: tuple[float, float],
    ) -> list[MeasurementRow]:
        """Write down all cells of a group at once, and return the rows.

        Args:
            spec: the name and the hash of the YAML.
            load: before and after.
        """
        moment, asked = now(), asked_of(group, machine)
        run = content_hash([asked, moment.isoformat()])
        rows = []
        for number, timing in enumerate(timings):
            took = spread(timing.seconds(clock))
            rows.append(
                MeasurementRow(
                    measurement_id=content_hash([run, number]),
                    run=run,
                    asked=asked,
                    spec=spec[0],
                    spec_hash=spec[1],
                    timing=timing,
                    conditions=group.conditions,
                    machine=machine,
                    clock=clock,
                    median_s=took.median,
                    low_s=took.low,
                    high_s=took.high,
                    load_before=load[0],
                    load_after=load[1],
                    measured_at=moment,
                    measured_by=person(),
                )
            )
        with self._writing() as connection:
            values = [measurement_columns(row) | {"place": place} for place, row in enumerate(rows)]
            connection.execute(insert(measurements), values)
        return rows

    def measured(self, asked: Iterable[str]) -> dict[str, list[MeasurementRow]]:
        """Return, by what was asked for, the cells of its latest run in their order."""
        found: dict[str, list[MeasurementRow]] = {}
        with self._reading() as connection:
            for some in chunks(asked):
                query = select(measurements).where(measurements.c.asked.in_(some))
                query = query.order_by(measurements.c.measured_at, measurements.c.place)
                for row in connection.execute(query).mappings():
                    known = found.setdefault(row["asked"], [])
                    if known and known[0].run != row["run"]:
                        known.clear()  # of an earlier run
                    known.append(measurement_from(row))
        return found

    def timed(self, action: Action | None = None) -> list[MeasurementRow]:
        """Return every cell that was timed, or that was timed doing this, the latest run first."""
        query = select(measurements)
        if action is not None:
            query = query.where(measurements.c.action == action.value)
        query = query.order_by(measurements.c.measured_at.desc(), measurements.c.place)
        with self._reading() as connection:
            return [measurement_from(row) for row in connection.execute(query).mappings()]


_AS_JSON: dict[str, type[Frozen]] = {"timing": Timing, "conditions": Conditions, "machine": Machine}


def measurement_columns(row: MeasurementRow) -> dict[str, Any]:
    values = row.model_dump() | {"clock": row.clock.value}
    as_json = {name: getattr(row, name).model_dump_json() for name in _AS_JSON}
    cell = row.timing.cell
    return values | as_json | {"method": cell.method.value, "action": cell.action.value}


def measurement_from(row: RowMapping) -> MeasurementRow:
    values = {name: row[name] for name in MeasurementRow.model_fields if name not in _AS_JSON}
    parsed = {name: kind.model_validate_json(row[name]) for name, kind in _AS_JSON.items()}
    return MeasurementRow.model_validate(values | parsed)
