"""How many workers fit a cluster."""

import pytest

from orchestrator.errors import SchedulingError
from orchestrator.running.scheduling import Node, WorkerShape, worker_count
from workers.contract.fast_path import FastPath


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
