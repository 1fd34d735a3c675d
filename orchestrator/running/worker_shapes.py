"""What a worker takes of a node, and how many workers the nodes of a cluster hold; without Ray."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import SchedulingError
from orchestrator.planning.plan import Plan
from orchestrator.running.node_room import Node, fits
from orchestrator.running.work_queue import USUAL
from workers.contract.decision_points import DecisionPoints
from workers.contract.fast_path import FastPath
from workers.contract.limits import Limits
from workers.contract.paths import Workspace

TAKES = "takes"
"""Where `WorkerShape.config` says what a worker takes of its node."""


@dataclass(frozen=True)
class WorkerShape:
    """What one worker takes, how many there may be, and how much it is given at once.

    Attributes:
        cpus, gpus: per worker; gpus may be a fraction.
        custom: resources that nodes were started with under these names.
        said_in: where the sweep says this.
        max_retries: how often a bundle is started again after its worker was lost.
        fast_path: what workers share between trials.
        limits: how long trials may take, and workers be silent.
        keep_predictions: whether trials write what they say of each row.
        decisions: when trials may be asked to stop; None where nobody asks.
    """

    cpus: float
    gpus: float
    max_workers: int | None
    bundle_size: int
    max_retries: int
    fast_path: FastPath
    limits: Limits = field(default_factory=Limits)
    keep_predictions: bool = True
    custom: Mapping[str, float] = field(default_factory=dict)
    said_in: str = "resources"
    decisions: DecisionPoints | None = None

    def config(self, workspace: Workspace) -> dict[str, Any]:
        """Return what a worker is told when it starts."""
        return {
            "workspace": workspace.address,
            "threads": max(1, int(self.cpus)),
            "device": "cuda" if self.gpus else "cpu",
            "gpu_share": min(1.0, self.gpus),
            "fast_path": self.fast_path.model_dump(mode="json"),
            "limits": self.limits.model_dump(mode="json"),
            "keep_predictions": self.keep_predictions,
            "decisions": self.decisions and self.decisions.model_dump(mode="json"),
            TAKES: self.takes,
        }

    @property
    def takes(self) -> dict[str, float]:
        """Return what a worker holds of a node, as Ray calls it."""
        return {"CPU": self.cpus, "GPU": self.gpus, **self.custom}


def shapes_of(plan: Plan) -> dict[int, WorkerShape]:
    """Return what workers take, for each kind of them that some trial of the sweep is for."""
    kinds = plan.kinds()
    used = {kinds.get(trial_id, USUAL) for trial_id in plan.trials}
    shapes = {}
    for kind in sorted(used):
        wanted = plan.spec.resources.of_kind(kind)
        shapes[kind] = WorkerShape(
            cpus=wanted.cpus,
            gpus=wanted.gpus,
            custom=wanted.custom or {},
            said_in="resources" if kind == USUAL else f"resources.kinds[{kind - 1}]",
            max_workers=wanted.max_workers,
            bundle_size=wanted.trials_per_bundle,
            max_retries=wanted.max_retries,
            fast_path=plan.spec.fast_path.settings,
            limits=plan.spec.limits.of_workers,
            keep_predictions=plan.spec.keep_predictions,
            decisions=plan.spec.decision_points,
        )
    return shapes


@dataclass(frozen=True)
class WorkerRoom:
    """How many workers fit a cluster at once.

    Attributes:
        total: of all kinds; where a node has room for several, those of which it holds most.
        of_kind: kind → how many if there are no others.
    """

    total: int
    of_kind: Mapping[int, int] = field(default_factory=dict)


def worker_room(shapes: Mapping[int, WorkerShape], nodes: Sequence[Node]) -> WorkerRoom:
    """Return how many workers fit the cluster at once; each must fit one node.

    Raises:
        SchedulingError: of one kind not even one fits, so the sweep would wait forever.
    """
    held = {kind: [fit(shape, node) for node in nodes] for kind, shape in shapes.items()}
    for kind, shape in shapes.items():
        if not any(held[kind]):
            raise _fits_nowhere(shape, nodes)
    total = sum(map(max, zip(*held.values(), strict=True)))
    most = next(iter(shapes.values())).max_workers or total
    return WorkerRoom(min(total, most), {kind: min(sum(n), most) for kind, n in held.items()})


def _fits_nowhere(shape: WorkerShape, nodes: Sequence[Node]) -> SchedulingError:
    def words(has: WorkerShape | Node) -> str:
        custom = (f" and {has.custom.get(name, 0):g} {name}" for name in shape.custom)
        return "".join(custom)

    sizes = Counter(f"{n.cpus:g} and {n.gpus:g}{words(n)}" for n in nodes)
    have = ", ".join(f"{size} ({n} of them)" for size, n in sizes.most_common())
    custom = "; a node has what its `ray start --resources` says" if shape.custom else ""
    return SchedulingError(
        f"a worker needs {shape.cpus:g} CPUs and {shape.gpus:g} GPUs{words(shape)} on one node, "
        f"the nodes have {have or 'none'}; lower `{shape.said_in}` in the sweep or add nodes that "
        f"have it{custom}"
    )


def fit(shape: WorkerShape, node: Node) -> int:
    """Return how many workers a node holds."""
    return fits(node, cpus=shape.cpus, gpus=shape.gpus, custom=shape.custom)
