"""The board keeps queue, catalog and committed files in step, also when one of them fails."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from orchestrator.board import Board
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialState
from orchestrator.driver import plan_sweep
from orchestrator.errors import CatalogError
from orchestrator.plan import Plan
from orchestrator.stores import Stores
from orchestrator.work_queue import WorkQueue, WorkState
from workers.events import EventKind
from workers.pack import run_pack
from workers.results import FailureReason
from workers.warm import WarmState


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

    def run_one_pack(self, board: Board) -> list[str]:
        pack = board.next_pack(size=4, workers=1)
        for event in run_pack(pack, self.stores.workspace, self.warm):
            board.take(event)
        return [t.trial_id for t in pack]


@pytest.fixture
def scene(toy_sweep: Callable[..., Path], tmp_path: Path) -> Iterator[Scene]:
    made = Scene(plan_sweep(toy_sweep(epochs=1))[0], tmp_path / "workspace")
    yield made
    made.catalog.close()


def test_a_whole_sweep_ends_with_everything_in_the_catalog(scene: Scene) -> None:
    board = scene.board()
    while not board.over:
        assert scene.run_one_pack(board)
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == len(scene.plan.trials)
    assert not board.running_epochs


def test_results_that_a_dead_driver_left_are_taken_over(scene: Scene) -> None:
    board = scene.board()
    pack = board.next_pack(size=4, workers=1)
    list(run_pack(pack, scene.stores.workspace, scene.warm))  # nobody listens
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == 0
    after = scene.board()
    assert after.reconcile() == len(pack)
    assert scene.catalog.counts("toy")[TrialState.FINISHED] == len(pack)
    assert after.queue.counts()[WorkState.FINISHED] == len(pack)


def test_a_trial_of_another_submission_is_left_to_it_and_its_result_taken(scene: Scene) -> None:
    first, second = scene.board(), scene.board()
    theirs = first.next_pack(size=2, workers=1)
    second.queue._ready = [t.trial_id for t in theirs]
    assert second.next_pack(size=2, workers=1) == []
    assert second.waits_for_others
    list(run_pack(theirs, scene.stores.workspace, scene.warm))
    second._polled_at = float("-inf")
    second.next_pack(size=2, workers=1)
    assert {second.queue.states[t.trial_id] for t in theirs} == {WorkState.FINISHED}


def test_a_lost_worker_fails_what_it_had_not_committed(scene: Scene) -> None:
    board = scene.board()
    pack = board.next_pack(size=4, workers=1)
    done = list(run_pack(pack[:1], scene.stores.workspace, scene.warm))
    assert done[-1].kind is EventKind.FINISHED
    board.lose([t.trial_id for t in pack], "the node is gone")
    assert board.queue.states[pack[0].trial_id] is WorkState.FINISHED
    rows = [scene.catalog.trial(t.trial_id) for t in pack[1:]]
    assert rows
    assert {r.failure_reason for r in rows} == {FailureReason.WORKER_LOST}
    assert {r.state for r in rows} == {TrialState.FAILED}


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
            board.next_pack(size=4, workers=1)
    assert board.queue.counts() == before
    assert board.next_pack(size=4, workers=1)


def test_a_damaged_result_fails_its_trial_with_the_reason(scene: Scene) -> None:
    board = scene.board()
    pack = board.next_pack(size=1, workers=1)
    list(run_pack(pack, scene.stores.workspace, scene.warm))
    path = scene.stores.workspace.trial(pack[0].trial_id).result
    path.write_text(path.read_text()[:-40])
    board.reconcile()
    row = scene.catalog.trial(pack[0].trial_id)
    assert row.state is TrialState.FAILED
    assert "not a readable result" in (row.failure_message or "")
