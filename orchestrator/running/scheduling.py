"""Run bundles on a Ray cluster: one Ray Tune experiment a run, whose trials are the workers.

A Ray Tune trial is a worker here, which is sent one bundle after another; what it does is left to
`orchestrator.running.bundle_trainable`, which worker gets what to `orchestrator.running.dispatch`,
and what is ready, claimed and recorded to `orchestrator.running.board`.
"""

import gc
import logging
import math
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a late question starts a cluster of its own

import ray
from ray import tune
from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner
from ray.tune.search import Searcher

from orchestrator.errors import SchedulingError
from orchestrator.interruption import end_as_by_ctrl_c
from orchestrator.running.board import Board
from orchestrator.running.bundle_trainable import BundleTrainable
from orchestrator.running.cluster_address import check_address
from orchestrator.running.cluster_watch import Probe
from orchestrator.running.dispatch import Dispatch, Report, guarded
from workers.contract.fast_path import FastPath
from workers.contract.limits import Limits
from workers.contract.paths import Workspace

log = logging.getLogger(__name__)

_LONGEST_CAUSE = 400

ROOM_POLL_S = 2.0
"""How often nodes that came or went are looked for."""
TELL_S = 0.5
"""How long a worker collects events before it tells them together."""
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.05, 1.0
"""How long a worker without work waits before it asks again."""


@dataclass(frozen=True)
class WorkerShape:
    """What one worker takes, how many there may be, and how much it is given at once.

    Attributes:
        cpus, gpus: per worker; gpus may be a fraction.
        max_retries: how often a bundle is started again after its worker was lost.
        fast_path: what workers share between trials.
        limits: how long trials may take, and workers be silent.
    """

    cpus: float
    gpus: float
    max_workers: int | None
    bundle_size: int
    max_retries: int
    fast_path: FastPath
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Node:
    """What a node of the cluster has in all, used or not."""

    cpus: float
    gpus: float


@contextmanager
def cluster(address: str | None) -> Iterator[Sequence[Node]]:
    """Connect to the Ray cluster at `address`, or start one on this machine; yield its nodes.

    Raises:
        SchedulingError: the cluster does not answer.
    """
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # files per trial that nobody reads
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C must differ from an early end
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "1000"  # `Dispatch.limit` says how many
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # its tables; the command line has its own view
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a notice
    for name in ("ray", "ray.tune"):  # its own handlers write into the live view
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    check_address(address)
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise SchedulingError(
            f"cannot reach a Ray cluster at {address or 'this machine'}: {error}; "
            "check the address with `ray status`, or leave --address out"
        ) from error
    end_as_by_ctrl_c()  # again: Ray's own handler aborts the process
    try:
        yield _nodes()
    finally:
        ray.shutdown()
        gc.collect()  # what is freed later would be looked for in the next cluster


def probe() -> Probe:
    """Return what tells how the cluster is that this process is connected to."""
    here = ray.get_runtime_context().get_node_id()
    names = ("gcs_server", "raylet")
    own = [(p.name(), p) for p in psutil.Process().children() if p.name() in names]

    def ask() -> str | None:
        for name, process in own:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return f"its process {name} has ended"
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        return None if here in alive else "this machine is no longer one of its nodes"

    return ask


def _nodes() -> Sequence[Node]:
    return [
        Node(found["Resources"].get("CPU", 0.0), found["Resources"].get("GPU", 0.0))
        for found in ray.nodes()
        if found["Alive"]
    ]


def worker_count(shape: WorkerShape, nodes: Sequence[Node]) -> int:
    """Return how many workers fit the cluster at once; each must fit one node.

    Raises:
        SchedulingError: not even one fits, so the sweep would wait forever.
    """
    fits = sum(_fit(shape, node) for node in nodes)
    if fits < 1:
        sizes = Counter(f"{n.cpus:g} and {n.gpus:g}" for n in nodes)
        have = ", ".join(f"{size} ({n} of them)" for size, n in sizes.most_common())
        raise SchedulingError(
            f"a worker needs {shape.cpus:g} CPUs and {shape.gpus:g} GPUs on one node, the nodes "
            f"have {have or 'none'}; lower `resources` in the sweep or add larger nodes"
        )
    return min(fits, shape.max_workers or fits)


def _fit(shape: WorkerShape, node: Node) -> int:
    fits = _times(node.cpus, shape.cpus)
    if shape.gpus:
        per_gpu = _times(1, shape.gpus)
        on_gpus = int(node.gpus) * per_gpu if per_gpu else _times(node.gpus, shape.gpus)
        fits = min(fits, on_gpus)
    return fits


