"""Replay recorded learning curves through rules of early termination: regret against cost.

    python -m tests.benchmarks.termination --curves curves.json
    python -m tests.benchmarks.replay curves.json

A sweep is a bootstrap: configurations drawn without replacement from those recorded of a task, in
random order; of each either one recorded seed, or all, first seeds first. Ours stops a
configuration, Ray Tune's own schedulers a trial. Four workers train them, epoch by epoch in turns,
and a rule says after each epoch whether a trial goes on. All see the same curves in the same order.
Cost is epochs trained over epochs of the full sweep. A rule's winner is the configuration with the
highest mean over those seeds that it trained to their end, where there are any with all of them
among these; its regret is what the full sweep's winner scores above it, each over all seeds. All
sweeps of a task draw on one pool, so they are not independent.
"""

import argparse
import json
import random
import statistics
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from orchestrator.planning.early_termination import Group
from orchestrator.spec.termination import EarlyTermination, TerminationRule

WORKERS = 4
NEAR = 0.005
"""A winner that is so close to the full sweep's counts as the same."""

Seeds = Sequence[Sequence[float]]
"""The learning curves of one configuration: seed, epoch."""
Sweep = Sequence[Seeds]
"""Configurations in the order in which their trials begin."""


class Rule(Protocol):
    """What decides whether trials go on; a trial is a number."""

    def goes_on(self, trial: int, epoch: int, score: float) -> bool: ...

    def ended(self, trial: int) -> None: ...

    def hopeless(self, trial: int) -> bool:
        """Tell whether a trial is not to go on, or to begin, for what others have come to."""


class Ours:
    """The rules of `early_termination`."""

    def __init__(self, settings: EarlyTermination, sweep: Sweep) -> None:
        self._group = Group(settings)
        self._of = [str(number) for number, _ in in_turns(sweep)]
        for number, seeds in enumerate(sweep):
            ids = [str(t) for t, name in enumerate(self._of) if name == str(number)]
            self._group.enter(str(number), ids, max(map(len, seeds)))

    def goes_on(self, trial: int, epoch: int, score: float) -> bool:
        self._group.hear(self._of[trial], str(trial), epoch, selection=score, score=score)
        return not self.hopeless(trial)

    def ended(self, trial: int) -> None:
        self._group.end(self._of[trial], str(trial))

    def hopeless(self, trial: int) -> bool:
        if self._group.verdict(self._of[trial]) is None:
            return False
        self._group.give_up(self._of[trial])
        return True


@dataclass(frozen=True)
class _Trial:
    """As much of a trial of Ray Tune's as its schedulers look at."""

    trial_id: str


class OfRay:
    """A scheduler of Ray Tune, called as Ray Tune calls it."""

    def __init__(self, scheduler: Any, sweep: Sweep) -> None:
        scheduler.set_search_properties("score", "max")
        self._scheduler = scheduler
        self._controller = SimpleNamespace(get_live_trials=list)
        self._trials = [_Trial(str(i)) for i in range(sum(map(len, sweep)))]
        self._last: dict[int, dict[str, Any]] = {}
        for trial in self._trials:
            scheduler.on_trial_add(self._controller, trial)

    def goes_on(self, trial: int, epoch: int, score: float) -> bool:
        result = self._last[trial] = {"training_iteration": epoch, "score": score}
        said = self._scheduler.on_trial_result(self._controller, self._trials[trial], result)
        return bool(said != "STOP")

    def ended(self, trial: int) -> None:
        of_ray = self._trials[trial]
        self._scheduler.on_trial_complete(self._controller, of_ray, self._last[trial])

    def hopeless(self, trial: int) -> bool:
        return False


class Nothing:
    """Trains everything to its end."""

    def goes_on(self, trial: int, epoch: int, score: float) -> bool:
        return True

    def ended(self, trial: int) -> None:
        pass

    def hopeless(self, trial: int) -> bool:
        return False


@dataclass(frozen=True)
class Played:
    """What a rule made of one sweep."""

    cost: float
    regret: float


def in_turns(sweep: Sweep) -> list[tuple[int, Sequence[float]]]:
    """Return every trial as its configuration and its curve: first seeds first, as they begin."""
    turns = range(max(map(len, sweep)))
    return [
        (c, seeds[turn]) for turn in turns for c, seeds in enumerate(sweep) if turn < len(seeds)
    ]


def play(sweep: Sweep, rule: Rule, *, workers: int = WORKERS) -> Played:
    """Train the curves of one sweep under a rule."""
    trials = in_turns(sweep)
    waiting, running = deque(range(len(trials))), dict[int, int]()
    epochs, finished = 0, defaultdict[int, list[float]](list)
    while waiting or running:
        while waiting and len(running) < workers:
            trial = waiting.popleft()
            if not rule.hopeless(trial):
                running[trial] = 0
        for trial in list(running):
            if running[trial] and rule.hopeless(trial):
                del running[trial]
                continue
            running[trial] += 1
            number, curve = trials[trial]
            epochs += 1
            goes_on = rule.goes_on(trial, running[trial], curve[running[trial] - 1])
            if running[trial] == len(curve):
                rule.ended(trial)
                finished[number].append(max(curve))
                del running[trial]
            elif not goes_on:
                del running[trial]
    complete = [number for number, scores in finished.items() if len(scores) == len(sweep[number])]
    winner = max(complete or finished, key=lambda number: statistics.fmean(finished[number]))
    best = [statistics.fmean(map(max, seeds)) for seeds in sweep]
    return Played(epochs / sum(len(curve) for _, curve in trials), max(best) - best[winner])


