"""A submission from its plan to its outcome, with workers in this process instead of Ray's."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from orchestrator.catalog.catalog import Catalog
from orchestrator.commands import browsing, removal
from orchestrator.commands.plan_preview import look_ahead
from orchestrator.errors import CatalogError, OrchestratorError, SchedulingError
from orchestrator.running import driver, scheduling
from orchestrator.running.board import Board
from orchestrator.running.driver import Outcome, Watch, plan_sweep, submit
from orchestrator.stores import Stores
from tests.unit.orchestrator.halved_sweeps import made_stop, write_sweep
from workers.contract.paths import Workspace
from workers.contract.trial import Method
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[scheduling.Node]:
    """Let submissions run here, on the nodes of this list; nothing is published or registered."""
    found = [scheduling.Node(2, 0)]
    warm = WarmState(torch.device("cpu"))

    @contextmanager
    def cluster(_: str | None) -> Iterator[list[scheduling.Node]]:
        yield found

    def run_bundles(board: Board, workspace: Workspace, *_: Any, **__: Any) -> None:
        while bundle := board.next_bundle(size=4, workers=1):
            attempts = {t.trial_id: board.attempts[t.trial_id] for t in bundle}
            for event in run_bundle(bundle, Workspace(workspace.root, attempts), warm):
                board.take(event)

    monkeypatch.setattr(scheduling, "cluster", cluster)
    monkeypatch.setattr(scheduling, "probe", lambda: lambda: None)
    monkeypatch.setattr(scheduling, "run_bundles", run_bundles)
    publisher = SimpleNamespace(drain=lambda _, **__: 0)
    monkeypatch.setattr(driver, "publishing", lambda *_: nullcontext(publisher))
    monkeypatch.setattr(driver, "register_winners", lambda *_, **__: driver.Registered())
    monkeypatch.setattr(driver, "prepare_store", lambda _: None)
    return found


@pytest.fixture
def run(nodes: list[scheduling.Node], tmp_path: Path) -> Callable[..., Outcome]:
    def run(sweep: Path, **options: Any) -> Outcome:
        plan, source = plan_sweep(sweep)
        stores = Stores.at(tmp_path / "workspace")
        return submit(plan, source, stores, address=None, watch=Watch(), **options)

    return run


def folder_of(outcome: Outcome, tmp_path: Path, method: Method) -> Path:
    """The folder of a trial of a method; of adapters one that a fusion joins."""
    fused = {p for t in outcome.plan.trials.values() for p in t.parents}
    trials = outcome.plan.trials.values()
    chosen = [t for t in trials if t.method is method and (t.trial_id in fused or t.fusion)]
    chosen = chosen or [t for t in trials if t.method is method]
    return Workspace(tmp_path / "workspace").trial(chosen[0].trial_id).folder


def test_a_sweep_that_cannot_run_leaves_nothing_in_the_catalog(
    run: Callable[..., Outcome],
    nodes: list[scheduling.Node],
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
) -> None:
    nodes[:] = [scheduling.Node(0.5, 0), scheduling.Node(0.5, 0)]
    with pytest.raises(SchedulingError, match="on one node"):
        run(toy_sweep(epochs=1))
    with Catalog.open(Stores.at(tmp_path / "workspace").catalog_url) as catalog:
        assert catalog.sweeps() == []
        assert catalog.trials() == []


def test_files_that_nothing_needs_are_not_missed(
    run: Callable[..., Outcome], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = toy_sweep(epochs=1)
    done = run(sweep)
    assert (done.trained, done.complete) == (30, True)
    folder = folder_of(done, tmp_path, Method.HEAD_ONLY)
    shutil.rmtree(folder)
    again = run(sweep)
    assert (again.trained, again.reused, again.missing, again.complete) == (0, 30, 1, True)
    assert not folder.exists()
    anew = run(sweep, retrain_missing=True)
    assert (anew.trained, anew.reused, anew.missing, anew.complete) == (1, 29, 0, True)
    assert (folder / "result.json").exists()


def test_what_stays_stopped_is_not_to_run_and_starts_no_cluster(
    run: Callable[..., Outcome], nodes: list[scheduling.Node], toy_base: Path, tmp_path: Path
) -> None:
    said: Any = {"seeds": "[0]", "rates": "[1.0e-2, 1.0e-9]"}
    sweep = write_sweep(tmp_path, toy_base, tmp_path / "tasks", **said)
    plan, _ = plan_sweep(sweep)
    first, second = plan.trials
    rule = plan.spec.early_termination
    assert rule is not None
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    by_rule = {"sweep": "halved", "settings": rule.settings}
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.begin_submission("halved", "", list(plan.trials.values()), stoppable=plan.trials)
        stop = made_stop(first).model_copy(update=by_rule)
        catalog.record_stopped("halved", {second: stop})
    done = run(sweep)
    assert (done.trained, done.stopped_early, done.complete) == (1, 1, True)

    nodes.clear()  # a cluster without nodes would refuse whatever is to run
    again = run(sweep)
    assert (again.trained, again.reused, again.stopped_early, again.complete) == (0, 1, 1, True)
    preview = look_ahead(sweep, stores)
    assert (preview.done, preview.stopped) == ({first}, {second})
    found = preview.as_json()
    assert (found["reused"], found["stopped"], found["to_run"]) == (1, 1, 0)
    assert preview.forecast.to_run == 0

    sweep.write_text(sweep.read_text().replace("reduction_factor: 2", "reduction_factor: 3"))
    assert look_ahead(sweep, stores).as_json()["to_run"] == 1
    with pytest.raises(SchedulingError, match="on one node"):
        run(sweep)


@pytest.mark.parametrize("part", ["folder", "adapter", "half a result"])
def test_files_that_something_is_built_on_are_trained_again_where_that_is_said(
    run: Callable[..., Outcome], toy_sweep: Callable[..., Path], tmp_path: Path, part: str
) -> None:
    sweep = toy_sweep(epochs=1)
    text = sweep.read_text()
    sweep.write_text(text[: text.index("fusion:")])
    before = run(sweep)
    assert before.complete
    sweep.write_text(text)
    whole, _ = plan_sweep(sweep)
    source = next(p for t in whole.trials.values() if t.fusion for p in t.parents)
    folder = Workspace(tmp_path / "workspace").trial(source).folder
    if part == "half a result":
        whole_result = (folder / "result.json").read_text()
        (folder / "result.json").write_text(whole_result[: len(whole_result) // 2])
    else:
        shutil.rmtree(folder if part == "folder" else folder / "adapter")
    with pytest.raises(CatalogError, match=f"(?s)1 finished.*{source}.*--retrain-missing"):
        run(sweep)
    done = run(sweep, retrain_missing=True)
    assert done.complete
    assert (done.trained, done.reused) == (1 + 6, 23)


def test_a_workspace_that_is_not_the_catalogs_is_said(
    run: Callable[..., Outcome], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = toy_sweep(epochs=1)
    run(sweep)
    shutil.rmtree(tmp_path / "workspace" / "trials")
    more = toy_sweep(epochs=1, seeds="[0, 1]")
    with pytest.raises(CatalogError, match="the right --workspace and --catalog"):
        run(more)


def test_a_sweep_is_archived_and_removed_by_command(
    run: Callable[..., Outcome],
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(toy_sweep(epochs=1))
    workspace = tmp_path / "workspace"
    kept = {"workspace": workspace, "catalog": None}
    removal.archive("toy", undo=False, **kept)
    browsing.status(archived=False, as_json=False, **kept)
    said = capsys.readouterr().out
    assert "1 archived" in said
    assert "30" not in said
    browsing.status(archived=True, as_json=False, **kept)
    assert "30" in capsys.readouterr().out

    with pytest.raises(OrchestratorError, match="--yes"):
        removal.remove("toy", yes=False, **kept)
    assert len(list(workspace.glob("trials/*/*/result.json"))) == 30
    removal.remove("toy", yes=True, **kept)
    assert "30 trials go, 30 of them finished" in capsys.readouterr().out
    assert not list(workspace.glob("trials/*/*"))
    assert run(toy_sweep(epochs=1)).trained == 30, "as if it had never been"
