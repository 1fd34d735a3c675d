"""What a person opens first in MLflow: the description with figures, the table, the columns."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboards.drawn_sweep import DrawnSweep
from orchestrator.catalog import Catalog
from orchestrator.commands import sweep_page
from orchestrator.commands.sweep_pictures import leave_pictures
from orchestrator.mlflow.mirror import Publisher
from orchestrator.mlflow.parent_page import publish_page
from orchestrator.mlflow.runs import connect


@pytest.fixture
def catalog(stores):
    with Catalog.open(stores.catalog_url) as opened:
        yield opened


@pytest.fixture
def swept(catalog, stores, samples) -> Catalog:
    """Publish a sweep of two configurations and two seeds, of which one trial is to come."""
    trials = [samples.trial(seed=seed, size=size) for seed in (1, 2) for size in (8, 16)]
    catalog.begin_submission("s", "name: s\n", trials)
    for number, trial in enumerate(trials[:3]):
        catalog.record_result("s", samples.result(trial, 0.5 + number / 10))
    publish(catalog, stores)
    return catalog


def publish(catalog, stores) -> None:
    publisher = Publisher(catalog, stores, "s")
    publisher.start()
    try:
        assert publisher.drain(60) == 0
    finally:
        publisher.stop()


def page_of(stores):
    """Return the experiment, the parent run, and the folder of its artifacts."""
    client = connect(stores.tracking_uri)
    experiment = client.get_experiment_by_name("adaptersweep/s")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (run for run in runs if "trial_id" not in run.data.tags)
    return experiment, parent, Path(parent.info.artifact_uri.removeprefix("file://"))


def ended(*, interrupted: bool = False, unpublished: int = 0) -> Any:
    """Return as much of an outcome as its page reads."""
    plan = SimpleNamespace(spec=SimpleNamespace(name="s"))
    return SimpleNamespace(plan=plan, interrupted=interrupted, unpublished=unpublished)


def leave(catalog, stores) -> None:
    sweep_page.leave_page(ended(), stores, DrawnSweep(catalog, "s"))


def test_the_parent_run_has_figures_and_a_table(swept, stores):
    leave(swept, stores)
    experiment, parent, folder = page_of(stores)
    pictures = json.loads(parent.data.tags["figures"])
    assert "seeds.png" in pictures
    for name in pictures:
        assert (folder / "figures" / name).read_bytes().startswith(b"\x89PNG")
    table = json.loads((folder / "leaderboard.json").read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    best = swept.leaderboard("s", limit=5)
    assert [(r["label"], r["mean"], r["seeds"]) for r in rows] == [
        (r.label, pytest.approx(r.mean, rel=1e-5), r.seeds) for r in best
    ]
    tables = json.loads(parent.data.tags["mlflow.loggedArtifacts"])
    assert tables == [{"path": "leaderboard.json", "type": "table"}]

    note = parent.data.tags["mlflow.note.content"]
    assert note == experiment.tags["mlflow.note.content"]
    for name, title in pictures.items():
        address = f"get-artifact?path=figures%2F{name}&run_uuid={parent.info.run_id}"
        assert f"![{title}]({address})" in note


def test_the_page_of_trials_sorts_by_score_and_shows_what_there_is(swept, stores):
    experiment, parent, _ = page_of(stores)
    view = json.loads(experiment.tags["mlflow.sharedViewState.trials"])
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`score`", False)
    client = connect(stores.tracking_uri)
    found = client.search_runs([experiment.experiment_id], filter_string=view["searchFilter"])
    assert len(found) == 3
    assert parent.info.run_id not in {run.info.run_id for run in found}
    there = {f"metrics.`{name}`" for run in found for name in run.data.metrics}
    there |= {f"params.`{name}`" for run in found for name in run.data.params}
    assert set(view["selectedColumns"]) - {"attributes.`Duration`"} <= there


def test_a_page_is_written_when_something_was_finished_and_its_pictures_stay(
    swept, stores, samples
):
    calls: list[Path] = []

    def write(into: Path) -> dict[str, str]:
        calls.append(into)
        (into / "figures").mkdir()
        (into / "figures" / "a.png").write_bytes(b"a")
        return {"a.png": "Of a"}

    assert publish_page(swept, stores, "s", write)
    assert not publish_page(swept, stores, "s", write)
    assert len(calls) == 1
    last = samples.trial(seed=2, size=16)
    swept.record_result("s", samples.result(last, 0.9))
    publish(swept, stores)  # which describes the sweep anew
    _, parent, _ = page_of(stores)
    assert "4 finished" in parent.data.tags["mlflow.note.content"]
    assert "![Of a](get-artifact?path=figures%2Fa.png&" in parent.data.tags["mlflow.note.content"]
    assert publish_page(swept, stores, "s", write)
    assert len(calls) == 2


@pytest.mark.parametrize("how", [{"interrupted": True}, {"unpublished": 1}])
def test_who_interrupts_and_a_server_that_is_down_are_not_waited_for(swept, stores, how):
    leave_pictures(ended(**how), stores)
    _, parent, folder = page_of(stores)
    assert "page" not in parent.data.tags
    assert not folder.exists()


@pytest.mark.parametrize("fault", [RuntimeError("no figure"), KeyboardInterrupt()])
def test_a_sweep_is_not_worse_for_a_page_that_cannot_be_drawn(
    swept, stores, monkeypatch, caplog, fault
):
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(sweep_page, "_write", fail)
    leave(swept, stores)
    assert "page of s in MLflow" in caplog.text
    _, parent, folder = page_of(stores)
    assert "page" not in parent.data.tags
    assert not (folder / "figures").exists()
