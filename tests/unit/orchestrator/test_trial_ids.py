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
    "039070f8088791bde784": "rte · adapter · pfeiffer r8 · seed 0",
    "55f218e7992ef09b6981": "rte · adapter · pfeiffer r8 · drop 2 · seed 0",
    "e1253907a90b3ae446de": "rte · adapter · pfeiffer r8 · drop robust · seed 0",
    "f2a4ec56457e7a42fb6d": "stsb · adapter · pfeiffer r8 · seed 0",
    "0e4913c79bd4ac7b3b71": "stsb · adapter · pfeiffer r8 · drop 2 · seed 0",
    "5bb359344bbf4a660abd": "stsb · adapter · pfeiffer r8 · drop robust · seed 0",
    "805ee848a7fab79eb2f6": "mood · adapter · pfeiffer r8 · seed 0",
    "13cebadcdc17bcb879cb": "mood · adapter · pfeiffer r8 · drop 2 · seed 0",
    "d4594b921fbe38c5d52e": "mood · adapter · pfeiffer r8 · drop robust · seed 0",
    "85acca701d0040397870": "heat · adapter · pfeiffer r8 · seed 0",
    "711bfab5fe39ebff7540": "heat · adapter · pfeiffer r8 · drop 2 · seed 0",
    "3552338d2521b3139d1f": "heat · adapter · pfeiffer r8 · drop robust · seed 0",
    "af88ea865194236d1328": "rte · adapter · houlsby r8 · shared · gelu · seed 0",
    "bd98652f90fd1f0b3389": "rte · adapter · parallel r8 · shared · gelu · seed 0",
    "4a1f2b8641f9a157e935": "rte · adapter · pfeiffer r32 (d/2) · seed 0",
    "e9d0fd50af055aeb3aaa": "rte · head only · seed 0",
    "c2ef4e9e2e2692918977": "stsb · head only · seed 0",
    "8424242205516e877e85": "mood · head only · seed 0",
    "4cd16a5a9b671ef09f70": "heat · head only · seed 0",
    "60c1999efe1c77dfe2ec": "rte · full fine tuning · seed 0",
    "ae202318b152e475d391": "stsb · full fine tuning · seed 0",
    "fad9576dd0feb1ed53cd": "mood · full fine tuning · seed 0",
    "10a068f570a6339c2dd6": "heat · full fine tuning · seed 0",
    "36eca2ecc7d3950e8f70": "rte · fusion · of 4 · seed 0",
    "a619387fb5b661c87157": "rte · pruned fusion · keep 2 · seed 0",
    "4c4feb0b405d370f8694": "rte · fusion · of 4 · drop robust · seed 0",
    "1c29ef78ae9dd2f841b0": "rte · pruned fusion · keep 2 · drop robust · seed 0",
}


def test_trial_ids_are_what_they_were(sweep: Path) -> None:
    spec, source = read_spec(sweep)
    plan = make_plan(spec, source, pin(spec, source))
    found: dict[str, str] = {}
    for trial_id, trial in plan.trials.items():
        found[trial_id] = trial.label
    assert found == GOLDEN
