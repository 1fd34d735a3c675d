"""Forecast against measured: what `plan` says of five sweeps before they run, and what they took.

Each is forecast twice before it runs: from a calibration alone, in a workspace of its own, and from
a catalog alone, which holds an earlier sweep and those before it. Then it is submitted, and what
its workers' processes used is measured from outside. A sixth sweep fills the catalog first and is
not judged.

    python -m tests.benchmarks.forecast
    python -m tests.benchmarks.forecast --sweeps depths --report
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

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

HISTORY = "history"
SWEEPS = ("depths", "whole base", "placements", "fusion", "other kinds")
SOURCES = ("calibration", "catalog")

_MORE_ROWS = {"train": 192, "validation": 96, "test": 64}
_ROWS = {"train": 64, "validation": 48, "test": 24}


def specification(name: str, data: Path) -> dict[str, Any]:
    """Return the YAML of a sweep."""
    training = {"learning_rate": 5e-4, "batch_size": 16, "epochs": 2}
    found: dict[str, Any] = {
        "name": name.replace(" ", "-"),
        "base_models": {"minilm": {"source": f"package:{MINILM.replace('-', '_')}"}},
        "adapter": {"bottleneck_size": 24},
        "training": training,
        "resources": {"cpus": 1, "max_workers": 1},
    }
    tasks, more = _CONTENT[name]
    rows = _MORE_ROWS if name in (HISTORY, "depths") else _ROWS
    found["tasks"] = {task: _task(data, task, rows) for task in tasks}
    return found | {
        key: training | value if key == "training" else value for key, value in more.items()
    }


def _task(data: Path, name: str, rows: Mapping[str, int]) -> dict[str, Any]:
    splits = {split: n for split, n in rows.items() if (data / name / f"{split}.jsonl").exists()}
    return {"folder": str(data / name), "rows": splits}


_CONTENT: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    HISTORY: (
        ("rte", "trec"),
        {
            "seeds": [7],  # which no other sweep has, so that nothing is reused
            "trials": [
                {"drop": {"mode": ["none", "specialised"], "depth": [3]}},
                {"tasks": ["rte"], "method": ["full_fine_tuning", "head_only"]},
            ],
            "fusion": [{"targets": "rte", "sources": {"tasks": "all"}}],
        },
    ),
    "depths": (
        ("rte", "sst2"),
        {"seeds": [0, 1], "drop": {"mode": "specialised", "depth": [0, 1, 2, 4, 5]}},
    ),
    "whole base": (
        ("mrpc", "cola"),
        {
            "method": ["full_fine_tuning", "top_layers", "layer_norm", "head_only"],
            "layers": [1, 3],
            "training": {"learning_rate": 5e-5},
        },
    ),
    "placements": (
        ("stsb", "cola"),
        {
            "trials": [
                {"adapter": {"placement": ["pfeiffer", "houlsby", "parallel"]}},
                {"adapter": {"bottleneck_size": 96}, "drop": {"mode": "robust"}},
            ],
        },
    ),
    "fusion": (
        ("rte", "cb", "mrpc", "trec"),
        {
            "drop": {"mode": "specialised", "depth": [0]},
            "fusion": [
                {
                    "targets": ["rte", "cb"],
                    "sources": {"tasks": "all"},
                    "pruning": {"keep": [1, 2]},
                }
            ],
        },
    ),
    "other kinds": (
        ("squad", "commonsense_qa"),
        {
            "drop": {"mode": "specialised", "depth": [0, 3]},
            "training": {"max_length": 192, "batching": "by_length"},
        },
    ),
}
"""Sweep → tasks, and what else its YAML says."""


class Round:
    """The sweeps of one run, in one folder."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder, self._data = folder, data
        self._catalog = folder / "workspace"

    def run(self, name: str) -> dict[str, Any]:
        """Forecast a sweep in both ways, then submit it."""
        folder = self._folder / name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        sweep = folder / "sweep.yaml"
        sweep.write_text(yaml.safe_dump(specification(name, self._data)), encoding="utf-8")
        found: dict[str, Any] = {"environment": environment()}
        if name != HISTORY:
            began = time.monotonic()
            found["calibration"] = self._plan(sweep, folder / "calibrated", "--calibrate")
            found["calibration"]["took_s"] = time.monotonic() - began
            found["catalog"] = self._plan(sweep, self._catalog)
        usage = self._submit(sweep, folder / "log.txt")
        return found | {"usage": usage, "files": _bytes(self._catalog)}

    def _plan(self, sweep: Path, workspace: Path, *options: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "orchestrator.command_line", "plan", str(sweep), "--json"]
        planned = subprocess.run(
            [*command, "--workspace", str(workspace), *options],
            env=self._environment(sweep.parent),
            capture_output=True,
            text=True,
            check=True,
        )
        forecast: dict[str, Any] = json.loads(planned.stdout)["forecast"]
        return forecast

    def _submit(self, sweep: Path, log: Path) -> Usage:
        command = [sys.executable, "-m", "orchestrator.command_line", "submit", str(sweep)]
        usage = measure(
            [*command, "--workspace", str(self._catalog)],
            environment=self._environment(sweep.parent),
            log=log,
        )
        check(usage, log)
        return usage

    def _environment(self, folder: Path) -> dict[str, str]:
        # A cache of its own: nothing of an earlier sweep's frozen prefixes is left.
        return {**os.environ, **ONE_THREAD, "XDG_CACHE_HOME": str(folder / "cache")}


