"""Trial ids stay what they are: a finished trial must never run again because the code grew.

The ids below were written down before adapter settings, baselines, head settings, new kinds of
tasks and pre-training existed. Hub tasks are pinned without reading them; the folders are here.
"""

import json
from pathlib import Path

import pytest

from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
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
    training: { patience: 2, precision: bfloat16, frozen_dropout: true }
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
    "c72c3ab2799a7cb9c715": "rte · adapter · pfeiffer r8 · seed 0",
    "2d2ae61bd978bddf9dd0": "rte · adapter · pfeiffer r8 · drop 2 · seed 0",
    "abb4a99bd95d884bcb7e": "rte · adapter · pfeiffer r8 · drop robust · seed 0",
    "93ee88376948f8b76d96": "stsb · adapter · pfeiffer r8 · seed 0",
    "49710586f6609c219c49": "stsb · adapter · pfeiffer r8 · drop 2 · seed 0",
    "86c54973476362674239": "stsb · adapter · pfeiffer r8 · drop robust · seed 0",
    "9157c3ebd9d96b18e57b": "mood · adapter · pfeiffer r8 · seed 0",
    "6dbc8998bdd5923c6eb8": "mood · adapter · pfeiffer r8 · drop 2 · seed 0",
    "594ddb18e46c5fa41ae7": "mood · adapter · pfeiffer r8 · drop robust · seed 0",
    "bd642f549ff229b6b063": "heat · adapter · pfeiffer r8 · seed 0",
    "badcd9702b990e0b29e1": "heat · adapter · pfeiffer r8 · drop 2 · seed 0",
    "f4167b61d69d5cd5201f": "heat · adapter · pfeiffer r8 · drop robust · seed 0",
    "37755c7c0c33b32df7d7": "rte · adapter · houlsby r8 · shared · gelu · seed 0",
    "86c50a6ef024bfe21e9e": "rte · adapter · parallel r8 · shared · gelu · seed 0",
    "e1591b45e6c11248f12d": "rte · adapter · pfeiffer r32 (d/2) · seed 0",
    "519ecdfc7835bc035f6b": "rte · head only · seed 0",
    "ee54a48c5fb90bdf5b15": "stsb · head only · seed 0",
    "1de39fe29768ee4dbe41": "mood · head only · seed 0",
    "ae4ebb9e4a99ba7ba3ba": "heat · head only · seed 0",
    "1b2a6b688975665960fd": "rte · full fine tuning · seed 0",
    "40512913bf3660009da8": "stsb · full fine tuning · seed 0",
    "172542f0fff073b89fdc": "mood · full fine tuning · seed 0",
    "83fd469725e9d1a3bc7a": "heat · full fine tuning · seed 0",
    "5facac562805b31d1e88": "rte · fusion · of 4 · seed 0",
    "243230d6a2e3a48fcece": "rte · pruned fusion · keep 2 · seed 0",
    "6ad23bc452dea653fd72": "rte · fusion · of 4 · drop robust · seed 0",
    "d4f0f8f5dc8317d68ab5": "rte · pruned fusion · keep 2 · drop robust · seed 0",
}


def test_trial_ids_are_what_they_were(sweep: Path) -> None:
    spec, source = read_spec(sweep)
    plan = make_plan(spec, source, pin(spec, source))
    found: dict[str, str] = {}
    for trial_id, trial in plan.trials.items():
        found[trial_id] = trial.label
    assert found == GOLDEN
