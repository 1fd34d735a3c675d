"""The picture shows what the catalog holds."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dashboards.drop_curves import draw, main, read_curves
from dashboards.errors import DashboardError
from orchestrator.catalog.catalog import Catalog
from orchestrator.driver import plan_sweep
from orchestrator.stores import Stores
from workers.pack import run_pack
from workers.results import TrialResult, read_result
from workers.trial import DropMode, Method
from workers.warm import WarmState


@pytest.fixture
def workspace(toy_sweep: Callable[..., Path], tmp_path: Path) -> Path:
    """A workspace in which the adapters and baselines of two tasks are finished."""
    plan, source = plan_sweep(toy_sweep(epochs=1))
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    wanted = [
        t
        for t in plan.trials.values()
        if t.task.name in ("one", "two") and t.method is not Method.FUSION and not t.pruning
    ]
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.begin_submission("toy", source.text, list(plan.trials.values()))
        list(run_pack(wanted, stores.workspace, WarmState(torch.device("cpu"))))
        for trial in wanted:
            result = read_result(stores.workspace.trial(trial.trial_id))
            assert isinstance(result, TrialResult)
            catalog.record_result("toy", result)
    return stores.workspace.root


def test_curves_hold_every_depth_that_was_measured(workspace: Path) -> None:
    with Catalog.open(Stores.at(workspace).catalog_url) as catalog:
        curves = read_curves(catalog, "toy")
        best = {r.task: r for r in catalog.trials(sort="-score") if r.method is Method.HEAD_ONLY}
    assert [c.task for c in curves] == ["one", "two"]
    for curve in curves:
        assert set(curve.lines[DropMode.NONE]) == set(curve.lines[DropMode.ROBUST]) == {0, 1, 2}
        assert set(curve.lines[DropMode.SPECIALISED]) == {1, 2}
        assert curve.baselines[Method.HEAD_ONLY] == [best[curve.task].score]
        assert curve.majority == 0.5


def test_the_picture_has_a_line_for_each_way_of_dropping(workspace: Path) -> None:
    with Catalog.open(Stores.at(workspace).catalog_url) as catalog:
        figure = draw(read_curves(catalog, "toy"))
    labels = {line.get_label() for line in figure.axes[0].lines}
    expected = {"standard", "specialised", "robust", "full fine-tuning", "head only", "majority"}
    assert labels == expected


def test_the_command_writes_a_picture(workspace: Path, tmp_path: Path) -> None:
    target = tmp_path / "curves.png"
    assert main(["--workspace", str(workspace), "--sweep", "toy", "--to", str(target)]) == 0
    assert target.read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_said(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "curves.png")
    assert main(["--workspace", str(tmp_path / "no"), "--sweep", "toy", "--to", target]) == 2
    assert "submit a sweep first" in capsys.readouterr().err
    assert main(["--workspace", str(workspace), "--sweep", "none", "--to", target]) == 2
    assert "none" in capsys.readouterr().err
    with Catalog.open(Stores.at(tmp_path / "empty").catalog_url) as catalog:
        plan, _ = plan_sweep(tmp_path / "sweep.yaml")
        catalog.begin_submission("toy", "", list(plan.trials.values()))
        with pytest.raises(DashboardError, match="found none"):
            read_curves(catalog, "toy")
