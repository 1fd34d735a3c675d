"""`plan --calibrate`: small trials of the plan itself, kept for the next plan."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from orchestrator.commands.plan_preview import calibrated, look_ahead
from orchestrator.errors import OrchestratorError
from orchestrator.planning.forecasting import calibration_kinds
from orchestrator.planning.forecasting.calibration_kinds import kinds
from orchestrator.running.driver import plan_sweep
from orchestrator.running.forecasting import calibration
from orchestrator.running.forecasting.calibration import calibrate
from orchestrator.running.forecasting.calibration_file import (
    NAME,
    Calibration,
    keep_calibration,
    read_calibration,
)
from orchestrator.running.forecasting.forecast_values import Workers
from orchestrator.stores import Stores
from workers.contract.paths import Workspace
from workers.contract.spending import Phase
from workers.contract.trial import DropMode, Method


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train no longer than what must be."""
    monkeypatch.setattr(calibration, "_TRAIN_S", 0.0)
    monkeypatch.setattr(calibration, "_MEASURE_S", 0.0)


def test_every_method_is_calibrated_and_the_next_plan_knows_it(
    toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    stores, sweep = Stores.at(tmp_path / "workspace"), toy_sweep()
    before = look_ahead(sweep, stores, workers=[1])
    assert not before.forecast.known
    threads = torch.get_num_threads()
    after = calibrated(before, stores).forecast
    assert torch.get_num_threads() == threads
    assert (after.unknown, after.guessed) == ({}, 0)
    assert 0 < after.cpu_s.low < after.cpu_s.likely < after.cpu_s.high
    assert after.calibrated == after.from_trials > 5
    # Nothing is left but what was measured: it is no sweep, and no trial is finished by it.
    assert [p.name for p in (tmp_path / "workspace").iterdir()] == [NAME]
    again = look_ahead(sweep, stores, workers=[1])
    assert again.forecast == after
    assert again.done == set()


def test_what_happens_once_is_kept_apart_from_what_each_trial_takes(
    toy_sweep: Callable[..., Path],
) -> None:
    plan, _ = plan_sweep(toy_sweep())
    found = calibrate(plan, (), Workers(1)).observations
    read = [o for o in found if o.whole]
    assert {o.trial.task.name for o in read} == {"one", "two", "three"}
    assert all(o.epochs == 0 and Phase.TASK in o.spent for o in read)
    assert sum(Phase.START in o.spent for o in read) == 1
    assert sum(Phase.BASE in o.spent for o in read) == 1
    for each in (o for o in found if not o.whole):
        assert not each.spent.keys() & {Phase.TASK, Phase.BASE, Phase.START}
        assert each.trial.task.fingerprint in {t.task.fingerprint for t in plan.trials.values()}


def test_kinds_are_few_and_as_different_as_the_plan_has_them(
    toy_sweep: Callable[..., Path],
) -> None:
    plan, _ = plan_sweep(toy_sweep(seeds="[0, 1, 2]"))
    found = kinds(plan.trials.values(), "cpu")
    assert len(found) < len(plan.trials) / 4
    assert {t.method for t in found} == {t.method for t in plan.trials.values()}
    assert {t.task.name for t in found} == {"one", "two", "three"}
    adapters = [t for t in found if t.method is Method.ADAPTER]
    assert {t.drop.depth for t in adapters} == {0, 2}
    assert any(t.drop.mode is DropMode.ROBUST for t in adapters)
    assert {t.adapter.placement for t in adapters if t.adapter} == {"pfeiffer", "houlsby"}
    assert kinds([], "cpu") == []
    assert set(calibration_kinds._ORDER) == set(Method), "a method that no calibration tries"


def test_what_takes_too_long_is_left_out_and_said(toy_sweep: Callable[..., Path]) -> None:
    plan, _ = plan_sweep(toy_sweep())
    found = calibrate(plan, (), Workers(1), limit_s=-1.0)
    assert found.tried == []
    assert set(found.left_out.values()) == {"-1 s were over"}


def test_a_sweep_for_gpus_is_not_calibrated_without_one(toy_sweep: Callable[..., Path]) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    plan, _ = plan_sweep(toy_sweep())
    with pytest.raises(OrchestratorError, match="this machine has none"):
        calibrate(plan, (), Workers(1, gpus=0.5))


def test_a_damaged_file_is_no_calibration(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert read_calibration(workspace) == Calibration()
    keep_calibration(workspace, Calibration())
    (tmp_path / NAME).write_text("{")
    assert read_calibration(workspace) == Calibration()
