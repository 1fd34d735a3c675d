"""Speeds and savings from rounds, and the paper's values beside them."""

from collections.abc import Callable

import pytest

from dashboards.efficiency import Measured
from dashboards.figures import FIGURES
from dashboards.latencies import latencies_of
from dashboards.paper_values import (
    AGAINST_FULL,
    FUSION,
    FUSION_WITHOUT_FIVE,
    LAYER_SHARED,
    ROBUST_TRAINING,
    Quantity,
    paper_value,
)
from dashboards.results import read_results
from orchestrator.catalog.catalog import Catalog
from orchestrator.planning.measure_plan import Comparison
from orchestrator.spec.measure_model import Against
from tests.unit.dashboards.conftest import record_times
from workers.contract.measurement import (
    ROBUST,
    Action,
    Cell,
    Clock,
    Conditions,
    MeasuredBase,
    Timing,
    spread,
)
from workers.contract.trial import Method

BASE = MeasuredBase(config={"model_type": "bert"}, layers=12, hidden_size=768)


def cell(**more: object) -> Cell:
    alike = {"method": Method.ADAPTER, "action": Action.INFER, "batch_size": 8, "length": 16}
    return Cell.model_validate(alike | more)


class Row:
    """What is read of a row of the catalog."""

    def __init__(self, of: Cell, seconds: tuple[float, ...]) -> None:
        self.timing = Timing(cell=of, wall_s=tuple(9 * s for s in seconds), cpu_s=seconds)
        self.conditions = Conditions(base=BASE)


def measured(of: Cell, own: tuple[float, ...], theirs: tuple[float, ...]) -> Measured:
    whole = cell(tasks=of.tasks)
    comparison = Comparison(0, 0, of, {Against.NO_DROP: whole})
    rows = {Against.NO_DROP: Row(whole, theirs)}
    return Measured(comparison, Row(of, own), rows, Clock.CPU)  # type: ignore[arg-type]


def test_a_speed_is_a_ratio_within_a_round() -> None:
    # The second round was ten times as slow for both.
    found = measured(cell(tasks=2, drop_depth=3), (2.0, 20.0), (3.0, 30.0))
    assert found.speed(Against.NO_DROP) == spread([1.5, 1.5])
    assert found.saved(Against.NO_DROP).median == pytest.approx(1 / 3)
    assert found.saved_a_layer(Against.NO_DROP) == pytest.approx(1 / 9)
    assert found.ideal_a_layer == pytest.approx(0.5 / 12)
    assert found.seconds == spread([2.0, 20.0])


def test_no_layer_saves_nothing_where_none_or_every_depth_is_dropped() -> None:
    for depth in (0, ROBUST):
        found = measured(cell(drop_depth=depth), (1.0,), (2.0,))
        assert found.saved_a_layer(Against.NO_DROP) is None
        assert found.ideal_a_layer is None


def test_the_papers_savings_are_near_what_sharing_can_save_at_best() -> None:
    """A slip of the pen in one of them would stand out."""
    for tasks, value in LAYER_SHARED.items():
        assert value.quantity is Quantity.SAVED_A_LAYER
        assert value.high == pytest.approx((1 - 1 / tasks) / 12, abs=0.007)


def test_the_papers_fusions_agree_with_each_other() -> None:
    """Against an adapter and against full fine-tuning: the quotient is table 1's speed."""
    for adapters in (2, 8, 16):
        for action, low, high in ((Action.TRAIN, 1.5, 1.65), (Action.INFER, 0.9, 0.97)):
            full = FUSION[Against.FULL_FINE_TUNING, action, adapters].high
            one = FUSION[Against.ADAPTER, action, adapters].high
            assert low <= full / one <= high


@pytest.mark.parametrize(
    ("of", "against", "expected"),
    [
        (cell(), Against.FULL_FINE_TUNING, AGAINST_FULL[Action.INFER]),
        (cell(action=Action.TRAIN), Against.FULL_FINE_TUNING, AGAINST_FULL[Action.TRAIN]),
        (cell(drop_depth=3), Against.FULL_FINE_TUNING, None),
        (cell(), Against.NO_DROP, None),
        (cell(tasks=8, drop_depth=5), Against.NO_DROP, LAYER_SHARED[8]),
        (cell(tasks=3, drop_depth=5), Against.NO_DROP, None),
        (cell(tasks=8, drop_depth=5), Against.ONE_BY_ONE, None),
        (cell(action=Action.TRAIN, drop_depth=ROBUST), Against.NO_DROP, ROBUST_TRAINING),
        (
            cell(method=Method.FUSION, adapters=16),
            Against.ADAPTER,
            FUSION[Against.ADAPTER, Action.INFER, 16],
        ),
        (
            cell(method=Method.FUSION, adapters=8, drop_depth=5),
            Against.NO_DROP,
            FUSION_WITHOUT_FIVE,
        ),
        (cell(method=Method.FUSION, adapters=8, drop_depth=5), Against.FULL_FINE_TUNING, None),
        (cell(method=Method.FUSION, adapters=3), Against.ADAPTER, None),
        (cell(method=Method.FULL_FINE_TUNING), Against.ADAPTER, None),
    ],
)
def test_a_value_stands_beside_what_the_paper_measured_alone(
    of: Cell, against: Against, expected: object
) -> None:
    assert paper_value(of, against) is expected


def test_values_are_written_as_they_are_meant() -> None:
    assert str(AGAINST_FULL[Action.TRAIN]) == "up to 1.60"
    assert str(AGAINST_FULL[Action.INFER]) == "0.94–0.96"
    assert str(LAYER_SHARED[2]) == "4.3 %"
    assert str(ROBUST_TRAINING) == "26.0 % (quoted)"
    every = (*AGAINST_FULL.values(), *LAYER_SHARED.values(), *FUSION.values(), ROBUST_TRAINING)
    assert all(value.source.startswith("Rücklé et al. 2021") for value in every)


def test_configurations_stand_at_the_times_of_one_run(
    made_up_catalog: Callable[..., Catalog],
) -> None:
    catalog = made_up_catalog()
    base = MeasuredBase(config={"model_type": "bert"}, layers=4, hidden_size=64)
    conditions = Conditions(base=base, reduction_factor=8)

    def record(took_s: dict[Cell, float], conditions: Conditions) -> None:
        record_times(catalog, took_s, conditions)

    whole = {cell(drop_depth=depth): 4.0 - depth for depth in range(4)}
    record(whole | {cell(method=Method.FULL_FINE_TUNING): 3.0}, conditions)
    record({cell(): 100.0}, conditions)  # later, but of fewer
    record(whole, conditions.model_copy(update={"base": BASE}))  # another base's
    record({cell(tasks=2): 7.0, cell(stored_prefix=True): 8.0}, conditions)

    results = read_results(catalog, "small")
    (found,) = latencies_of(results).values()
    assert found.measured == "8 × 16 tokens, cpu time, a processor"
    expected = {
        row.trial_id: 1.5 if row.method is Method.FULL_FINE_TUNING else (4.0 - row.drop_depth) / 2
        for row in results.rows
        if row.method is Method.FULL_FINE_TUNING
        or (row.method is Method.ADAPTER and row.bottleneck_size == 8)
    }
    assert len(expected) > 30
    assert found.seconds == expected
    spec = FIGURES["pareto_latency"].draw(results)
    assert isinstance(spec, dict)
    for panel in spec["concat"]:
        assert {row["cost"] for row in panel["data"]["values"]} == {500, 1000, 1500, 2000}
        assert panel["title"]["subtitle"] == [found.measured]
