"""What `plan` says the fast path saves, against the unit model worked out by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter_lib.config.configuration import Pooling
from orchestrator.planning.layer_passes import layer_passes
from orchestrator.running.driver import plan_sweep
from workers.contract.head_settings import HeadSettings
from workers.contract.trial import DropMode, Method, Trial


@pytest.fixture
def trials(toy_sweep: Callable[..., Path]) -> list[Trial]:
    """Over 3 layers, 2 epochs each."""
    plan, _ = plan_sweep(toy_sweep())
    return [t for t in plan.trials.values() if t.task.name == "one"]


def of(trials: list[Trial], method: Method, mode: DropMode = DropMode.NONE) -> list[Trial]:
    return [t for t in trials if (t.method, t.drop.mode) == (method, mode)]


SIXTH, THIRD = 1 / 6, 1 / 3


@pytest.mark.parametrize(
    ("depth", "plain", "fast"),
    [(1, 3 + 1, 2 * SIXTH), (2, 3 + 0, 0.0)],
)
def test_a_dropped_layer_and_the_one_above_cost_nothing(
    trials: list[Trial], depth: int, plain: float, fast: float
) -> None:
    chosen = [t for t in of(trials, Method.ADAPTER, DropMode.SPECIALISED) if t.drop.depth == depth]
    found = layer_passes(chosen)
    assert (found.plain, found.fast) == pytest.approx((2 * plain, 2 * fast))
    assert (found.cut_points, found.bytes_per_token) == (1, 32 * 4)


def test_a_head_on_the_mean_reads_the_whole_highest_layer(trials: list[Trial]) -> None:
    one = of(trials, Method.ADAPTER, DropMode.SPECIALISED)[0]
    mean = one.model_copy(update={"head": HeadSettings(pooling=Pooling.MEAN)})
    assert one.drop.depth == 1
    assert layer_passes([mean]).plain == layer_passes([one]).plain
    assert layer_passes([mean]).fast == pytest.approx(2 * 2 * 1)


def test_adapters_everywhere_still_save_the_lowest_layer(trials: list[Trial]) -> None:
    found = layer_passes(of(trials, Method.ADAPTER)[:1])
    assert (found.plain, found.fast) == pytest.approx((2 * (3 + 2), 2 * 2 * (1 + SIXTH)))
    assert found.saving == pytest.approx(10 / (4 * 7 / 6))


def test_houlsby_saves_the_lowest_attention(trials: list[Trial]) -> None:
    chosen = [
        t for t in of(trials, Method.ADAPTER) if t.adapter and t.adapter.placement == "houlsby"
    ]
    found = layer_passes(chosen)
    above = 2 - THIRD + SIXTH
    assert found.fast == pytest.approx(2 * 2 * above)
    assert found.bytes_per_token == 2 * 32 * 4


def test_robust_training_is_the_mean_over_all_depths(trials: list[Trial]) -> None:
    found = layer_passes(of(trials, Method.ADAPTER, DropMode.ROBUST))
    assert found.plain == pytest.approx(2 * (5 + 4 + 3) / 3)
    assert found.fast == pytest.approx(2 * 2 * (1 + SIXTH + SIXTH + 0) / 3)
    assert found.cut_points == 3


def test_full_fine_tuning_keeps_its_layers(trials: list[Trial]) -> None:
    found = layer_passes(of(trials, Method.FULL_FINE_TUNING))
    assert (found.plain, found.fast) == pytest.approx((2 * 9, 2 * 3 * (2 + SIXTH)))
    assert found.cut_points == 0


def test_a_head_alone_runs_no_layer_and_pruning_trains_nothing(trials: list[Trial]) -> None:
    assert layer_passes(of(trials, Method.HEAD_ONLY)).fast == 0
    assert layer_passes(of(trials, Method.PRUNED_FUSION)).plain == 0
    assert layer_passes([]).saving == 1.0
