"""Stopping by a rule, from the board to a worker's checkpoint and on to the full result."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.catalog.records import AttemptOutcome, SubmissionOutcome, TrialState
from orchestrator.running.only import Only, left_out
from orchestrator.running.work_queue import WorkState
from tests.unit.orchestrator.halved_sweeps import Driver, write_sweep
from workers.contract.events import EventKind

Made = Callable[..., Driver]


@pytest.fixture
def driver(tmp_path: Path, toy_base: Path) -> Iterator[Made]:
    opened: list[Driver] = []

    def make(folder: str = "workspace", *, pack_width: int = 1, **said: Any) -> Driver:
        path = write_sweep(tmp_path, toy_base, tmp_path / "tasks", **said)
        opened.append(Driver(path, tmp_path / folder, pack_width=pack_width))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def scores(made: Driver) -> dict[str, Any]:
    """Return what was measured of each finished trial: all that must not change, exactly."""
    results = {i: made.result(i) for i in made.plan.trials}
    return {
        i: (r.score, r.scores, [(e.epoch, e.train_loss, e.metrics) for e in r.curve])
        for i, r in results.items()
        if r is not None
    }


@pytest.mark.parametrize("width", [1, 3])
def test_stopped_trials_go_on_to_what_they_would_have_been(driver: Made, width: int) -> None:
    whole = driver("whole", more="", pack_width=width)
    whole.run()
    assert len(scores(whole)) == 10

    halved = driver(pack_width=width)
    halved.run()
    counts = halved.board.counts()
    assert counts[TrialState.STOPPED] >= 4
    assert counts[TrialState.STOPPED] + counts[TrialState.FINISHED] == 10
    assert counts == {s: n for s, n in halved.catalog.counts("halved").items() if n}
    assert halved.epochs() < 0.8 * whole.epochs()
    if width == 1:
        assert all(scores(whole)[i] == found for i, found in scores(halved).items())

    stops = halved.catalog.stops(halved.plan.trials)
    assert len(stops) == counts[TrialState.STOPPED]
    for trial_id, stop in stops.items():
        assert stop.score < stop.bar <= stop.best_score
        assert halved.result(trial_id) is None
        row = halved.catalog.trial(trial_id)
        assert row.score is None
        assert "stopped by halving after epoch" in (row.failure_message or "")
    begun = [i for i in stops if halved.catalog.epochs(i)]
    assert begun
    for trial_id in begun:
        assert halved.stores.workspace.trial(trial_id).checkpoint.exists()
        (attempt,) = halved.catalog.attempts(trial_id)
        assert attempt.outcome is AttemptOutcome.STOPPED

    again = driver(pack_width=width)
    assert again.board.over, "the same rule has nothing more to do"

    rest = driver(more="", pack_width=width)
    rest.run()
    assert not rest.catalog.stops(rest.plan.trials)
    assert rest.catalog.counts("halved")[TrialState.FINISHED] == 10
    known = sum(len(halved.catalog.epochs(i)) for i in begun)
    assert known
    if width == 1:
        assert scores(rest) == scores(whole)
    continued = {e.trial_id for e in rest.told}
    assert continued == set(stops)


def test_a_bundle_that_was_given_is_not_begun_once_it_is_hopeless(driver: Made) -> None:
    made = driver(seeds="[0]")
    made.run(size=5)
    kinds = {i: [e.kind for e in made.told if e.trial_id == i] for i in made.plan.trials}
    assert any(k == [EventKind.STOPPED] or EventKind.STOPPED in k for k in kinds.values())
    assert all(k[-1] in (EventKind.STOPPED, EventKind.FINISHED) for k in kinds.values() if k)


def test_first_seeds_begin_first(driver: Made) -> None:
    """A configuration that its first seed rules out never begins its others."""
    made = driver()
    turns = made.board.stops.rule.turns
    assert sorted(turns.values()) == [0] * 5 + [1] * 5
    assert {made.plan.trials[i].seed for i, turn in turns.items() if turn == 0} == {0}
    made.run(size=1)
    begun = [i for i in made.plan.trials if made.catalog.epochs(i)]
    assert {i for i, turn in turns.items() if turn == 0} <= set(begun)
    assert len(begun) < len(made.plan.trials)


def test_what_another_sweep_wants_in_full_is_not_stopped(driver: Made) -> None:
    driver(more="", name="other", rates="[1.0e-9]", seeds="[0, 1]")
    made = driver()
    made.run()
    wanted = {i for i, t in made.plan.trials.items() if t.training.learning_rate == 1e-9}
    assert {made.board.queue.states[i] for i in wanted} == {WorkState.FINISHED}
    assert made.board.queue.number(WorkState.STOPPED)


def test_a_sweep_with_a_rule_of_its_own_does_not_keep_others_from_stopping(driver: Made) -> None:
    driver(name="other")
    made = driver()
    made.run()
    assert made.board.queue.number(WorkState.STOPPED) >= 4


def test_another_sweep_takes_up_what_a_rule_stopped(driver: Made) -> None:
    made = driver()
    made.run()
    stops = made.catalog.stops(made.plan.trials)
    other = driver(more="", name="other", rates="[1.0e-9, 2.0e-9]")
    assert stops.keys() & other.plan.trials.keys()
    assert not other.catalog.finished(stops)
    other.run()
    assert other.board.queue.number(WorkState.FINISHED) == 4
    assert made.catalog.counts("halved")[TrialState.FINISHED] >= 4


def test_another_rule_decides_anew(driver: Made) -> None:
    made = driver()
    made.run()
    before = set(made.catalog.stops(made.plan.trials))
    other = driver(more="early_termination: { rungs: [5], reduction_factor: 2 }\n")
    assert not other.board.over
    other.run()
    after = other.catalog.stops(other.plan.trials)
    assert all(stop.epoch == 5 for stop in after.values())
    assert set(after) <= before


def test_only_stopped_runs_them_in_full(driver: Made) -> None:
    made = driver()
    made.run()
    stops = set(made.catalog.stops(made.plan.trials))
    finished = made.catalog.finished(made.plan.trials)
    assert left_out(made.plan, made.catalog, Only.STOPPED) == set()
    assert left_out(made.plan, made.catalog, Only.NEW) == stops
    assert stops | finished == made.plan.trials.keys()


@pytest.mark.parametrize("sources", ["keep", "stop"])
def test_what_a_fusion_is_built_on_is_exempt_unless_it_is_said(driver: Made, sources: str) -> None:
    more = (
        f"early_termination: {{ reduction_factor: 2, sources: {sources} }}\n"
        "fusion:\n  - { targets: one, sources: { tasks: [one, two] } }\n"
    )
    made = driver(more=more, seeds="[0]", rates="[1.0e-2, 1.0e-9]", tasks=("one", "two"))
    parents = {p for t in made.plan.trials.values() for p in t.parents}
    fusions = made.plan.trials.keys() - parents
    assert len(parents) == 4
    assert len(fusions) == 2
    made.run()
    assert made.board.queue.ended
    states = [made.board.queue.states[i] for i in parents]
    of_fusions = [made.board.queue.states[i] for i in fusions]
    if sources == "keep":
        assert states == [WorkState.FINISHED] * 4
        assert sorted(of_fusions) == [WorkState.FINISHED, WorkState.STOPPED]
        return
    assert states.count(WorkState.STOPPED) == 2
    assert of_fusions == [WorkState.STOPPED] * 2
    stops = made.catalog.stops(fusions)
    assert all("waits for" in stop.message for stop in stops.values())
    assert made.catalog.counts("halved")[TrialState.STOPPED] == 4
    rest = driver(
        more=more.replace("early_termination", "#"),
        seeds="[0]",
        rates="[1.0e-2, 1.0e-9]",
        tasks=("one", "two"),
    )
    rest.run()
    assert rest.board.queue.number(WorkState.FINISHED) == 6


def test_a_worker_that_dies_before_it_says_so_loses_nothing(driver: Made) -> None:
    """The bundle goes to another worker, which finds that the trial is to stop."""
    made = driver(rates="[1.0e-2, 1.0e-9]", seeds="[0]")
    doomed = next(i for i, t in made.plan.trials.items() if t.training.learning_rate == 1e-9)
    made.run(size=1, until=lambda e: bool(made.board.stops.asked))
    assert set(made.board.stops.asked) == {doomed}
    assert made.catalog.trial(doomed).state is TrialState.RUNNING
    for event in made.events([made.plan.trials[doomed]]):
        made.board.take(event)
    assert made.board.queue.states[doomed] is WorkState.STOPPED
    rest = driver(more="", rates="[1.0e-2, 1.0e-9]", seeds="[0]")
    rest.run()
    whole = driver("whole", more="", rates="[1.0e-2, 1.0e-9]", seeds="[0]")
    whole.run()
    assert scores(rest) == scores(whole)


def test_a_driver_that_dies_before_it_records_it_loses_nothing(driver: Made) -> None:
    made = driver(rates="[1.0e-2, 1.0e-9]", seeds="[0]")
    doomed = next(i for i, t in made.plan.trials.items() if t.training.learning_rate == 1e-9)
    made.run(size=1, until=lambda e: bool(made.board.stops.asked))
    made.catalog.end_submission(made.submission.id, SubmissionOutcome.INTERRUPTED)
    again = driver(rates="[1.0e-2, 1.0e-9]", seeds="[0]")
    again.run()
    assert again.board.queue.states[doomed] is WorkState.STOPPED
    assert all(e.trial_id != doomed for e in again.told), "its curve was known"


def test_a_result_that_came_meanwhile_counts(driver: Made) -> None:
    made = driver(seeds="[0]")
    made.run(size=1, until=lambda e: bool(made.board.stops.asked))
    (asked,) = list(made.board.stops.asked)[:1]
    trial = made.plan.trials[asked]
    made.warm.decisions = None  # as a worker that does not hear it
    for event in made.events([trial]):
        made.board.take(event)
    assert made.board.queue.states[asked] is WorkState.FINISHED
