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
    "dbda2a0c7eab640f3399": "rte · adapter · pfeiffer r8 · seed 0",
    "8010913aa720246a2424": "rte · adapter · pfeiffer r8 · drop 2 · seed 0",
    "365cf8579f45c4d91c74": "rte · adapter · pfeiffer r8 · drop robust · seed 0",
    "112505779ca8bfb130ec": "stsb · adapter · pfeiffer r8 · seed 0",
    "6d924a3a65cdeced0e8d": "stsb · adapter · pfeiffer r8 · drop 2 · seed 0",
    "91cafb12e484607bcbee": "stsb · adapter · pfeiffer r8 · drop robust · seed 0",
    "10dce2f4c07bee4aff39": "mood · adapter · pfeiffer r8 · seed 0",
    "29bd98f5948040547cc9": "mood · adapter · pfeiffer r8 · drop 2 · seed 0",
    "a4516612babe26526422": "mood · adapter · pfeiffer r8 · drop robust · seed 0",
    "a4be3619064b7c581269": "heat · adapter · pfeiffer r8 · seed 0",
    "9debe6301388c91b4718": "heat · adapter · pfeiffer r8 · drop 2 · seed 0",
    "737545a78f10e4513a1e": "heat · adapter · pfeiffer r8 · drop robust · seed 0",
    "0335cee3f1ae39df1cd5": "rte · adapter · houlsby r8 · shared · gelu · seed 0",
    "6d2c5e15663f108c0305": "rte · adapter · parallel r8 · shared · gelu · seed 0",
    "a6a8199e5e1c3d076528": "rte · adapter · pfeiffer r32 · seed 0",
    "1bf6c336f942f9baa310": "rte · head only · seed 0",
    "c5481f7f2482b630f280": "stsb · head only · seed 0",
    "66e3dc7f925af41535f2": "mood · head only · seed 0",
    "817a6f0b39e0aaaf91a9": "heat · head only · seed 0",
    "e3751859ca56f66503d5": "rte · full fine tuning · seed 0",
    "ba401ef2db69416e6dc3": "stsb · full fine tuning · seed 0",
    "9e85086a2519f66d2476": "mood · full fine tuning · seed 0",
    "5d585d88c7582977c91c": "heat · full fine tuning · seed 0",
    "52df1615883fdbac2da2": "rte · fusion · of 4 · seed 0",
    "d0147798dce942bc7ea5": "rte · pruned fusion · keep 2 · seed 0",
    "b0267035d028724c57a4": "rte · fusion · of 4 · drop robust · seed 0",
    "223ed129d28ef2fc13ac": "rte · pruned fusion · keep 2 · drop robust · seed 0",
}


def test_trial_ids_are_what_they_were(sweep: Path) -> None:
    spec, source = read_spec(sweep)
    plan = make_plan(spec, source, pin(spec, source))
    found: dict[str, str] = {}
    for trial_id, trial in plan.trials.items():
        found[trial_id] = trial.label
    assert found == GOLDEN
