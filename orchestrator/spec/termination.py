"""When a sweep ends what is hopeless, and when it ends itself: `early_termination` and `stop`.

What follows from them is left to `orchestrator.planning.early_termination` and
`orchestrator.running.budget`.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from orchestrator.spec.axes import AXES
from orchestrator.spec.values import LARGEST, Count, Name, Number, OneOrMany, Positive, Section
from workers.contract.decision_points import DecisionPoints

_MOST_RUNGS = 64
USUAL_RUNGS = (0.25, 0.6)
"""Shares of the training after which halving compares, unless a sweep says otherwise: early enough
to save much, and late enough to mean something (docs/benchmarks.md, early termination)."""


class TerminationRule(StrEnum):
    """By what it is decided which configurations are not trained on."""

    HALVING = "halving"  # asynchronous successive halving (Li et al. 2020)
    MEDIAN = "median"  # the median stopping rule (Golovin et al. 2017)


class Sources(StrEnum):
    """What becomes of trials that others of the sweep are built on."""

    KEEP = "keep"
    STOP = "stop"


def _epoch_or_share(point: float) -> float:
    if point >= 1 and point != int(point):
        raise ValueError(
            "expected a whole number of epochs, or below 1 a share of the training rows"
        )
    return point


def _rising(rungs: tuple[float, ...]) -> tuple[float, ...]:
    if list(rungs) != sorted(set(rungs)):
        raise ValueError("expected rungs that rise, such as [1, 3, 9]")
    if rungs[0] < 1 <= rungs[-1]:
        raise ValueError(
            "expected epochs alone, such as [1, 3, 9], or shares of the training rows alone, such "
            "as [0.1, 0.3]"
        )
    return rungs


def _axis(name: str) -> str:
    if name not in AXES:
        raise ValueError(f"expected keys of a condition, such as method or drop_depth: {name!r}")
    if name == "seed":
        raise ValueError("expected no seed: a configuration is decided on over its seeds")
    return name


Point = Annotated[Positive, Field(le=LARGEST), AfterValidator(_epoch_or_share)]


class EarlyTermination(Section):
    """By which rule a configuration is not trained on, within trials of one task, base and metric.

    Points are epochs, or below 1 shares of the rows that a trial reads in all its training.
    """

    rule: TerminationRule = TerminationRule.HALVING
    grace_period: Point | None = None
    reduction_factor: Annotated[Number, Field(gt=1, le=LARGEST)] = 4
    rungs: (
        Annotated[
            tuple[Point, ...], Field(min_length=1, max_length=_MOST_RUNGS), AfterValidator(_rising)
        ]
        | None
    ) = None
    within: OneOrMany[Annotated[str, AfterValidator(_axis)]] | None = None
    sources: Sources = Sources.KEEP

    @model_validator(mode="after")
    def _nothing_that_would_be_ignored(self) -> Self:
        given = self.model_fields_set
        if self.rule is TerminationRule.MEDIAN:
            for key in ("rungs", "reduction_factor"):
                if key in given and getattr(self, key) is not None:
                    raise ValueError(f"`{key}` belongs to rule halving; drop it, or the rule")
        if self.rungs is not None and self.grace_period is not None:
            raise ValueError("the first of `rungs` is the grace period; give one of them")
        return self

    @property
    def first_point(self) -> float:
        """Return from when on the median rule compares."""
        return 1 if self.grace_period is None else self.grace_period

    @property
    def decision_points(self) -> DecisionPoints:
        """Return when workers wait to hear whether a trial goes on."""
        if self.rule is TerminationRule.MEDIAN:
            return DecisionPoints(every_from=self.first_point)
        if self.rungs is not None:
            return DecisionPoints(rungs=self.rungs)
        if self.grace_period is None:
            return DecisionPoints(rungs=USUAL_RUNGS)
        return DecisionPoints(rungs=tuple(self._powers(self.grace_period)))

    def _powers(self, first: float) -> Iterator[float]:
        """Yield the grace period times the powers of the reduction factor."""
        for power in itertools.count():
            rung = first * self.reduction_factor**power
            past = rung >= 1 if first < 1 else rung > LARGEST
            if past or power == _MOST_RUNGS:
                return
            yield rung if first < 1 else float(int(rung))

    @property
    def settings(self) -> dict[str, Any]:
        """Return it as it is kept beside what it stopped; another one decides anew."""
        return self.model_dump(mode="json")


class Budget(Section):
    """What a sweep may take, over all its submissions; when any of it is reached, it ends.

    `target_score` is a score that every task must reach, or task → its own.
    """

    max_trials: Count | None = None
    max_hours: Positive | None = None
    max_gpu_hours: Positive | None = None
    target_score: Annotated[Mapping[Name, Number], Field(min_length=1)] | Number | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(value is not None for value in dict(self).values()):
            raise ValueError("expected a budget, such as `max_hours: 8`, found none; drop `stop`")
        return self

    @property
    def cuts_short(self) -> bool:
        """Whether reaching it stops trials that run; what is counted in trials does not."""
        return any(
            value is not None for value in (self.max_hours, self.max_gpu_hours, self.target_score)
        )

    def targets(self, tasks: Collection[str]) -> Mapping[str, float]:
        """Return task → the score that it is to reach, empty where none is given."""
        if self.target_score is None:
            return {}
        if isinstance(self.target_score, Mapping):
            return self.target_score
        return dict.fromkeys(tasks, self.target_score)
