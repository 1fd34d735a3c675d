"""Choose the winners of a sweep by its `select` rules. Pure.

Every choice is made on validation; test scores never take part. Putting winners into the
registry is left to `orchestrator.registry`.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.plan import matches
from orchestrator.spec.model import Ranking, SelectRule
from workers.results import TrialResult
from workers.tasks.card import Split
from workers.trial import Trial


@dataclass(frozen=True)
class Standing:
    """One configuration over its seeds on one task.

    Attributes:
        best: its best trial, of equals the one with the lowest seed.
        mean, std: of the metric over seeds; `std` is the sample's, None for a single seed.
    """

    best: Trial
    result: TrialResult
    metric: str
    score: float
    mean: float
    std: float | None
    seeds: int


@dataclass(frozen=True)
class Winner:
    """A configuration's best trial under an alias."""

    alias: str
    standing: Standing


Finished = tuple[Trial, TrialResult]


def standings(
    finished: Iterable[Finished], configurations: Mapping[str, str], *, metric: str = "primary"
) -> list[Standing]:
    """Group the seeds of each configuration, best mean first. Trials without `metric` are left out.

    All are of one task and base model.

    Args:
        configurations: trial_id → a word that is the same for all seeds of a configuration.
    """
    groups: dict[str, list[Finished]] = defaultdict(list)
    for trial, result in finished:
        if validation_score(result, metric) is not None:
            groups[configurations[trial.trial_id]].append((trial, result))
    rows = [_standing(group, metric) for group in groups.values()]
    return sorted(rows, key=lambda s: (-s.mean, s.best.label))


def choose(
    rules: Sequence[SelectRule], finished: Sequence[Finished], configurations: Mapping[str, str]
) -> list[Winner]:
    """Return the winner of every rule for each task and base model that has one.

    Only trials that left adapter files can win. `configurations` as for `standings`.
    """
    winners = []
    for rule in rules:
        by_target: dict[tuple[str, str], list[Finished]] = defaultdict(list)
        for trial, result in finished:
            wanted = rule.tasks is None or trial.task.name in rule.tasks
            if wanted and result.adapter is not None and matches(trial, rule.where):
                by_target[trial.base.name, trial.task.name].append((trial, result))
        for group in by_target.values():
            rows = standings(group, configurations, metric=str(rule.metric))
            if rule.rank is Ranking.BEST_TRIAL:
                rows.sort(key=lambda s: (-s.score, s.best.seed, s.best.trial_id))
            winners += [Winner(rule.alias, row) for row in rows[:1]]
    return winners


def validation_score(result: TrialResult, metric: str) -> float | None:
    """Return a metric on validation at the trial's own depth, None where it was not measured."""
    if metric == "primary":
        return result.score
    for score in result.scores:
        if score.split is Split.VALIDATION and score.depth == result.depth:
            return score.metrics.get(metric)
    return None


def _standing(group: list[Finished], metric: str) -> Standing:
    scored = [(s, t, r) for t, r in group if (s := validation_score(r, metric)) is not None]
    score, trial, result = min(scored, key=lambda row: (-row[0], row[1].seed))
    values = [s for s, _, _ in scored]
    return Standing(
        best=trial,
        result=result,
        metric=result.metric if metric == "primary" else metric,
        score=score,
        mean=statistics.fmean(values),
        std=statistics.stdev(values) if len(values) > 1 else None,
        seeds=len(values),
    )