def _bytes(workspace: Path) -> int:
    """Return what a workspace holds, without what Ray leaves."""
    ray = Workspace(workspace).experiments
    files = (p for p in workspace.rglob("*") if p.is_file() and ray not in p.parents)
    return sum(p.stat().st_size for p in files)


def report(ledger: Ledger) -> None:
    """Print forecasts beside what was measured, CPU seconds of workers first."""
    rows: list[list[object]] = []
    before = (ledger.get(HISTORY) or {}).get("files", 0)
    for name in SWEEPS:
        found = ledger.get(name)
        if found is None:
            continue
        usage = found["usage"]
        measured = {
            "CPU s of workers": usage["cpu_s_by_name"].get(WORKER, 0.0),
            "wall s": usage["wall_s"],
            "MB kept": (found["files"] - before) / 1e6,
        }
        before = found["files"]
        for source in SOURCES:
            forecast = found[source]
            ranges = {
                "CPU s of workers": _times(forecast["cpu_hours"], 3600),
                "wall s": _times(forecast["hours"], 3600),
                "MB kept": _times(forecast["storage_bytes"], 1e-6),
            }
            for what, value in measured.items():
                rows.append([f"{name}, {source}: {what}", *_compared(ranges[what], value)])
    show("Forecast and measured", ("sweep", "forecast", "measured", "off by", "in range"), rows)


def _times(found: Mapping[str, float] | None, factor: float) -> dict[str, float] | None:
    if found is None:
        return None
    return {name: found[name] * factor for name in ("low", "likely", "high")}


def _compared(forecast: Mapping[str, float] | None, measured: float) -> list[object]:
    if forecast is None:
        return ["not known", measured, "", ""]
    words = f"{forecast['likely']:.3g} ({forecast['low']:.3g} to {forecast['high']:.3g})"
    off = f"{forecast['likely'] / measured - 1:+.0%}"
    inside = forecast["low"] <= measured <= forecast["high"]
    return [words, measured, off, "yes" if inside else "no"]


def run(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Run what the results file lacks, in order: each catalog holds what came before."""
    round_ = Round(arguments.folder, arguments.data)
    for name in (HISTORY, *arguments.sweeps):
        if ledger.get(name) is None:
            found = round_.run(name)
            ledger.put(name, found)
            console.print(f"{name}: {found['usage'].wall_s:.0f} s")


def main() -> None:
    made = parser(__doc__.split("\n", 1)[0], name="forecast")
    made.add_argument("--sweeps", nargs="+", default=list(SWEEPS), choices=SWEEPS)
    made.add_argument("--data", type=Path, default=DATA, help="the folder with the tasks")
    made.add_argument("--folder", type=Path, required=False, help="where workspaces are made")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    ledger = Ledger(arguments.out, settings={"rows": _MORE_ROWS})
    arguments.folder = arguments.folder or arguments.out.parent / "forecast"
    if not arguments.report:
        console.print(environment_line(environment()))
        run(arguments, ledger)
    report(ledger)


if __name__ == "__main__":
    main()
