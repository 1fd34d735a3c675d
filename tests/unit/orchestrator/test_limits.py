"""What may take how long, and how much may fail before a submission gives up."""

import math
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
import torch

from orchestrator.errors import SpecError
from orchestrator.running.board import Board
from orchestrator.spec.model import LimitsSpec
from orchestrator.spec.read import read_spec
from tests.unit.orchestrator.test_board import Scene
from tests.unit.orchestrator.test_board import scene as scene
from workers.contract.events import EventKind
from workers.contract.fast_path import FastPath
from workers.contract.limits import Limits
from workers.contract.results import FailureReason, read_failure
from workers.contract.trial import Method, Trial
from workers.running import preemption
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training.trainer import Trainer


def adapters(scene: Scene, n: int) -> list[Trial]:
    return [t for t in scene.plan.trials.values() if t.method is Method.ADAPTER][:n]


def fail_next(scene: Scene, board: Board) -> None:
    (trial,) = board.next_bundle(size=1, workers=1)
    scene.fail(board, trial, FailureReason.ERROR)


def test_a_submission_gives_up_when_more_failed_than_it_allows(scene: Scene) -> None:
    board = scene.board()
    board.most_failures = LimitsSpec(failures=2).most_failures(len(scene.plan.trials))
    fail_next(scene, board)
    fail_next(scene, board)
    assert not board.over
    fail_next(scene, board)
    assert board.over
    assert board.gave_up
    assert board.stopped is not None
    assert "3 trials failed, more than limits.failures allows" in board.stopped
    assert "made for a test" in board.stopped


@pytest.mark.parametrize(
    ("failures", "of", "allowed"), [(None, 30, math.inf), (0, 30, 0), (0.1, 30, 3), (5, 30, 5)]
)
def test_failures_are_a_number_or_a_share(failures: float | None, of: int, allowed: float) -> None:
    assert LimitsSpec(failures=failures).most_failures(of) == pytest.approx(allowed)


@pytest.mark.parametrize("limits", ["failures: 1.5", "failures: -1", "trial_s: 0", "silent_s: 0"])
def test_limits_that_mean_nothing_are_refused(toy_sweep: Callable[..., Path], limits: str) -> None:
    path = toy_sweep()
    path.write_text(path.read_text() + f"limits: {{ {limits} }}\n")
    with pytest.raises(SpecError, match="limits"):
        read_spec(path)


@pytest.mark.parametrize("pack_width", [1, 4])
def test_a_trial_that_takes_too_long_fails_alone_and_says_so(scene: Scene, pack_width: int) -> None:
    path = FastPath(pack_width=pack_width)
    warm = WarmState(torch.device("cpu"), path, Limits(trial_s=1e-9))
    trials = adapters(scene, 2)
    events = list(run_bundle(trials, scene.stores.workspace, warm))
    assert [e.kind for e in events if e.kind is not EventKind.STARTED] == [EventKind.FAILED] * 2
    failure = read_failure(scene.stores.workspace.trial(trials[0].trial_id))
    assert failure is not None
    assert failure.reason is FailureReason.TIME_LIMIT
    assert "limits.trial_s" in failure.message


@pytest.mark.parametrize("pack_width", [1, 4])
def test_what_is_preempted_is_saved_and_given_back_and_has_not_failed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, pack_width: int
) -> None:
    announced = Event()
    monkeypatch.setattr(preemption, "_announced", announced)
    monkeypatch.setattr("workers.training.checkpoint_pace._KEEP_EVERY_S", -1.0)
    path = FastPath(pack_width=pack_width, checkpoint_share=0)
    trials = [
        t.model_copy(update={"training": t.training.model_copy(update={"epochs": 3})})
        for t in adapters(scene, 2)
    ]
    events = []
    for event in run_bundle(trials, scene.stores.workspace, WarmState(torch.device("cpu"), path)):
        events.append(event)
        if event.kind is EventKind.EPOCH:
            announced.set()
    kinds = [e.kind for e in events if e.kind is not EventKind.STARTED]
    assert kinds.count(EventKind.PREEMPTED) == 2
    assert EventKind.FAILED not in kinds
    first = scene.stores.workspace.trial(events[1].trial_id)
    assert first.checkpoint.exists()
    assert read_failure(first) is None

    announced.clear()
    resumed: list[int] = []
    real = Trainer.restore

    def noted(self: Trainer, path: Path) -> None:
        real(self, path)
        resumed.append(len(self.curve))

    monkeypatch.setattr(Trainer, "restore", noted)
    after = list(run_bundle(trials, scene.stores.workspace, WarmState(torch.device("cpu"), path)))
    assert [e.kind for e in after].count(EventKind.FINISHED) == 2
    assert resumed
    assert min(resumed) >= 1


def test_a_worker_that_memory_killed_has_run_out_of_memory(scene: Scene) -> None:
    board = scene.board()
    (trial,) = board.next_bundle(size=1, workers=1)
    board.lose([trial.trial_id], "its worker was lost: ray.exceptions.OutOfMemoryError: killed")
    assert scene.catalog.trial(trial.trial_id).failure_reason is FailureReason.OUT_OF_MEMORY
