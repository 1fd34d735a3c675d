"""What trials will take, and what they share, told from observations.

A method that was never measured is told from others on the same base, with more doubt; a base, a
device or a precision that was never measured is not told at all.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.planning.forecasting.estimates import Z_80, Estimate, blended
from orchestrator.planning.forecasting.observations import (
    Family,
    Observation,
    family_of,
    place_of,
    trained,
)
from orchestrator.planning.forecasting.rates import (
    DRIFT,
    SPREAD_OF_METHODS,
    Measurement,
    OtherMethods,
    Rate,
)
from orchestrator.planning.forecasting.trial_work import (
    Machine,
    Sizes,
    Work,
    measuring_work,
    training_work,
)
from workers.contract.spending import Phase, Spent
from workers.contract.trial import Method, Trial

_SPREAD_OF_FIXED = 0.3
"""Assumed of what is small and differs: loading, building, writing files."""
_TELLING_S = 0.5
"""What took less of processors tells nothing of how busy the machine was."""
_SEEN = 0.2
"""Loading that takes less than this share of the longest was no loading: it was done before."""


class Clock(StrEnum):
    """By which clock: the one on the wall, or that of processors."""

    WALL = "wall"
    CPU = "cpu"

    def read(self, spent: Spent) -> float:
        return spent.wall_s if self is Clock.WALL else spent.cpu_s


@dataclass(frozen=True)
class TrialCost:
    """What one trial takes of its worker, beside what it shares with others.

    Attributes:
        epochs: for how many it is expected to be trained.
    """

    training: Estimate
    measuring: Estimate
    fixed: Estimate
    epochs: float

    @property
    def parts(self) -> tuple[Estimate, ...]:
        return self.training, self.measuring, self.fixed

    @property
    def seconds(self) -> float:
        return sum(part.value for part in self.parts)


@dataclass
class _Rates:
    """Of one family, by method."""

    training: dict[Method, Rate] = field(default_factory=dict)
    measuring: dict[Method, Rate] = field(default_factory=dict)
    fixed: dict[Method, Estimate] = field(default_factory=dict)


class CostModel:
    """By one clock, on one kind of machine."""

    def __init__(
        self, observations: Sequence[Observation], machine: Machine, clock: Clock = Clock.WALL
    ) -> None:
        """Fit what there is.

        Args:
            observations: of any machines; those of another device are of no use.
        """
        self.machine = machine
        self._clock = clock
        self._used = _with_threads(observations, machine)
        self._families: dict[Family, _Rates] = defaultdict(_Rates)
        grouped: dict[tuple[Family, Method], list[Observation]] = defaultdict(list)
        for each in self._used:
            family = family_of(each.trial, each.machine.device)
            grouped[family, each.trial.method].append(each)
        for (family, method), of in grouped.items():
            self._fit(self._families[family], method, of)
        self._epochs = _shares_of_epochs(self._used)
        # By the clock, trials take as long as others let them: that may be otherwise next time.
        self._load = _spread_of_load(self._used) if clock is Clock.WALL else 0.0

    def _fit(self, rates: _Rates, method: Method, of: list[Observation]) -> None:
        read, device = self._clock.read, self.machine.device
        points = [
            Measurement(place_of(o.trial), o.training_work, read(o.spent[Phase.TRAINING]))
            for o in trained(of)
            if Phase.TRAINING in o.spent and read(o.spent[Phase.TRAINING]) > 0
        ]
        if points:
            rates.training[method] = Rate(points, device)
        points = [
            Measurement(
                place_of(o.trial, measuring=True),
                o.measuring_work,
                read(o.spent[Phase.MEASURING]),
            )
            for o in of
            if Phase.MEASURING in o.spent and read(o.spent[Phase.MEASURING]) > 0
        ]
        if points:
            rates.measuring[method] = Rate(points, device)
        fixed = [read(o.fixed) for o in of if o.fixed is not None]
        if fixed:
            rates.fixed[method] = _middle(fixed)

    @property
    def observations(self) -> Sequence[Observation]:
        """Return those that the estimates come from."""
        return self._used

    def cost(self, trial: Trial, sizes: Sizes) -> TrialCost | None:
        """Return what a trial takes; None where nothing like it was measured."""
        rates = self._families.get(family_of(trial, self.machine.device))
        if rates is None or not rates.measuring:
            return None
        epochs, doubt = self._expected_epochs(trial)
        training = Estimate(0.0)
        if not trial.method.trains_nothing:
            if not rates.training:
                return None
            rate = rates.training.get(trial.method) or OtherMethods(rates.training.values())
            work = training_work(trial, sizes, self.machine)
            training = rate.estimate(work * epochs, place_of(trial))
            training = training.times(1, shared=self._load, own=doubt)
        measured = rates.measuring.get(trial.method) or OtherMethods(rates.measuring.values())
        work = measuring_work(trial, sizes, self.machine, epochs)
        measuring = measured.estimate(work, place_of(trial, measuring=True))
        measuring = measuring.times(1, shared=self._load, own=doubt)
        fixed = rates.fixed.get(trial.method)
        if fixed is None:
            others = [e.value for e in rates.fixed.values()] or [0.0]
            fixed = Estimate(statistics.fmean(others), SPREAD_OF_METHODS)
        return TrialCost(training, measuring, fixed, epochs)

    def knows(self, trial: Trial) -> bool:
        """Tell whether its method was measured on its base, rather than others alone."""
        rates = self._families.get(family_of(trial, self.machine.device))
        if rates is None:
            return False
        return trial.method in (rates.measuring if trial.method.trains_nothing else rates.training)

    def _expected_epochs(self, trial: Trial) -> tuple[float, float]:
        """Return for how many epochs a trial is trained before it stops, and the doubt of that."""
        most, patience = trial.training.epochs, trial.training.patience
        least = most if patience is None else min(most, patience + 1)
        if trial.method.trains_nothing:
            return 0.0, 0.0
        if least == most:
            return float(most), 0.0
        found = self._epochs.get((trial.method, trial.task.fingerprint)) or self._epochs.get(
            (trial.method, None)
        )
        if found:
            mean = min(max(statistics.fmean(found) * most, least), most)
            return mean, blended([math.log(f * most / mean) for f in found], 0.2)
        return math.sqrt(least * most), math.log(most / least) / (2 * Z_80)

    def start(self) -> Estimate:
        """Return what the start of a worker's process takes."""
        return self._phase(self._used, Phase.START)

    def load_base(self, identity: str) -> Estimate:
        """Return what a worker takes to load a base model."""
        return self._phase((o for o in self._used if o.trial.base.identity == identity), Phase.BASE)

    def read_task(self, sizes: Sizes) -> Estimate:
        """Return what a worker takes to read and tokenise a task."""
        tokens = sum(size.tokens for size in sizes.values())
        return self._phase(self._used, Phase.TASK, per=lambda o: o.tokens).times(tokens)

    def prefix(self, token_layers: float, family: Family) -> Estimate:
        """Return what computing frozen prefixes takes; as long as measuring does, if not known."""
        found = [
            self._clock.read(o.spent[Phase.PREFIX]) / o.prefix_height
            for o in self._used
            if o.prefix_height
            and Phase.PREFIX in o.spent
            and family_of(o.trial, o.machine.device) == family
        ]
        if found:
            return _middle(found).times(token_layers)
        rates = self._families.get(family)
        if rates is None or not rates.measuring:
            return Estimate(0.0)
        nowhere = place_of(self._used[0].trial)
        other = OtherMethods(rates.measuring.values())
        return other.estimate(Work(token_layers, 0.0), nowhere).times(1, shared=DRIFT)

    def _phase(
        self,
        observations: Iterable[Observation],
        phase: Phase,
        per: Callable[[Observation], float] = lambda _: 1.0,
    ) -> Estimate:
        found = [
            self._clock.read(o.spent[phase]) / per(o)
            for o in observations
            if phase in o.spent and per(o) > 0
        ]
        done = [seconds for seconds in found if seconds > _SEEN * max(found)]
        return _middle(done) if done else Estimate(0.0)


