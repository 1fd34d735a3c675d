"""The board keeps queue, catalog and committed files in step, also when one of them fails."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from sqlalchemy import update

from orchestrator.catalog import store, tables
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialState
from orchestrator.errors import CatalogError
from orchestrator.planning.plan import Plan
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue, WorkState
from orchestrator.stores import Stores
from tests.unit.orchestrator.halved_sweeps import made_stop
from workers.contract.events import EventKind, TrialEvent
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, TrialFailure, commit, read_result
from workers.contract.trial import Method, Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState


class Scene:
    """A planned toy sweep with its stores, and boards over it."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.stores = Stores.at(folder)
        self.stores.prepare()
        self.catalog = Catalog.open(self.stores.catalog_url)
        self.warm = WarmState(torch.device("cpu"))

    def board(self) -> Board:
        submission = self.catalog.begin_submission("toy", "", list(self.plan.trials.values()))
        queue = WorkQueue(self.plan.trials, self.catalog.finished(self.plan.trials))
        return Board(queue, self.catalog, self.stores.workspace, submission)

    def fail(self, board: Board, trial: Trial, reason: FailureReason) -> None:
        """Let a worker of a board fail a trial that it runs."""
        failure = TrialFailure(
            trial_id=trial.trial_id, reason=reason, message="made for a test", at_unix_ms=1
        )
        commit(self.stores.workspace.trial(trial.trial_id), failure)
        board.take(TrialEvent(kind=EventKind.FAILED, trial_id=trial.trial_id))

    def run(self, board: Board, bundle: list[Trial]) -> list[TrialEvent]:
        """Run a bundle as a worker does that a board has sent it to; the board hears nothing."""
        return list(self.worker(board, bundle))

    def worker(self, board: Board, bundle: list[Trial]) -> Iterator[TrialEvent]:
        """Do so step by step."""
        attempts = {t.trial_id: board.attempts[t.trial_id] for t in bundle}
        workspace = Workspace(self.stores.workspace.root, attempts)
        return run_bundle(bundle, workspace, self.warm)

    def take_over(self, board: Board) -> None:
        """Let a board's submission be silent for longer than it may."""
        with self.catalog._writing() as connection:
            row = tables.submissions.c.id == board._submission.id
            silent = store.now() - timedelta(seconds=200)
            connection.execute(update(tables.submissions).where(row).values(heartbeat_at=silent))

    def run_one_bundle(self, board: Board) -> list[str]:
        bundle = board.next_bundle(size=4, workers=1)
        for event in run_bundle(bundle, self.stores.workspace, self.warm):
            board.take(event)
        return [t.trial_id for t in bundle]


@pytest.fixture
def scene(toy_sweep: Callable[..., Path], tmp_path: Path) -> Iterator[Scene]:
    made = Scene(plan_sweep(toy_sweep(epochs=1))[0], tmp_path / "workspace")
    yield made
    made.catalog.close()


def want(board: Board, trials: list[Trial]) -> None:
    """Let nothing be ready for a board but these trials, if they are."""
    for trial_id in set(board.queue.having(WorkState.READY)) - {t.trial_id for t in trials}:
        board.queue._move(trial_id, WorkState.WAITING)


def test_a_whole_sweep_ends_with_everything_in_the_catalog(scene: Scene) -> None:
    board = scene.board()
    while not board.over:
        assert scene.run_one_bundle(board)
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == len(scene.plan.trials)
    assert not board.running_epochs


def test_results_that_a_dead_driver_left_are_taken_over(scene: Scene) -> None:
    board = scene.board()
    bundle = board.next_bundle(size=4, workers=1)
    list(run_bundle(bundle, scene.stores.workspace, scene.warm))  # nobody listens
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == 0
    after = scene.board()
    assert after.reconcile() == len(bundle)
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == len(bundle)
    assert after.queue.counts()[WorkState.FINISHED] == len(bundle)


