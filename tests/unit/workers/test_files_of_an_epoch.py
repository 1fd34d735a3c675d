"""How many files a reader meets on the way of a batch; `docs/architecture.md` tells the way."""

import gc
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from sweeping import write_sweep

from orchestrator.running.driver import plan_sweep
from workers.contract.paths import Workspace
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training.trainer import Trainer

ROOT = Path(__file__).parents[3]
PACKAGES = tuple(f"{ROOT / package}/" for package in ("adapter_lib", "workers", "orchestrator"))
MOST_FILES = 33
SPECIALISED = """\
seeds: [0, 1]
training: { batch_size: 8, max_length: 16, epochs: 1 }
trials:
  - drop: { mode: specialised, depth: 1 }
"""


def of_different_lengths(task: Path) -> Path:
    """Cut a task's texts, so that there is padding to leave out."""
    for path in task.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for number, row in enumerate(rows):
            row["sentence1"] = " ".join(row["sentence1"].split()[: 2 + number % 6])
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return task


def test_an_epoch_passes_few_files(
    toy_base: Path,
    make_task: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a specialised trial on a CPU, training and measuring, in a worker that ran one before."""
    task = of_different_lengths(make_task("one"))
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, task, body=SPECIALISED))
    first, second = plan.trials.values()
    workspace, warm = Workspace(tmp_path / "workspace"), WarmState(torch.device("cpu"))
    list(run_bundle([first], workspace, warm))
    passed: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        place, name = frame.f_code.co_filename, frame.f_code.co_name
        if event == "call" and place.startswith(PACKAGES) and name != "<module>":
            passed.add(str(Path(place).relative_to(ROOT)))

    run_epoch = Trainer.run_epoch

    def watched(trainer: Trainer) -> Any:
        before = sys.getprofile()
        gc.collect()
        gc.disable()  # what other tests left behind is closed meanwhile otherwise, and counted
        logging.disable()  # a line in the trial's log is not the way of a batch
        sys.setprofile(note)
        try:
            return run_epoch(trainer)
        finally:
            sys.setprofile(before)
            logging.disable(logging.NOTSET)
            gc.enable()

    monkeypatch.setattr(Trainer, "run_epoch", watched)
    list(run_bundle([second], workspace, warm))
    assert "adapter_lib/transformer/ragged_batch.py" in passed
    assert "workers/batches/stored_activations.py" in passed
    assert len(passed) <= MOST_FILES, sorted(passed)
