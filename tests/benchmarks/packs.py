"""Several trials in one pass: what a trial's step costs alone and in packs of different widths.

On a GPU: time, tokens per second, memory and utilisation, against one process that trains one
trial after another the plain way. On a CPU it shows why packing is off there. Every trial reads
rows of its own (another seed), which is the dearer case; depths alternate between those given.

    python -m tests.benchmarks.packs
    python -m tests.benchmarks.packs --task rte
    python -m tests.benchmarks.packs --models minilm --widths 1 2 4 --depths 0 --steps 4 --rounds 3
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

from orchestrator.running.driver import plan_sweep
from tests.benchmarks.flops import counted
from tests.benchmarks.harness import (
    Ledger,
    alternate,
    console,
    environment,
    environment_line,
    parser,
    ratios,
    show,
    spread,
)
from tests.benchmarks.steps import MODELS
from tests.benchmarks.tasks import cut_task, word_task
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.task_card import Split
from workers.contract.trial import Trial
from workers.joint.joint_training import Pack
from workers.joint.packed_trial import PackedTrial
from workers.running.one_trial import begin_training
from workers.running.warm_state import WarmState

ALONE = "alone"
CACHE_GIB = 8.0


def plan(arguments: argparse.Namespace, folder: Path, base: Path, task: Path) -> list[Trial]:
    """Return a trial for each of the most packed trials, depths in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    widest = max(arguments.widths)
    specification = {
        "name": "packs",
        "base_models": {"base": {"source": f"folder:{base}"}},
        "tasks": {task.name: {"folder": str(task)}},
        "seeds": list(range(-(-widest // len(arguments.depths)))),
        "adapter": {"placement": "pfeiffer", "reduction_factor": 16},
        "drop": {"mode": "specialised", "depth": arguments.depths},
        "training": {
            "learning_rate": 1e-4,
            "batch_size": arguments.batch_size,
            "max_length": max(arguments.tokens, 8),
            "precision": arguments.precision,
            "epochs": 10_000,
        },
    }
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(specification), encoding="utf-8")
    return list(plan_sweep(path)[0].trials.values())[:widest]


class Side:
    """What trains as many trials as its width: passes of a pack, or steps one after another."""

    def __init__(self, warm: WarmState, trials: list[Trial], folder: Path, *, packed: bool) -> None:
        self.width, self._device, self._packed = len(trials), warm.device, packed
        _empty(self._device)
        trainers = [begin_training(trial, Workspace(folder), warm)[1] for trial in trials]
        self._pack = Pack(self.width)
        self._alone: list[tuple[Any, Iterator[Any]]] = []
        for trainer in trainers:
            if packed:
                self._pack.join(PackedTrial(trainer))
            else:
                epochs = (each for _ in itertools.count() for each in trainer.draw_epoch())
                self._alone.append((trainer, epochs))
        self.tokens = int(trainers[0].examples.splits[Split.TRAIN].tokens.lengths.mean())

    def one(self) -> None:
        """Do one step of every trial."""
        for trainer, micro_batches in self._alone:
            trainer.train_on(next(micro_batches))
        if self._packed:
            self._pack.run_pass()
            for packed in self._pack.packed_trials:
                if packed.epoch_ended:
                    packed.begin_epoch()

    def seconds(self, steps: int) -> float:
        """Return the wall seconds of one trial's step; on a CPU those of the processor."""
        on_gpu = self._device.type == "cuda"
        clock = time.perf_counter if on_gpu else time.process_time
        if on_gpu:
            torch.cuda.synchronize()
        started = clock()
        for _ in range(steps):
            self.one()
        if on_gpu:
            torch.cuda.synchronize()
        return (clock() - started) / (steps * self.width)

    def memory_bytes(self) -> int | None:
        """Return the most that one step of all needs of a GPU, the base included."""
        if self._device.type != "cuda":
            return None
        torch.cuda.reset_peak_memory_stats()
        self.one()
        return torch.cuda.max_memory_allocated()


def _empty(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def measure(
    arguments: argparse.Namespace, warm: WarmState, trials: list[Trial], folder: Path
) -> dict[str, Any]:
    """Time every width against one trial alone, in turns."""
    found: dict[str, Any] = {}
    for width in arguments.widths:
        sides = {
            ALONE: Side(warm, trials[:1], folder, packed=False),
            "packed": Side(warm, trials[:width], folder, packed=True),
        }
        for side in sides.values():
            side.seconds(2)
        timed: dict[str, Callable[[], float]] = {
            name: lambda side=side: side.seconds(arguments.steps)  # type: ignore[misc]
            for name, side in sides.items()
        }
        seconds = alternate(timed, rounds=arguments.rounds)
        packed = sides["packed"]
        found[str(width)] = {
            "ms": [s * 1e3 for s in seconds["packed"]],
            "alone_ms": [s * 1e3 for s in seconds[ALONE]],
            "tokens": packed.tokens * arguments.batch_size,
            "gflop": _gflop(packed),
            "alone_gflop": _gflop(sides[ALONE]),
            "memory_bytes": packed.memory_bytes(),
        }
        console.print(f"width {width}: {spread(found[str(width)]['ms'])} ms a trial's step")
    return found


def _gflop(side: Side) -> float:
    """Return the operations of one trial's step, the mean over several batches."""
    steps = 16
    return counted(lambda: [side.one() for _ in range(steps)]) / (steps * side.width) / 1e9


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print what the results file holds."""
    rows: list[list[object]] = []
    for name in arguments.models:
        for width, result in (ledger.get(_unit(arguments, name)) or {}).items():
            seconds = spread(result["ms"]).median / 1e3
            memory, peak = result["memory_bytes"], arguments.peak_tflops
            rows.append(
                [
                    f"{name} {arguments.precision}",
                    width,
                    spread(result["ms"]),
                    ratios(result["alone_ms"], result["ms"]),
                    result["tokens"] / seconds,
                    result["gflop"] / result["alone_gflop"],
                    None if memory is None else memory / 2**30,
                    None if peak is None else result["gflop"] / seconds / 1e3 / peak,
                ]
            )
    columns = ("model", "width", "ms a trial's step", "× alone", "tokens/s")
    columns = (*columns, "operations × alone", "GiB", "MFU")
    show(f"Trials in one pass on {arguments.device}, depths {arguments.depths}", columns, rows)


def _unit(arguments: argparse.Namespace, model: str) -> str:
    depths = ",".join(map(str, arguments.depths))
    cache = "cached" if arguments.cached else "plain"
    task = arguments.task or "words"
    return f"{arguments.device}/{model}/{task}/{arguments.precision}/{cache}/{depths}"


def main() -> None:
    on_gpu = torch.cuda.is_available()
    made = parser("A trial's step alone and in packs, in turns.", name="packs")
    made.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    made.add_argument("--device", default="cuda" if on_gpu else "cpu")
    made.add_argument(
        "--widths", nargs="+", type=int, default=[1, 2, 4, 8, 16, 32] if on_gpu else [1, 2, 4]
    )
    made.add_argument("--depths", nargs="+", type=int, default=[0])
    made.add_argument(
        "--precision", default="bfloat16" if on_gpu else "float32", choices=["float32", "bfloat16"]
    )
    made.add_argument("--cached", action="store_true", help="take the frozen part from a cache")
    made.add_argument(
        "--task", default=None, help="a real one; by default random words of much the same length"
    )
    made.add_argument("--tokens", type=int, default=32, help="of the longest row")
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--steps", type=int, default=20)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument(
        "--peak-tflops", type=float, default=None, help="of the device, for its utilisation"
    )
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    shared = ("tokens", "batch_size", "steps")
    ledger = Ledger(arguments.out, settings={name: getattr(arguments, name) for name in shared})
    console.print(environment_line(environment()))
    with tempfile.TemporaryDirectory(prefix="packs-") as temporary:
        root = Path(temporary)
        low, high = arguments.tokens - 7, arguments.tokens
        if arguments.task is None:
            task = word_task(root, rows=32 * arguments.batch_size, tokens=(low, high))
        else:
            task = cut_task(arguments.task, root, rows=32 * arguments.batch_size)
        for name in arguments.models:
            if arguments.report or ledger.get(_unit(arguments, name)) is not None:
                continue
            gib = CACHE_GIB if arguments.cached else 0.0
            fast_path = FastPath(cache_folder=str(root / "cache"), cache_gib=gib)
            warm = WarmState(torch.device(arguments.device), fast_path)
            trials = plan(arguments, root / name, MODELS[name][1](root), task)
            ledger.put(_unit(arguments, name), measure(arguments, warm, trials, root / name))
    report(arguments, ledger)


if __name__ == "__main__":
    main()
