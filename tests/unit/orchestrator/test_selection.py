"""Winners are chosen on validation, by rule, with a seed spread."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.driver import plan_sweep
from orchestrator.plan import Plan
from orchestrator.selection import Finished, choose, standings
from orchestrator.spec.model import Ranking, SelectRule
from workers.results import AdapterFiles, ParameterCounts, Score, SelectionRecord, TrialResult
from workers.tasks.card import Split
from workers.trial import Method, Trial


@pytest.fixture
def plan(toy_sweep: Callable[..., Path]) -> Plan:
    return plan_sweep(toy_sweep(seeds="[0, 1]"))[0]


def result(trial: Trial, validation: float, test: float, f1: float = 0.0) -> TrialResult:
    def measured(split: Split, value: float) -> Score:
        metrics = {"accuracy": value, "f1": f1}
        return Score(split=split, depth=trial.drop.depth, rows=10, metrics=metrics)

    files = AdapterFiles(kind="adapter", files={}, digest="d", size_bytes=1)
    return TrialResult(
        trial_id=trial.trial_id,
        metric="accuracy",
        score=validation,
        depth=trial.drop.depth,
        scores=(measured(Split.VALIDATION, validation), measured(Split.TEST, test)),
        majority=0.5,
        selection=SelectionRecord(
            checkpoint="", selected_on=Split.VALIDATION, reported_on=(), validation_from_train=False
        ),
        parameters=ParameterCounts(trained=1, stored=1, adapter=1),
        adapter=None if trial.method is Method.FULL_FINE_TUNING else files,
        duration_s=1.0,
        finished_at_unix_ms=0,
        environment={},
    )


def pair(plan: Plan, label: str) -> list[Trial]:
    """The two seeds of a configuration of task `one`."""
    found = [t for t in plan.trials.values() if t.label.rpartition(" · ")[0] == f"one · {label}"]
    assert [t.seed for t in found] == [0, 1]
    return found


def finish(
    plan: Plan, scores: dict[str, tuple[float, float]]
) -> tuple[list[Finished], dict[str, str]]:
    finished, groups = [], {}
    for label, values in scores.items():
        for trial, value in zip(pair(plan, label), values, strict=True):
            finished.append((trial, result(trial, value, test=1 - value, f1=1 - value)))
            groups[trial.trial_id] = label
    return finished, groups


STEADY, LUCKY = "adapter · pfeiffer r8", "adapter · pfeiffer r8 · drop 1"
SCORES = {STEADY: (0.8, 0.7), LUCKY: (0.5, 0.9)}


def test_the_mean_over_seeds_wins_and_its_best_seed_is_taken(plan: Plan) -> None:
    finished, groups = finish(plan, SCORES)
    winner = choose([SelectRule()], finished, groups)[0]
    assert winner.standing.best == pair(plan, STEADY)[0]
    assert winner.standing.mean == pytest.approx(0.75)
    assert winner.standing.std == pytest.approx(0.0707, abs=1e-4)
    assert winner.standing.seeds == 2


def test_the_best_single_trial_wins_when_asked_for(plan: Plan) -> None:
    finished, groups = finish(plan, SCORES)
    winner = choose([SelectRule(rank=Ranking.BEST_TRIAL)], finished, groups)[0]
    assert winner.standing.best == pair(plan, LUCKY)[1]


def test_another_metric_ranks_by_that_metric(plan: Plan) -> None:
    finished, groups = finish(plan, SCORES)
    winner = choose([SelectRule.model_validate({"metric": "f1"})], finished, groups)[0]
    assert winner.standing.best == pair(plan, LUCKY)[0]
    assert winner.standing.metric == "f1"


def test_where_and_missing_files_narrow_the_choice(plan: Plan) -> None:
    finished, groups = finish(plan, {**SCORES, "full fine tuning": (1.0, 1.0)})
    rules = [
        SelectRule(),
        SelectRule.model_validate({"alias": "light", "where": {"drop_mode": "specialised"}}),
        SelectRule.model_validate({"alias": "none", "where": {"method": "fusion"}}),
    ]
    winners = choose(rules, finished, groups)
    assert [(w.alias, w.standing.best.label) for w in winners] == [
        ("champion", pair(plan, STEADY)[0].label),
        ("light", pair(plan, LUCKY)[1].label),
    ]


def test_test_scores_never_take_part(plan: Plan) -> None:
    finished, groups = finish(plan, SCORES)
    flipped = [(t, result(t, r.score, test=r.score)) for t, r in finished]
    rows = [(s.best.trial_id, s.mean) for s in standings(finished, groups)]
    assert rows == [(s.best.trial_id, s.mean) for s in standings(flipped, groups)]
