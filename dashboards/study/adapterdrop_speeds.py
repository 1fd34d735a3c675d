"""AdapterDrop's claims about time, of what `adaptersweep measure` has timed.

A claim of a share of twelve layers is looked at where the same share of the measured base is
dropped. What several tasks save for each layer that they share depends on how many layers there
are, so it is told as of twelve.
"""

from collections.abc import Callable
from functools import partial

from dashboards.study.claims import Paper, PaperClaim, Read
from dashboards.study.estimates import AtLeast, Estimate, Within
from dashboards.study.evidence import PAPER_LAYERS, Evidence, share_of
from orchestrator.catalog.measurements import MeasurementRow
from workers.contract.measurement import ROBUST, Action, Cell, FusionForm
from workers.contract.trial import Method

_RATIO = 0.05
"""How far apart ratios may be that are still called the same."""


def _full(cell: Cell) -> Cell:
    return Cell(
        method=Method.FULL_FINE_TUNING,
        action=cell.action,
        batch_size=cell.batch_size,
        length=cell.length,
    )


def _whole(cell: Cell) -> Cell:
    return cell.model_copy(update={"drop_depth": 0})


def _adapter(action: Action) -> Callable[[MeasurementRow], bool]:
    """Pick adapters after the feed-forward block of every layer."""

    def picks(row: MeasurementRow) -> bool:
        cell = row.timing.cell
        return cell == Cell(
            method=Method.ADAPTER, action=action, batch_size=cell.batch_size, length=cell.length
        )

    return picks


def _tasks(number: int) -> Callable[[MeasurementRow], bool]:
    """Pick so many tasks at once with five of twelve layers dropped."""

    def picks(row: MeasurementRow) -> bool:
        cell, layers = row.timing.cell, row.conditions.base.layers
        return (
            cell.method is Method.ADAPTER
            and cell.action is Action.INFER
            and (cell.tasks, cell.one_by_one) == (number, False)
            and cell.drop_depth == share_of(5, layers)
        )

    return picks


def _a_layer_of_twelve(row: MeasurementRow) -> float:
    depth, layers = row.timing.cell.drop_depth, row.conditions.base.layers
    return layers / PAPER_LAYERS / depth if isinstance(depth, int) and depth else 0.0


def _saved_a_layer(tasks: int, evidence: Evidence) -> Estimate | None:
    return evidence.saved(_tasks(tasks), _whole, _a_layer_of_twelve)


def _fusion(adapters: int, action: Action, *, five: bool = False) -> Callable[..., bool]:
    def picks(row: MeasurementRow) -> bool:
        cell, layers = row.timing.cell, row.conditions.base.layers
        return (
            (cell.method, cell.action, cell.form) == (Method.FUSION, action, FusionForm.PUBLISHED)
            and cell.adapters == adapters
            and cell.drop_depth == (share_of(5, layers) if five else 0)
        )

    return picks


def _fusion_speed(adapters: int, action: Action, evidence: Evidence) -> Estimate | None:
    return evidence.speeds(_fusion(adapters, action), _full)


def _robust(row: MeasurementRow) -> bool:
    cell = row.timing.cell
    return (
        cell.method is Method.ADAPTER
        and (cell.action, cell.drop_depth) == (Action.TRAIN, ROBUST)
        and not cell.stored_prefix
    )


_claim = partial(PaperClaim, paper=Paper.ADAPTERDROP, read=Read.PAPER, sweep="efficiency")


def _shared_layer(tasks: int, saved: float) -> PaperClaim:
    return _claim(
        key=f"shared-layer-{tasks}-tasks",
        where="table 2",
        says=f"{tasks} tasks at once save {saved} % of the time for each layer that they share.",
        number=f"{saved} %",
        test=Within(saved - 1, saved + 1),
        measure=partial(_saved_a_layer, tasks),
        measured_as="with five of twelve layers dropped, for each of them, as of a base of twelve",
    )


def _fused(adapters: int, action: Action, ratio: float) -> PaperClaim:
    what = "trains" if action is Action.TRAIN else "answers"
    return _claim(
        key=f"fusion-{action}-{adapters}",
        where="table 3",
        says=f"A fusion of {adapters} adapters {what} at {ratio} times the speed of full "
        "fine-tuning.",
        number=f"{ratio} ×",
        test=Within(ratio - 2 * _RATIO, ratio + 2 * _RATIO),
        measure=partial(_fusion_speed, adapters, action),
        measured_as="of the published form",
    )


SPEEDS = (
    _claim(
        key="training-faster",
        where="table 1",
        says="Adapters train faster than full fine-tuning, by up to 60 %.",
        number="up to 1.60 ×",
        test=AtLeast(1.0),
        measure=lambda evidence: evidence.speeds(_adapter(Action.TRAIN), _full),
        measured_as="the mean over batch sizes and lengths",
    ),
    _claim(
        key="inference-slower",
        where="table 1",
        says="Adapters answer at 94 to 96 % of the speed of full fine-tuning.",
        number="0.94–0.96 ×",
        test=Within(0.94 - _RATIO, 0.96 + _RATIO),
        measure=lambda evidence: evidence.speeds(_adapter(Action.INFER), _full),
        measured_as="the mean over batch sizes and lengths",
    ),
    *(_shared_layer(n, saved) for n, saved in ((2, 4.3), (4, 6.6), (8, 7.8), (16, 8.4))),
    *(
        _fused(adapters, action, ratio)
        for adapters, action, ratio in (
            (2, Action.TRAIN, 0.92),
            (8, Action.TRAIN, 0.53),
            (16, Action.TRAIN, 0.33),
            (2, Action.INFER, 0.64),
            (8, Action.INFER, 0.38),
            (16, Action.INFER, 0.24),
        )
    ),
    _claim(
        key="robust-training-faster",
        where="text",
        says="Steps of robust training are 26 % faster.",
        number="26 %",
        read=Read.QUOTED,
        test=Within(21.0, 31.0),
        measure=lambda evidence: evidence.saved(_robust, _whole),
        measured_as="time saved, the mean over all depths as they are drawn",
    ),
    _claim(
        key="fusion-without-five",
        where="text, figure 4",
        says="A fusion of 8 without its five lowest of twelve layers answers 26 % faster.",
        number="26 %",
        read=Read.QUOTED,
        test=Within(21.0, 31.0),
        measure=lambda evidence: evidence.saved(_fusion(8, Action.INFER, five=True), _whole),
        measured_as="time saved, of the published form",
    ),
    _claim(
        key="fusion-pruned-faster",
        where="§5.2",
        says="Keeping two of eight adapters makes a fusion 68 % faster in inference.",
        number="1.68 ×",
        read=Read.QUOTED,
        test=Within(1.68 - 4 * _RATIO, 1.68 + 4 * _RATIO),
        measure=lambda evidence: evidence.speeds(
            _fusion(2, Action.INFER), lambda cell: cell.model_copy(update={"adapters": 8})
        ),
        measured_as="speed of a fusion of 2 ÷ that of 8, of the published form",
    ),
)
