"""A budget is kept in simulations of machines that are noisy, slower than calibrated, or change."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adapter_lib.transformer.backbone import Backbone, Batch
from workers.errors import TaskError
from workers.predict.calibrating import (
    calibrate,
    keep_calibration,
    key_of,
    read_calibration,
    usual_shapes,
)
from workers.predict.latency_budget import CalibratedShape, Calibration, LatencyBudget

LAYERS = 12
SAVED = 0.06


def calibration() -> Calibration:
    """Passes of 5 ms and 0.2 ms a token, of which each dropped layer saves 6 %."""
    return Calibration(
        shapes=tuple(
            CalibratedShape(
                rows=1,
                tokens=tokens,
                ms=tuple((5 + 0.2 * tokens) * (1 - SAVED * d) for d in range(LAYERS)),
            )
            for tokens in (8, 32, 128)
        )
    )


def served(
    budget_ms: float,
    *,
    noise: float = 0.08,
    slower: Callable[[int], float] = lambda _: 1.15,
    outliers: float = 0.02,
    requests: int = 1000,
) -> LatencyBudget:
    """Serve requests of 8 to 64 tokens on a machine that differs from what was calibrated."""
    draw, budget = random.Random(0), LatencyBudget(budget_ms, calibration())
    for number in range(requests):
        tokens = draw.randint(8, 64)
        shapes = [(1, tokens)]
        depth = budget.choose(shapes, spent_ms=0.3)
        ms = (5 + 0.2 * tokens) * (1 - SAVED * depth) * slower(number)
        ms *= math.exp(draw.gauss(0, noise)) * (3 if draw.random() < outliers else 1)
        budget.took(shapes, depth, ms, spent_ms=0.3)
    return budget


MACHINES = {
    "as calibrated": {"slower": lambda _: 1.0},
    "slower": {},
    "noisy": {"noise": 0.2},
    "slows down": {"slower": lambda number: 1.0 if number < 400 else 1.4},
    "quicker": {"slower": lambda _: 0.6},
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("budget_ms", [12.0, 16.0, 20.0])
def test_the_95th_percentile_of_a_thousand_requests_is_within_the_budget(
    budget_ms: float, machine: str
) -> None:
    report = served(budget_ms, **MACHINES[machine]).report()  # type: ignore[arg-type]
    assert report.held
    assert report.p95_ms <= budget_ms
    assert report.in_time >= 0.95
    assert sum(report.by_depth.values()) == report.requests == 1000


def test_no_more_is_dropped_than_needed() -> None:
    depths = [sum(b.depths) / len(b.depths) for b in (served(12), served(16), served(25))]
    assert depths[0] > depths[1] + 1 > depths[2] + 1
    assert depths[2] < 0.3
    plenty = served(60)
    assert set(plenty.depths) == {0}


def test_long_texts_drop_more_than_short_ones() -> None:
    budget = served(14)
    chosen = [budget.choose([(1, tokens)]) for tokens in (8, 32, 64)]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1]


def test_what_cannot_be_held_is_said() -> None:
    budget = served(3.0)
    report = budget.report()
    assert not report.held
    assert report.hopeless > 900
    assert max(report.by_depth) == LAYERS - 1
    said = str(report)
    assert "The budget was not held" in said
    assert "even 11 dropped layers of 12 are too few" in said
    assert f"Raise it to about {math.ceil(report.p95_ms * 1.1)} ms" in said
    assert "not held" not in str(served(30).report())


def test_time_that_a_request_took_before_counts() -> None:
    budget = LatencyBudget(12.0, calibration())
    depths = [budget.choose([(1, 32)], spent_ms=spent) for spent in (0.0, 1.0, 3.0, 30.0)]
    assert depths == sorted(set(depths))
    assert depths[-1] == LAYERS - 1
    one, three = budget.expected_ms([(1, 32)], 2), budget.expected_ms([(1, 32)] * 3, 2)
    assert three == pytest.approx(3 * one)


def test_a_shape_is_corrected_on_its_own() -> None:
    budget = LatencyBudget(100.0, calibration())
    for _ in range(100):
        budget.took([(1, 30)], 0, 1.3 * budget.calibration.ms((1, 30), 0), spent_ms=0)
    assert budget.expected_ms([(1, 30)], 0) == pytest.approx(1.3 * (5 + 6), rel=0.02)
    assert budget.expected_ms([(8, 30)], 0) == budget.calibration.ms((8, 30), 0)


def test_a_budget_knows_how_deep_it_may_go() -> None:
    budget = LatencyBudget(1.0, calibration(), deepest=3)
    assert budget.choose([(1, 64)]) == 3
    for deepest in (-1, 12):
        with pytest.raises(TaskError, match=r"expected 0…11 as the most layers to drop"):
            LatencyBudget(1.0, calibration(), deepest=deepest)
    for budget_ms in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(TaskError, match="more than 0 ms"):
            LatencyBudget(budget_ms, calibration())
    with pytest.raises(TaskError, match="at least one request"):
        LatencyBudget(1.0, calibration()).report()


def test_a_calibration_lies_between_what_was_measured() -> None:
    known = calibration()
    assert known.ms((1, 8), 0) == known.ms((1, 2), 0) == pytest.approx(6.6)
    assert known.ms((1, 20), 0) == pytest.approx(9.0)
    assert known.ms((2, 10), 3) == known.ms((1, 20), 3)
    assert known.ms((4, 128), 0) == pytest.approx(4 * known.ms((1, 128), 0))


@pytest.mark.parametrize("times", [(), ((),), ((1.0,), (1.0, 2.0)), ((0.0,),), ((math.nan,),)])
def test_a_calibration_without_times_is_refused(times: tuple[tuple[float, ...], ...]) -> None:
    shapes = tuple(CalibratedShape(rows=1, tokens=8, ms=ms) for ms in times)
    with pytest.raises(ValueError, match="expected times above 0"):
        Calibration(shapes=shapes)


def test_depths_take_turns_in_a_calibration_and_none_rises(
    toy_base: Path,
) -> None:
    backbone, seen = Backbone.from_folder(toy_base), list[tuple[tuple[int, ...], int]]()
    clock = iter(range(10_000))

    def run(batch: Batch, depth: int) -> None:
        seen.append((tuple(batch.input_ids.shape), depth))
        if depth == 1:  # the clock moves on: slower than depth 0
            next(clock)

    found = calibrate(run, backbone, [(1, 8), (2, 16)], rounds=2, clock=lambda: float(next(clock)))
    assert [(s.rows, s.tokens) for s in found.shapes] == [(1, 8), (2, 16)]
    assert all(s.ms == (1000.0, 1000.0, 1000.0) for s in found.shapes)
    assert [depth for _, depth in seen[:9]] == [0, 1, 2, 0, 1, 2, 2, 1, 0]
    assert usual_shapes(64) == [(1, 8), (1, 16), (1, 32), (1, 64)]
    assert usual_shapes(20, rows=3) == [(3, 8), (3, 16), (3, 20)]
    assert usual_shapes(4) == [(1, 4)]


def test_a_file_keeps_calibrations_of_several_adapters(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    assert read_calibration(path, "a") is None
    keep_calibration(path, "a", calibration())
    other = Calibration(shapes=(CalibratedShape(rows=1, tokens=8, ms=(1.0,)),))
    keep_calibration(path, "b", other)
    assert read_calibration(path, "a") == calibration()
    assert read_calibration(path, "b") == other
    assert read_calibration(path, "c") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 2}',
        '{"format": 1}',
        '{"format": 1, "calibrations": {"a": {"shapes": []}}}',
    ],
)
def test_a_file_of_something_else_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(TaskError, match=r"calibration.json: expected a file of calibrations"):
        read_calibration(path, "a")
    with pytest.raises(TaskError, match="delete it to calibrate anew"):
        keep_calibration(path, "a", calibration())
    assert path.read_text() == content


def test_a_calibration_is_of_a_machine_and_what_runs_on_it(toy_base: Path) -> None:
    backbone = Backbone.from_folder(toy_base)
    assert key_of(backbone, [1]) == key_of(backbone, [1])
    assert key_of(backbone, [1]) != key_of(backbone, [1, 1])
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        more = key_of(backbone, [1])
    finally:
        torch.set_num_threads(before)
    assert more != key_of(backbone, [1])
