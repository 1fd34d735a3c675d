"""How trials and results become rows."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Result, RowMapping

from orchestrator.catalog.records import TrialState
from orchestrator.planning.settings import unsaid
from workers.contract.results import Epoch, TrialResult
from workers.contract.trial import RECIPE_VERSION, Trial, content_hash


def by_name(found: Result[Any]) -> Iterator[dict[str, Any]]:
    """Yield rows as dicts; a mapping of each row would work out the names anew each time."""
    names = tuple(found.keys())
    return (dict(zip(names, row, strict=True)) for row in found)


def trial_row(
    trial: Trial,
    *,
    configuration: str,
    parents: Mapping[str, Trial],
    created_at: datetime,
    recipe: int = RECIPE_VERSION,
) -> dict[str, Any]:
    """Return the columns of a trial that has not run.

    Args:
        recipe: that it was made for.
    """
    adapter = trial.adapter
    fused = trial.fusion.config.drop_depth if trial.fusion else 0
    more = json.dumps(unsaid(trial, parents) | {"recipe": recipe}, ensure_ascii=False)
    return {
        "trial_id": trial.trial_id,
        "configuration": configuration,
        "method": trial.method.value,
        "base_name": trial.base.name,
        "base_identity": trial.base.identity,
        "task": trial.task.name,
        "drop_mode": trial.drop.mode.value,
        "drop_depth": max(trial.drop.depth, fused),
        "placement": adapter.placement.value if adapter else None,
        "bottleneck_size": adapter.bottleneck_size if adapter else None,
        "sharing": adapter.sharing.value if adapter else None,
        "non_linearity": adapter.non_linearity.value if adapter else None,
        "keep": trial.pruning.keep if trial.pruning else None,
        "seed": trial.seed,
        "learning_rate": trial.training.learning_rate,
        "label": trial.label,
        "config": trial.model_dump_json(),
        "fingerprint": trial.task.fingerprint,
        "unsaid": more,
        "unsaid_hash": hashlib.sha256(more.encode()).hexdigest()[:20],
        "metric": trial.metric.value,
        "state": TrialState.PENDING.value,
        "created_at": created_at,
    }


def configurations(trials: Iterable[Trial], known: Mapping[str, str]) -> dict[str, str]:
    """Return, for each trial, the hash of its configuration: the same for all seeds of it.

    Ids of other trials inside a configuration, such as a fusion's sources, are replaced by those
    trials' configurations, because the ids themselves differ from seed to seed.

    Args:
        known: configurations of trials that the catalog already has.
    """
    by_id = {t.trial_id: t for t in trials}
    done: dict[str, str] = {}

    def of(trial_id: str) -> str:
        if trial_id not in by_id:
            return known.get(trial_id, trial_id)
        if trial_id not in done:
            done[trial_id] = content_hash(_without_seed(by_id[trial_id]))
        return done[trial_id]

    def _without_seed(trial: Trial) -> dict[str, Any]:
        content = {k: v for k, v in trial.identity.items() if k != "seed"}
        if trial.fusion is not None:
            sources = {s.task: sorted({of(c) for c in s.candidates}) for s in trial.fusion.sources}
            content["fusion"] = {**content["fusion"], "sources": sources}
        if trial.pruning is not None:
            content["pruning"] = {
                **content["pruning"],
                "fusion_trial": of(trial.pruning.fusion_trial),
            }
        if trial.removal is not None:
            parent = of(trial.removal.adapter_trial)
            content["removal"] = {**content["removal"], "adapter_trial": parent}
        if trial.start_from is not None:
            content["start_from"] = of(trial.start_from)
        return content

    return {trial_id: of(trial_id) for trial_id in by_id}


def result_columns(result: TrialResult) -> dict[str, Any]:
    """Return the columns of a trial that a result fills."""
    return {
        "state": TrialState.FINISHED.value,
        "metric": result.metric,
        "score": result.score,
        "test_score": result.test_score,
        "best_epoch": result.best_epoch,
        "trained_parameters": result.parameters.trained,
        "stored_parameters": result.parameters.stored,
        "duration_s": result.duration_s,
        "result": result.model_dump_json(),
        "failure_reason": None,
        "failure_message": None,
        "stopped": None,
    }


def score_rows(result: TrialResult) -> list[dict[str, Any]]:
    return [
        {
            "trial_id": result.trial_id,
            "split": score.split.value,
            "depth": score.depth,
            "metric": metric,
            "value": value,
        }
        for score in result.scores
        for metric, value in score.metrics.items()
    ]


def epoch_row(trial_id: str, epoch: Epoch) -> dict[str, Any]:
    return {
        **epoch.model_dump(exclude={"metrics"}),
        "trial_id": trial_id,
        "metrics": json.dumps(epoch.metrics),
    }


def epoch_from(row: RowMapping) -> Epoch:
    values = {k: v for k, v in row.items() if k not in ("trial_id", "metrics")}
    return Epoch.model_validate({**values, "metrics": json.loads(row["metrics"])})
