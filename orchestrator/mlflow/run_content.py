"""What a sweep and its trials look like in MLflow: names, values and descriptions, as plain data.

Metric and parameter names are few and the same for every trial, so that columns, filters and
charts work at once. Sending them is left to `orchestrator.mlflow.mirror`.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from orchestrator.catalog.records import LeaderboardRow, Stop, TrialRow, TrialState
from orchestrator.planning.settings import labelled, settings, words
from workers.contract.results import Epoch, TrialResult
from workers.contract.task_card import Split
from workers.contract.trial import Trial

PARENT_RUN = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
TRIAL_ID = "trial_id"
SWEEP = "sweep"
STATE = "state"
SWEPT = "swept"
"""The tag of a sweep's parent run that says by what its runs are named, next to their labels."""

ROWS_PER_TABLE = 5
"""Configurations of each leaderboard that a description shows."""


VIEW = "trials"
_COLUMNS = (
    *("metrics.`score`", "metrics.`test_score`", "metrics.`trained_parameters`"),
    *("params.`task`", "params.`method`", "params.`drop_mode`", "params.`drop_depth`"),
    *("params.`bottleneck_size`", "params.`seed`", "attributes.`Duration`"),
)
SHARED_VIEW = {
    f"mlflow.sharedViewState.{VIEW}": json.dumps(
        {
            "searchFilter": f"tags.{TRIAL_ID} LIKE '%'",  # without the parent, which nests them
            "orderByKey": "metrics.`score`",
            "orderByAsc": False,
            "selectedColumns": _COLUMNS,
        }
    )
}
"""The tag of an experiment by which MLflow's page shows trials by score, in columns to sort by.

As the page's own button to share a view writes it; where MLflow no longer reads it, nothing is lost
but the columns.
"""


@dataclass(frozen=True)
class Point:
    """One value of a metric; the same point sent twice is one point in MLflow."""

    name: str
    value: float
    step: int
    at_unix_ms: int


def experiment_name(sweep: str) -> str:
    return f"adaptersweep/{sweep}"


def run_name(row: TrialRow, swept: Sequence[str]) -> str:
    """Return a trial's label with whatever differs between the trials of its sweep.

    Not with every setting that is unusual: what all runs of an experiment have in common would fill
    their names, and the usual value of what was swept would be missing from them.
    """
    return labelled(row.label, words(row.unsaid, swept))


def parameters(trial: Trial, parents: Mapping[str, Trial]) -> dict[str, str]:
    """Return a trial's parameters; those that its method does not have are left out.

    Args:
        parents: what it builds on, whose settings are its own too, by trial_id.
    """
    found = settings(trial, parents)
    base = found.pop("base_model")
    values = {
        "task": trial.task.name,
        "base": base,
        "seed": trial.seed,
        **found,
        "sources": found.get("source_tasks"),
        "trial_id": trial.trial_id,
    }
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def trial_tags(trial: Trial, sweep: str, parent_run_id: str) -> dict[str, str]:
    """Return what a trial's run is created with."""
    return {
        PARENT_RUN: parent_run_id,
        "mlflow.source.name": "adaptersweep",
        TRIAL_ID: trial.trial_id,
        SWEEP: sweep,
        "task": trial.task.name,
        "base_identity": trial.base.identity,
    }


def epoch_points(epoch: Epoch) -> list[Point]:
    """Return one epoch's points, with the epoch as step and its own time."""
    values = {
        "validation_score": epoch.selection_score,
        "train_loss": epoch.train_loss,
        "learning_rate": epoch.learning_rate,
        **{f"validation/{name}": value for name, value in epoch.metrics.items()},
    }
    return [Point(name, value, epoch.epoch, epoch.at_unix_ms) for name, value in values.items()]


def result_points(result: TrialResult) -> list[Point]:
    """Return the final scores: `score`, `score_at_depth` with the depth as step, `test_score`."""
    at = result.finished_at_unix_ms
    values = {
        "score": result.score,
        "majority_score": result.majority,
        "duration_s": result.duration_s,
        "trained_parameters": result.parameters.trained,
        "stored_parameters": result.parameters.stored,
    }
    if result.prefix is not None:
        values |= {
            "prefix_bytes": result.prefix.bytes,
            "prefix_computed": result.prefix.computed,
            "prefix_prepare_s": result.prefix.prepare_s,
        }
    if result.best_epoch is not None:
        values["best_epoch"] = result.best_epoch
    if result.adapter is not None:
        values["adapter_size_bytes"] = result.adapter.size_bytes
    points = [Point(name, float(value), 0, at) for name, value in values.items()]
    by_depth = result.by_depth
    points += [Point("score_at_depth", by_depth[depth], depth, at) for depth in sorted(by_depth)]
    for score in result.scores:
        if score.split is Split.TEST and score.depth == result.depth:
            points.append(Point("test_score", score.metrics[result.metric], 0, at))
            points += [Point(f"test/{name}", v, 0, at) for name, v in score.metrics.items()]
    return points


def result_tags(result: TrialResult) -> dict[str, str]:
    """Return what says how far a score can be trusted, and which files belong to it."""
    tags = {
        STATE: TrialState.FINISHED.value,
        "metric": result.metric,
        "checkpoint": result.selection.checkpoint,
        "selected_on": result.selection.selected_on.value,
        "validation_from_train": str(result.selection.validation_from_train).lower(),
    }
    if result.prefix is not None:
        cut_points = result.prefix.cut_points.items()
        tags["prefix"] = "; ".join(
            f"{split} at {', '.join(where)}" for split, where in cut_points if where
        )
    if result.adapter is not None:
        tags["adapter_digest"] = result.adapter.digest
    return tags


