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
    "3bac64e4a49629aeaab9": "rte · adapter · pfeiffer r8 · seed 0",
    "e5a63e4e63feef60ef57": "rte · adapter · pfeiffer r8 · drop 2 · seed 0",
    "132c9ada7276f4aa0ec3": "rte · adapter · pfeiffer r8 · drop robust · seed 0",
    "1bdbb00d43095d755962": "stsb · adapter · pfeiffer r8 · seed 0",
    "3b92fa8a1f2ad0018b31": "stsb · adapter · pfeiffer r8 · drop 2 · seed 0",
    "25980fd4d8622111f597": "stsb · adapter · pfeiffer r8 · drop robust · seed 0",
    "606c1bc958080f135942": "mood · adapter · pfeiffer r8 · seed 0",
    "2535370f521307cdcd2d": "mood · adapter · pfeiffer r8 · drop 2 · seed 0",
    "50a936c25c13eb48e1e6": "mood · adapter · pfeiffer r8 · drop robust · seed 0",
    "a869ff8e6b6b63367eb6": "heat · adapter · pfeiffer r8 · seed 0",
    "6dc9de75d46cebd327e6": "heat · adapter · pfeiffer r8 · drop 2 · seed 0",
    "e6f18638b8c8b492875a": "heat · adapter · pfeiffer r8 · drop robust · seed 0",
    "f1eaa811d46430d46e92": "rte · adapter · houlsby r8 · shared · gelu · seed 0",
    "20c60719255136eb8fdf": "rte · adapter · parallel r8 · shared · gelu · seed 0",
    "f0059fc3e02b22d85fae": "rte · adapter · pfeiffer r32 · seed 0",
    "4fab9a5c9628878afd2f": "rte · head only · seed 0",
    "04d095b7ffe65bd0e444": "stsb · head only · seed 0",
    "37e8d5763856477546ce": "mood · head only · seed 0",
    "43808d6340f25579808c": "heat · head only · seed 0",
    "875721d7cb206b7e2576": "rte · full fine tuning · seed 0",
    "7dd09fbad203c24400dc": "stsb · full fine tuning · seed 0",
    "7e6a9d74e2ab2a24c8e8": "mood · full fine tuning · seed 0",
    "3555e8dfd8bffaebe82b": "heat · full fine tuning · seed 0",
    "d015fd415920d1525a22": "rte · fusion · of 4 · seed 0",
    "229f8bf18d842c495fa1": "rte · pruned fusion · keep 2 · seed 0",
    "d45733a73d20d7636238": "rte · fusion · of 4 · drop robust · seed 0",
    "67c3cefc9cdd83fdf71c": "rte · pruned fusion · keep 2 · drop robust · seed 0",
}


def test_trial_ids_are_what_they_were(sweep: Path) -> None:
    spec, source = read_spec(sweep)
    plan = make_plan(spec, source, pin(spec, source))
    found: dict[str, str] = {}
    for trial_id, trial in plan.trials.items():
        found[trial_id] = trial.label
    assert found == GOLDEN