def rules() -> Mapping[str, Callable[[Sweep], Rule]]:
    """Return the rules to compare, by what they are called in the table."""
    from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule

    def halving(factor: float, first: float, *rungs: float) -> Callable[[Sweep], Rule]:
        if rungs:
            settings = EarlyTermination(reduction_factor=factor, rungs=(first, *rungs))
        else:
            settings = EarlyTermination(reduction_factor=factor, grace_period=first)
        return lambda sweep: Ours(settings, sweep)

    def asha(factor: float, grace: int) -> Callable[[Sweep], Rule]:
        def made(sweep: Sweep) -> Rule:
            longest = max(len(curve) for seeds in sweep for curve in seeds)
            asked = {"time_attr": "training_iteration", "max_t": longest, "grace_period": grace}
            return OfRay(AsyncHyperBandScheduler(reduction_factor=factor, **asked), sweep)

        return made

    def median(sweep: Sweep) -> Rule:
        asked = {"time_attr": "training_iteration", "grace_period": 1}
        return OfRay(MedianStoppingRule(min_samples_required=3, **asked), sweep)

    ours = EarlyTermination(rule=TerminationRule.MEDIAN)
    points = [(3, 1), (4, 1), (3, 2), (4, 2), (3, 3), (4, 3), (3, 4), (4, 4)]
    shares = [(3, 0.25, 0.6), (4, 0.25, 0.75), (5, 0.25, 0.6), (4, 0.3, 0.6)]
    return {
        "everything": lambda _: Nothing(),
        "halving, usual": lambda sweep: Ours(EarlyTermination(), sweep),
        **{f"halving, {f} at {a:g} and {b:g}": halving(f, a, b) for f, a, b in shares},
        **{f"halving, {f} from epoch {first}": halving(f, first) for f, first in points},
        **{f"Ray Tune's ASHA, {f} from epoch {first}": asha(f, first) for f, first in points},
        "median": lambda sweep: Ours(ours, sweep),
        "Ray Tune's median": median,
    }


def bootstrap(pool: Sweep, *, size: int, draw: random.Random, together: bool) -> Sweep:
    """Draw one sweep: so many configurations, of each one recorded seed or all in any order."""
    return [
        draw.sample(list(seeds), len(seeds) if together else 1)
        for seeds in draw.sample(list(pool), size)
    ]


def pool_of(recorded: Mapping[str, Mapping[str, Any]]) -> list[Seeds]:
    """Return the seeds' curves of each configuration; those that diverged are left out."""
    found = ([s["scores"] for s in seeds.values() if s["scores"]] for seeds in recorded.values())
    return [seeds for seeds in found if seeds]


def table(pool: Sweep, *, sweeps: int, size: int, together: bool) -> str:
    """Return what the rules made of so many sweeps, in Markdown."""
    lines = ["| rule | cost | times less | mean regret | within 0.005 |", "|---|---|---|---|---|"]
    for name, rule in rules().items():
        draw = random.Random(0)
        drawn = [bootstrap(pool, size=size, draw=draw, together=together) for _ in range(sweeps)]
        found = [play(sweep, rule(sweep)) for sweep in drawn]
        cost, regret = (statistics.fmean(v) for v in zip(*map(astuple, found), strict=True))
        near = statistics.fmean(p.regret <= NEAR + 1e-9 for p in found)
        lines.append(f"| {name} | {cost:.3f} | {1 / cost:.1f} | {regret:.4f} | {near:.0%} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print two tables for each task."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("curves", type=Path)
    made.add_argument("--sweeps", type=int, default=50)
    made.add_argument("--size", type=int, default=64)
    arguments = made.parse_args()
    recorded = json.loads(arguments.curves.read_text(encoding="utf-8"))["curves"]
    for task, configurations in recorded.items():
        pool = pool_of(configurations)
        if len(pool) < arguments.size:
            sys.stdout.write(f"{task}: {len(pool)} configurations of {arguments.size}, left out\n")
            continue
        what = f"{task}, {arguments.sweeps} sweeps of {arguments.size} of {len(pool)}"
        for together, words in ((False, "one seed of each"), (True, "all seeds of each")):
            sys.stdout.write(f"\n{what}, {words}\n\n")
            shape = {"sweeps": arguments.sweeps, "size": arguments.size}
            sys.stdout.write(table(pool, together=together, **shape))


if __name__ == "__main__":
    main()
