"""Which configurations of a group are not worth training on, as their learning curves arrive. Pure.

A group is what can be compared: trials of one task, base model and metric. In it a configuration
stands for all its seeds: what counts is the mean over those that have come as far, and the verdict
is on all of them. At a point of its curve a trial counts with what it would score if it ended
there: the score of its best epoch so far. Somebody is always left: who is ahead of all that go on
is not stopped, though one that was stopped may have been better. Whom a verdict does not concern,
such as sources of a fusion, and what follows from one, is left to
`orchestrator.running.early_stopping`.
"""

import bisect
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from orchestrator.spec.termination import EarlyTermination, TerminationRule
from workers.contract.decision_points import epoch_at

LEAST_OTHERS = 3
"""So many other configurations must have come as far before there is a median of them."""


@dataclass(frozen=True)
class Verdict:
    """Why a configuration is not worth training on.

    Attributes:
        epoch: the one after which it was compared.
        score: its own there, over `seeds` of its seeds.
        bar: what it would have needed; `better` of `compared` configurations have that, itself
            among the compared.
        best: the configuration with the highest score there, which is `best_score`.
    """

    rule: TerminationRule
    epoch: int
    score: float
    seeds: int
    bar: float
    better: int
    compared: int
    best: str
    best_score: float


@dataclass
class Curve:
    """What one seed would score if it ended after each of its epochs.

    Attributes:
        ended: whether no epoch is to come; then the last one counts for all later ones.
    """

    scores: list[float] = field(default_factory=list)
    ended: bool = False
    _best: float = -math.inf

    def add(self, epoch: int, selection: float, score: float) -> bool:
        """Add an epoch; one that is known already, or came without those before it, is not new."""
        if epoch != len(self.scores) + 1:
            return False
        kept = self.scores and selection <= self._best
        self.scores.append(self.scores[-1] if kept else score)
        self._best = max(self._best, selection)
        return True

    def at(self, epoch: int) -> float | None:
        """Return the score after an epoch, None where it has not come so far."""
        if len(self.scores) >= epoch:
            return self.scores[epoch - 1]
        return self.scores[-1] if self.ended and self.scores else None

    def mean_to(self, epoch: int) -> float | None:
        """Return the mean of the scores up to an epoch, likewise."""
        if self.at(epoch) is None:
            return None
        return fmean(self.scores[:epoch])


@dataclass
class Contender:
    """One configuration: its seeds' curves by trial.

    Attributes:
        epochs: that each of its seeds is trained for at most.
    """

    name: str
    epochs: int
    curves: dict[str, Curve] = field(default_factory=dict)

    def at(self, epoch: int) -> float | None:
        """Return the mean over the seeds that have come to an epoch, None where none has."""
        found = [s for c in self.curves.values() if (s := c.at(epoch)) is not None]
        return fmean(found) if found else None

    def mean_to(self, epoch: int) -> float | None:
        """Return the mean over seeds of their means up to an epoch, likewise."""
        found = [s for c in self.curves.values() if (s := c.mean_to(epoch)) is not None]
        return fmean(found) if found else None

    def seeds_at(self, epoch: int) -> int:
        return sum(c.at(epoch) is not None for c in self.curves.values())


