"""A whole sweep: this project against Ray Tune and AdapterHub with one process a configuration.

Both sides train the same configurations on the same rows, task by task in turns. Wall time, CPU
time and memory are of everything a side starts, from an empty workspace to saved adapters. A unit
is one side of one task; what a results file holds is not run again.

    python -m tests.benchmarks.sweep
    python -m tests.benchmarks.sweep --tasks rte --depths 0 5 --seeds 0 --rows 200 --epochs 1
"""

import argparse
import json
import os
import statistics
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
    show,
)
from tests.benchmarks.own_sweep import check, in_process, submit
from tests.benchmarks.tasks import DATA, cut_task, minilm_folder

REFERENCE = "peer float32"
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
    max_length: int
    cores: int
    base: str


@dataclass(frozen=True)
class Job:
    """One unit: a task's folder and an empty folder to work in."""

    settings: Settings
    task: Path
    folder: Path
    limit_s: float


def run_ours(job: Job, side: str) -> dict[str, Any]:
    """Submit a sweep over one task in a workspace of its own, with an empty cache."""
    usage, found = submit(specification(job, side), job.folder, limit_s=job.limit_s)
    trials = [
        {
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
        }
        for trial, result in found
    ]
    return {"usage": usage, "trials": trials, "environment": environment()}


