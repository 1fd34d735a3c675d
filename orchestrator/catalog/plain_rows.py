"""Trials and leaderboards as plain values: what `--json` and `--csv` print, and files of the pages.

One place makes them, so that no two ways of asking can answer differently.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from orchestrator.catalog.details import Details
from orchestrator.catalog.reading import SORTED_BY
from orchestrator.catalog.records import LeaderboardRow, TrialRow
from orchestrator.planning.settings import AXIS_NAMES

_AXES = [name for name in AXIS_NAMES if name not in ("task", "seed", "base_model")]

TRIAL_COLUMNS = [*SORTED_BY, *(name for name in _AXES if name not in SORTED_BY)]
"""What CSV holds of trials: the columns of a trial, then the other axes of a sweep."""

LEADERBOARD_COLUMNS = [
    *("task", "fingerprint", "metric", "majority", "place", "configuration", "label"),
    *("mean", "std", "seeds", "planned", "complete", "test_mean", "test_std", "test_seeds"),
    *("best_trial", "best_score", "base_name", "trained_parameters", "stored_parameters"),
    *_AXES,
]
"""What CSV holds of leaderboards."""


def trial_rows(catalog: Details, found: Sequence[TrialRow]) -> list[dict[str, Any]]:
    """Return trials with their settings, every score, and the score on test."""
    ids = [row.trial_id for row in found]
    test, every, scores = catalog.test_scores(ids), catalog.settings(ids), catalog.scores(ids)
    return [
        row.model_dump(mode="json", exclude={"unsaid"})
        | {"test_score": test.get(row.trial_id)}
        | {"settings": every[row.trial_id]}
        | {"scores": [s.model_dump(mode="json") for s in scores.get(row.trial_id, [])]}
        for row in found
    ]


def leaderboard_rows(catalog: Details, rows: Sequence[LeaderboardRow]) -> list[dict[str, Any]]:
    """Return leaderboards, every row with its place, majority and settings."""
    first = {row.table: row.best.trial_id for row in reversed(rows)}
    majority = {i: result.majority for i, result in catalog.results(first.values()).items()}
    every = catalog.settings(row.best.trial_id for row in rows)
    found = []
    for _, group in groupby(rows, key=lambda row: row.table):
        for place, row in enumerate(group, start=1):
            values = row.model_dump(mode="json", exclude={"best": {"unsaid"}})
            more = {
                "complete": row.complete,
                "place": place,
                "majority": majority[first[row.table]],
                "settings": every[row.best.trial_id],
            }
            found.append(values | more)
    return found


def flat_trials(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what `trial_rows` gave with settings as columns, for CSV."""
    return [{**row["settings"], **row} for row in rows]


def flat_leaderboard(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what `leaderboard_rows` gave with settings as columns, for CSV."""
    return [{**row["settings"], **row["best"], **row, **_own_columns(row)} for row in rows]


def _own_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    test = row["test"] or {}
    return {
        "best_trial": row["best"]["trial_id"],
        "best_score": row["best"]["score"],
        **{f"test_{name}": test.get(name) for name in ("mean", "std", "seeds")},
    }