class Ranks:
    """Configurations by a score each, of which any may change; asking costs little."""

    def __init__(self) -> None:
        self.scores: dict[str, float] = {}
        self._ordered: list[float] = []

    def put(self, name: str, score: float) -> None:
        before = self.scores.get(name)
        if before is not None:
            del self._ordered[bisect.bisect_left(self._ordered, before)]
        self.scores[name] = score
        bisect.insort(self._ordered, score)

    def __len__(self) -> int:
        return len(self._ordered)

    def from_top(self, place: int) -> float:
        """Return the score in a place, from 1 for the highest."""
        return self._ordered[-place]

    def at_least(self, score: float) -> int:
        """Count the scores that are no lower."""
        return len(self._ordered) - bisect.bisect_left(self._ordered, score)

    def median_without(self, name: str) -> float:
        """Return the median of all others."""
        own = bisect.bisect_left(self._ordered, self.scores[name])
        n = len(self._ordered) - 1
        middle = [i + (i >= own) for i in ((n - 1) // 2, n // 2)]
        return fmean(self._ordered[i] for i in middle)

    def has_better(self, name: str, given_up: Collection[str]) -> bool:
        """Tell whether one that is not given up has a higher score.

        A configuration's score changes as its seeds come in: the one that stopped all others may
        itself fall behind one of those, which nobody trains any more.
        """
        own = self.scores[name]
        return any(s > own for other, s in self.scores.items() if other not in given_up)

    @property
    def best(self) -> tuple[str, float]:
        name = max(self.scores, key=lambda each: (self.scores[each], each))
        return name, self.scores[name]


class Judge(Protocol):
    """A rule, with what it has to remember of a group."""

    def heard(self, one: Contender, epochs: Iterable[int]) -> None:
        """Take in that a configuration has come to some epochs, or has another mean there."""

    def verdict(self, one: Contender, given_up: Collection[str]) -> Verdict | None:
        """Say why a configuration is not worth going on with, None while it is.

        Args:
            given_up: the configurations that are not trained on.
        """


def _against(
    ranks: Ranks, one: Contender, rule: TerminationRule, epoch: int, *, score: float, bar: float
) -> Verdict:
    """Return the verdict on a configuration whose score is below the bar of those ranked."""
    best, best_score = ranks.best
    return Verdict(
        rule=rule,
        epoch=epoch,
        score=score,
        seeds=one.seeds_at(epoch),
        bar=bar,
        better=ranks.at_least(bar),
        compared=len(ranks),
        best=best,
        best_score=best_score,
    )


class Halving:
    """At each rung, the best of those that have come there go on: one in `reduction_factor`.

    Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter
    Tuning") as one stops by it: who comes to a rung is compared with who has been there, and waits
    for nobody. Beyond that, who went on early is compared again, until its next rung, whenever
    others have come to the one that it passed last.
    """

    def __init__(self, points: Sequence[float], reduction_factor: float) -> None:
        self._points, self._factor = points, reduction_factor
        self._rungs: dict[int, Ranks] = defaultdict(Ranks)

    def _epochs(self, one: Contender) -> list[int]:
        """Return after which epochs a configuration is on its rungs, the last epoch left out."""
        found = (epoch_at(point, one.epochs) for point in self._points)
        return [epoch for epoch in found if epoch < one.epochs]

    def heard(self, one: Contender, epochs: Iterable[int]) -> None:
        new = set(epochs)
        for rung, epoch in enumerate(self._epochs(one)):
            if epoch in new and (score := one.at(epoch)) is not None:
                self._rungs[rung].put(one.name, score)

    def verdict(self, one: Contender, given_up: Collection[str]) -> Verdict | None:
        epochs = self._epochs(one)
        passed = {
            max(0, bisect.bisect_right(epochs, len(curve.scores)) - 1)
            for curve in one.curves.values()
            if not curve.ended
        }
        for rung in sorted(passed):
            ranks = self._rungs[rung]
            if one.name not in ranks.scores:
                continue
            place = math.ceil(len(ranks) / self._factor)
            bar, score = ranks.from_top(place), ranks.scores[one.name]
            if score < bar and ranks.has_better(one.name, given_up):
                return _against(
                    ranks, one, TerminationRule.HALVING, epochs[rung], score=score, bar=bar
                )
        return None


class Median:
    """Who is worse so far than the median of the others' means up to the same epoch ends.

    The median stopping rule (Golovin et al. 2017, "Google Vizier"): the own best score against the
    others' running means. Which epochs are of one point of the training is told by their number.
    """

    def __init__(self, grace_period: float) -> None:
        self._grace = grace_period
        self._means: dict[int, Ranks] = defaultdict(Ranks)

    def heard(self, one: Contender, epochs: Iterable[int]) -> None:
        for epoch in epochs:
            if (mean := one.mean_to(epoch)) is not None:
                self._means[epoch].put(one.name, mean)

    def verdict(self, one: Contender, given_up: Collection[str]) -> Verdict | None:
        first = epoch_at(self._grace, one.epochs)
        reached = {len(curve.scores) for curve in one.curves.values() if not curve.ended}
        for epoch in sorted(reached):
            ranks = self._means[epoch]
            if epoch < first or len(ranks) - 1 < LEAST_OTHERS or one.name not in ranks.scores:
                continue
            bar, score = ranks.median_without(one.name), one.at(epoch)
            if score is not None and score < bar and ranks.has_better(one.name, given_up):
                return _against(ranks, one, TerminationRule.MEDIAN, epoch, score=score, bar=bar)
        return None


class Group:
    """The configurations that are compared with each other."""

    def __init__(self, rule: EarlyTermination) -> None:
        points = rule.decision_points
        self._judge: Judge = (
            Median(rule.first_point)
            if rule.rule is TerminationRule.MEDIAN
            else Halving(points.rungs, rule.reduction_factor)
        )
        self._contenders: dict[str, Contender] = {}
        self._given_up: set[str] = set()

    def enter(self, configuration: str, trials: Collection[str], epochs: int) -> None:
        """Let a configuration take part, with all its seeds."""
        curves = {trial_id: Curve() for trial_id in trials}
        self._contenders[configuration] = Contender(configuration, epochs, curves)

    def hear(
        self, configuration: str, trial_id: str, epoch: int, *, selection: float, score: float
    ) -> None:
        """Take in an epoch of a seed; each comes after those before it, and may come twice.

        Args:
            selection: what its best epoch is chosen by.
            score: what it would score if that were this one.
        """
        one = self._contenders[configuration]
        curve = one.curves.get(trial_id)
        if curve is not None and curve.add(epoch, selection, score):
            self._judge.heard(one, [epoch])

    def end(self, configuration: str, trial_id: str) -> None:
        """Note that a seed has no epoch to come: what it scored last counts at all later points."""
        one = self._contenders[configuration]
        curve = one.curves.get(trial_id)
        if curve is not None and not curve.ended:
            curve.ended = True
            self._given_up.discard(configuration)  # it came to its end before it was stopped
            self._judge.heard(one, range(len(curve.scores) + 1, one.epochs))

    def drop(self, configuration: str, trial_id: str) -> None:
        """Let a seed that failed count no more."""
        one = self._contenders[configuration]
        if one.curves.pop(trial_id, None) is not None:
            if not one.curves:
                self.give_up(configuration)
            self._judge.heard(one, range(1, one.epochs))

    def verdict(self, configuration: str) -> Verdict | None:
        """Say why a configuration is not worth training on, None while it is."""
        return self._judge.verdict(self._contenders[configuration], self._given_up)

    def give_up(self, configuration: str) -> None:
        """Note that a configuration is not trained on; as what it has come to, it still counts."""
        self._given_up.add(configuration)


def in_words(verdict: Verdict, best: str) -> str:
    """Say in a sentence when it was decided, by which rule, and against whom."""
    over = f"mean of {verdict.seeds} seeds" if verdict.seeds > 1 else "one seed"
    if verdict.rule is TerminationRule.MEDIAN:
        why = f"below {verdict.bar:.4f}, the median of {verdict.compared - 1} others' means so far"
    else:
        why = (
            f"not among the best {verdict.better} of {verdict.compared} configurations, which "
            f"have {verdict.bar:.4f} or more"
        )
    return (
        f"stopped by {verdict.rule} after epoch {verdict.epoch}: {verdict.score:.4f} ({over}) is "
        f"{why}; best there: {best} with {verdict.best_score:.4f}"
    )
