"""Early termination through the real command: workers stop at their rungs, and go on later."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

from orchestrator.stores import Stores
from tests.conftest import write_task
from workers.contract.paths import Workspace

pytestmark = pytest.mark.slow

SWEEP = """\
name: halved
base_models:
  toy: {{ source: "folder:{base}" }}
tasks:
  one: {{ folder: "{tasks}/one" }}
adapter: {{ bottleneck_size: 16, placement: houlsby }}
training:
  learning_rate: [1.0e-2, 1.0e-9, 2.0e-2, 2.0e-9, 1.5e-2, 3.0e-9]
  batch_size: 8
  max_length: 16
  epochs: 6
{more}"""
HALVING = "early_termination: { rungs: [2, 4], reduction_factor: 3 }\n"
TRIALS = 6


def measured(workspace: Path, trial_ids: list[str]) -> dict[str, Any]:
    """Return all of trials that must not depend on how they came to it."""
    found = {}
    for trial_id in trial_ids:
        text = Workspace(workspace).trial(trial_id).result.read_text(encoding="utf-8")
        result = json.loads(text)
        curve = [(e["epoch"], e["train_loss"], e["metrics"]) for e in result["curve"]]
        found[trial_id] = result["scores"], curve, result["adapter"]["digest"]
    return found


def test_what_is_stopped_goes_on_to_what_it_would_have_been(
    adaptersweep: Callable[..., Any], toy_base: Path, tmp_path: Path
) -> None:
    write_task(tmp_path / "tasks", "one", seed=0, train=160, held_out=60)
    sweep, halved, full = (tmp_path / name for name in ("sweep.yaml", "halved", "full"))

    def submit(into: Path, more: str = "") -> Any:
        text = SWEEP.format(base=toy_base, tasks=tmp_path / "tasks", more=more)
        sweep.write_text(text)
        return adaptersweep("submit", sweep, "-w", into, "--json")

    first = submit(halved, HALVING)
    assert first.code == 0, first.err
    stopped = first.json["stopped_early"]
    assert stopped >= 2
    assert first.json["trained"] == TRIALS - stopped
    assert [r["reference"] for r in first.json["registered"]] == ["one@champion"]

    rows = adaptersweep("trials", "-w", halved, "--state", "stopped", "--json").json
    assert len(rows) == stopped
    assert all(row["score"] is None for row in rows)
    assert all("stopped by halving after epoch" in row["failure_message"] for row in rows)
    status = adaptersweep("status", "-w", halved, "--json").json[0]
    assert (status["counts"]["stopped"], status["counts"]["pending"]) == (stopped, 0)
    assert status["last_submission"]["outcome"] == "completed"
    check_runs(halved, {row["trial_id"] for row in rows})

    again = submit(halved, HALVING)
    assert (again.code, again.json["trained"], again.json["stopped_early"]) == (0, 0, stopped)

    rest = adaptersweep("submit", sweep, "-w", halved, "--json", "--only", "stopped")
    assert rest.code == 0, rest.err
    assert (rest.json["trained"], rest.json["stopped_early"]) == (stopped, 0)
    assert submit(full).json["trained"] == TRIALS
    ids = [row["trial_id"] for row in adaptersweep("trials", "-w", full, "--json").json]
    assert len(ids) == TRIALS
    assert measured(halved, ids) == measured(full, ids)
    resumed = [Workspace(halved).trial(row["trial_id"]).log.read_text() for row in rows]
    assert any("stopped after epoch 2, as it was asked to" in text for text in resumed)
    assert any("resumed after epoch 2" in text for text in resumed)


def check_runs(workspace: Path, stopped: set[str]) -> None:
    client = mlflow.MlflowClient(Stores.at(workspace).tracking_uri)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    of_trials = {r.data.tags["trial_id"]: r for r in runs if "trial_id" in r.data.tags}
    for trial_id in stopped:
        run = of_trials[trial_id]
        assert run.info.status == "KILLED"
        assert run.data.tags["state"] == "stopped"
        assert run.data.tags["stopped_by"] == "halving"
        assert run.data.tags["stopped_against"] in of_trials
    others = [r for i, r in of_trials.items() if i not in stopped]
    assert {r.info.status for r in others} == {"FINISHED"}
