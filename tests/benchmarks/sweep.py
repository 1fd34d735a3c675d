"""A whole sweep: this project against Ray Tune and AdapterHub with one process a configuration.

Both sides train the same configurations on the same rows in turns. Wall time, CPU time and memory
are of everything a side starts, from an empty workspace to saved adapters. A unit is one side of
one task, or with `--together` of one sweep over all tasks; what a results file holds is not run
again. Tables are left to `sweep_report`.

    python -m tests.benchmarks.sweep
    python -m tests.benchmarks.sweep --together
    python -m tests.benchmarks.sweep --tasks rte --depths 0 5 --seeds 0 --rows 200 --epochs 1
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.accounting import Usage, measure
from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    check_peer,
    console,
    environment,
    environment_line,
    parser,
    peer_versions,
)
from tests.benchmarks.own_sweep import check, in_process, submit
from tests.benchmarks.sweep_report import report
from tests.benchmarks.tasks import DATA, cut_task, minilm_folder
from workers.contract.trial import Batching

SIDES = (
    *("ours auto", "ours float32"),
    *("plain auto", "plain float32"),
    *("peer float32", "peer bfloat16"),
)


@dataclass(frozen=True)
class Settings:
    """What both sides share; a results file belongs to one of these."""

    depths: tuple[int, ...]
    seeds: tuple[int, ...]
    rows: int
    epochs: int
    learning_rate: float
    batch_size: int
    batching: str
    max_length: int
    cores: int
    base: str


@dataclass(frozen=True)
class Job:
    """One unit: the folders of its tasks and an empty folder to work in."""

    settings: Settings
    tasks: list[Path]
    folder: Path
    limit_s: float


def run_ours(job: Job, side: str) -> dict[str, Any]:
    """Submit a sweep over the tasks in a workspace of its own, with an empty cache."""
    usage, found = submit(specification(job, side), job.folder, limit_s=job.limit_s)
    trials = [
        {
            "task": trial.task.name,
            "depth": trial.drop.depth,
            "seed": trial.seed,
            "scores": {
                score.split.value: score.metrics[result.metric]
                for score in result.scores
                if score.depth == trial.drop.depth
            },
            "curve": [epoch.selection_score for epoch in result.curve],
            "duration_s": result.duration_s,
            "precision": trial.training.precision.value,
            "prefix": result.prefix and result.prefix.model_dump(mode="json"),
        }
        for trial, result in found
    ]
    return {"usage": usage, "trials": trials, "environment": environment()}


def specification(job: Job, side: str) -> dict[str, Any]:
    """Return the YAML of a side of ours as a dictionary."""
    settings = job.settings
    name, _, precision = side.partition(" ")
    return {
        "name": "benchmark",
        "base_models": {"minilm": {"source": f"folder:{settings.base}"}},
        "tasks": {task.name: {"folder": str(task)} for task in job.tasks},
        "seeds": list(settings.seeds),
        "adapter": {"placement": "pfeiffer", "reduction_factor": 16},
        "drop": {"mode": "specialised", "depth": list(settings.depths), "measure": "own"},
        "training": {
            "learning_rate": settings.learning_rate,
            "batch_size": settings.batch_size,
            "batching": settings.batching,
            "max_length": settings.max_length,
            "epochs": settings.epochs,
            "precision": precision,
        },
        "resources": {"cpus": 1, "max_workers": settings.cores},
        "fast_path": {"enabled": name != "plain"},
    }


def run_peer(job: Job, *, precision: str, python: Path) -> dict[str, Any]:
    """Run the same configurations with Ray Tune and AdapterHub."""
    usage, trials = _peer(job, precision=precision, python=python)
    versions = environment() | {"peer": peer_versions(python)}
    return {"usage": usage, "trials": trials, "environment": versions}


def _peer(job: Job, *options: str, precision: str, python: Path) -> tuple[Usage, Any]:
    settings, results = job.folder / "settings.json", job.folder / "results.json"
    content = asdict(job.settings) | {"tasks": list(map(str, job.tasks)), "precision": precision}
    settings.write_text(json.dumps(content), encoding="utf-8")
    command = [str(python), "-m", "tests.benchmarks.peer.sweep", str(settings), str(results)]
    log = job.folder / "log.txt"
    usage = measure([*command, *options], environment=ONE_THREAD, limit_s=job.limit_s, log=log)
    check(usage, log)
    return usage, json.loads(results.read_text(encoding="utf-8"))


def count_flops(job: Job, side: str, python: Path) -> float:
    """Return the operations of all matrix products of a unit; it takes about as long again."""
    name, _, precision = side.partition(" ")
    if name == "peer":
        return float(_peer(job, "--flops", precision=precision, python=python)[1]["flops"])
    found = in_process(specification(job, side), job.folder, "--flops")
    return float(found["flops"])


def turns(groups: list[str], sides: list[str]) -> Iterator[tuple[str, str]]:
    """Yield group and side, each group beginning with another side."""
    for number, group in enumerate(groups):
        first = number % max(1, len(sides))
        yield from ((group, side) for side in sides[first:] + sides[:first])


def run(
    arguments: argparse.Namespace, settings: Settings, ledger: Ledger, groups: list[str]
) -> None:
    """Run every unit that the results file lacks."""
    python = arguments.peer_python
    with tempfile.TemporaryDirectory(prefix="sweep-", dir=arguments.scratch) as temporary:
        root = Path(temporary)

        def job(unit: str, group: str) -> Job:
            folder = root / unit.replace(" ", "-").replace("/", "-")
            folder.mkdir()
            tasks = [
                cut_task(name, root / "data", rows=settings.rows, data=arguments.data)
                for name in group.split("+")
            ]
            return Job(settings, tasks, folder, arguments.limit_s)

        for group, side in turns(groups, arguments.sides):
            unit = f"{side}/{group}"
            if ledger.get(unit) is None:
                name, _, precision = side.partition(" ")
                if name == "peer":
                    found = run_peer(job(unit, group), precision=precision, python=python)
                else:
                    found = run_ours(job(unit, group), side)
                ledger.put(unit, found)
                used = found["usage"]
                console.print(f"{unit}: {used.wall_s:.1f} s, {used.cpu_s:.1f} CPU s")
        for group, side in turns(groups, arguments.sides if arguments.flops else []):
            unit = f"{side}/{group}/flops"
            if ledger.get(unit) is None:
                ledger.put(unit, count_flops(job(unit, group), side, python))


def main() -> None:
    made = parser("A whole sweep on both sides, in turns.", name="sweep")
    made.add_argument("--tasks", nargs="+", default=["rte", "cola", "stsb", "trec"])
    made.add_argument("--together", action="store_true", help="one sweep over all tasks")
    made.add_argument("--depths", nargs="+", type=int, default=[0, 1, 2, 3, 4, 5])
    made.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    made.add_argument("--rows", type=int, default=1000, help="training rows of each task")
    made.add_argument("--epochs", type=int, default=3)
    made.add_argument("--learning-rate", type=float, default=1e-3)
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--batching", choices=tuple(map(str, Batching)), default="random")
    made.add_argument("--max-length", type=int, default=128)
    made.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    made.add_argument("--data", type=Path, default=DATA, help="folder of task folders")
    made.add_argument("--scratch", type=Path, default=None, help="where workspaces are made")
    made.add_argument("--limit-s", type=float, default=7200.0, help="longest unit")
    made.add_argument(
        "--sides",
        nargs="+",
        default=["ours auto", "ours float32", "peer float32"],
        choices=SIDES,
        help="`plain` is ours without the fast path",
    )
    made.add_argument("--flops", action="store_true", help="count operations too, untimed")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    settings = Settings(
        depths=tuple(arguments.depths),
        seeds=tuple(arguments.seeds),
        rows=arguments.rows,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        batch_size=arguments.batch_size,
        batching=arguments.batching,
        max_length=arguments.max_length,
        cores=arguments.cores,
        base=str(minilm_folder()),
    )
    groups = ["+".join(arguments.tasks)] if arguments.together else arguments.tasks
    ledger = Ledger(arguments.out, settings=asdict(settings))
    if not arguments.report:
        if any(side.startswith("peer") for side in arguments.sides):
            check_peer(arguments.peer_python)
        console.print(environment_line(environment()))
        run(arguments, settings, ledger, groups)
    report(groups, arguments.sides, ledger)


if __name__ == "__main__":
    main()
