"""How long one attempt at a trial may take."""

import time

from workers.contract.results import FailureReason
from workers.errors import TrialFailedError


class TimeLimit:
    """Counts from when it is made."""

    def __init__(self, limit_s: float | None) -> None:
        """Start the clock.

        Args:
            limit_s: None for any time.
        """
        self._limit_s = limit_s
        self._started = time.monotonic()

    @property
    def overrun(self) -> TrialFailedError | None:
        """Return what the trial fails of once its time is over."""
        if self._limit_s is None or time.monotonic() - self._started <= self._limit_s:
            return None
        return TrialFailedError(
            FailureReason.TIME_LIMIT,
            f"it took longer than limits.trial_s: {self._limit_s:g} allows; raise that, or train "
            "less in it",
        )

    def check(self) -> None:
        """Return while there is time.

        Raises:
            TrialFailedError: there is none left.
        """
        if (overrun := self.overrun) is not None:
            raise overrun
