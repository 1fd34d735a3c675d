"""How often to write checkpoints: as often as a share of the time allows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_FIRST_GUESS_S = 0.005
_KEEP_EVERY_S = 10.0


class Pace:
    """Keeps what writing costs below a share of the time since the start.

    A short trial writes none, and loses that time if it is killed.
    """

    def __init__(self, share: float) -> None:
        """Start the clock.

        Args:
            share: 0 never writes, 1 always.
        """
        self._share = share
        self._started = time.perf_counter()
        self._spent = 0.0
        self._last = _FIRST_GUESS_S
        self._kept_at = self._started

    @property
    def due(self) -> bool:
        """Whether there is time for another one."""
        if self._share >= 1:
            return True
        elapsed = time.perf_counter() - self._started
        return self._spent + self._last <= self._share * elapsed

    @property
    def worth_keeping(self) -> bool:
        """Whether so much was trained since the last one that it should be kept in memory."""
        return time.perf_counter() - self._kept_at > _KEEP_EVERY_S

    def kept(self) -> None:
        """Note that it is kept in memory, or written."""
        self._kept_at = time.perf_counter()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure what one costs."""
        before = time.perf_counter()
        yield
        self.kept()
        self._last = time.perf_counter() - before
        self._spent += self._last
