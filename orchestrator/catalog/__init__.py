"""The catalog: every sweep, trial, score and attempt, in SQLite or PostgreSQL.

The one place that knows SQL. What it hands out are frozen records; the driver alone writes.
"""

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import (
    AttemptOutcome,
    AttemptRow,
    FailureRow,
    LeaderboardRow,
    OutboxEntry,
    OutboxKind,
    RegistrationRow,
    Submission,
    SubmissionOutcome,
    SweepRow,
    TrialFilter,
    TrialRow,
    TrialState,
)

__all__ = [
    "AttemptOutcome",
    "AttemptRow",
    "Catalog",
    "FailureRow",
    "LeaderboardRow",
    "OutboxEntry",
    "OutboxKind",
    "RegistrationRow",
    "Submission",
    "SubmissionOutcome",
    "SweepRow",
    "TrialFilter",
    "TrialRow",
    "TrialState",
]
