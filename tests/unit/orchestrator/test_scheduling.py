"""How many workers fit a cluster."""

import pytest

from orchestrator.errors import SchedulingError
from orchestrator.running.node_room import Node
from orchestrator.running.worker_shapes import WorkerRoom, WorkerShape, worker_room
from workers.contract.fast_path import FastPath


def shape(
    *,
    cpus: float = 1,
    gpus: float = 0,
    max_workers: int | None = None,
    said_in: str = "resources",
    **custom: float,
) -> WorkerShape:
    return WorkerShape(
        custom=custom,
        said_in=said_in,
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
        (shape(a100=1), [Node(8, 0, {"a100": 2}), Node(8, 0)], 2),
        (shape(a100=0.1), [Node(8, 0, {"a100": 0.3})], 3),
    ],
)
def test_as_many_workers_as_fit_on_whole_nodes(
    wanted: WorkerShape, nodes: list[Node], fits: int
) -> None:
    assert worker_room({0: wanted}, nodes) == WorkerRoom(fits, {0: fits})


@pytest.mark.parametrize(
    ("wanted", "nodes"),
    [
        (shape(cpus=2), [Node(1, 0), Node(1, 0)]),
        (shape(gpus=2), [Node(8, 1), Node(8, 1)]),
        (shape(cpus=8, gpus=1), [Node(64, 0), Node(2, 8)]),
        (shape(), []),
        (shape(a100=1), [Node(8, 0, {"v100": 1}), Node(8, 1)]),
    ],
)
def test_a_worker_that_fits_no_single_node_is_refused(
    wanted: WorkerShape, nodes: list[Node]
) -> None:
    with pytest.raises(SchedulingError, match="on one node"):
        worker_room({0: wanted}, nodes)


def test_of_several_kinds_those_count_of_which_a_node_holds_most() -> None:
    kinds = {0: shape(cpus=1), 1: shape(cpus=2, a100=1)}
    nodes = [Node(4, 0, {"a100": 2}), Node(3, 0)]
    assert worker_room(kinds, nodes) == WorkerRoom(7, {0: 7, 1: 2})


def test_a_kind_that_fits_no_node_is_named_with_what_to_do() -> None:
    kinds = {0: shape(), 1: shape(a100=2, said_in="resources.kinds[0]")}
    with pytest.raises(SchedulingError) as refused:
        worker_room(kinds, [Node(4, 0, {"a100": 1}), Node(4, 1)])
    said = str(refused.value)
    assert "needs 1 CPUs and 0 GPUs and 2 a100 on one node" in said
    assert "4 and 0 and 1 a100 (1 of them), 4 and 1 and 0 a100 (1 of them)" in said
    assert "`resources.kinds[0]`" in said
    assert "ray start --resources" in said
