"""Single training steps of this project on request; the other side of `peer.steps`.

python -m tests.benchmarks.own_steps        (see `tests.benchmarks.serving`)
"""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from orchestrator.running.driver import plan_sweep
from tests.benchmarks.flops import counted
from tests.benchmarks.serving import serve
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.task_card import Split
from workers.contract.trial import Trial
from workers.running.warm_state import WarmState
from workers.training.build import build
from workers.training.micro_batch import MicroBatch
from workers.training.trainer import Trainer

Step = Callable[[], object]


def steps_of(trial: Trial, folder: Path, *, mode: str) -> tuple[Step, float]:
    """Return what does the next step of a trial's training, over the rows by length in turns.

    The one place that knows how `workers` does a step. Also returned are the seconds that it took
    to compute, once, what the steps start from.

    Args:
        mode: `plain`, every layer in every step, or `fast`, whatever the worker would do.
    """
    fast_path = FastPath(enabled=mode == "fast", cache_folder=str(folder / "cache"))
    warm = WarmState(torch.device("cpu"), fast_path)
    examples = warm.task(trial)
    model = build(trial, warm.backbone(trial.base), Workspace(folder / "workspace"))
    feeds, prefix = warm.feeds(trial, model)
    trainer, depth = Trainer(trial, model, examples, feeds), trial.drop.depth
    order = np.argsort(examples.splits[Split.TRAIN].tokens.lengths, kind="stable")
    batches = np.split(order, len(order) // trial.training.batch_size)
    numbered: Iterator[Any] = zip(itertools.count(), itertools.cycle(batches), strict=False)

    def step() -> object:
        number, indices = next(numbered)
        return trainer.train_on(MicroBatch(indices, depth, number, len(indices)))

    return step, 0.0 if prefix is None else prefix.prepare_s


class Steps:
    """One configuration at a time, ready to do steps."""

    def __init__(self) -> None:
        self.step: Step | None = None

    def prepare(self, settings: dict[str, Any], *, depth: int | None, mode: str) -> float:
        """Build a configuration; no depth stands for full fine-tuning. Return `steps_of`'s time."""
        folder = Path(settings["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        sweep = folder / "sweep.yaml"
        sweep.write_text(yaml.safe_dump(_specification(settings, depth)), encoding="utf-8")
        (trial,) = plan_sweep(sweep)[0].trials.values()
        self.step, prepare_s = steps_of(trial, folder, mode=mode)
        return prepare_s

    def time(self, *, steps: int) -> float:
        """Return the CPU seconds of one step, the mean of several."""
        assert self.step is not None
        started = time.process_time()
        for _ in range(steps):
            self.step()
        return (time.process_time() - started) / steps

    def flops(self, *, steps: int) -> float:
        """Return the floating-point operations of one step's products, the mean of several."""
        return counted(lambda: self.time(steps=steps)) / steps


def _specification(settings: dict[str, Any], depth: int | None) -> dict[str, Any]:
    method: dict[str, Any] = {"method": "full_fine_tuning"}
    if depth is not None:
        method = {
            "adapter": {"placement": "pfeiffer", "reduction_factor": 16},
            "drop": {"mode": "specialised", "depth": depth},
        }
    return method | {
        "name": "steps",
        "base_models": {"base": {"source": f"folder:{settings['base']}"}},
        "tasks": {"words": {"folder": settings["task"]}},
        "training": {
            name: settings[name]
            for name in ("learning_rate", "batch_size", "max_length", "precision", "epochs")
        },
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    server = Steps()
    serve({"prepare": server.prepare, "time": server.time, "flops": server.flops})
