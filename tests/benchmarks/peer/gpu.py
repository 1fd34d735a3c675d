"""Training steps of AdapterHub on a device, on request; runs in the peer's own environment.

PEER_PYTHON -m tests.benchmarks.peer.gpu        (see `tests.benchmarks.serving`)
"""

import gc
import time
from collections.abc import Iterator
from typing import Any

import torch

from tests.benchmarks.flops import counted
from tests.benchmarks.peer.sweep import Run, training_batches
from tests.benchmarks.serving import serve


class GpuSteps:
    """One configuration at a time, trained eagerly, as a careful user does."""

    def __init__(self) -> None:
        self.run_: Run | None = None
        self.batches: Iterator[Any] = iter(())

    def prepare(self, settings: dict[str, Any], *, kind: str, width: int, cached: bool) -> None:
        """Build an adapter above `kind` layers; packs and stored activations are none of its."""
        assert not width
        assert not cached
        self.run_ = run = Run(settings, depth=int(kind), seed=0)
        run.model.train()
        self.batches = self._endless()

    def _endless(self) -> Iterator[Any]:
        assert self.run_ is not None
        lengths, size = self.run_.tokens["train"]["lengths"], self.run_.settings["batch_size"]
        while True:
            yield from training_batches(lengths, size, self.run_.random, by_length=False)

    def release(self) -> None:
        """Hold nothing on the device."""
        self.run_, self.batches = None, iter(())
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def flops(self, *, passes: int) -> float:
        """Return the floating-point operations of a step in products, the mean of some."""
        assert self.run_ is not None
        step, batches = self.run_.step, self.batches
        return counted(lambda: [step(next(batches)) for _ in range(passes)]) / passes

    def used_bytes(self) -> int | None:
        """Return what all processes use of the device; None for a CPU."""
        if self.run_ is None or torch.device(self.run_.device).type != "cuda":
            return None
        free, total = torch.cuda.mem_get_info()
        return total - free

    def run(self, *, seconds: float) -> dict[str, float]:
        """Do steps for so long; return the steps, the seconds, and the host's of them."""
        assert self.run_ is not None
        steps, began, host = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            self.run_.step(next(self.batches))  # which reads the loss, and so waits for the device
            steps += 1
        host = time.process_time() - host
        return {"steps": steps, "seconds": time.perf_counter() - began, "host_s": host}


if __name__ == "__main__":
    torch.set_num_threads(1)
    server = GpuSteps()
    serve(
        {
            "prepare": server.prepare,
            "run": server.run,
            "release": server.release,
            "flops": server.flops,
            "used_bytes": server.used_bytes,
        }
    )
