"""The catalog: every sweep, trial, score and attempt, in SQLite or PostgreSQL.

The one place that knows SQL. What it hands out are frozen records; the driver alone writes what
becomes of trials, and people what they ask of it.
"""

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import (
    AliasMove,
    AttemptOutcome,
    AttemptRow,
    FailureRow,
    LeaderboardRow,
    MoveKind,
    OutboxEntry,
    OutboxKind,
    Submission,
    SubmissionOutcome,
    SweepRow,
    TrialFilter,
    TrialRow,
    TrialState,
)

__all__ = [
    "AliasMove",
    "AttemptOutcome",
    "AttemptRow",
    "Catalog",
    "FailureRow",
    "LeaderboardRow",
    "MoveKind",
    "OutboxEntry",
    "OutboxKind",
    "Submission",
    "SubmissionOutcome",
    "SweepRow",
    "TrialFilter",
    "TrialRow",
    "TrialState",
]
