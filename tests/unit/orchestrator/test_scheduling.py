"""How many workers fit a cluster, and how many bundles are out at once."""

from pathlib import Path
from typing import Any, cast

import pytest
from ray.tune.search import Searcher

from orchestrator.errors import SchedulingError
from orchestrator.running.board import Board
from orchestrator.running.scheduling import BundleSearcher, Node, WorkerShape, worker_count
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace


def shape(*, cpus: float = 1, gpus: float = 0, max_workers: int | None = None) -> WorkerShape:
    return WorkerShape(
        cpus=cpus,
        gpus=gpus,
        max_workers=max_workers,
        bundle_size=1,
        max_retries=0,
        fast_path=FastPath(),
    )


@pytest.mark.parametrize(
    ("wanted", "nodes", "fits"),
    [
        (shape(), [Node(1, 0), Node(1, 0)], 2),
        (shape(cpus=2), [Node(3, 0), Node(3, 0)], 2),
        (shape(cpus=0.1), [Node(1, 0)], 10),
        (shape(gpus=1), [Node(8, 1), Node(8, 2), Node(64, 0)], 3),
        (shape(gpus=0.1), [Node(16, 1)], 10),
        (shape(gpus=0.4), [Node(16, 1), Node(16, 1)], 4),
        (shape(gpus=2), [Node(16, 3), Node(16, 1)], 1),
        (shape(cpus=4, gpus=0.5), [Node(8, 4)], 2),
        (shape(max_workers=3), [Node(64, 0)], 3),
    ],
)
def test_as_many_workers_as_fit_on_whole_nodes(
    wanted: WorkerShape, nodes: list[Node], fits: int
) -> None:
    assert worker_count(wanted, nodes) == fits


@pytest.mark.parametrize(
    ("wanted", "nodes"),
    [
        (shape(cpus=2), [Node(1, 0), Node(1, 0)]),
        (shape(gpus=2), [Node(8, 1), Node(8, 1)]),
        (shape(cpus=8, gpus=1), [Node(64, 0), Node(2, 8)]),
        (shape(), []),
    ],
)
def test_a_worker_that_fits_no_single_node_is_refused(
    wanted: WorkerShape, nodes: list[Node]
) -> None:
    with pytest.raises(SchedulingError, match="on one node"):
        worker_count(wanted, nodes)


class Endless:
    """A board that always has something to hand out."""

    over = False
    waits = False

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}
        self.lost: list[str] = []

    def note_workers(self, **counts: float) -> None:
        self.noted = counts

    def worker_limit(self, usual: int | None) -> int | None:
        return usual

    def next_bundle(self, *, size: int, workers: int) -> list[Any]:
        trial_id = f"{len(self.attempts):020x}"
        self.attempts[trial_id] = 1
        return [type("Trial", (), {"trial_id": trial_id})]

    def lose(self, trial_ids: list[str], why: str) -> None:
        self.lost += trial_ids


def test_no_more_packs_are_out_than_there_may_be_workers(tmp_path: Path) -> None:
    board = Endless()
    searcher = BundleSearcher(
        cast(Board, board), Workspace(tmp_path), shape(max_workers=2), workers=2
    )
    first, second = searcher.suggest("a"), searcher.suggest("b")
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("a")
    assert board.noted == {"out": 2, "busy": 0, "most": 2}
    searcher.on_trial_result("b", {})
    third = searcher.suggest("c")
    assert board.noted == {"out": 1, "busy": 1, "most": 2}
    assert third not in (None, Searcher.FINISHED)
    assert searcher.suggest("d") is None
