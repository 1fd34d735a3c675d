"""What a trial costs when its training costs almost nothing, and how that grows with their number.

Ours trains a random BERT of one layer on eight rows for an epoch, commits, records and publishes
each trial; every configuration has five seeds. The floor is Ray Tune with trials that return at
once: `ray fresh`, a process for each as Ray Tune does by default, and `ray reused`.

    python -m tests.benchmarks.overhead
    python -m tests.benchmarks.overhead --trials 10 100 --sides ours "ray reused"
    python -m tests.benchmarks.overhead --trials 1000 20000 --sides ours
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.accounting import measure
from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    console,
    environment,
    environment_line,
    parser,
    show,
)
from tests.benchmarks.own_sweep import DRIVER, check, submit
from tests.benchmarks.tasks import random_bert, word_task

SIDES = ("ours", "ray fresh", "ray reused")
SEEDS = 5


def run_ours(trials: int, root: Path, *, cores: int) -> dict[str, Any]:
    """Submit a sweep of so many tiny trials, which differ in their learning rates and seeds."""
    base = random_bert(root / "tiny", layers=1, hidden_size=16)
    task = word_task(root, rows=8, tokens=(8, 8))
    specification = {
        "name": f"overhead-{trials}",
        "base_models": {"tiny": {"source": f"folder:{base}"}},
        "tasks": {"words": {"folder": str(task)}},
        "seeds": list(range(SEEDS)),
        "adapter": {"bottleneck_size": 1},
        "training": {
            "batch_size": 8,
            "max_length": 8,
            "epochs": 1,
            "learning_rate": [1e-6 * n for n in range(1, trials // SEEDS + 1)],
        },
        "resources": {"cpus": 1, "max_workers": cores},
    }
    usage, found = submit(specification, root / f"ours-{trials}")
    return {"usage": usage, "in_trials_s": sum(result.duration_s for _, result in found)}


def run_ray(trials: int, root: Path, *, how: str, cores: int) -> dict[str, Any]:
    """Run trials that return at once."""
    folder = root / f"ray-{how}-{trials}"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.benchmarks.bare_ray", str(trials), str(cores), how]
    log = folder / "log.txt"
    usage = measure([*command, str(folder)], environment=ONE_THREAD, log=log)
    check(usage, log)
    return {"usage": usage, "in_trials_s": 0.0}


def run(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Measure every unit that the results file lacks; sides take turns at each number of trials."""
    for trials in arguments.trials:
        for side in arguments.sides:
            unit = f"{side}/{trials}"
            if ledger.get(unit) is not None:
                continue
            with tempfile.TemporaryDirectory(prefix="overhead-", dir=arguments.scratch) as root:
                if side == "ours":
                    found = run_ours(trials, Path(root), cores=arguments.cores)
                else:
                    how = side.removeprefix("ray ")
                    found = run_ray(trials, Path(root), how=how, cores=arguments.cores)
            ledger.put(unit, found | {"environment": environment()})
            console.print(f"{unit}: {found['usage'].wall_s:.1f} s")


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print each unit, with what a further trial adds since the next smaller number of trials."""
    rows: list[list[object]] = []
    for side in arguments.sides:
        before: tuple[int, dict[str, Any]] | None = None
        for trials in sorted(arguments.trials):
            found = ledger.get(f"{side}/{trials}")
            if found is None:
                continue
            usage = found["usage"]
            row: list[object] = [side, trials, usage["wall_s"], usage["cpu_s"]]
            for name in ("wall_s", "cpu_s"):
                added = None
                if before is not None:
                    added = (usage[name] - before[1][name]) / (trials - before[0]) * 1e3
                row.append(added)
            driver = usage["peak_bytes_by_name"].get(DRIVER, 0) / 2**20
            rows.append([*row, found["in_trials_s"] / trials * 1e3, driver])
            before = trials, usage
    columns = ("side", "trials", "wall s", "CPU s", "wall ms a further trial")
    columns += ("CPU ms a further trial", "ms inside a trial", "driver MiB")
    show("Overhead of a trial", columns, rows)


def main() -> None:
    made = parser("What a trial costs when its training costs almost nothing.", name="overhead")
    made.add_argument("--trials", nargs="+", type=int, default=[10, 100, 1000])
    made.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    made.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    made.add_argument("--scratch", type=Path, default=None, help="where workspaces are made")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    if odd := [str(trials) for trials in arguments.trials if trials < 1 or trials % SEEDS]:
        made.error(f"--trials: expected multiples of {SEEDS}, found {', '.join(odd)}")
    ledger = Ledger(arguments.out, settings={"cores": arguments.cores})
    if not arguments.report:
        console.print(environment_line(environment()))
        run(arguments, ledger)
    report(arguments, ledger)


if __name__ == "__main__":
    main()
