"""Budgets of a sweep: what they let begin and cut short, and what a larger one goes on with."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.catalog.early_stops import Taken
from orchestrator.catalog.records import SubmissionOutcome, TrialState
from orchestrator.errors import SpecError
from orchestrator.running import budget as module
from orchestrator.running.best_so_far import Best
from orchestrator.running.budget import Spending
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkState
from orchestrator.spec.termination import Budget
from tests.unit.orchestrator.halved_sweeps import Driver, write_sweep
from workers.contract.events import EventKind

Made = Callable[..., Driver]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


@pytest.fixture
def driver(tmp_path: Path, toy_base: Path) -> Iterator[Made]:
    opened: list[Driver] = []

    def make(stop: str, **said: Any) -> Driver:
        more = f"stop: {stop}\n" if stop else ""
        path = write_sweep(tmp_path, toy_base, tmp_path / "tasks", more=more, **said)
        opened.append(Driver(path, tmp_path / "workspace"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def spending(clock: SimpleNamespace, *, before: Taken | None = None, **budget: Any) -> Spending:
    return Spending(
        Budget(**budget), before or Taken(), gpus={0: 0.5, 1: 0.0}, tasks=("one", "two")
    )


def best(**scores: float) -> Mapping[str, Best]:
    return {task: Best("t", "accuracy", score) for task, score in scores.items()}


def test_hours_of_all_submissions_count(clock: SimpleNamespace) -> None:
    made = spending(clock, before=Taken(wall_s=1800.0), max_hours=1)
    assert made.reached({}) is None
    clock.s += 1800
    assert made.reached({}) == "stop.max_hours: 1 of 1 hours are taken"


def test_gpu_hours_are_those_that_workers_held(clock: SimpleNamespace) -> None:
    made = spending(clock, before=Taken(gpu_s=1800.0), max_gpu_hours=1)
    made.hold({})
    clock.s += 900
    made.hold({0: 4, 1: 7})
    assert made.gpu_s == 4 * 0.5 * 900
    assert made.reached({}) == "stop.max_gpu_hours: 1 of 1 hours are taken"


def test_a_target_is_reached_once_every_task_has(clock: SimpleNamespace) -> None:
    made = spending(clock, target_score=0.8)
    assert made.reached(best(one=0.9)) is None
    assert made.reached(best(one=0.9, two=0.79)) is None
    assert made.reached(best(one=0.9, two=0.8)) == (
        "stop.target_score: reached by one 0.9000, two 0.8000"
    )
    by_task = spending(clock, target_score={"two": 0.5})
    assert by_task.reached(best(two=0.5)) is not None


def test_so_many_trials_begin_and_a_larger_budget_goes_on(driver: Made) -> None:
    made = driver("{ max_trials: 3 }")
    made.run(size=2)
    assert made.board.queue.ended
    assert made.board.stops.ended_by == "stop.max_trials: 3 of 3 trials are taken"
    assert made.board.counts() == {TrialState.FINISHED: 3, TrialState.PENDING: 7}
    again = driver("{ max_trials: 3 }")
    again.board.obey()
    assert again.board.queue.ended
    more = driver("{ max_trials: 5 }")
    more.run()
    assert len(more.board.trained) == 2
    rest = driver("")
    rest.run()
    assert rest.board.stops.ended_by is None
    assert len(rest.board.trained) == 5


def test_a_budget_that_is_large_enough_ends_nothing(driver: Made) -> None:
    made = driver("{ max_trials: 10, target_score: 2, max_hours: 100 }")
    made.run()
    assert made.board.counts() == {TrialState.FINISHED: 10}
    assert made.board.stops.ended_by is None


def test_what_was_begun_may_go_on_though_no_trial_is_left(driver: Made) -> None:
    made = driver("{ max_trials: 2 }", seeds="[0]")
    made.run(size=2, until=lambda e: e.kind is EventKind.EPOCH)
    made.catalog.end_submission(made.submission.id, SubmissionOutcome.INTERRUPTED)
    again = driver("{ max_trials: 2 }", seeds="[0]")
    again.run()
    assert again.board.counts() == {TrialState.FINISHED: 2, TrialState.PENDING: 3}


def test_what_runs_is_cut_short_with_a_checkpoint_and_goes_on(driver: Made) -> None:
    made = driver("{ max_hours: 100 }", seeds="[0]")
    since = made.board.stops.spending

    def second_epoch(event: Any) -> bool:
        if event.kind is EventKind.EPOCH and event.epoch.epoch == 2:
            since._started = time.monotonic() - 100 * 3600
        return False

    made.run(size=2, until=second_epoch)
    assert made.board.queue.ended
    assert "stop.max_hours" in (made.board.stops.ended_by or "")
    kinds = [event.kind for event in made.told]
    assert kinds.count(EventKind.STOPPED) == 2
    assert kinds.count(EventKind.EPOCH) == 3, "the one that was under way was ended"
    assert made.board.counts() == {TrialState.PENDING: 5}
    assert made.catalog.counts("halved")[TrialState.PENDING] == 5
    assert not made.catalog.stops(made.plan.trials)
    cut = made.told[0].trial_id
    assert made.stores.workspace.trial(cut).checkpoint.exists()

    rest = driver("", seeds="[0]")
    rest.run()
    assert rest.board.queue.number(WorkState.FINISHED) == 5
    log = rest.stores.workspace.trial(cut).log.read_text()
    assert "resumed after epoch 3" in log


def test_a_score_that_is_enough_ends_the_sweep(driver: Made) -> None:
    made = driver("{ target_score: 0.01 }", seeds="[0]")
    made.run(size=1)
    assert made.board.queue.number(WorkState.FINISHED) == 1
    assert "target_score" in (made.board.stops.ended_by or "")
    again = driver("{ target_score: 0.01 }", seeds="[0]")
    again.board.obey()
    assert again.board.over, "what was finished before counts"


def test_the_catalog_adds_up_what_submissions_took(driver: Made) -> None:
    made = driver("{ max_trials: 1 }", seeds="[0]")
    made.run(size=1)
    own = made.catalog.taken("halved", before=made.submission.id)
    assert len(own.trials) == 1
    assert own.gpu_s == own.wall_s == 0
    made.catalog.heartbeat(made.submission.id, gpu_s=5.0)
    outcome = SubmissionOutcome.BUDGET_REACHED
    made.catalog.end_submission(made.submission.id, outcome, ended_by="all of it", gpu_s=7.5)
    taken = made.catalog.taken("halved", before=0)
    assert taken.gpu_s == 7.5
    assert taken.wall_s > 0
    (sweep,) = made.catalog.sweeps()
    assert sweep.last_submission is not None
    assert sweep.last_submission.ended_by == "all of it"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("stop: {}", ": stop: expected a budget, such as `max_hours: 8`"),
        ("stop: { max_trials: 0 }", ": stop.max_trials: expected 1 or more, found `0`"),
        ("stop: { max_hours: -1 }", ": stop.max_hours: expected more than 0"),
        ("stop: { max_hour: 1 }", ": stop.max_hour: unknown key; did you mean `max_hours`?"),
        ("stop: { max_gpu_hours: 1 }", ": stop.max_gpu_hours: workers have no GPU"),
        ("stop: { target_score: { tow: 1 } }", "expected one of the tasks one, found 'tow'"),
        ("early_termination: { rule: best }", ": early_termination.rule: expected"),
        ("early_termination: { grace_period: 1.5 }", "a whole number of epochs, or below 1"),
        ("early_termination: { reduction_factor: 1 }", "expected more than 1"),
        ("early_termination: { rungs: [3, 1] }", "expected rungs that rise"),
        ("early_termination: { rungs: [0.5, 2] }", "shares of the training rows alone"),
        ("early_termination: { rungs: [1], grace_period: 2 }", "give one of them"),
        ("early_termination: { rule: median, rungs: [1] }", "`rungs` belongs to rule halving"),
        ("early_termination: { within: seed }", "expected no seed"),
        ("early_termination: { within: [droop] }", "expected keys of a condition"),
        ("early_termination: { grace_period: 6 }", "no trial has more than 6"),
        ("early_termination: { rungs: [9] }", ": early_termination.rungs: nothing is decided"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, toy_base: Path, more: str, problem: str
) -> None:
    path = write_sweep(tmp_path, toy_base, tmp_path / "tasks", more=f"{more}\n")
    line = len(path.read_text().splitlines())
    with pytest.raises(SpecError) as caught:
        plan_sweep(path)
    assert f"halved.yaml:{line}:" in str(caught.value)
    assert problem in str(caught.value)


def test_neither_changes_what_a_trial_is(tmp_path: Path, toy_base: Path) -> None:
    def ids(more: str) -> set[str]:
        path = write_sweep(tmp_path, toy_base, tmp_path / "tasks", more=more)
        return set(plan_sweep(path)[0].trials)

    usual = ids("")
    assert ids("early_termination: {}\nstop: { max_trials: 1 }\n") == usual
