"""Choose the winners of a sweep by its `select` rules. Pure.

Every choice is made on validation; test scores never take part. Putting winners into the
registry is left to `orchestrator.registry.lookup`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.plan import matches
from orchestrator.planning.ranking import Planned, Ranked, rank
from orchestrator.spec.model import Ranking, SelectRule
from workers.contract.results import TrialResult
from workers.contract.task_card import Split
from workers.contract.trial import Trial


@dataclass(frozen=True)
class Standing:
    """One configuration over its seeds on one task.

    Attributes:
        best: its best trial, of equals the one with the lowest seed.
        mean, std: of the metric over seeds; `std` is the sample's, None for a single seed.
        seeds: how many have finished, of `planned` that the sweep asks for.
    """

    best: Trial
    result: TrialResult
    metric: str
    score: float
    mean: float
    std: float | None
    seeds: int
    planned: int

    @property
    def complete(self) -> bool:
        """Whether every seed has finished, so that the mean is not one over survivors."""
        return self.seeds == self.planned


@dataclass(frozen=True)
class Winner:
    """A configuration's best trial under an alias, and by which ranking it won."""

    alias: str
    standing: Standing
    rank: Ranking = Ranking.MEAN_OVER_SEEDS


def standings(
    trials: Iterable[Trial],
    results: Mapping[str, TrialResult],
    configurations: Mapping[str, str],
    *,
    metric: str = "primary",
) -> list[Standing]:
    """Group the seeds of each configuration: complete ones first, then the best mean first.

    All are of one base model, task and fingerprint. Finished trials without `metric` are left out.

    Args:
        trials: every planned one, finished or not.
        results: of those that are finished, by trial_id.
        configurations: trial_id → a word that is the same for all seeds of a configuration.
    """
    by_id, planned = {}, []
    for trial in trials:
        result = results.get(trial.trial_id)
        score = None if result is None else validation_score(result, metric)
        if result is None or score is not None:
            by_id[trial.trial_id] = trial
            key = configurations[trial.trial_id]
            planned.append(Planned(key, trial.trial_id, trial.seed, score))
    return [_standing(row, by_id, results, metric) for row in rank(planned)]


def choose(
    rules: Sequence[SelectRule],
    trials: Iterable[Trial],
    results: Mapping[str, TrialResult],
    configurations: Mapping[str, str],
) -> list[Winner]:
    """Return the winner of every rule for each base model, task and fingerprint that has one.

    Only trials that left adapter files can win. A configuration of which a seed has failed, is
    blocked or still to come wins only where there is no complete one: nothing is then taken from
    a better one, and an adapter that was trained can be fetched, its missing seeds in view
    (`Standing.complete`). Ranked by `best_trial` each trial stands for itself, so there it does
    not matter. Arguments as for `standings`.
    """
    every = list(trials)
    winners = []
    for rule in rules:
        compared: dict[tuple[str, ...], list[Trial]] = defaultdict(list)
        for trial in every:
            wanted = rule.tasks is None or trial.task.name in rule.tasks
            if wanted and matches(trial, rule.where) and _leaves_adapter(trial, results):
                task = trial.task
                key = (trial.base.identity, task.name, task.fingerprint, trial.metric)
                compared[key].append(trial)
        for group in compared.values():
            rows = standings(group, results, configurations, metric=str(rule.metric))
            if rule.rank is Ranking.BEST_TRIAL:
                rows.sort(key=lambda s: (-s.score, s.best.seed, s.best.trial_id))
            winners += [Winner(rule.alias, row, rule.rank) for row in rows[:1]]
    return winners


def validation_score(result: TrialResult, metric: str) -> float | None:
    """Return a metric on validation at the trial's own depth, None where it was not measured."""
    if metric == "primary":
        return result.score
    for score in result.scores:
        if score.split is Split.VALIDATION and score.depth == result.depth:
            return score.metrics.get(metric)
    return None


def _leaves_adapter(trial: Trial, results: Mapping[str, TrialResult]) -> bool:
    """Say whether a trial has adapter files, or would have if it had finished."""
    result = results.get(trial.trial_id)
    return trial.method.leaves_files if result is None else result.adapter is not None


def _standing(
    row: Ranked, trials: Mapping[str, Trial], results: Mapping[str, TrialResult], metric: str
) -> Standing:
    best_id, score = row.finished[0]
    result = results[best_id]
    return Standing(
        best=trials[best_id],
        result=result,
        metric=result.metric if metric == "primary" else metric,
        score=score,
        mean=row.mean,
        std=row.std,
        seeds=len(row.finished),
        planned=row.planned,
    )
