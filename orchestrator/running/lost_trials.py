"""Failures that no worker has told: of a trial whose worker is gone, or left nothing to read."""

import time

from workers.contract.results import FailureReason, TrialFailure
from workers.errors import ResultFileError


def unreadable(trial_id: str, error: ResultFileError) -> TrialFailure:
    """Return the failure of a trial whose result cannot be understood."""
    failure = lost(trial_id, str(error))
    return failure.model_copy(update={"reason": FailureReason.BAD_INPUT})


def lost(trial_id: str, why: str) -> TrialFailure:
    """Return the failure of a trial whose worker is gone, and why."""
    return TrialFailure(
        trial_id=trial_id,
        reason=FailureReason.WORKER_LOST,
        message=why,
        at_unix_ms=time.time_ns() // 1_000_000,
    )