def test_a_trial_of_another_submission_is_left_to_it_and_its_result_taken(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    theirs = first.next_bundle(size=2, workers=1)
    want(second, theirs)
    assert second.next_bundle(size=2, workers=1) == []
    assert second.waits
    list(run_bundle(theirs, scene.stores.workspace, scene.warm))
    second._polled_at = float("-inf")
    second.next_bundle(size=2, workers=1)
    assert {second.queue.states[t.trial_id] for t in theirs} == {WorkState.FINISHED}


def test_a_lost_worker_fails_what_it_had_not_committed(scene: Scene) -> None:
    board = scene.board()
    bundle = board.next_bundle(size=4, workers=1)
    done = list(run_bundle(bundle[:1], scene.stores.workspace, scene.warm))
    assert done[-1].kind is EventKind.FINISHED
    board.lose([t.trial_id for t in bundle], "the node is gone")
    assert board.queue.states[bundle[0].trial_id] is WorkState.FINISHED
    rows = [scene.catalog.trial(t.trial_id) for t in bundle[1:]]
    assert rows
    assert {r.failure_reason for r in rows} == {FailureReason.WORKER_LOST}
    assert {r.state for r in rows} == {TrialState.FAILED}


def test_a_failure_that_could_not_be_recorded_keeps_its_reason(scene: Scene) -> None:
    board = scene.board()
    (trial,) = board.next_bundle(size=1, workers=1)
    failure = TrialFailure(
        trial_id=trial.trial_id, reason=FailureReason.DIVERGED, message="nan", at_unix_ms=1
    )
    commit(scene.stores.workspace.trial(trial.trial_id), failure)
    board.lose([trial.trial_id], "it ended without a word")
    assert scene.catalog.trial(trial.trial_id).failure_reason is FailureReason.DIVERGED
    assert scene.catalog.trial(trial.trial_id).failure_message == "nan"


def test_a_catalog_that_fails_while_claiming_loses_no_trial(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = scene.board()
    before = board.queue.counts()

    def refuse(*_: object) -> set[str]:
        raise CatalogError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(scene.catalog, "claim", refuse)
        with pytest.raises(CatalogError):
            board.next_bundle(size=4, workers=1)
    assert board.queue.counts() == before
    assert board.next_bundle(size=4, workers=1)


def test_a_damaged_result_is_no_result_and_is_made_again(scene: Scene) -> None:
    """A crash cut it short: the trial is not done, and failing it would fail it for ever."""
    board = scene.board()
    (trial,) = bundle = board.next_bundle(size=1, workers=1)
    list(run_bundle(bundle, scene.stores.workspace, scene.warm))
    path = scene.stores.workspace.trial(trial.trial_id).result
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert board.reconcile() == 0
    assert scene.catalog.trial(trial.trial_id).state is TrialState.RUNNING
    list(run_bundle(bundle, scene.stores.workspace, scene.warm))
    assert board.reconcile() == 1
    assert scene.catalog.trial(trial.trial_id).state is TrialState.FINISHED


def test_a_result_of_another_version_fails_its_trial_with_the_reason(scene: Scene) -> None:
    board = scene.board()
    (trial,) = board.next_bundle(size=1, workers=1)
    paths = scene.stores.workspace.trial(trial.trial_id)
    commit(paths, TrialFailure(trial_id="a", reason=FailureReason.ERROR, message="", at_unix_ms=0))
    paths.failure.rename(paths.result)  # whole, and not what a result is here
    board.reconcile()
    row = scene.catalog.trial(trial.trial_id)
    assert row.state is TrialState.FAILED
    assert "not of this version" in (row.failure_message or "")


def wait_for(board: Board, other: Board, *, size: int = 1) -> list[Trial]:
    """Let another board begin trials, and this one want the same ones."""
    theirs = other.next_bundle(size=size, workers=1)
    want(board, theirs)
    assert board.next_bundle(size=size, workers=1) == []
    assert board.waits
    board._polled_at = float("-inf")
    return theirs


def test_a_trial_that_lost_its_worker_elsewhere_is_tried_here_once(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    (trial,) = wait_for(second, first)
    assert second.next_bundle(size=1, workers=1) == [], "it runs there"
    scene.fail(first, trial, FailureReason.WORKER_LOST)
    second._polled_at = float("-inf")
    assert second.next_bundle(size=1, workers=1) == [trial]
    scene.fail(second, trial, FailureReason.WORKER_LOST)
    for board in (first, second):
        assert board.queue.states[trial.trial_id] is WorkState.FAILED
        assert trial.trial_id not in {t.trial_id for t in board.next_bundle(size=9, workers=1)}


def test_a_trial_that_diverged_elsewhere_has_failed_here_too(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    (trial,) = wait_for(second, first)
    told: list[TrialEvent] = []
    second.listeners.append(lambda event, _: told.append(event))
    scene.fail(first, trial, FailureReason.DIVERGED)
    second._polled_at = float("-inf")
    assert second.next_bundle(size=1, workers=1) == []
    assert second.queue.states[trial.trial_id] is WorkState.FAILED
    children = {i for i, t in scene.plan.trials.items() if trial.trial_id in t.parents}
    assert {second.queue.states[i] for i in children} <= {WorkState.BLOCKED}
    assert [event.kind for event in told] == [EventKind.FAILED]
    assert not second.waits


def test_a_trial_whose_other_submission_ended_is_run_here(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    (trial,) = wait_for(second, first)
    first.release()
    assert second.next_bundle(size=1, workers=1) == [trial]


def test_what_is_finished_in_another_workspace_stops_who_waits_for_it(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    (trial,) = wait_for(second, first)
    scene.run(first, [trial])
    result = read_result(scene.stores.workspace.trial(trial.trial_id))
    assert result is not None
    scene.catalog.record_result("toy", result)
    scene.stores.workspace.trial(trial.trial_id).result.unlink()
    second.next_bundle(size=1, workers=1)
    assert second.over
    assert "one workspace" in (second.stopped or "")


def test_whoever_was_taken_over_commits_nothing_and_hands_out_nothing(scene: Scene) -> None:
    slept, heir = scene.board(), scene.board()
    theirs = wait_for(heir, slept, size=2)
    scene.take_over(slept)
    for trial in theirs:
        heir.queue.put_back(trial.trial_id)
    assert {t.trial_id for t in heir.next_bundle(size=2, workers=1)} == {t.trial_id for t in theirs}

    events = scene.run(slept, theirs)  # its workers go on, since they know nothing of it
    assert {e.kind for e in events} == {EventKind.STARTED, EventKind.ABANDONED}
    for trial in theirs:
        assert not scene.stores.workspace.trial(trial.trial_id).result.exists()
    for event in events:
        slept.take(event)
    assert slept.next_bundle(size=9, workers=1) == []
    assert slept.over
    assert "took its trials over" in (slept.stopped or "")

    for event in scene.run(heir, theirs):
        heir.take(event)
    assert heir.trained == {t.trial_id for t in theirs}
    outcomes = [a.outcome for a in scene.catalog.attempts(theirs[0].trial_id)]
    assert outcomes == ["lost", "finished"]


@pytest.mark.parametrize("width", [1, 2])
def test_a_worker_that_was_taken_over_stops_at_the_end_of_its_epoch(
    toy_sweep: Callable[..., Path], tmp_path: Path, width: int
) -> None:
    scene = Scene(plan_sweep(toy_sweep(epochs=5))[0], tmp_path / "workspace")
    scene.warm = WarmState(torch.device("cpu"), FastPath(pack_width=width))
    board = scene.board()
    bundle = board.next_bundle(size=2, workers=1)
    attempts = {t.trial_id: board.attempts[t.trial_id] for t in bundle}
    kinds = {t.trial_id: list[EventKind]() for t in bundle}
    for event in run_bundle(bundle, Workspace(scene.stores.workspace.root, attempts), scene.warm):
        kinds[event.trial_id].append(event.kind)
        if event.kind is EventKind.EPOCH:
            for trial in bundle:
                scene.stores.workspace.trial(trial.trial_id).claim.write_text("999")
    told = [kind for of_trial in kinds.values() for kind in of_trial]
    assert told.count(EventKind.EPOCH) == 1
    assert [of_trial[-1] for of_trial in kinds.values()] == [EventKind.ABANDONED] * 2
    assert EventKind.FINISHED not in told
    scene.catalog.close()


def test_a_claim_that_was_overwritten_is_made_anew(scene: Scene) -> None:
    """Whoever slept between claiming in the catalog and saying so in the folder does that."""
    board = scene.board()
    (trial,) = board.next_bundle(size=1, workers=1)
    scene.stores.workspace.trial(trial.trial_id).claim.write_text("999")
    for event in scene.run(board, [trial]):
        board.take(event)
    board._polled_at = float("-inf")
    want(board, [trial])
    assert board.next_bundle(size=1, workers=1) == [trial]
    for event in scene.run(board, [trial]):
        board.take(event)
    assert board.trained == {trial.trial_id}


def test_the_live_view_and_status_count_the_same_things(scene: Scene) -> None:
    board, other = scene.board(), scene.board()
    failing, *_ = board.next_bundle(size=3, workers=1)
    scene.fail(board, failing, FailureReason.DIVERGED)
    ready = board.queue.having(WorkState.READY)
    stopped = next(i for i in ready if board.queue.trials[i].method is Method.HEAD_ONLY)
    scene.catalog.record_stopped("toy", {stopped: made_stop(stopped)})
    assert board.queue.stop(stopped) == []
    scene.run_one_bundle(board)
    other.next_bundle(size=2, workers=1)
    want(board, [board.queue.trials[i] for i in other.queue.having(WorkState.RUNNING)])
    assert board.next_bundle(size=2, workers=1) == []
    (row,) = scene.catalog.sweeps()
    assert all(row.counts.values()), "every state is there"
    assert dict(board.counts()) == row.counts


def test_what_others_finished_is_not_counted_as_trained_here(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    theirs = wait_for(second, first, size=2)
    for event in scene.run(first, theirs):
        first.take(event)
    own = scene.run_one_bundle(second)
    assert {second.queue.states[t.trial_id] for t in theirs} == {WorkState.FINISHED}
    assert second.trained == set(own)
    assert first.trained == {t.trial_id for t in theirs}


def test_the_best_so_far_is_that_of_all_submissions(scene: Scene) -> None:
    before = scene.board()
    while not before.over:
        scene.run_one_bundle(before)
    assert set(before.best) == {"one", "two", "three"}
    after = scene.board()
    after.recall()
    assert {t: b.score for t, b in after.best.items()} == {
        t: b.score for t, b in before.best.items()
    }
    for task, best in after.best.items():
        rows = scene.catalog.trials(TrialFilter(sweep="toy", task=task), "-score", limit=1)
        assert best.score == rows[0].score


def test_nothing_is_made_anew_where_a_workspace_was_moved_away(
    scene: Scene, tmp_path: Path
) -> None:
    board = scene.board()
    bundle = board.next_bundle(size=2, workers=1)
    root = scene.stores.workspace.root
    root.rename(tmp_path / "away")
    kinds = {event.kind for event in scene.run(board, bundle)}
    assert kinds == {EventKind.STARTED, EventKind.ABANDONED}
    assert board.next_bundle(size=2, workers=1) == []
    assert board.stopped is not None
    assert "was moved, deleted or unmounted" in board.stopped
    assert board.over
    assert not root.exists()


def test_what_failed_is_not_run_again_with_the_rest_of_its_bundle(scene: Scene) -> None:
    board = scene.board()
    bundle = board.next_bundle(size=2, workers=1)
    scene.fail(board, bundle[0], FailureReason.OUT_OF_MEMORY)
    told = scene.run(board, bundle)  # by the worker that replaces a lost one
    kinds = {t.trial_id: [e.kind for e in told if e.trial_id == t.trial_id] for t in bundle}
    assert kinds[bundle[0].trial_id] == [EventKind.FAILED]
    assert kinds[bundle[1].trial_id][-1] is EventKind.FINISHED