def _times(whole: float, part: float) -> int:
    """Return how often a part fits, in ten-thousandths as Ray counts: 1 holds 0.1 ten times."""
    return round(whole * 10_000) // round(part * 10_000)


def run_bundles(board: Board, workspace: Workspace, shape: WorkerShape) -> None:
    """Run until nothing is left to hand out. Trials fail on the board, never by raising here.

    Raises:
        SchedulingError: no worker starts, or Ray Tune itself gave up.
    """
    dispatch = Dispatch(
        board,
        bundle_size=shape.bundle_size,
        max_retries=shape.max_retries,
        most_workers=shape.max_workers,
        room=_Room(shape),
    )
    config = {
        "workspace": str(workspace.root.resolve()),
        "threads": max(1, int(shape.cpus)),
        "device": "cuda" if shape.gpus else "cpu",
        "fast_path": shape.fast_path.model_dump(mode="json"),
        "limits": shape.limits.model_dump(mode="json"),
    }
    tuner = Tuner(
        tune.with_resources(
            BundleTrainable, tune.PlacementGroupFactory([{"CPU": shape.cpus, "GPU": shape.gpus}])
        ),
        tune_config=TuneConfig(
            search_alg=WorkerSearcher(dispatch, config),
            num_samples=-1,
            trial_dirname_creator=lambda trial: f"worker-{trial.trial_id}",
        ),
        run_config=RunConfig(
            name=f"submission-{uuid.uuid4().hex[:12]}",
            storage_path=str(workspace.experiments.resolve()),
            failure_config=FailureConfig(max_failures=0),  # what follows a lost one is ours to say
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
            callbacks=[Listener(dispatch)],
            stop=AllDone(dispatch),
            verbose=0,
        ),
    )
    _run_to_the_end(tuner)
    if dispatch.broken is not None:
        raise SchedulingError(f"{dispatch.broken}; see `ray status`, then submit again to go on")


def _run_to_the_end(tuner: Tuner) -> None:
    try:
        tuner.fit()
    except KeyboardInterrupt:
        # Once this is passed on, Ray Tune's objects are freed, and ask the cluster to let go of
        # what they hold: for a minute each, where it is gone. Without a connection they do not.
        ray.shutdown()
        raise
    except (ray.exceptions.RayError, tune.TuneError) as error:
        raise SchedulingError(
            f"Ray Tune stopped: {error}; finished trials are kept, submit again to go on"
        ) from error


class _Room:
    """How many workers the cluster holds, used or not, looked up every few seconds."""

    def __init__(self, shape: WorkerShape) -> None:
        self._shape = shape
        self._found = 0
        self._looked_at = -math.inf

    def __call__(self) -> int:
        if time.monotonic() - self._looked_at > ROOM_POLL_S:
            self._looked_at = time.monotonic()
            with guarded("looking for room"):
                self._found = sum(_fit(self._shape, node) for node in _nodes())
        return self._found


class _Ephemeral:
    """What Ray Tune writes into the run's folder with its own state, which is never read back."""

    def __reduce__(self) -> Any:
        return _Ephemeral, ()


class WorkerSearcher(_Ephemeral, Searcher):  # type: ignore[misc]
    """Calls a worker whenever one is wanted."""

    def __init__(self, dispatch: Dispatch, config: dict[str, Any]) -> None:
        super().__init__()
        self._dispatch = dispatch
        self._config = config

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        with guarded("looking for work"):
            if self._dispatch.wants_worker():
                self._dispatch.call(trial_id)
                return self._config
        return str(Searcher.FINISHED) if self._dispatch.ending else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """See `Listener`, which is told more."""

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to bring back: the catalog knows what is finished."""


class Listener(_Ephemeral, tune.Callback):  # type: ignore[misc]
    """Tells the dispatch what workers say and what became of them."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        with guarded("hearing a worker"):
            handle, events, done = BundleTrainable.read(result)
            if handle is not None:
                self._dispatch.meet(trial.trial_id, handle.give.remote)
            self._dispatch.hear(trial.trial_id, Report(events, done))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._dispatch.leave(trial.trial_id)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        with guarded("replacing a worker"):
            self._dispatch.lose(trial.trial_id, _cause(trial))


class AllDone(_Ephemeral, tune.Stopper):  # type: ignore[misc]
    """Ends the run, with workers that are idle or still wait for room."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._dispatch.over


def _cause(trial: Any) -> str:
    """Return the last line that Ray Tune wrote of a failure: the error behind its traceback."""
    text = ""
    with guarded("reading why a worker was lost"):
        if trial.error_file is not None:
            text = Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_CAUSE] if lines else "Ray Tune does not say why"
