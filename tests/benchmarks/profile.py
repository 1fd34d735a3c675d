"""Where the seconds of a sweep go: by process, and inside the worker by phase.

Two runs of the same sweep, each from an empty workspace: submitted as a user does, with the CPU
time of every process; then its trials in one process without Ray, each second in one phase. A third
run counts the operations of all matrix products. Phases and processes sum to what was measured.

    python -m tests.benchmarks.profile
    python -m tests.benchmarks.profile --tasks rte --depths 5 --seeds 0 --rows 200 --epochs 1
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import (
    Ledger,
    console,
    environment,
    environment_line,
    parser,
    show,
)
from tests.benchmarks.own_sweep import DRIVER, WORKER, in_process, submit
from tests.benchmarks.tasks import DATA, cut_task, minilm_folder


def run(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Submit the sweep, then run its trials by phase, then count their operations."""
    tasks = {
        name: {"folder": str(cut_task(name, root, rows=arguments.rows, data=arguments.data))}
        for name in arguments.tasks
    }
    specification = {
        "name": "profile",
        "base_models": {"minilm": {"source": f"folder:{minilm_folder()}"}},
        "tasks": tasks,
        "seeds": arguments.seeds,
        "drop": {"mode": "specialised", "depth": arguments.depths},
        "training": {
            "learning_rate": 1e-3,
            "batch_size": 32,
            "max_length": 128,
            "epochs": arguments.epochs,
            "precision": arguments.precision,
        },
        "resources": {"cpus": 1, "max_workers": arguments.cores},
    }
    usage, found = submit(specification, root / "submitted")
    phases = in_process(specification, root / "phases")
    counted = in_process(specification, root / "counted", "--flops")
    return {
        "environment": environment(),
        "usage": usage,
        "in_trials_s": sum(result.duration_s for _, result in found),
        "trials": len(found),
        "phases": phases,
        "flops": counted["flops"],
    }


def report(found: dict[str, Any], *, cores: int) -> None:
    """Print both tables; the last line of each is what was measured from outside."""
    usage, phases = found["usage"], found["phases"]
    total = usage["cpu_s"]
    named = {WORKER: "workers", DRIVER: "driver (plan, catalog, MLflow, Ray Tune)"}
    rows: list[list[object]] = [
        [named.get(name, name), seconds, f"{seconds / total:.1%}"]
        for name, seconds in usage["cpu_s_by_name"].items()
    ]
    rows.append(["sum, all processes", total, "100.0%"])
    idle = usage["wall_s"] * cores - total
    rows.append([f"idle or others' ({cores} cores × {usage['wall_s']:.1f} s − sum)", idle, None])
    show(f"A sweep of {found['trials']} trials, submitted", ("process", "CPU s", "share"), rows)
    cpu, wall = phases["cpu_s"], phases["wall_s"]
    work = sum(cpu.values())
    rows = [
        [name, phases["calls"].get(name), wall[name], seconds, f"{seconds / work:.1%}"]
        for name, seconds in sorted(cpu.items(), key=lambda item: -item[1])
    ]
    rows.append(["sum of phases", None, sum(wall.values()), work, "100.0%"])
    ends = phases["tree_cpu_s"] - work
    rows.append(["start and end of the interpreter", None, None, ends, None])
    rows.append(["measured from outside", None, None, phases["tree_cpu_s"], None])
    show("The same trials in one process", ("phase", "calls", "wall s", "CPU s", "share"), rows)
    names = ("forward", "backward", "evaluate", "compute prefixes")
    computing = sum(cpu.get(name, 0.0) for name in names)
    console.print(
        f"{found['flops'] / 1e12:.3f} TFLOP in matrix products; "
        f"{found['flops'] / 1e9 / computing:.1f} GFLOP/s while computing"
    )


def main() -> None:
    made = parser("Where the seconds of a sweep go.", name="profile")
    made.add_argument("--tasks", nargs="+", default=["rte"])
    made.add_argument("--depths", nargs="+", type=int, default=[0, 1, 2, 3, 4, 5])
    made.add_argument("--seeds", nargs="+", type=int, default=[0])
    made.add_argument("--rows", type=int, default=1000)
    made.add_argument("--epochs", type=int, default=3)
    made.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    made.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    made.add_argument("--data", type=Path, default=DATA, help="folder of task folders")
    made.add_argument("--scratch", type=Path, default=None, help="where workspaces are made")
    arguments = made.parse_args()
    names = ("tasks", "depths", "seeds", "rows", "epochs", "precision", "cores")
    settings = {name: getattr(arguments, name) for name in names}
    ledger = Ledger(arguments.out)
    unit = json.dumps(settings)
    if ledger.get(unit) is None:
        console.print(environment_line(environment()))
        with tempfile.TemporaryDirectory(prefix="profile-", dir=arguments.scratch) as temporary:
            ledger.put(unit, run(arguments, Path(temporary)))
    report(ledger.get(unit), cores=arguments.cores)


if __name__ == "__main__":
    main()
