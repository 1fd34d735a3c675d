"""A real sweep in full and with `early_termination`: what each costs, and who wins.

    python -m tests.benchmarks.termination
    python -m tests.benchmarks.termination --curves tests/benchmarks/recorded_curves.json

Random configurations of adapters on real tasks, several seeds each, submitted as a user does. The
rule's sweep has a workspace and a cache of its own, so it takes nothing over. The learning curves
of the full sweep are what `replay` draws its sweeps from; `--curves` writes them.
"""

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialState
from orchestrator.running.driver import plan_sweep
from orchestrator.stores import Stores
from tests.benchmarks.accounting import Usage, measure
from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    console,
    environment,
    environment_line,
    parser,
    show,
)
from tests.benchmarks.own_sweep import WORKER, check
from tests.benchmarks.tasks import DATA, MINILM
from workers.contract.paths import Workspace
from workers.contract.results import read_result
from workers.contract.trial import Trial

RULES: Mapping[str, Mapping[str, Any] | None] = {
    "full": None,
    "halving": {"rule": "halving"},
}


def specification(arguments: argparse.Namespace, rule: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the YAML of the sweep; a rule is its `early_termination`."""
    tasks = {
        name: {"folder": str(arguments.data / name), "rows": {"train": arguments.rows}}
        for name in arguments.tasks
    }
    found: dict[str, Any] = {
        "name": "configurations",
        "base_models": {"minilm": {"source": f"package:{MINILM.replace('-', '_')}"}},
        "tasks": tasks,
        "seeds": list(range(arguments.seeds)),
        "head": {"pooling": "mean"},
        "drop": {"mode": "specialised", "depth": [arguments.depth]},
        "training": {"epochs": arguments.epochs, "max_length": 48},
        "trials": [
            {
                "sample": {
                    "count": arguments.configurations,
                    "training": {
                        "learning_rate": {"log_uniform": [3e-5, 3e-2]},
                        "batch_size": {"choice": [16, 32, 64]},
                        "schedule": {"choice": ["linear", "constant"]},
                        "warmup_fraction": {"choice": [0.0, 0.1]},
                    },
                    "adapter": {
                        "bottleneck_size": {"choice": [4, 16, 64]},
                        "placement": {"choice": ["pfeiffer", "houlsby"]},
                    },
                }
            }
        ],
        "resources": {"cpus": 1, "max_workers": 2},
    }
    return found if rule is None else found | {"early_termination": dict(rule)}


def configuration(trial: Trial) -> str:
    """Name what a trial has beside its task and seed."""
    assert trial.adapter is not None
    training, adapter = trial.training, trial.adapter
    parts = (f"{training.learning_rate:.4g}", training.batch_size, training.schedule.value)
    more = (training.warmup_fraction, adapter.bottleneck_size, adapter.placement.value)
    return "/".join(map(str, (*parts, *more)))


def run(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Submit the sweep under a rule; return what it used, and each trial's epochs and scores."""
    folder = arguments.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    sweep, log = folder / "sweep.yaml", folder / "log.txt"
    content = specification(arguments, RULES[name])
    sweep.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    found = environment()
    usage = _submit(sweep, folder=folder, log=log)
    return {"environment": found, "usage": usage, "trials": list(_trials(folder))}


def _submit(sweep: Path, *, folder: Path, log: Path) -> Usage:
    command = [sys.executable, "-m", "orchestrator.command_line", "submit", str(sweep)]
    usage = measure(
        [*command, "--workspace", str(folder / "workspace")],
        environment={**os.environ, **ONE_THREAD, "XDG_CACHE_HOME": str(folder / "cache")},
        limit_s=3 * 3600.0,
        log=log,
    )
    check(usage, log)
    return usage


def _trials(folder: Path) -> Iterator[dict[str, Any]]:
    """Return what was trained of each trial: to its end, or to where it was stopped."""
    stopped = _stopped(folder)
    for trial in plan_sweep(folder / "sweep.yaml")[0].trials.values():
        result = read_result(Workspace(folder / "workspace").trial(trial.trial_id))
        scores = [] if result is None else [round(e.selection_score, 6) for e in result.curve]
        yield {
            "trial_id": trial.trial_id,
            "task": trial.task.name,
            "seed": trial.seed,
            "configuration": configuration(trial),
            "metric": str(trial.metric),
            "scores": scores,
            "epochs": len(scores) or stopped.get(trial.trial_id, 0),
        }


def _stopped(folder: Path) -> Mapping[str, int]:
    """Return how many epochs were trained of the trials that a rule has stopped."""
    with Catalog.open(Stores.at(folder / "workspace").catalog_url, create=False) as catalog:
        rows = catalog.trials(TrialFilter(state=TrialState.STOPPED), "trial_id", limit=None)
        curves = catalog.curves(row.trial_id for row in rows)
    return {trial_id: len(curve) for trial_id, curve in curves.items()}


def means(trials: list[dict[str, Any]], task: str) -> dict[str, float]:
    """Return the mean over seeds of each configuration's best score; all seeds must have one."""
    scores = defaultdict(list)
    for trial in trials:
        if trial["task"] == task:
            scores[trial["configuration"]].append(max(trial["scores"], default=float("nan")))
    found = {name: statistics.fmean(values) for name, values in scores.items()}
    return {name: mean for name, mean in found.items() if mean == mean}


def report(ledger: Ledger) -> None:
    """Print cost and winners of each rule."""
    full = ledger.get("full")
    rows: list[list[object]] = []
    for name in RULES:
        found = ledger.get(name)
        if found is None or full is None:
            continue
        seconds, all_seconds = (f["usage"]["cpu_s_by_name"].get(WORKER, 0.0) for f in (found, full))
        for task in dict.fromkeys(t["task"] for t in full["trials"]):
            epochs, all_epochs = (
                sum(t["epochs"] for t in f["trials"] if t["task"] == task) for f in (found, full)
            )
            best = means(full["trials"], task)
            own = means(found["trials"], task)
            winner = max(own, key=own.__getitem__)
            rows.append(
                [
                    f"{name}: {task}",
                    epochs,
                    all_epochs / epochs,
                    len(own),
                    winner,
                    own[winner],
                    max(best.values()) - best[winner],
                ]
            )
        rows.append([f"{name}: worker CPU s", seconds, all_seconds / seconds, "", "", "", ""])
    columns = ("sweep", "epochs", "times less", "kept", "winner", "its score", "regret")
    show("A sweep in full and with early_termination", columns, rows)


def write_curves(full: Mapping[str, Any], target: Path) -> None:
    """Write the curves of the full sweep as `replay` reads them: task, configuration, seed."""
    curves: dict[str, dict[str, dict[str, Any]]] = {}
    for trial in full["trials"]:
        seeds = curves.setdefault(trial["task"], {}).setdefault(trial["configuration"], {})
        seeds[str(trial["seed"])] = {"scores": trial["scores"], "metric": trial["metric"]}
    target.write_text(json.dumps({"curves": curves}, indent=0) + "\n", encoding="utf-8")


def main() -> None:
    """Run what the results file lacks; print what was found."""
    made = parser(__doc__.split("\n", 1)[0], name="termination")
    made.add_argument("--data", type=Path, default=DATA, help="the folder with the tasks")
    made.add_argument("--folder", type=Path, help="where workspaces are made")
    made.add_argument("--tasks", nargs="+", default=["sst2", "trec"])
    made.add_argument("--rows", type=int, default=500)
    made.add_argument("--configurations", type=int, default=72)
    made.add_argument("--seeds", type=int, default=2)
    made.add_argument("--depth", type=int, default=5)
    made.add_argument("--epochs", type=int, default=16)
    made.add_argument("--curves", type=Path, help="write the full sweep's learning curves there")
    arguments = made.parse_args()
    names = ("tasks", "rows", "configurations", "seeds", "depth", "epochs")
    ledger = Ledger(arguments.out, settings={name: getattr(arguments, name) for name in names})
    arguments.folder = arguments.folder or arguments.out.parent / "termination"
    console.print(environment_line(environment()))
    for name in RULES:
        if ledger.get(name) is None:
            ledger.put(name, run(name, arguments))
    report(ledger)
    if arguments.curves:
        write_curves(ledger.get("full") or {}, arguments.curves)


if __name__ == "__main__":
    main()