def specification(job: Job, side: str) -> dict[str, Any]:
    """Return the YAML of a side of ours as a dictionary."""
    settings = job.settings
    name, _, precision = side.partition(" ")
    return {
        "name": f"benchmark-{job.task.name}",
        "base_models": {"minilm": {"source": f"folder:{settings.base}"}},
        "tasks": {job.task.name: {"folder": str(job.task)}},
        "seeds": list(settings.seeds),
        "adapter": {"placement": "pfeiffer", "reduction_factor": 16},
        "drop": {"mode": "specialised", "depth": list(settings.depths)},
        "training": {
            "learning_rate": settings.learning_rate,
            "batch_size": settings.batch_size,
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
    content = asdict(job.settings) | {"task": str(job.task), "precision": precision}
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


def turns(tasks: list[str], sides: list[str]) -> Iterator[tuple[str, str]]:
    """Yield task and side, each task beginning with another side."""
    for number, task in enumerate(tasks):
        first = number % max(1, len(sides))
        yield from ((task, side) for side in sides[first:] + sides[:first])


def run(arguments: argparse.Namespace, settings: Settings, ledger: Ledger) -> None:
    """Run every unit that the results file lacks."""
    python = arguments.peer_python
    with tempfile.TemporaryDirectory(prefix="sweep-", dir=arguments.scratch) as temporary:
        root = Path(temporary)

        def job(task: str, name: str) -> Job:
            folder = root / name.replace(" ", "-").replace("/", "-")
            folder.mkdir()
            data = cut_task(task, root / "data", rows=settings.rows, data=arguments.data)
            return Job(settings, data, folder, arguments.limit_s)

        for task, side in turns(arguments.tasks, arguments.sides):
            unit = f"{side}/{task}"
            if ledger.get(unit) is None:
                name, _, precision = side.partition(" ")
                if name == "peer":
                    found = run_peer(job(task, unit), precision=precision, python=python)
                else:
                    found = run_ours(job(task, unit), side)
                ledger.put(unit, found)
                used = found["usage"]
                console.print(f"{unit}: {used.wall_s:.1f} s, {used.cpu_s:.1f} CPU s")
        for task, side in turns(arguments.tasks, arguments.sides if arguments.flops else []):
            unit = f"{side}/{task}/flops"
            if ledger.get(unit) is None:
                ledger.put(unit, count_flops(job(task, unit), side, python))


def report(tasks: list[str], sides: list[str], ledger: Ledger) -> None:
    """Print what the results file holds; ratios are the peer's cost over a side's own."""
    rows: list[list[object]] = []
    totals = {side: [0.0, 0.0] for side in sides}
    complete = [t for t in tasks if all(ledger.get(f"{s}/{t}") for s in sides)]
    for task in complete:
        found = {side: ledger.get(f"{side}/{task}") for side in sides}
        for side, unit in found.items():
            wall_s, cpu_s = unit["usage"]["wall_s"], unit["usage"]["cpu_s"]
            totals[side][0] += wall_s
            totals[side][1] += cpu_s
            base = found.get(REFERENCE)
            rows.append(
                [
                    task,
                    side,
                    *_against(wall_s, cpu_s, base and base["usage"]),
                    *_scores(unit["trials"], base and base["trials"]),
                    f"{unit['usage']['peak_bytes'] / 2**30:.2f}",
                    _tera(ledger.get(f"{side}/{task}/flops")),
                    f"{unit['usage']['machine_busy_s'] - cpu_s:.0f}",
                ]
            )
    for side, (wall_s, cpu_s) in totals.items() if complete else ():
        base = None
        if REFERENCE in totals:
            base = dict(zip(("wall_s", "cpu_s"), totals[REFERENCE], strict=True))
        rows.append(["all", side, *_against(wall_s, cpu_s, base)])
        counts = [ledger.get(f"{side}/{task}/flops") for task in complete]
        rows[-1] += [None, None, None, None if None in counts else _tera(sum(counts)), None]
    columns = ("task", "side", "wall s", "CPU s", "wall ×", "CPU ×", "validation")
    columns += ("ours − peer", "peak GiB", "TFLOP", "others' CPU s")
    show("A whole sweep", columns, rows)


def _tera(flops: float | None) -> str | None:
    return None if flops is None else f"{flops / 1e12:.1f}"


def _against(wall_s: float, cpu_s: float, base: dict[str, float] | None) -> list[object]:
    own: list[object] = [f"{wall_s:.1f}", f"{cpu_s:.1f}"]
    if base is None:
        return [*own, None, None]
    return [*own, f"{base['wall_s'] / wall_s:.2f}", f"{base['cpu_s'] / cpu_s:.2f}"]


def _scores(trials: list[dict[str, Any]], base: list[dict[str, Any]] | None) -> list[object]:
    """Return the mean over all trials with its seeds' lowest and highest, and how far from base's.

    The difference is of the same depth and seed, with the standard error of its mean.
    """
    own = {(t["depth"], t["seed"]): t["scores"]["validation"] for t in trials}
    by_seed = [
        statistics.mean(v for (_, seed), v in own.items() if seed == wanted)
        for wanted in sorted({seed for _, seed in own})
    ]
    mean = f"{statistics.mean(own.values()):.4f} ({min(by_seed):.4f}–{max(by_seed):.4f})"
    if base is None:
        return [mean, None]
    pairs = [own[t["depth"], t["seed"]] - t["scores"]["validation"] for t in base]
    error = statistics.stdev(pairs) / len(pairs) ** 0.5 if len(pairs) > 1 else float("nan")
    return [mean, f"{statistics.mean(pairs):+.4f} ± {error:.4f}"]


def main() -> None:
    made = parser("A whole sweep on both sides, task by task in turns.", name="sweep")
    made.add_argument("--tasks", nargs="+", default=["rte", "cola", "stsb", "trec"])
    made.add_argument("--depths", nargs="+", type=int, default=[0, 1, 2, 3, 4, 5])
    made.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    made.add_argument("--rows", type=int, default=1000, help="training rows of each task")
    made.add_argument("--epochs", type=int, default=3)
    made.add_argument("--learning-rate", type=float, default=1e-3)
    made.add_argument("--batch-size", type=int, default=32)
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
        max_length=arguments.max_length,
        cores=arguments.cores,
        base=str(minilm_folder()),
    )
    ledger = Ledger(arguments.out, settings=asdict(settings))
    if not arguments.report:
        if any(side.startswith("peer") for side in arguments.sides):
            check_peer(arguments.peer_python)
        console.print(environment_line(environment()))
        run(arguments, settings, ledger)
    report(arguments.tasks, arguments.sides, ledger)


if __name__ == "__main__":
    main()
