"""Steps of this project's trials on a device, on request; the other side of `peer.gpu`.

python -m tests.benchmarks.own_gpu        (see `tests.benchmarks.serving`)
"""

import gc
import time
from pathlib import Path
from typing import Any

import torch

from adapter_lib.config.configuration import AdapterConfig
from tests.benchmarks.flops import counted
from tests.benchmarks.serving import serve
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.trial import Drop, DropMode, Fusion, FusionSource, Method, Training, Trial
from workers.running.bundle import run_bundle
from workers.running.gpu_check.made_trials import of_one_kind, pinned
from workers.running.gpu_check.throughput import Passes
from workers.running.warm_state import WarmState

CACHE_GIB = 8.0


def trials_of(settings: dict[str, Any], kind: str, count: int) -> tuple[list[Trial], list[Trial]]:
    """Return trials that differ in their seed, and those that they need before.

    Args:
        kind: a drop depth, `robust`, or `fusion` of as many sources as the settings say.
    """
    base, (task,) = pinned(f"folder:{settings['base']}", Path(settings["task"]))
    training = Training.model_validate(settings["training"] | {"epochs": 10_000})
    if kind.isdigit():
        return of_one_kind(base, task, training, count=count, depth=int(kind)), []
    common = {"base": base, "task": task, "training": training}
    if kind == "robust":
        parts = {"method": Method.ADAPTER, "drop": Drop(mode=DropMode.ROBUST)}
        adapter = AdapterConfig(max(4, base.hidden_size // 16))
        return [Trial(**common, **parts, adapter=adapter, seed=i) for i in range(count)], []
    short = training.model_copy(update={"epochs": 1})
    sources = of_one_kind(base, task, short, count=settings["sources"])
    fused = Fusion(
        sources=tuple(
            FusionSource(task=f"source{i}", candidates=(source.trial_id,))
            for i, source in enumerate(sources)
        )
    )
    made = [Trial(**common, method=Method.FUSION, fusion=fused, seed=i) for i in range(count)]
    return made, sources


class GpuSteps:
    """Trials of one kind at a time, ready to do steps."""

    def __init__(self) -> None:
        self.passes: Passes | None = None
        self.device, self.width = torch.device("cpu"), 1

    def prepare(self, settings: dict[str, Any], *, kind: str, width: int, cached: bool) -> None:
        """Build trials: a pack of `width`, or for 0 one trial alone, outside of packs."""
        self.device, self.width = torch.device(settings["device"]), max(1, width)
        folder = Path(settings["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        trials, needed = trials_of(settings, kind, self.width)
        fast_path = FastPath(
            cache_gib=CACHE_GIB if cached else 0,
            cache_folder=str(folder / "cache"),
            pack_width=max(1, len(needed)),
        )
        warm = WarmState(self.device, fast_path)
        for _ in run_bundle(needed, Workspace(folder), warm):
            pass
        self.passes = Passes(trials, folder, warm, packed=width > 0)

    def release(self) -> None:
        """Hold nothing on the device."""
        self.passes = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def run(self, *, seconds: float) -> dict[str, float]:
        """Do steps for so long; return the trials' steps, the seconds, and the host's of them."""
        assert self.passes is not None
        self.passes.wait()
        steps, began, host = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            self.passes.step()
            steps += self.width
        host = time.process_time() - host
        self.passes.wait()
        return {"steps": steps, "seconds": time.perf_counter() - began, "host_s": host}

    def flops(self, *, passes: int) -> float:
        """Return the floating-point operations of a trial's step in products, the mean of some."""
        assert self.passes is not None
        step = self.passes.step
        return counted(lambda: [step() for _ in range(passes)]) / (passes * self.width)

    def used_bytes(self) -> int | None:
        """Return what all processes use of the device; None for a CPU."""
        if self.device.type != "cuda":
            return None
        free, total = torch.cuda.mem_get_info(self.device)
        return total - free


def matrix_peak_tflops(device: str, precision: str, *, size: int) -> float:
    """Return what a product of large matrices reaches, the best of some."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(10):
            a @ b
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - began) / 10)
    return 2 * size**3 / best / 1e12


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
            "matrix_peak_tflops": matrix_peak_tflops,
        }
    )
