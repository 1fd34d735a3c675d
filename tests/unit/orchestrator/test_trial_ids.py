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
    "fcb4849a5d44bee00598": "rte · adapter · pfeiffer r8 · seed 0",
    "25d791010e9fd004b259": "rte · adapter · pfeiffer r8 · drop 2 · seed 0",
    "0ed1d46ee8b8c8da8ed2": "rte · adapter · pfeiffer r8 · drop robust · seed 0",
    "4321967e816c26f8f7f0": "stsb · adapter · pfeiffer r8 · seed 0",
    "d10b38220e659f5baa31": "stsb · adapter · pfeiffer r8 · drop 2 · seed 0",
    "eb812ba80ab544488f4e": "stsb · adapter · pfeiffer r8 · drop robust · seed 0",
    "e46caa65a572c17e0882": "mood · adapter · pfeiffer r8 · seed 0",
    "c478090bebe5f0fd8bc6": "mood · adapter · pfeiffer r8 · drop 2 · seed 0",
    "6b838b9b490ef061a6b2": "mood · adapter · pfeiffer r8 · drop robust · seed 0",
    "718abc434dc6ab119171": "heat · adapter · pfeiffer r8 · seed 0",
    "b9c4ec562d3ede33b0bf": "heat · adapter · pfeiffer r8 · drop 2 · seed 0",
    "54c89f516fde0c7b06de": "heat · adapter · pfeiffer r8 · drop robust · seed 0",
    "cf455155752541fe4ee3": "rte · adapter · houlsby r8 · shared · gelu · seed 0",
    "d627218ba3c0382fcb20": "rte · adapter · parallel r8 · shared · gelu · seed 0",
    "87eefaefa67c64e4955d": "rte · adapter · pfeiffer r32 · seed 0",
    "8202c6b3a30edfda2458": "rte · head only · seed 0",
    "9584c0611969d037acac": "stsb · head only · seed 0",
    "542be96be10e3aaa444c": "mood · head only · seed 0",
    "50211f05639870f8d1bb": "heat · head only · seed 0",
    "4383df99da2d971ac4f2": "rte · full fine tuning · seed 0",
    "79aa31cfdf9351c0198d": "stsb · full fine tuning · seed 0",
    "f36f03c2341345b5fc97": "mood · full fine tuning · seed 0",
    "e6ad2032c1776e710936": "heat · full fine tuning · seed 0",
    "f3cc2bbdce7bfd74deb8": "rte · fusion · of 4 · seed 0",
    "12e7258a7c5c9b9b9b05": "rte · pruned fusion · keep 2 · seed 0",
    "a04bdc129b469b978d13": "rte · fusion · of 4 · drop robust · seed 0",
    "e3bdc6fa499662ef740a": "rte · pruned fusion · keep 2 · drop robust · seed 0",
}


def test_trial_ids_are_what_they_were(sweep: Path) -> None:
    spec, source = read_spec(sweep)
    plan = make_plan(spec, source, pin(spec, source))
    found: dict[str, str] = {}
    for trial_id, trial in plan.trials.items():
        found[trial_id] = trial.label
    assert found == GOLDEN
