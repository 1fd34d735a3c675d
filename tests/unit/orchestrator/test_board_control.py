"""What people ask of a running submission is obeyed by its board."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.catalog.records import Request, TrialFilter, TrialState
from orchestrator.errors import CatalogError
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkState
from tests.unit.orchestrator.test_board import Scene, want
from workers.contract.events import EventKind
from workers.contract.results import FailureReason


@pytest.fixture
def scene(toy_sweep: Callable[..., Path], tmp_path: Path) -> Iterator[Scene]:
    made = Scene(plan_sweep(toy_sweep(epochs=1))[0], tmp_path / "workspace")
    yield made
    made.catalog.close()


def ask(scene: Scene, board: Board, request: Request) -> None:
    scene.catalog.request("toy", request)
    board.heartbeat.beat()


def test_a_paused_submission_starts_nothing_until_it_may(scene: Scene) -> None:
    board = scene.board()
    ask(scene, board, Request.PAUSE)
    assert board.next_bundle(size=4, workers=1) == []
    assert board.waits
    assert not board.over
    assert "adaptersweep resume toy" in (board.held or "")
    ask(scene, board, Request.RUN)
    assert scene.run_one_bundle(board)
    assert not board.waits


@pytest.mark.parametrize("request_", [Request.PAUSE, Request.STOP])
def test_what_a_worker_has_not_begun_is_left_and_what_it_has_is_finished(
    scene: Scene, request_: Request
) -> None:
    board = scene.board()
    bundle = board.next_bundle(size=4, workers=1)
    assert len(bundle) == 4
    worker = scene.worker(board, bundle)
    board.take(next(worker))
    ask(scene, board, request_)
    seen = []
    for event in worker:
        board.take(event)
        seen.append((event.kind, event.trial_id))
    first, *rest = [t.trial_id for t in bundle]
    assert (EventKind.FINISHED, first) in seen
    assert [i for kind, i in seen if kind is EventKind.ABANDONED] == rest
    counts = scene.catalog.counts("toy")
    assert (counts[TrialState.FINISHED], counts[TrialState.RUNNING]) == (1, 0)
    assert board.over is (request_ is Request.STOP)
    if request_ is Request.PAUSE:
        ask(scene, board, Request.RUN)
        while not board.over:
            board._polled_at = float("-inf")
            assert scene.run_one_bundle(board)
        assert scene.catalog.counts("toy")[TrialState.FINISHED] == len(scene.plan.trials)


def test_a_claim_that_was_taken_over_is_not_withdrawn(scene: Scene) -> None:
    first = scene.board()
    theirs = first.next_bundle(size=2, workers=1)
    scene.take_over(first)
    second = scene.board()
    want(second, theirs)
    taken = second.next_bundle(size=2, workers=1)
    assert taken == theirs
    first.heartbeat.control = first.heartbeat.control.model_copy(update={"request": Request.PAUSE})
    first.obey()
    assert [e.kind for e in scene.run(second, taken)][-1] is EventKind.FINISHED


def test_a_submission_that_is_asked_to_stop_says_who_asked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTERSWEEP_PERSON", "ada@laptop")
    board = scene.board()
    ask(scene, board, Request.STOP)
    assert board.next_bundle(size=4, workers=1) == []
    assert board.over
    assert "ada@laptop asked to stop" in (board.stopped or "")
    with pytest.raises(CatalogError, match=r"ada@laptop asked sweep toy to stop.*is ending"):
        scene.catalog.request("toy", Request.RUN)


def test_a_cancelled_submission_is_interrupted_as_by_ctrl_c(scene: Scene) -> None:
    board = scene.board()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(scene, board, Request.CANCEL)
    finally:
        signal.signal(signal.SIGTERM, before)
    board.obey()
    assert "asked to cancel" in (board.stopped or "")


def test_nobody_is_asked_where_nobody_works(scene: Scene) -> None:
    with pytest.raises(CatalogError, match="has no sweep 'toy'"):
        scene.catalog.request("toy", Request.PAUSE)
    board = scene.board()
    scene.take_over(board)
    with pytest.raises(CatalogError, match=r"found nobody.*adaptersweep submit"):
        scene.catalog.request("toy", Request.PAUSE)


def test_a_limit_of_workers_comes_before_the_yamls(scene: Scene) -> None:
    board = scene.board()
    assert board.worker_limit(8) == 8
    scene.catalog.set_limits("toy", max_workers=2)
    board.heartbeat.beat()
    assert board.worker_limit(8) == board.worker_limit(None) == 2
    scene.catalog.set_limits("toy", max_workers=0)
    board.heartbeat.beat()
    assert board.worker_limit(8) == 8


def test_a_sweep_of_higher_priority_comes_first_while_it_wants_workers(scene: Scene) -> None:
    board = scene.board()
    planned = list(scene.plan.trials.values())
    urgent = scene.catalog.begin_submission("urgent", "", planned[:2])
    scene.catalog.heartbeat(urgent.id, wants_workers=True)
    board.heartbeat.beat()
    assert board.held is None, "both have the same priority"
    scene.catalog.set_limits("urgent", priority=1)
    board.heartbeat.beat()
    assert "sweep urgent has a higher priority" in (board.held or "")
    assert board.next_bundle(size=4, workers=1) == []
    scene.catalog.heartbeat(urgent.id, wants_workers=False)
    board.heartbeat.beat()
    assert board.next_bundle(size=4, workers=1)


def test_failed_trials_that_are_to_be_tried_again_run_with_what_they_blocked(scene: Scene) -> None:
    board = scene.board()
    source = next(p for t in scene.plan.trials.values() if t.fusion for p in t.parents)
    while board.queue.states[source] is not WorkState.RUNNING:
        bundle = board.next_bundle(size=1, workers=1)
        if bundle[0].trial_id != source:
            for event in scene.run(board, bundle):
                board.take(event)
    scene.fail(board, scene.plan.trials[source], FailureReason.ERROR)
    blocked = scene.catalog.trials(TrialFilter(sweep="toy", state=TrialState.BLOCKED))
    assert blocked
    with pytest.raises(CatalogError, match=r"expected failed trials of sweep toy, found"):
        scene.catalog.retry("toy", [blocked[0].trial_id])
    assert scene.catalog.retry("toy") == [source]
    while not board.over:
        board._polled_at = float("-inf")
        assert scene.run_one_bundle(board)
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == len(scene.plan.trials)
    assert scene.catalog.trial(source).failure_message is None


def test_what_another_failure_blocks_stays_blocked(scene: Scene) -> None:
    board = scene.board()
    fusion = next(t for t in scene.plan.trials.values() if t.fusion)
    one, other, *_ = fusion.parents
    for parent in (one, other):
        board.queue.fail(parent)
    released = board.queue.retry(one)
    assert fusion.trial_id not in released
    assert fusion.trial_id in board.queue.retry(other)
    assert board.queue.states[fusion.trial_id] is WorkState.WAITING


def test_who_works_on_what_is_listed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTERSWEEP_PERSON", "ada@laptop")
    monkeypatch.setenv("ADAPTERSWEEP_JOB", "job-1")
    planned = list(scene.plan.trials.values())
    first = scene.catalog.begin_submission("toy", "name: toy\n", planned)
    monkeypatch.delenv("ADAPTERSWEEP_JOB")
    scene.take_over(scene.board())
    (found,) = scene.catalog.submissions()
    assert (found.id, found.submitted_by, found.job) == (first.id, "ada@laptop", "job-1")
    assert len(scene.catalog.submissions("toy", ended=True)) == 2
    assert scene.catalog.spec_yaml("toy") == ""
