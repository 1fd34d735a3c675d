"""What random batches cost and gain against batches of rows of similar lengths.

python -m tests.benchmarks.batching --tasks rte trec --seeds 0 1

Each trial is an adapter in every layer, trained alone in this process with one setting and with
the other, in turns; its time is this process's CPU time.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from orchestrator.running.driver import plan_sweep
from tests.benchmarks.harness import (
    Ledger,
    console,
    environment,
    environment_line,
    parser,
    ratios,
    show,
)
from tests.benchmarks.tasks import DATA, cut_task, minilm_folder
from workers.batches.batching import padding_share, training_batches
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import read_result
from workers.contract.task_card import Split
from workers.contract.trial import Batching, Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training.seeds import generator_for

TASKS = ("cb", "cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "trec")
SHARED = ("rows", "epochs", "learning_rate", "batch_size", "max_length", "precision")


def plan(arguments: argparse.Namespace, task: Path, root: Path) -> list[Trial]:
    """Return one trial for each way of drawing batches and each seed."""
    training = {name: getattr(arguments, name) for name in SHARED if name != "rows"}
    content = {
        "name": "batching",
        "base_models": {"minilm": {"source": f"folder:{minilm_folder()}"}},
        "tasks": {task.name: {"folder": str(task)}},
        "seeds": arguments.seeds,
        "drop": {"measure": "own"},
        "training": training | {"batching": [str(way) for way in Batching]},
    }
    sweep = root / f"{task.name}.yaml"
    sweep.write_text(yaml.safe_dump(content), encoding="utf-8")
    return list(plan_sweep(sweep)[0].trials.values())


def run(trial: Trial, root: Path, warm: WarmState) -> dict[str, Any]:
    """Train a trial; return its score on validation, CPU seconds, and share of padding."""
    workspace, started = Workspace(root / "workspace"), time.process_time()
    for _ in run_bundle([trial], workspace, warm):
        pass
    cpu_s, result = time.process_time() - started, read_result(workspace.trial(trial.trial_id))
    if result is None:
        raise SystemExit(f"{trial.label} has no result; see {workspace.trial(trial.trial_id).log}")
    return {
        "score": result.score,
        "metric": str(result.metric),
        "cpu_s": cpu_s,
        "padding": padding_of(trial, warm),
    }


def padding_of(trial: Trial, warm: WarmState) -> float:
    """Return the share of padding in an epoch's batches, each padded to its own longest row."""
    train = warm.task(trial).splits[Split.TRAIN]
    batches = training_batches(
        train.tokens,
        train.labels,
        batch_size=trial.training.batch_size,
        batching=trial.training.batching,
        generator=generator_for(trial.seed, "order"),
    )
    return padding_share(train.tokens, batches)


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print a row for each task that is complete."""
    rows: list[list[object]] = []
    for task in arguments.tasks:
        found = {
            way: [ledger.get(f"{task}/{way}/{s}") for s in arguments.seeds] for way in Batching
        }
        if any(None in of for of in found.values()):
            continue
        random, by_length = found[Batching.RANDOM], found[Batching.BY_LENGTH]
        pairs = zip(random, by_length, strict=True)
        gain = [one["score"] - other["score"] for one, other in pairs]
        cost = ratios([r["cpu_s"] for r in random], [r["cpu_s"] for r in by_length])
        shares = [statistics.fmean(r["padding"] for r in of) for of in (random, by_length)]
        rows.append(
            [
                f"{task}, {random[0]['metric']}",
                *(statistics.fmean(r["score"] for r in of) for of in (random, by_length)),
                f"{statistics.fmean(gain):+.3f} ± {_standard_error(gain):.3f}",
                *(f"{share:.0%}" for share in shares),
                str(cost),
            ]
        )
    columns = ("task, metric", "random", "by length", "difference", "padding, random")
    columns += ("padding, by length", "CPU s, random ÷ by length")
    show(f"{len(arguments.seeds)} seeds; ± is a standard error", columns, rows)


def _standard_error(values: list[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")


def main() -> None:
    made = parser("Random batches against batches of similar lengths.", name="batching")
    made.add_argument("--tasks", nargs="+", default=list(TASKS))
    made.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    made.add_argument("--rows", type=int, default=1000, help="training rows of each task")
    made.add_argument("--epochs", type=int, default=3)
    made.add_argument("--learning-rate", type=float, default=1e-3)
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--max-length", type=int, default=128)
    made.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    made.add_argument("--data", type=Path, default=DATA, help="folder of task folders")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    ledger = Ledger(arguments.out, settings={name: getattr(arguments, name) for name in SHARED})
    if not arguments.report:
        console.print(environment_line(environment()))
        measure(arguments, ledger)
    report(arguments, ledger)


def measure(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Run every trial that the results file lacks, both ways of each seed one after the other."""
    with tempfile.TemporaryDirectory(prefix="batching-") as temporary:
        root = Path(temporary)
        warm = WarmState(torch.device("cpu"), FastPath(cache_folder=str(root / "cache")))
        for name in arguments.tasks:
            task = cut_task(name, root / "data", rows=arguments.rows, data=arguments.data)
            trials = plan(arguments, task, root)
            for number, seed in enumerate(arguments.seeds):
                own = [trial for trial in trials if trial.seed == seed]
                for trial in own if number % 2 else reversed(own):
                    unit = f"{name}/{trial.training.batching}/{seed}"
                    if ledger.get(unit) is None:
                        ledger.put(unit, run(trial, root, warm))


if __name__ == "__main__":
    main()
