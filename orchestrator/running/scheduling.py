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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a late question starts a cluster of its own

import ray
from ray import tune
from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner
from ray.tune.search import Searcher
from ray.util import placement_group, remove_placement_group

from orchestrator.errors import SchedulingError
from orchestrator.interruption import end_as_by_ctrl_c
from orchestrator.running.board import Board
from orchestrator.running.bundle_trainable import BundleTrainable
from orchestrator.running.cluster_address import check_address
from orchestrator.running.cluster_watch import Probe
from orchestrator.running.dispatch import Dispatch, Report, WorkerKind, guarded
from orchestrator.running.node_room import Node
from orchestrator.running.worker_shapes import TAKES, WorkerRoom, WorkerShape, fit, worker_room
from workers.contract.paths import Workspace

log = logging.getLogger(__name__)

_LONGEST_CAUSE = 400

ROOM_POLL_S = 2.0
"""How often nodes that came or went are looked for."""


@contextmanager
def cluster(address: str | None) -> Iterator[Sequence[Node]]:
    """Connect to the Ray cluster at `address`, or start one on this machine; yield its nodes.

    Raises:
        SchedulingError: the cluster does not answer.
        KeyboardInterrupt: SIGTERM came while it was being started or reached.
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
    except SystemExit:  # Ray's own handler of SIGTERM, which it puts in place of ours
        raise KeyboardInterrupt from None
    finally:
        end_as_by_ctrl_c()
    try:
        yield _nodes()
        gc.collect()  # while there is a connection, over which Ray Tune's objects are let go
    finally:
        _disconnect()


def _disconnect() -> None:
    """Leave the cluster, while no other thread happens to free an object of Ray's.

    That would use the connection that is being closed, at which Ray ends the process.
    """
    gc.disable()
    try:
        ray.shutdown()
    finally:
        gc.enable()
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
        Node(found.pop("CPU", 0.0), found.pop("GPU", 0.0), found)
        for found in (dict(node["Resources"]) for node in ray.nodes() if node["Alive"])
    ]


def room_for(
    shapes: Mapping[int, WorkerShape],
    nodes: Sequence[Node],
    wait_s: float,
    waits: Callable[[str], None],
) -> WorkerRoom:
    """Return how many workers fit the nodes, or those that are there once one of each kind fits.

    Meanwhile one of each is asked for, which is what an autoscaler starts nodes for.

    Args:
        wait_s: how long to wait for them.
        waits: is told so.

    Raises:
        SchedulingError: of one kind not even one fits, after that time.
    """
    try:
        return worker_room(shapes, nodes)
    except SchedulingError as error:
        if wait_s <= 0:
            raise
        said = f"{error}; waiting up to {wait_s:.0f} s for such nodes"
        log.warning("%s", said)
        waits(said)
    deadline = time.monotonic() + wait_s
    asked = [placement_group([_held(shape)]) for shape in shapes.values()]
    try:
        while True:
            time.sleep(ROOM_POLL_S)
            try:
                return worker_room(shapes, _nodes())
            except SchedulingError:
                if time.monotonic() >= deadline:
                    raise
    finally:
        for group in asked:
            remove_placement_group(group)


def _held(shape: WorkerShape) -> dict[str, float]:
    return {name: amount for name, amount in shape.takes.items() if amount}


def run_bundles(board: Board, workspace: Workspace, shapes: Mapping[int, WorkerShape]) -> None:
    """Run until nothing is left to hand out. Trials fail on the board, never by raising here.

    Args:
        shapes: what workers take, for each kind of them.

    Raises:
        SchedulingError: no worker starts, or Ray Tune itself gave up.
    """
    some = next(iter(shapes.values()))
    rooms = _Rooms(shapes)
    dispatch = Dispatch(
        board,
        kinds={
            kind: WorkerKind(shape.bundle_size, partial(rooms.of, kind))
            for kind, shape in shapes.items()
        },
        max_retries=some.max_retries,
        most_workers=some.max_workers,
    )
    configs = {kind: shape.config(workspace) for kind, shape in shapes.items()}
    tuner = Tuner(
        tune.with_resources(BundleTrainable, _placement),
        tune_config=TuneConfig(
            search_alg=WorkerSearcher(dispatch, configs),
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
        _disconnect()
        raise
    except (ray.exceptions.RayError, tune.TuneError) as error:
        raise SchedulingError(
            f"Ray Tune stopped: {error}; finished trials are kept, submit again to go on"
        ) from error


def _placement(config: dict[str, Any]) -> tune.PlacementGroupFactory:
    return tune.PlacementGroupFactory([config[TAKES]])


class _Rooms:
    """How many workers of each kind the cluster holds, used or not, looked up every few seconds."""

    def __init__(self, shapes: Mapping[int, WorkerShape]) -> None:
        self._shapes = shapes
        self._found = dict.fromkeys(shapes, 0)
        self._looked_at = -math.inf

    def of(self, kind: int) -> int:
        if time.monotonic() - self._looked_at > ROOM_POLL_S:
            self._looked_at = time.monotonic()
            with guarded("looking for room"):
                nodes = _nodes()
                self._found = {k: sum(fit(s, n) for n in nodes) for k, s in self._shapes.items()}
        return self._found[kind]


class _Ephemeral:
    """What Ray Tune writes into the run's folder with its own state, which is never read back."""

    def __reduce__(self) -> Any:
        return _Ephemeral, ()


class WorkerSearcher(_Ephemeral, Searcher):  # type: ignore[misc]
    """Calls a worker whenever one is wanted."""

    def __init__(self, dispatch: Dispatch, configs: Mapping[int, dict[str, Any]]) -> None:
        super().__init__()
        self._dispatch = dispatch
        self._configs = configs

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        with guarded("looking for work"):
            kind = self._dispatch.wanted()
            if kind is not None:
                self._dispatch.call(trial_id, kind)
                return self._configs[kind]
        over = self._dispatch.ending or self._dispatch.deserted
        return str(Searcher.FINISHED) if over else None

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
