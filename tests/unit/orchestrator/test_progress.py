"""What a person sees while a submission runs."""

from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from orchestrator.commands.progress import ProgressView
from orchestrator.running.board import Board
from orchestrator.running.driver import Phase
from orchestrator.running.work_queue import WorkQueue
from orchestrator.running.worker_shapes import WorkerRoom


def shown(view: ProgressView) -> str:
    page = Console(file=StringIO(), width=160)
    page.print(view.render())
    return cast(StringIO, page.file).getvalue()


def test_the_live_view_says_how_far_the_trials_are(samples: Any) -> None:
    view = ProgressView(Console(file=StringIO(), force_terminal=True))
    view.watch.phase(Phase.STARTING)
    assert "starting the cluster" in shown(view)
    trials = {t.trial_id: t for t in (samples.trial(seed=seed) for seed in range(4))}
    first, second, *_ = trials
    catalog, submission = cast(Any, SimpleNamespace()), cast(Any, SimpleNamespace())
    board = Board(WorkQueue(trials, {first}), catalog, cast(Any, None), submission)
    board.running_epochs[second] = None
    view.watch.board(board, WorkerRoom(1))
    view.watch.phase(Phase.RUNNING)
    page = shown(view)
    assert "1/4 finished" in page
    assert "3 pending" in page
    assert f"0/{trials[second].training.epochs}" in page
    assert "running trials" in page
