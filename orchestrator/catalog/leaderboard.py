"""The query behind a leaderboard: configurations ranked by their mean score over seeds."""

import math
from typing import Any

from sqlalchemy import Select, case, func, select

from orchestrator.catalog.records import LeaderboardRow, TrialRow, TrialState
from orchestrator.catalog.tables import sweep_trials, trials


def of_sweep(query: Select[Any], sweep: str) -> Select[Any]:
    """Narrow a query over trials to those of one sweep."""
    linked = sweep_trials.c.trial_id == trials.c.trial_id
    return query.join(sweep_trials, linked).where(sweep_trials.c.sweep == sweep)


def ranked_configurations(sweep: str | None, task: str | None) -> Select[Any]:
    """Select for each configuration: its task, seeds, mean, squares, best trial, and place."""
    t = trials.c
    scored = select(
        t.configuration,
        t.task,
        t.trial_id,
        t.score,
        func.avg(t.score).over(partition_by=t.configuration).label("mean"),
        func.row_number()
        .over(partition_by=t.configuration, order_by=(t.score.desc(), t.seed))
        .label("place"),
    ).where(t.state == TrialState.FINISHED)
    if sweep is not None:
        scored = of_sweep(scored, sweep)
    if task is not None:
        scored = scored.where(t.task == task)
    s = scored.subquery("scored").c
    mean = func.max(s.mean)
    grouped = (
        select(
            s.configuration,
            s.task,
            mean.label("mean"),
            func.count().label("seeds"),
            # Squares around the mean, not of the scores: those would cancel.
            func.sum((s.score - s.mean) * (s.score - s.mean)).label("squares"),
            func.max(case((s.place == 1, s.trial_id))).label("best_id"),
            func.row_number()
            .over(partition_by=s.task, order_by=(mean.desc(), s.configuration))
            .label("place"),
        )
        .group_by(s.configuration, s.task)
        .subquery("grouped")
    )
    return select(grouped).order_by(grouped.c.task, grouped.c.place)


def leaderboard_row(group: Any, best: TrialRow) -> LeaderboardRow:
    """Make a row of what `ranked_configurations` selected."""
    seeds = int(group["seeds"])
    return LeaderboardRow(
        configuration=group["configuration"],
        label=best.label.removesuffix(f" · seed {best.seed}"),
        mean=float(group["mean"]),
        std=math.sqrt(max(float(group["squares"]), 0.0) / (seeds - 1)) if seeds > 1 else None,
        seeds=seeds,
        best=best,
    )
