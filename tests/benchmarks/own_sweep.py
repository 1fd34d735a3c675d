"""Submit a sweep as a user does, measured from outside, and read back what it committed."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from orchestrator.running.driver import plan_sweep
from tests.benchmarks.accounting import Usage, measure
from tests.benchmarks.harness import ONE_THREAD
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, read_result
from workers.contract.trial import Trial

WORKER, DRIVER = "ray::BundleTrai", "python"
"""Names of processes, as `Usage` has them; the kernel keeps 15 characters."""


def submit(
    specification: dict[str, Any], folder: Path, *, limit_s: float = 7200.0
) -> tuple[Usage, list[tuple[Trial, TrialResult]]]:
    """Submit a sweep in `folder`, which is empty; return what it used and every trial's result.

    Raises:
        SystemExit: it failed; the message ends with what it printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep, workspace, log = folder / "sweep.yaml", folder / "workspace", folder / "log.txt"
    sweep.write_text(yaml.safe_dump(specification), encoding="utf-8")
    usage = measure(
        [
            *(sys.executable, "-m", "orchestrator.command_line", "submit", str(sweep)),
            *("--workspace", str(workspace)),
        ],
        environment=_environment(folder),
        limit_s=limit_s,
        log=log,
    )
    check(usage, log)
    found = []
    for trial in plan_sweep(sweep)[0].trials.values():
        result = read_result(Workspace(workspace).trial(trial.trial_id))
        if result is None:
            raise SystemExit(f"{trial.label} has no result; see {log}")
        found.append((trial, result))
    return usage, found


def _environment(folder: Path) -> dict[str, str]:
    """Return one with an empty cache of its own: nothing may be left from an earlier sweep."""
    return {**ONE_THREAD, "XDG_CACHE_HOME": str(folder / "cache")}


def in_process(specification: dict[str, Any], folder: Path, *options: str) -> dict[str, Any]:
    """Run the trials of a sweep in one process without Ray; return what `own_phases` found."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep, target, log = folder / "sweep.yaml", folder / "phases.json", folder / "log.txt"
    sweep.write_text(yaml.safe_dump(specification), encoding="utf-8")
    command = [sys.executable, "-m", "tests.benchmarks.own_phases"]
    files = [str(sweep), str(folder / "workspace"), str(target)]
    usage = measure([*command, *files, *options], environment=_environment(folder), log=log)
    check(usage, log)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found | {"tree_cpu_s": usage.cpu_s}


def check(usage: Usage, log: Path) -> None:
    """Refuse what a command used if it failed.

    Raises:
        SystemExit: it did; the message ends with what it printed.
    """
    if usage.exit_code != 0:
        printed = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        why = "took too long" if usage.timed_out else f"exit code {usage.exit_code}"
        raise SystemExit(f"{log.parent.name}: {why}\n{printed}")
