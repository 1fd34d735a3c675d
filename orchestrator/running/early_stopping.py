"""What a sweep's rule of early termination says of its trials, and of which it says nothing.

The rule itself is `orchestrator.planning.early_termination`. Asking workers to stop, and recording
it, is left to `orchestrator.running.board`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Stop
from orchestrator.catalog.rows import configurations
from orchestrator.planning.early_termination import Group, Verdict, in_words
from orchestrator.planning.plan import Plan
from orchestrator.planning.settings import Labels
from orchestrator.spec.axes import AXES
from orchestrator.spec.termination import EarlyTermination, Sources
from workers.contract.results import Epoch
from workers.contract.trial import Trial


class EarlyStopping:
    """The rule of one submission over its trials; without a rule it never stops any.

    Attributes:
        settings: what the sweep says of it; None where it has no rule.
        stoppable: the trials that it may stop.
    """

    def __init__(
        self,
        rule: EarlyTermination | None,
        trials: Mapping[str, Trial],
        *,
        sweep: str,
        exempt: Collection[str] = (),
    ) -> None:
        """Begin without any curve.

        Args:
            exempt: trials that are wanted in full.
        """
        self.settings = rule
        self._trials, self._sweep = trials, sweep
        self._labels = Labels(trials)
        self._groups: dict[Any, Group] = {}
        self._place: dict[str, tuple[Group, str]] = {}
        self._members: dict[str, list[str]] = {}
        self.stoppable: frozenset[str] = frozenset()
        if rule is None:
            return
        self._form_groups(rule)
        built_on = {p for t in trials.values() for p in t.parents}
        kept = built_on if rule.sources is Sources.KEEP else set()
        self.stoppable = frozenset(self._place.keys() - kept - set(exempt))

    def _form_groups(self, rule: EarlyTermination) -> None:
        named = configurations(self._trials.values(), {})
        for trial_id, trial in self._trials.items():
            if not trial.method.trains_nothing:
                self._members.setdefault(named[trial_id], []).append(trial_id)
        for configuration, ids in self._members.items():
            first = self._trials[ids[0]]
            key = (
                *(first.base.identity, first.task.name, first.task.fingerprint, first.metric),
                *(AXES[name].read(first) for name in rule.within or ()),
            )
            group = self._groups.setdefault(key, Group(rule))
            group.enter(configuration, ids, first.training.epochs)
            self._place |= dict.fromkeys(ids, (group, configuration))

    @property
    def turns(self) -> Mapping[str, int]:
        """Return for each trial that may be stopped which seed of its configuration it is, from 0.

        Run in this order, a configuration that is stopped by its first seed never begins others.
        """
        return {
            trial_id: turn
            for ids in self._members.values()
            for turn, trial_id in enumerate(i for i in ids if i in self.stoppable)
        }

    def recall(
        self, curves: Mapping[str, Sequence[Epoch]], finished: Callable[[str], bool]
    ) -> None:
        """Take in what was trained before, here or in other sweeps."""
        for trial_id, curve in curves.items():
            self.hear((trial_id, epoch) for epoch in curve)
            if finished(trial_id):
                self.end(trial_id, ())

    def hear(self, points: Iterable[tuple[str, Epoch]]) -> None:
        """Take in points of learning curves."""
        for trial_id, epoch in points:
            if (place := self._place.get(trial_id)) is not None:
                group, configuration = place
                score = epoch.metrics[self._trials[trial_id].metric]
                selection = epoch.selection_score
                group.hear(configuration, trial_id, epoch.epoch, selection=selection, score=score)

    def end(self, trial_id: str, curve: Sequence[Epoch]) -> None:
        """Take in the whole curve of a trial that has finished."""
        self.hear((trial_id, epoch) for epoch in curve)
        if (place := self._place.get(trial_id)) is not None:
            place[0].end(place[1], trial_id)

    def drop(self, trial_id: str) -> None:
        """Let a trial that failed count no more."""
        if (place := self._place.get(trial_id)) is not None:
            place[0].drop(place[1], trial_id)

    def give_up(self, trial_id: str) -> None:
        """Take in that a trial is stopped, whoever decided that."""
        if (place := self._place.get(trial_id)) is not None:
            place[0].give_up(place[1])

    def hopeless(self, trial_ids: Iterable[str]) -> dict[str, Stop]:
        """Return those of the trials that are not worth training on, and why."""
        found: dict[str, Stop] = {}
        verdicts: dict[str, Stop | None] = {}
        for trial_id in trial_ids:
            if trial_id not in self.stoppable:
                continue
            group, configuration = self._place[trial_id]
            if configuration not in verdicts:
                verdict = group.verdict(configuration)
                verdicts[configuration] = None if verdict is None else self._stop(verdict)
                if verdict is not None:
                    group.give_up(configuration)
            if (stop := verdicts[configuration]) is not None:
                found[trial_id] = stop
        return found

    def _stop(self, verdict: Verdict) -> Stop:
        assert self.settings is not None
        best = self._members[verdict.best][0]
        label = self._labels.of(best).rpartition(" · seed")[0]
        return Stop(
            sweep=self._sweep,
            settings=self.settings.settings,
            epoch=verdict.epoch,
            score=verdict.score,
            seeds=verdict.seeds,
            bar=verdict.bar,
            compared=verdict.compared,
            best=best,
            best_score=verdict.best_score,
            message=in_words(verdict, label),
        )

    def stays(self, trial_id: str, stop: Stop) -> bool:
        """Tell whether what stopped a trial earlier is this very rule, so that it stays stopped."""
        same = self.settings is not None and stop.settings == self.settings.settings
        return same and stop.sweep == self._sweep and trial_id in self.stoppable


def kept_stopped(plan: Plan, catalog: Catalog) -> set[str]:
    """Return the trials that an earlier submission stopped by the rule that the plan still has.

    What waits for such a trial is stopped with it.
    """
    stops = catalog.stops(plan.trials) if plan.spec.early_termination is not None else {}
    if not stops:
        return set()
    rule = EarlyStopping(plan.spec.early_termination, plan.trials, sweep=plan.spec.name)
    kept = {i for i, stop in stops.items() if rule.stays(i, stop)}
    for trial_id, trial in plan.trials.items():  # parents stand before their children
        if not kept.isdisjoint(trial.parents):
            kept.add(trial_id)
    return kept - catalog.finished(plan.trials)
