"""What a sweep under faults came to, against one that nobody disturbed."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AttemptOutcome, TrialState
from tests.integration.chaos import COMMAND, Chaos
from workers.contract.paths import Workspace
from workers.contract.results import read_result

KEPT = ("metric", "score", "depth", "scores", "best_epoch", "parameters", "adapter", "kept")


def trials_in(folder: Path) -> list[str]:
    """Return the trials that have a result in a workspace that is a folder."""
    return sorted(path.parent.name for path in folder.glob("trials/*/*/result.json"))


def files(workspace: Workspace, trial_ids: Iterable[str]) -> dict[str, Any]:
    """Return everything that results of trials say was measured, without times."""
    found = {}
    for trial_id in trial_ids:
        if (kept := read_result(workspace.trial(trial_id))) is not None:
            result = kept.model_dump(mode="json")
            losses = [epoch["train_loss"] for epoch in result["curve"]]
            found[trial_id] = {k: result[k] for k in KEPT} | {"losses": losses}
    return found


def rows_of_results(workspace: Workspace, trial_ids: Iterable[str]) -> dict[str, Any]:
    """Return what a catalog must say of the results in a workspace; see `rows`."""
    found = {}
    for trial_id in trial_ids:
        result = read_result(workspace.trial(trial_id))
        assert result is not None
        scores = [
            (score.split, score.depth, metric, value)
            for score in result.scores
            for metric, value in score.metrics.items()
        ]
        curve = [(e.epoch, e.train_loss, e.selection_score, e.metrics) for e in result.curve]
        found[result.trial_id] = (
            TrialState.FINISHED,
            result.metric,
            result.score,
            result.best_epoch,
            sorted(scores),
            curve,
        )
    return found


def rows(catalog_url: str) -> dict[str, Any]:
    """Return everything that a catalog says was measured, without times."""
    with Catalog.open(catalog_url, create=False) as catalog:
        trials = catalog.trials(limit=None)
        scores = catalog.scores(t.trial_id for t in trials)
        return {
            t.trial_id: (
                t.state,
                t.metric,
                t.score,
                t.best_epoch,
                sorted((s.split, s.depth, s.metric, s.value) for s in scores.get(t.trial_id, [])),
                [
                    (e.epoch, e.train_loss, e.selection_score, e.metrics)
                    for e in catalog.epochs(t.trial_id)
                ],
            )
            for t in trials
        }


def not_finished_once(catalog_url: str, workspace: Workspace) -> list[str]:
    """Name the trials that are not finished, or were more than once."""
    with Catalog.open(catalog_url, create=False) as catalog:
        found = []
        for trial in catalog.trials(limit=None):
            outcomes = [a.outcome for a in catalog.attempts(trial.trial_id)]
            log = workspace.trial(trial.trial_id).files.log_reader().new()
            twice = log.count(b" finished: ") > 1
            once = outcomes.count(AttemptOutcome.FINISHED) == 1 and None not in outcomes
            if trial.state is not TrialState.FINISHED or not once or twice:
                found.append(f"{trial.trial_id} {trial.state} {outcomes} twice: {twice}")
        return found


def problems(chaos: Chaos, catalog_url: str, *, undisturbed: Path) -> Sequence[str]:
    """Say what differs from what it should be, a line each.

    Args:
        undisturbed: the folder of a run without faults.
    """
    found = not_finished_once(catalog_url, chaos.workspace)
    ids, whole = trials_in(undisturbed), Workspace(undisturbed)
    if files(chaos.workspace, ids) != files(whole, ids):
        found.append("results in the workspace differ from those of an undisturbed run")
    if rows(catalog_url) != rows_of_results(whole, ids):
        found.append("the catalog differs from that of an undisturbed run")
    repair = subprocess.run(
        [*COMMAND, "repair", "--dry-run", *chaos.stores],
        env=chaos.grounds.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if repair.returncode != 0:
        said = repair.stdout + repair.stderr
        found.append(f"workspace, catalog and MLflow do not agree: {said}")
    return found + [f"still runs: {process}" for process in chaos.left_over()]
