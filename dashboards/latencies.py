"""Which measured time is that of which trial: a cell of the same sizes, all of one run.

`adaptersweep measure` times models with random weights, so a time is that of every trial with the
same base sizes, method, placement, reduction factor and drop depth. Times of two runs are never
compared: of each base model one run is taken, and in it one batch.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from dashboards.results import Results
from orchestrator.catalog.measurements import MeasurementRow
from orchestrator.catalog.records import TrialRow
from orchestrator.planning.settings import Settings
from workers.contract.measurement import Action, Cell, Conditions, FusionForm
from workers.contract.trial import BaseModelRef, Method


class Latencies(NamedTuple):
    """What a pass takes with the trials of one base model.

    Attributes:
        seconds: trial → median of one pass.
        measured: on what, and over which batch.
    """

    seconds: Mapping[str, float]
    measured: str


_KNOWN: WeakKeyDictionary[Results, dict[str, Latencies]] = WeakKeyDictionary()


def latencies_of(results: Results) -> Mapping[str, Latencies]:
    """Return base model's identity → times of the run and batch that fit the most of its trials."""
    if results not in _KNOWN:
        _KNOWN[results] = _found(results)
    return _KNOWN[results]


def _found(results: Results) -> dict[str, Latencies]:
    timed = results.timed(Action.INFER)
    found = {}
    for identity, base in results.bases.items():
        rows = [row for row in results.rows if row.base_identity == identity]
        batches: dict[tuple[str, int, int], list[MeasurementRow]] = defaultdict(list)
        for one in timed:
            sizes = one.conditions.base.layers, one.conditions.base.hidden_size
            if sizes == (base.layers, base.hidden_size):
                cell = one.timing.cell
                batches[one.run, cell.batch_size, cell.length].append(one)
        every = [_of_batch(batch, rows, results.settings, base) for batch in batches.values()]
        best = max(every, key=lambda each: len(each.seconds), default=None)
        if best is not None and best.seconds:
            found[identity] = best
    return found


def _of_batch(
    batch: Iterable[MeasurementRow],
    rows: Sequence[TrialRow],
    settings: Mapping[str, Settings],
    base: BaseModelRef,
) -> Latencies:
    timed = list(batch)
    took: dict[str, float | None] = {}  # by configuration: seeds do not differ
    for row in rows:
        if row.configuration not in took:
            own = settings[row.configuration]
            fitting = (
                one.median_s
                for one in timed
                if _fits(row, own, one.timing.cell, one.conditions, base)
            )
            took[row.configuration] = next(fitting, None)
    known = ((row.trial_id, took[row.configuration]) for row in rows)
    seconds = {trial_id: found for trial_id, found in known if found is not None}
    first = timed[0]
    cell = first.timing.cell
    what = f"{cell.batch_size} × {cell.length} tokens, {first.clock.value} time"
    return Latencies(seconds, f"{what}, {first.machine.device}")


def _fits(
    row: TrialRow, settings: Settings, cell: Cell, conditions: Conditions, base: BaseModelRef
) -> bool:
    plain = cell.tasks == 1 and not cell.stored_prefix and cell.form is FusionForm.FOLDED
    if not plain or cell.method is not row.method:
        return False
    if row.method is Method.FULL_FINE_TUNING:
        return True
    prefix = "source_" if row.method is Method.FUSION else ""
    size, placement = (settings.get(prefix + n) for n in ("bottleneck_size", "placement"))
    if not isinstance(size, int) or placement != cell.placement.value:
        return False
    if row.method is Method.FUSION and settings.get("sources") != cell.adapters:
        return False
    factor = base.hidden_size / size
    return cell.drop_depth == row.drop_depth and math.isclose(factor, conditions.reduction_factor)
