"""Winners are chosen on validation, by rule, with a seed spread."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.catalog import Catalog
from orchestrator.planning.plan import Plan
from orchestrator.planning.selection import choose, standings
from orchestrator.running.driver import plan_sweep
from orchestrator.spec.model import Ranking, SelectRule
from workers.contract.results import (
    AdapterFiles,
    FailureReason,
    ParameterCounts,
    Score,
    SelectionRecord,
    TrialFailure,
    TrialResult,
)
from workers.contract.task_card import Split
from workers.contract.trial import Method, Trial


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
    plan: Plan, scores: dict[str, tuple[float | None, float | None]]
) -> tuple[list[Trial], dict[str, TrialResult], dict[str, str]]:
    """Plan both seeds of some configurations, and finish those that have a score."""
    trials, results, groups = [], {}, {}
    for label, values in scores.items():
        for trial, value in zip(pair(plan, label), values, strict=True):
            trials.append(trial)
            groups[trial.trial_id] = label
            if value is not None:
                results[trial.trial_id] = result(trial, value, test=1 - value, f1=1 - value)
    return trials, results, groups


STEADY, LUCKY = "adapter · pfeiffer r8", "adapter · pfeiffer r8 · drop 1"
SCORES = {STEADY: (0.8, 0.7), LUCKY: (0.5, 0.9)}


def test_the_mean_over_seeds_wins_and_its_best_seed_is_taken(plan: Plan) -> None:
    finished = finish(plan, SCORES)
    winner = choose([SelectRule()], *finished)[0]
    assert winner.standing.best == pair(plan, STEADY)[0]
    assert winner.standing.mean == pytest.approx(0.75)
    assert winner.standing.std == pytest.approx(0.0707, abs=1e-4)
    assert winner.standing.seeds == 2


def test_the_best_single_trial_wins_when_asked_for(plan: Plan) -> None:
    finished = finish(plan, SCORES)
    winner = choose([SelectRule(rank=Ranking.BEST_TRIAL)], *finished)[0]
    assert winner.standing.best == pair(plan, LUCKY)[1]


def test_another_metric_ranks_by_that_metric(plan: Plan) -> None:
    finished = finish(plan, SCORES)
    winner = choose([SelectRule.model_validate({"metric": "f1"})], *finished)[0]
    assert winner.standing.best == pair(plan, LUCKY)[0]
    assert winner.standing.metric == "f1"


def test_where_and_missing_files_narrow_the_choice(plan: Plan) -> None:
    finished = finish(plan, {**SCORES, "full fine tuning": (1.0, 1.0)})
    rules = [
        SelectRule(),
        SelectRule.model_validate({"alias": "light", "where": {"drop_mode": "specialised"}}),
        SelectRule.model_validate({"alias": "none", "where": {"method": "fusion"}}),
    ]
    winners = choose(rules, *finished)
    assert [(w.alias, w.standing.best.label) for w in winners] == [
        ("champion", pair(plan, STEADY)[0].label),
        ("light", pair(plan, LUCKY)[1].label),
    ]


def test_test_scores_never_take_part(plan: Plan) -> None:
    finished = finish(plan, SCORES)
    trials, results, groups = finished
    flipped = {t.trial_id: result(t, s := results[t.trial_id].score, test=s) for t in trials}
    rows = [(s.best.trial_id, s.mean) for s in standings(*finished)]
    assert rows == [(s.best.trial_id, s.mean) for s in standings(trials, flipped, groups)]


def test_a_configuration_that_lost_a_seed_does_not_beat_a_whole_one(plan: Plan) -> None:
    survivor = {STEADY: (0.8, 0.7), LUCKY: (0.99, None)}
    first, second = standings(*finish(plan, survivor))
    assert (first.best, first.complete) == (pair(plan, STEADY)[0], True)
    assert (second.best, second.complete) == (pair(plan, LUCKY)[0], False)
    assert (second.mean, second.seeds, second.planned) == (0.99, 1, 2)
    assert choose([SelectRule()], *finish(plan, survivor))[0].standing == first


def test_where_no_configuration_is_whole_the_best_of_them_wins_and_shows_it(plan: Plan) -> None:
    finished = finish(plan, {STEADY: (None, 0.7), LUCKY: (0.9, None)})
    (winner,) = choose([SelectRule()], *finished)
    assert winner.standing.best == pair(plan, LUCKY)[0]
    assert not winner.standing.complete
    assert choose([SelectRule()], *finish(plan, {STEADY: (None, None)})) == []


def test_a_seed_that_a_rule_leaves_out_is_not_missed(plan: Plan) -> None:
    rule = SelectRule.model_validate({"where": {"seed": 0}})
    (winner,) = choose([rule], *finish(plan, {STEADY: (0.8, None), LUCKY: (0.7, 0.9)}))
    assert winner.standing.best == pair(plan, STEADY)[0]
    assert (winner.standing.seeds, winner.standing.planned) == (1, 1)


def test_other_rows_are_another_choice(plan: Plan) -> None:
    """The same task's name with other rows: nothing is chosen between the two."""
    trials, results, groups = finish(plan, {STEADY: (0.8, 0.7)})
    for old in pair(plan, LUCKY):
        task = old.task.model_copy(update={"fingerprint": "of other rows"})
        fields = {name: getattr(old, name) for name in Trial.model_fields}
        new = Trial(**fields | {"task": task})
        trials.append(new)
        results[new.trial_id] = result(new, 0.99, test=0.5)
        groups[new.trial_id] = LUCKY
    winners = choose([SelectRule()], trials, results, groups)
    assert [w.standing.mean for w in winners] == [pytest.approx(0.75), pytest.approx(0.99)]


@pytest.mark.parametrize("draw", range(20))
def test_the_leaderboard_and_the_choice_agree(draw: int, plan: Plan, tmp_path: Path) -> None:
    """Scores on a coarse grid, so that means are equal often; some trials fail or stay pending."""
    dice = random.Random(draw)
    trials = [
        t for t in plan.trials.values() if t.method is Method.ADAPTER and t.task.name != "three"
    ]
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        catalog.begin_submission("toy", "", list(plan.trials.values()))
        results = {}
        for trial in trials:
            if (roll := dice.random()) < 0.7:
                results[trial.trial_id] = result(trial, dice.choice((0.1, 0.2, 0.3)), test=0.5)
                catalog.record_result("toy", results[trial.trial_id])
            elif roll < 0.85:
                why = {"reason": FailureReason.DIVERGED, "message": "nan", "at_unix_ms": 1}
                catalog.record_failure("toy", TrialFailure(trial_id=trial.trial_id, **why))
        board = catalog.leaderboard("toy")
        top = catalog.leaderboard("toy", limit=2)
        groups = {r.trial_id: r.configuration for r in catalog.trials(limit=None)}
    chosen = {w.standing.best.task.name: w for w in choose([SelectRule()], trials, results, groups)}
    for task in ("one", "two"):
        rows = [r for r in board if r.task == task]
        found = standings([t for t in trials if t.task.name == task], results, groups)
        assert [(r.best.trial_id, r.mean, r.std, r.seeds, r.planned, r.complete) for r in rows] == [
            (s.best.trial_id, s.mean, s.std, s.seeds, s.planned, s.complete) for s in found
        ]
        assert [r for r in top if r.task == task] == rows[:2]
        assert chosen[task].standing == found[0]
