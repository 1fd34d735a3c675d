"""A workspace that was moved or copied: nothing of it is lost to MLflow, or told twice."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.catalog import Catalog, SubmissionOutcome
from orchestrator.mlflow.mirror import publishing
from orchestrator.mlflow.runs import connect, prepare_store
from orchestrator.mlflow.store_file import present_location
from orchestrator.planning.selection import Standing, Winner
from orchestrator.registry.lookup import find, pull
from orchestrator.registry.registration import register_winner, roll_back
from orchestrator.stores import Stores


def submit(stores, samples, trial, *, score, sweep="s"):
    """Do what a submission does to the stores; return how much it had to tell MLflow."""
    prepare_store(stores.tracking_uri)
    with Catalog.open(stores.catalog_url) as catalog:
        submission = catalog.begin_submission(sweep, "", [trial])
        done = catalog.results([trial.trial_id])
        if not done:
            adapter = samples.adapter(stores, trial, bytes([trial.adapter.bottleneck_size]))
            catalog.record_result(sweep, samples.result(trial, score, adapter=adapter))
        waiting = catalog.count_undelivered(sweep)
        with publishing(catalog, stores, sweep) as publisher:
            assert publisher.drain(60) == 0
            result = catalog.results([trial.trial_id])[trial.trial_id]
            standing = Standing(
                trial, result, "accuracy", score, mean=score, std=None, seeds=1, planned=1
            )
            register_winner(catalog, stores, Winner("champion", standing), sweep=sweep)
            catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
            assert publisher.drain(60) == 0
    return waiting


def places(stores):
    """Return every place of an artifact that MLflow's database names."""
    columns = [
        ("experiments", "artifact_location"),
        ("runs", "artifact_uri"),
        ("logged_models", "artifact_location"),
        ("model_versions", "source"),
    ]
    path = stores.tracking_uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        return {
            str(value)
            for table, column in columns
            for (value,) in connection.execute(f"SELECT {column} FROM {table}")
            if value and "mlflow-artifacts" in value
        }


@pytest.fixture(params=["moved", "copied"])
def again(request, stores, samples, tmp_path):
    """Submit once, then move or copy the workspace to another place; give it as it is there."""
    submit(stores, samples, samples.trial(size=1), score=0.6)
    target = tmp_path / "another place"
    if request.param == "moved":
        stores.workspace.root.rename(target)
    else:
        shutil.copytree(stores.workspace.root, target)
    return Stores.at(target)


def test_reading_finds_the_files_and_writes_nothing(again, stores, tmp_path):
    before = Path(again.tracking_uri.removeprefix("sqlite:///")).read_bytes()
    if stores.workspace.root.exists():  # a copy reads its own files, not the original's
        for path in stores.workspace.mlflow_artifacts.rglob("adapter.safetensors"):
            path.write_bytes(b"changed in the original")
    folder = pull("rte@champion", tmp_path / "pulled", tracking_uri=again.tracking_uri)
    assert (folder / "adapter.safetensors").read_bytes() == b"\1"
    assert Path(again.tracking_uri.removeprefix("sqlite:///")).read_bytes() == before


def test_submitting_there_goes_on_and_makes_nothing_twice(again, stores, samples, tmp_path):
    old = stores.workspace.root
    kept = sorted(p.relative_to(old) for p in old.rglob("*")) if old.exists() else None
    told = submit(again, samples, samples.trial(size=1), score=0.6)
    assert told == 1, "the new submission alone: what MLflow has is not told again"
    submit(again, samples, samples.trial(size=2), score=0.8)
    submit(again, samples, samples.trial(size=2), score=0.8, sweep="other")

    client = connect(again.tracking_uri)
    experiments = [e for e in client.search_experiments() if e.name.startswith("adaptersweep/")]
    assert sorted(e.name for e in experiments) == ["adaptersweep/other", "adaptersweep/s"]
    runs = client.search_runs([e.experiment_id for e in experiments])
    assert len(runs) == (1 + 2) + (1 + 1), "a parent and its trials, each once"
    assert len(client.search_model_versions("name = 'rte--minilm'")) == 2
    root = again.workspace.mlflow_artifacts.as_uri()
    assert all(place.startswith(root) for place in places(again)), places(again)
    assert not [p for p in places(again) if p.startswith(old.as_uri() + "/")]
    after = sorted(p.relative_to(old) for p in old.rglob("*")) if old.exists() else None
    assert after == kept, "nothing was written where it had been"

    assert find("rte@champion", tracking_uri=again.tracking_uri).version == "2"
    pull("rte@champion", tmp_path / "two", tracking_uri=again.tracking_uri)
    with Catalog.open(again.catalog_url) as catalog:
        assert roll_back("rte@champion", catalog, again).adapter.version == "1"
    pull("rte@champion", tmp_path / "one", tracking_uri=again.tracking_uri)


def test_what_is_not_in_the_workspace_stays_where_it_is(again, stores, samples, tmp_path):
    client = connect(again.tracking_uri)
    theirs = (tmp_path / "theirs").as_uri()
    client.create_experiment("theirs", artifact_location=theirs)
    prepare_store(again.tracking_uri)
    assert client.get_experiment_by_name("theirs").artifact_location == theirs
    for location in ("mlflow-artifacts:/1/models", "s3://bucket/mlflow-artifacts/s", theirs):
        assert present_location(location, again.tracking_uri) == location
    old = "file:///gone/mlflow-artifacts/s"
    assert present_location(old, "http://127.0.0.1:1") == old
    assert present_location(old, again.tracking_uri) != old
