"""Where a worker's time goes: every second belongs to exactly one phase, the innermost one entered.

Functions that begin a phase are wrapped by name while the clock runs, so nothing is built into the
product, and what no phase claims is the rest. Phases therefore sum to the total by construction.
"""

import functools
import importlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class PhaseClock:
    """Own time of nested phases, in seconds of wall time and of this process's CPU time."""

    def __init__(
        self,
        rest: str,
        *,
        wall: Callable[[], float] = time.perf_counter,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self.wall_s: dict[str, float] = defaultdict(float)
        self.cpu_s: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._stack = [rest]
        self._clocks = wall, cpu
        self._wall, self._cpu = wall(), cpu()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Give the time spent inside to `name`, except what phases inside it take."""
        self.settle()
        self._stack.append(name)
        self.calls[name] += 1
        try:
            yield
        finally:
            self.settle()
            self._stack.pop()

    def settle(self) -> None:
        """Give the time since the last change to the phase that is on."""
        wall, cpu = (clock() for clock in self._clocks)
        self.wall_s[self._stack[-1]] += wall - self._wall
        self.cpu_s[self._stack[-1]] += cpu - self._cpu
        self._wall, self._cpu = wall, cpu


@contextmanager
def phases_of(clock: PhaseClock, table: Mapping[str, str]) -> Iterator[None]:
    """Have each function of `table`, `module:name` or `module:Class.name` → phase, tell the clock.

    A function that other modules imported by name must be given as it stands there.

    Raises:
        AttributeError: there is no such function any more; correct the table.
    """
    changed: list[tuple[Any, str, Any]] = []
    try:
        for place, phase in table.items():
            module, _, path = place.partition(":")
            owner: Any = importlib.import_module(module)
            *outer, name = path.split(".")
            for part in outer:
                owner = getattr(owner, part)
            own = vars(owner).get(name, getattr(owner, name))
            changed.append((owner, name, own))
            setattr(owner, name, _told(own, clock, phase))
        yield
    finally:
        for owner, name, own in reversed(changed):
            setattr(owner, name, own)


def _told(function: Any, clock: PhaseClock, phase: str) -> Any:
    if isinstance(function, classmethod | staticmethod):
        return type(function)(_told(function.__func__, clock, phase))

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        with clock.phase(phase):
            return function(*arguments, **named)

    told: Callable[..., Any] = wrapped
    return told
