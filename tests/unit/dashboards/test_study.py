"""The papers' claims: what is compared, what tests make of intervals, where numbers are from."""

import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from dashboards.comparing import Line, Panel
from dashboards.results import read_results
from dashboards.study.claims import PaperClaim
from dashboards.study.estimates import (
    AtLeast,
    AtMost,
    Estimate,
    Sides,
    Unit,
    Verdict,
    Within,
    judge,
    kept,
    of_rounds,
)
from dashboards.study.evidence import Evidence, Side, dropped, share_of, whole
from dashboards.study.study import CLAIMS, make_study
from dashboards.study.study_page import as_markdown, as_records
from orchestrator.catalog.catalog import Catalog
from tests.unit.dashboards.conftest import CONTROLS
from workers.contract.measurement import (
    Action,
    Cell,
    Clock,
    Conditions,
    FusionForm,
    Group,
    Machine,
    MeasuredBase,
    Timing,
)
from workers.contract.trial import DropMode, Method

WIDER = CONTROLS.replace(
    "  - method: [head_only",
    "  - adapter: { placement: houlsby, bottleneck_size: [5, 64] }\n  - method: [head_only",
)


def estimate(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, (low, high), Unit.POINTS, "")


@pytest.mark.parametrize(
    ("test", "low", "high", "verdict"),
    [
        (AtLeast(0), 0.1, 2, Verdict.CONFIRMED),
        (AtLeast(0), -0.1, 2, Verdict.UNDECIDED),
        (AtLeast(0), -2, -0.1, Verdict.NOT_CONFIRMED),
        (AtMost(3.6), 1, 3.6, Verdict.CONFIRMED),
        (AtMost(3.6), 3, 4, Verdict.UNDECIDED),
        (AtMost(3.6), 3.7, 4, Verdict.NOT_CONFIRMED),
        (Within(-1, 1), -1, 0.5, Verdict.CONFIRMED),
        (Within(-1, 1), -2, 3, Verdict.UNDECIDED),
        (Within(-1, 1), 1.1, 3, Verdict.NOT_CONFIRMED),
    ],
)
def test_the_whole_interval_decides(
    test: AtLeast | AtMost | Within, low: float, high: float, verdict: Verdict
) -> None:
    assert judge(test, estimate(low, high)) is verdict


def test_one_pair_alone_decides_nothing() -> None:
    assert judge(AtLeast(0), Estimate(5, None, Unit.POINTS, "")) is Verdict.UNDECIDED
    assert judge(AtLeast(0), None) is Verdict.NOT_MEASURED


@pytest.mark.parametrize(
    ("of_twelve", "layers", "here"),
    [(5, 12, 5), (5, 6, 3), (8, 6, 4), (5, 24, 10), (11, 2, 1), (5, 4, 2)],
)
def test_layers_stand_for_a_share_of_twelve(of_twelve: int, layers: int, here: int) -> None:
    assert share_of(of_twelve, layers) == here


def test_what_is_kept_is_a_ratio_of_means_over_tasks() -> None:
    one = {"a": {0: 0.8, 1: 0.6}, "b": {0: 0.2}}
    other = {"a": {0: 0.9, 1: 0.9, 2: 0.1}, "b": {0: 0.4}, "c": {0: 0.9}}
    found = kept(Sides(one, other))
    assert found is not None
    assert found.value == pytest.approx(100 * (0.7 + 0.2) / (0.9 + 0.4))
    assert kept(Sides({"a": {0: 0.5}}, {"a": {0: 0.0}})) is None


