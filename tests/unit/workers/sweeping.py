"""Sweeps for tests: written over a tiny base model, planned, and run to the end in this process."""

from pathlib import Path

import torch

from orchestrator.running.driver import plan_sweep
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, read_failure, read_result
from workers.contract.trial import Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

TRAINING = "{ learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 2 }"
Ran = list[tuple[Trial, TrialResult]]


def write_sweep(folder: Path, base: Path, *tasks: Path, body: str) -> Path:
    """Write a sweep over `base` and tasks named by their folders; `body` is the rest of it."""
    named = "".join(f'  {task.name}: {{ folder: "{task}" }}\n' for task in tasks)
    training = "" if "\ntraining:" in f"\n{body}" else f"training: {TRAINING}\n"
    path = folder / "sweep.yaml"
    path.write_text(
        f'name: tiny\nbase_models:\n  tiny: {{ source: "folder:{base}" }}\ntasks:\n{named}'
        f"{training}{body}",
        encoding="utf-8",
    )
    return path


def run_sweep(path: Path, workspace: Workspace) -> Ran:
    """Run every trial of a sweep; all must finish."""
    plan, _ = plan_sweep(path)
    for _ in run_bundle(list(plan.trials.values()), workspace, WarmState(torch.device("cpu"))):
        pass
    ran = []
    for trial in plan.trials.values():
        paths = workspace.trial(trial.trial_id)
        result = read_result(paths)
        assert result is not None, f"{trial.label}: {read_failure(paths)}"
        ran.append((trial, result))
    return ran