def _middle(found: Sequence[float]) -> Estimate:
    """Return the median of what is small and differs, with how much it does."""
    middle = statistics.median(found)
    if middle <= 0:
        return Estimate(max(0.0, statistics.fmean(found)), _SPREAD_OF_FIXED)
    logs = [math.log(max(x, middle / 10) / middle) for x in found]
    own = blended(logs, _SPREAD_OF_FIXED)
    return Estimate(middle, math.hypot(DRIFT, own / math.sqrt(len(found))), own)


def _spread_of_load(observations: Iterable[Observation]) -> float:
    """Return how much seconds by the clock differed for a second of processors, as a logarithm."""
    nothing = Spent()
    logs = []
    for each in observations:
        parts = (each.spent.get(phase, nothing) for phase in (Phase.TRAINING, Phase.MEASURING))
        spent = sum(parts, nothing)
        if spent.cpu_s > _TELLING_S and spent.wall_s > 0:
            logs.append(math.log(spent.wall_s / spent.cpu_s))
    return statistics.pstdev(logs) if logs else 0.0


def _with_threads(observations: Sequence[Observation], machine: Machine) -> list[Observation]:
    """Return what was measured on this kind of machine, with as many threads if anything was."""
    found = [o for o in observations if o.machine.device == machine.device]
    same = [o for o in found if o.machine.threads == machine.threads]
    if same or machine.device != "cpu":
        return same or found
    return found


def _shares_of_epochs(
    observations: Iterable[Observation],
) -> Mapping[tuple[Method, Hashable], list[float]]:
    """Return (method, task or None for any) → shares of their epochs that trials were trained."""
    found: dict[tuple[Method, Hashable], list[float]] = defaultdict(list)
    for each in trained(observations):
        if each.trial.training.patience is not None:
            for task in (each.trial.task.fingerprint, None):
                found[each.trial.method, task].append(each.trained_share)
    return found
