"""Single training steps of AdapterHub on request; runs in the peer's own environment.

PEER_PYTHON -m tests.benchmarks.peer.steps        (see `tests.benchmarks.serving`)
"""

import itertools
import time
from typing import Any

import numpy as np
import torch

from tests.benchmarks.flops import counted
from tests.benchmarks.peer.sweep import Run
from tests.benchmarks.serving import serve


class Steps:
    """One configuration at a time, ready to do steps."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.batches: Any = None

    def prepare(self, settings: dict[str, Any], *, depth: int | None) -> None:
        """Build a configuration; no depth stands for full fine-tuning."""
        self.run = run = Run(settings, depth=depth, seed=0)
        run.model.train()
        order = np.argsort(run.tokens["train"]["lengths"], kind="stable")
        self.batches = itertools.cycle(np.split(order, len(order) // settings["batch_size"]))

    def time(self, *, steps: int) -> float:
        """Return the CPU seconds of one step, the mean of several."""
        assert self.run is not None
        started = time.process_time()
        for _ in range(steps):
            self.run.step(next(self.batches))
        return (time.process_time() - started) / steps

    def flops(self, *, steps: int) -> float:
        """Return the floating-point operations of one step's products, the mean of several."""
        return counted(lambda: self.time(steps=steps)) / steps


if __name__ == "__main__":
    torch.set_num_threads(1)
    server = Steps()
    serve({"prepare": server.prepare, "time": server.time, "flops": server.flops})