def test_nineteen_intervals_of_twenty_hold_the_share() -> None:
    """By simulation: eight tasks whose scores differ, three seeds each, a true share of 0.95."""
    draw, hits, times = np.random.default_rng(0), 0, 400
    for _ in range(times):
        level = draw.uniform(0.6, 0.95, 8)
        keeps = draw.normal(0.95, 0.02, 8)
        one, other = (
            {
                str(t): {s: float(m + draw.normal(0, 0.01)) for s in range(3)}
                for t, m in enumerate(mean)
            }
            for mean in (level * keeps, level)
        )
        found = kept(Sides(one, other))
        assert found is not None
        assert found.interval is not None
        hits += found.interval[0] <= 95 <= found.interval[1]
    assert 0.92 <= hits / times <= 0.98


def test_every_claim_has_its_own_key_and_a_sweep_that_measures_it() -> None:
    keys = [claim.key for claim in CLAIMS]
    assert len(set(keys)) == len(keys) >= 30


@pytest.fixture
def wide(made_up_catalog: Callable[..., Catalog]) -> Catalog:
    return made_up_catalog(WIDER, luck=0.0002)


def answered(catalog: Catalog) -> dict[str, tuple[Verdict, Estimate | None]]:
    return {a.claim.key: (a.verdict, a.estimate) for a in make_study(catalog).answers}


def test_made_up_scores_are_judged_as_they_were_made(wide: Catalog) -> None:
    found = answered(wide)
    assert found["specialised-over-robust"][0] is Verdict.CONFIRMED
    assert found["robust-over-standard"][0] is Verdict.CONFIRMED
    assert found["all-layers-removed"][0] is not Verdict.NOT_MEASURED
    assert found["large-initial-weights"][0] is Verdict.CONFIRMED
    for key in ("training-faster", "below-full-on-mnli"):
        assert found[key] == (Verdict.NOT_MEASURED, None)


def test_scores_are_those_of_the_trials_that_are_named(wide: Catalog) -> None:
    _, found = answered(wide)["robust-over-standard"]
    assert found is not None
    rows = {row.trial_id: row for row in read_results(wide).rows}
    traced = [rows[trace] for trace in found.traces]
    assert {row.drop_mode for row in traced} == {DropMode.ROBUST, DropMode.NONE}
    assert {row.seed for row in traced} == {0, 1, 2}
    depth = {(i, d): s for i, split, d, s in wide.primary_scores(rows) if split == "validation"}
    by_mode = {
        mode: statistics.fmean(depth[r.trial_id, 2] for r in traced if r.drop_mode is mode)
        for mode in (DropMode.ROBUST, DropMode.NONE)
    }
    wanted = 100 * (by_mode[DropMode.ROBUST] - by_mode[DropMode.NONE])
    assert found.value == pytest.approx(wanted)


def test_adapters_are_compared_with_those_of_their_shape(wide: Catalog) -> None:
    """Of other sizes there are more, of which the best would win by their number."""
    evidence = Evidence(read_results(wide))

    def adapters(mode: DropMode) -> Callable[[Panel], Sequence[Line]]:
        return lambda panel: panel.of(Method.ADAPTER, mode=mode)

    sides = evidence.compare(
        Side(adapters(DropMode.SPECIALISED), dropped(5)), Side(adapters(DropMode.NONE), whole)
    )
    rows = {row.trial_id: row for row in evidence.results.rows}
    assert {rows[i].bottleneck_size for i in sides.trials} == {8}
    assert {rows[i].placement for i in sides.trials} == {"pfeiffer"}
    assert {rows[i].drop_depth for i in sides.trials if rows[i].drop_mode == "specialised"} == {2}


def test_a_claim_about_a_task_looks_at_that_task(wide: Catalog) -> None:
    _, found = answered(wide)["fusion-over-adapter"]
    assert found is not None
    tasks = {row.task for row in read_results(wide).rows if row.trial_id in found.traces}
    assert tasks == {"rte"}


def machine() -> Machine:
    return Machine(
        device="cpu", cpu="some", cores=2, python="3", torch="2", transformers="5", adaptersweep="0"
    )


