"""Trial ids stay what they are: a finished trial must never run again because the code grew.

The ids below were written down before adapter settings, baselines, head settings, new kinds of
tasks and pre-training existed. Hub tasks are pinned without reading them; the folders are here.
"""

import json
from pathlib import Path

import pytest

from orchestrator.planner import make_plan
from orchestrator.resolve import pin
from orchestrator.spec.read import read_spec

SWEEP = """\
name: golden
base_models:
  small: { source: "hub:a/b", revision: "0000000000000000000000000000000000000000", layers: 4, \
hidden_size: 64 }
tasks:
  rte: { hub: glue/rte }
  stsb: { hub: glue/stsb, validation_fraction: 0.1, rows: { train: 100 } }
  mood: { folder: mood }
  heat: { folder: heat }
adapter: { bottleneck_size: 8 }
training: { learning_rate: 1e-3, epochs: 2, precision: float32 }
trials:
  - drop: { mode: [none, specialised, robust], depth: 2 }
  - tasks: rte
    adapter: { placement: [houlsby, parallel], sharing: all_layers, non_linearity: gelu }
  - tasks: rte
    adapter: { initialisation: mam, reduction_factor: 2 }
    training: { patience: 2, precision: bfloat16, prefix_dropout: true }
  - method: [head_only, full_fine_tuning]
fusion:
  - targets: rte
    drop: { mode: [none, robust] }
    pruning: { keep: 2 }
"""


def write_task(folder: Path, card: dict[str, object], rows: list[dict[str, object]]) -> None:
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps({"name": folder.name, **card}))
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    write_task(
        tmp_path / "mood",
        {"task_type": "classification", "label_names": ["bad", "good"], "metric": "accuracy"},
        [{"sentence1": f"text {i}", "label": i % 2} for i in range(8)],
    )
    write_task(
        tmp_path / "heat",
        {"task_type": "regression", "label_range": [0, 5], "metric": "pearson"},
        [{"sentence1": f"a {i}", "sentence2": f"b {i}", "label": i / 2} for i in range(8)],
    )
    path = tmp_path / "sweep.yaml"
    path.write_text(SWEEP, encoding="utf-8")
    return path


GOLDEN: dict[str, str] = {
    "ac2732bc4fdf23d8809f": "rte · adapter · pfeiffer r8 · seed 0",
    "46077c9b1a258f2d9db2": "rte · adapter · pfeiffer r8 · drop 2 · seed 0",
    "bc9996facbbb04e33f04": "rte · adapter · pfeiffer r8 · drop robust · seed 0",
    "53b1d214834cdda83501": "stsb · adapter · pfeiffer r8 · seed 0",
    "8bc4541bdac4a6cd042d": "stsb · adapter · pfeiffer r8 · drop 2 · seed 0",
    "5f3482b2415637328116": "stsb · adapter · pfeiffer r8 · drop robust · seed 0",
    "48b371d6674691ace2fe": "mood · adapter · pfeiffer r8 · seed 0",
    "f87f473dca7ab8ba6798": "mood · adapter · pfeiffer r8 · drop 2 · seed 0",
    "085ccf2ff824bfc09c43": "mood · adapter · pfeiffer r8 · drop robust · seed 0",
    "e1acf8beaa4da4fc768a": "heat · adapter · pfeiffer r8 · seed 0",
    "e07bdd2a3875c7f3da59": "heat · adapter · pfeiffer r8 · drop 2 · seed 0",
    "a0c7bb53a37c4a97c7d0": "heat · adapter · pfeiffer r8 · drop robust · seed 0",
    "98cd5c06b849acbd229c": "rte · adapter · houlsby r8 · shared · gelu · seed 0",
    "47c203b47bf2b2c7a4a4": "rte · adapter · parallel r8 · shared · gelu · seed 0",
    "7d8755cf4541fd37f273": "rte · adapter · pfeiffer r32 · seed 0",
    "14dfbee4655f396e2d3c": "rte · head only · seed 0",
    "47d9b899d5ca50fc4197": "stsb · head only · seed 0",
    "5d71735779757a68fa5e": "mood · head only · seed 0",
    "37d189874b814292701a": "heat · head only · seed 0",
    "8659d8155d7cd622172a": "rte · full fine tuning · seed 0",
    "f15d61010c4f757c1f86": "stsb · full fine tuning · seed 0",
    "3a818458e5df66af361a": "mood · full fine tuning · seed 0",
    "844ba799e293f9a70d46": "heat · full fine tuning · seed 0",
    "9823ebb39313c1259328": "rte · fusion · of 4 · seed 0",
    "49ca45ff539f289efcfc": "rte · pruned fusion · keep 2 · seed 0",
    "e5b149f0c5e6d1f233b4": "rte · fusion · of 4 · drop robust · seed 0",
    "47224b4d400effd4efb9": "rte · pruned fusion · keep 2 · drop robust · seed 0",
}


def test_trial_ids_are_what_they_were(sweep: Path) -> None:
    spec, source = read_spec(sweep)
    plan = make_plan(spec, source, pin(spec, source))
    found: dict[str, str] = {}
    for trial_id, trial in plan.trials.items():
        found[trial_id] = trial.label
    assert found == GOLDEN
