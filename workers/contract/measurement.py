"""Measured times: what is timed, which of it takes turns, and what came of it. No torch here.

How something is timed is left to `workers.running.measuring`.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, TypeVar

from adapter_lib.config.configuration import Placement
from workers.contract.frozen import Frozen
from workers.contract.trial import Method, Precision, content_hash

T = TypeVar("T")

ROBUST = "robust"
"""In place of a drop depth: the mean over all depths, as robust training draws them."""


class Action(StrEnum):
    TRAIN = "train"  # one step: forward, backward, clipping, AdamW
    INFER = "infer"  # one pass in evaluation mode


class FusionForm(StrEnum):
    FOLDED = "folded"  # as this project computes it
    PUBLISHED = "published"  # one adapter after another, key and value for each


class Clock(StrEnum):
    WALL = "wall"
    CPU = "cpu"  # of the process, all its threads together


class MeasuredBase(Frozen):
    """A base model of which only the sizes matter: its weights are drawn at random.

    Attributes:
        config: what transformers builds it from, with `model_type`.
    """

    config: dict[str, Any]
    layers: int
    hidden_size: int


class Cell(Frozen):
    """One thing that is timed. What does not apply to a method has its default.

    Attributes:
        length: tokens of every row.
        drop_depth: or `ROBUST`.
        tasks: how many adapters answer the same batch.
        one_by_one: whether these run in a pass each, instead of all in one.
        adapters: how many a fusion joins.
        stored_prefix: whether the frozen layers below the lowest adapter are known already.
    """

    method: Method
    action: Action
    batch_size: int
    length: int
    placement: Placement = Placement.PFEIFFER
    drop_depth: int | Literal["robust"] = 0
    tasks: int = 1
    one_by_one: bool = False
    adapters: int = 0
    form: FusionForm = FusionForm.FOLDED
    stored_prefix: bool = False

    @property
    def label(self) -> str:
        """Return in words what it is, without batch and length."""
        if self.method is Method.FULL_FINE_TUNING:
            return "full fine-tuning"
        if self.method is Method.FUSION:
            words = f"fusion of {self.adapters}, {self.form}"
        else:
            words = f"adapter, {self.placement}"
        if self.tasks > 1:
            words = f"{self.tasks} tasks, {'one by one' if self.one_by_one else 'in one pass'}"
        if self.drop_depth == ROBUST:
            words += ", robust"
        elif self.drop_depth:
            words += f", n = {self.drop_depth}"
        return words + (", prefix stored" if self.stored_prefix else "")


class Conditions(Frozen):
    """What all cells of a group share.

    Attributes:
        device: `cpu`, `cuda` or `cuda:N`.
        reduction_factor: hidden size divided by bottleneck size, of every adapter.
        micro_batch_size: rows of one forward and backward pass; None for the whole batch.
        frozen_dropout: whether training leaves dropout on in frozen layers.
        rounds: how often each cell is timed, in turns with the others.
        at_least_s: a round repeats what is shorter until it has taken so long.
    """

    base: MeasuredBase
    device: str = "cpu"
    precision: Precision = Precision.FLOAT32
    threads: int = 1
    reduction_factor: float = 16
    micro_batch_size: int | None = None
    frozen_dropout: bool = True
    rounds: int = 5
    at_least_s: float = 0.2
    seed: int = 0


class Group(Frozen):
    """Cells that take turns, so that what slows the machine slows all of them."""

    conditions: Conditions
    cells: tuple[Cell, ...]

    @cached_property
    def content(self) -> str:
        """The hash of all of it: the same on every machine."""
        return content_hash(self.model_dump(mode="json"))


class Timing(Frozen):
    """What the rounds of one cell took, in seconds each."""

    cell: Cell
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    def seconds(self, clock: Clock) -> tuple[float, ...]:
        return self.wall_s if clock is Clock.WALL else self.cpu_s


class Machine(Frozen):
    """Where something is measured, as far as times depend on it.

    Attributes:
        device: the GPU's name, or the processor's.
        cores: that this process may use.
    """

    device: str
    cpu: str
    cores: int
    python: str
    torch: str
    transformers: str
    adaptersweep: str


@dataclass(frozen=True)
class Spread:
    """The median of repeated measurements, with the lowest and the highest."""

    median: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.median:.4g} ({self.low:.4g}–{self.high:.4g})"


def spread(values: Iterable[float]) -> Spread:
    """Summarise measurements.

    Raises:
        ValueError: there are none.
    """
    found = list(values)
    if not found:
        raise ValueError("expected at least one measurement, found none")
    return Spread(statistics.median(found), min(found), max(found), len(found))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Summarise the ratio of each round, which cancels what slowed both sides of that round."""
    return spread(n / d for n, d in zip(numerators, denominators, strict=True))


def alternate(sides: Mapping[str, Callable[[], T]], *, rounds: int) -> dict[str, list[T]]:
    """Run each side once a round, and every second round in the opposite order."""
    results: dict[str, list[T]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 == 0 else reversed(list(sides)):
            results[name].append(sides[name]())
    return results