def measure(catalog: Catalog, seconds: dict[Cell, list[float]], *, layers: int = 6) -> None:
    base = MeasuredBase(config={"model_type": "bert"}, layers=layers, hidden_size=384)
    group = Group(conditions=Conditions(base=base), cells=tuple(seconds))
    timings = [Timing(cell=c, wall_s=tuple(s), cpu_s=tuple(s)) for c, s in seconds.items()]
    catalog.record_measurements(
        group, timings, machine(), spec=("speeds", "0"), clock=Clock.CPU, load=(0.1, 0.2)
    )


def cell(**more: object) -> Cell:
    alike = {"method": Method.ADAPTER, "action": Action.INFER, "batch_size": 8, "length": 32}
    return Cell.model_validate(alike | more)


def test_times_are_compared_round_by_round_within_a_group(
    made_up_catalog: Callable[..., Catalog],
) -> None:
    catalog = made_up_catalog()
    slow = [1.0, 2.0, 1.0]  # the second round was slow for everybody
    full = cell(method=Method.FULL_FINE_TUNING)
    published = {"method": Method.FUSION, "form": FusionForm.PUBLISHED}
    measure(
        catalog,
        {
            full: slow,
            cell(): [s / 0.95 for s in slow],
            cell(adapters=8, **published): [s / 0.38 for s in slow],
            cell(adapters=2, **published): [s / 0.64 for s in slow],
        },
    )
    measure(catalog, {cell(tasks=8): [1, 1, 1], cell(tasks=8, drop_depth=3): [0.55, 0.54, 0.53]})
    found = answered(catalog)
    assert found["inference-slower"][0] is Verdict.CONFIRMED
    assert found["fusion-infer-8"][0] is Verdict.CONFIRMED
    assert found["fusion-pruned-faster"][0] is Verdict.CONFIRMED
    verdict, shared = found["shared-layer-8-tasks"]
    assert shared is not None
    assert shared.value == pytest.approx(100 * 0.46 / 3 * 6 / 12)  # as of twelve layers
    assert verdict is Verdict.CONFIRMED
    known = {row.measurement_id for row in catalog.timed()}
    assert set(shared.traces) <= known
    assert len(shared.traces) == 2


def test_of_what_was_measured_twice_the_later_run_counts(
    made_up_catalog: Callable[..., Catalog],
) -> None:
    catalog = made_up_catalog()
    full = cell(method=Method.FULL_FINE_TUNING)
    for ratio in (2.0, 0.95):
        measure(catalog, {full: [1, 1, 1], cell(): [1 / ratio] * 3})
    _, found = answered(catalog)["inference-slower"]
    assert found is not None
    assert found.value == pytest.approx(0.95)


def test_settings_count_as_tasks_do() -> None:
    found = of_rounds({"16": [1.0, 1.0], "32": [2.0, 2.0]}, Unit.TIMES, [])
    assert found is not None
    assert found.value == 1.5
    assert found.basis == "2 settings, 2 rounds"
    assert of_rounds({}, Unit.TIMES, []) is None


def test_the_page_and_the_records_say_the_same(wide: Catalog) -> None:
    study = make_study(wide)
    page, records = as_markdown(study, ["adaptersweep study --to study.md"]), as_records(study)
    for record, answer in zip(records, study.answers, strict=True):
        claim: PaperClaim = answer.claim
        assert claim.says.replace("+", "\\+") in page
        assert record["verdict"] == answer.verdict.value
        if answer.estimate is not None:
            assert f"`{claim.key}` ({len(record['traces'])})" in page
            assert record["traces"][0][:8] in page
    assert f"Of {len(records)} claims: " in page
    assert "****" not in page


def test_random_scores_confirm_little(made_up_catalog: Callable[..., Catalog]) -> None:
    """Noise alone is not taken for an effect: most claims about small differences stay open."""
    catalog = made_up_catalog(luck=0.3)
    verdicts = [v for v, found in answered(catalog).values() if found is not None]
    assert verdicts.count(Verdict.UNDECIDED) > len(verdicts) / 2
