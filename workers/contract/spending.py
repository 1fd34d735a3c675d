"""What a trial takes of a worker's time, by phase; what will be taken is told from it.

Told by whoever runs it; predicting is left to the orchestrator.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from pydantic import ConfigDict, Field

from workers.contract.frozen import Frozen


class Phase(StrEnum):
    """What a worker is at, one at a time."""

    START = "start"  # of its process, counted at the first trial that it runs
    BASE = "base"  # loading the base model, where it is not loaded yet
    TASK = "task"  # reading and tokenising rows, likewise
    PREFIX = "prefix"  # finding or computing what is taken from the prefix cache
    BUILD = "build"  # the model, and a checkpoint to go on from
    TRAINING = "training"
    MEASURING = "measuring"  # after epochs and at the end, a fusion's attention included
    KEEPING = "keeping"  # checkpoints, the adapter's files and predictions


class Spent(Frozen):
    """Seconds by the clock, and of processors.

    Attributes:
        cpu_s: of all threads of the worker's process.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    wall_s: float = Field(default=0.0, ge=0)
    cpu_s: float = Field(default=0.0, ge=0)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(wall_s=self.wall_s + other.wall_s, cpu_s=self.cpu_s + other.cpu_s)

    def __mul__(self, times: float) -> "Spent":
        return Spent(wall_s=self.wall_s * times, cpu_s=self.cpu_s * times)


class Stopwatch:
    """Adds up what each phase takes."""

    def __init__(self) -> None:
        self._spent: dict[Phase, Spent] = {}

    @property
    def spent(self) -> dict[Phase, Spent]:
        """Return what was added up, in the order of phases."""
        return {phase: self._spent[phase] for phase in Phase if phase in self._spent}

    def add(self, phase: Phase, spent: Spent) -> None:
        self._spent[phase] = self._spent.get(phase, Spent()) + spent

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Add what the block takes, also where it fails."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            # A clock of processors may be set back where threads end: never less than nothing.
            wall_s, cpu_s = time.perf_counter() - wall, max(0.0, time.process_time() - cpu)
            self.add(phase, Spent(wall_s=wall_s, cpu_s=cpu_s))

    def add_epoch(self, train_s: float, evaluate_s: float, *, cpu_s: float) -> None:
        """Add an epoch of training and its measuring, which processors shared by the clock."""
        for phase, wall_s in ((Phase.TRAINING, train_s), (Phase.MEASURING, evaluate_s)):
            share = wall_s / max(train_s + evaluate_s, 1e-9)
            self.add(phase, Spent(wall_s=wall_s, cpu_s=max(0.0, cpu_s * share)))

    def as_state(self) -> dict[str, dict[str, float]]:
        """Return it as plain values, for a checkpoint."""
        return {phase.value: spent.model_dump() for phase, spent in self.spent.items()}

    def add_state(self, state: Mapping[str, Mapping[str, float]]) -> None:
        """Add what `as_state` gave: an earlier attempt took it."""
        for phase, spent in state.items():
            self.add(Phase(phase), Spent.model_validate(spent))