STOP_TAGS = (
    *("stopped_by", "stopped_after_epoch", "stopped_score", "stopped_bar", "stopped_against"),
    "stopped_message",
)
"""The tags of a run that say that a rule ended its trial, and why."""


def stop_tags(stop: Stop) -> dict[str, str]:
    """Return what says that a rule ended a trial: by which rule, when, and against whom."""
    values = (
        *(str(stop.settings.get("rule", "")), str(stop.epoch), f"{stop.score:.6g}"),
        *(f"{stop.bar:.6g}", stop.best, stop.message[:1000]),
    )
    return {STATE: TrialState.STOPPED.value, **dict(zip(STOP_TAGS, values, strict=True))}


FAILURE_TAGS = ("failure_reason", "failure_message")


def failure_tags(row: TrialRow) -> dict[str, str]:
    """Return what says that a trial failed, and why."""
    values = str(row.failure_reason), (row.failure_message or "")[:1000]
    return {STATE: row.state.value, **dict(zip(FAILURE_TAGS, values, strict=True))}


def description(
    sweep: str,
    counts: Mapping[TrialState, int],
    board: Sequence[LeaderboardRow],
    *,
    run_link: Callable[[str], str | None],
    limit_chars: int,
    all_link: str | None = None,
) -> str:
    """Describe a sweep in Markdown: its state, and the best configurations of each leaderboard.

    Scores are means on validation over a configuration's seeds, and lead to its best run.

    Args:
        board: in the catalog's order, the data that a task has now before what it had earlier.
        run_link: trial_id → where its run is shown, or None.
        limit_chars: how long MLflow lets it be; rows, and then tasks, are left out to fit.
        all_link: where all trials are shown, sorted by their score.
    """
    tables = [list(rows) for _, rows in groupby(board, key=lambda row: row.table)]
    now = {rows[0].task: rows[0] for rows in reversed(tables)}
    states = ", ".join(f"{n} {state}" for state, n in counts.items() if n) or "no trials"
    best = " · ".join(f"{task} {_linked(row, run_link)}" for task, row in sorted(now.items()))
    # MLflow shows the first line alone until somebody unfolds the rest.
    head = f"**{sweep}**: {states}." + (f" Best: {best}" if len(best) < limit_chars / 4 else "")
    head += f" · [trials by score]({all_link})\n" if all_link else "\n"
    data = Counter(rows[0].task for rows in tables)
    bases = len({row.best.base_name for row in board}) > 1
    for rows_per_table in range(ROWS_PER_TABLE, 0, -1):
        parts = [
            _table(rows[:rows_per_table], run_link, several=data[rows[0].task] > 1, bases=bases)
            for rows in tables
        ]
        if len(text := "\n".join([head, *parts])) <= limit_chars:
            return text
    more = "\n(More tasks in `adaptersweep best`.)"
    text = head
    for part in parts:
        if len(text) + len(part) + len(more) + 1 > limit_chars:
            return text + more
        text += "\n" + part
    return text


def _table(
    rows: Sequence[LeaderboardRow],
    run_link: Callable[[str], str | None],
    *,
    several: bool,
    bases: bool,
) -> str:
    """Draw one leaderboard, without columns that say nothing: the page is narrow.

    Args:
        several: the task has several; it says of which rows it is.
        bases: name the base of each row.
    """
    first = rows[0]
    columns = [
        (first.metric, [_linked(row, run_link) for row in rows]),
        ("std", ["" if row.std is None else f"{row.std:.4f}" for row in rows]),
        ("seeds", [_seeds(row) for row in rows]),
        ("test", ["" if r.test is None else _with_spread(r.test.mean, r.test.std) for r in rows]),
        ("configuration", [_configuration(row) for row in rows]),
        ("base", [row.best.base_name if bases else "" for row in rows]),
    ]
    names, cells = zip(*((name, each) for name, each in columns if any(each)), strict=True)
    lines = [
        f"### {first.task}{f' on data {first.fingerprint[:8]}' if several else ''}",
        f"| {' | '.join(names)} |",
        "|".join("--" for _ in names),  # a run's page in MLflow wants more than one dash
        *(f"| {' | '.join(row)} |" for row in zip(*cells, strict=True)),
    ]
    return "\n".join(lines) + "\n"


def _seeds(row: LeaderboardRow) -> str:
    return str(row.seeds) if row.complete else f"{row.seeds} of {row.planned}"


def _configuration(row: LeaderboardRow) -> str:
    """Return a label for a table of its task, which need not name that again."""
    return row.label.removeprefix(f"{row.task} · ").replace("|", "\\|")


def _with_spread(mean: float, std: float | None) -> str:
    return f"{mean:.4f}" if std is None else f"{mean:.4f} ± {std:.4f}"


def _linked(row: LeaderboardRow, run_link: Callable[[str], str | None]) -> str:
    """Return a configuration's mean, which leads to its best run."""
    link = run_link(row.best.trial_id)
    return f"[{row.mean:.4f}]({link})" if link else f"{row.mean:.4f}"
