"""Run bundles on a Ray cluster: one Ray Tune experiment a submission, reused actors.

The only module that imports Ray. A Ray Tune trial is a bundle here; what is ready, claimed and
recorded is left to `orchestrator.running.board`, and the work itself to `workers.running.bundle`.
"""

import gc
import logging
import math
import os
import socket
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray
from ray import tune
from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner
from ray.tune.search import Searcher

from orchestrator.errors import SchedulingError
from orchestrator.interruption import end_as_by_ctrl_c
from orchestrator.running.board import Board
from orchestrator.running.cluster_address import check_address
from orchestrator.running.cluster_watch import Probe
from workers.contract.events import TrialEvent
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.trial import Trial
from workers.running.memory import collect_less_often

log = logging.getLogger(__name__)

_EVENT, _DONE = "event", "done"


_LONGEST_CAUSE = 400

STALLED_POLLS = 60
"""Ray Tune asks about once a second when nothing runs; after this many asks the run ends."""


@dataclass(frozen=True)
class WorkerShape:
    """What one worker takes, how many there may be, and how much it is given at once.

    Attributes:
        cpus, gpus: per worker; gpus may be a fraction.
        max_retries: how often a bundle is started again after its worker was lost.
        fast_path: what workers share between trials.
    """

    cpus: float
    gpus: float
    max_workers: int | None
    bundle_size: int
    max_retries: int
    fast_path: FastPath


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
        yield [
            Node(found["Resources"].get("CPU", 0.0), found["Resources"].get("GPU", 0.0))
            for found in ray.nodes()
            if found["Alive"]
        ]
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


def run_bundles(board: Board, workspace: Workspace, shape: WorkerShape, *, workers: int) -> None:
    """Run until nothing is left to hand out. Trials fail on the board, never by raising here.

    Raises:
        SchedulingError: Ray Tune itself gave up.
    """
    trainable = tune.with_resources(
        BundleTrainable, tune.PlacementGroupFactory([{"CPU": shape.cpus, "GPU": shape.gpus}])
    )
    searcher = BundleSearcher(board, workspace, shape, workers)
    tuner = Tuner(
        trainable,
        tune_config=TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            max_concurrent_trials=workers,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: f"bundle-{trial.trial_id}",
        ),
        run_config=RunConfig(
            name=f"submission-{uuid.uuid4().hex[:12]}",
            storage_path=str(workspace.experiments.resolve()),
            failure_config=FailureConfig(max_failures=shape.max_retries),
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
            callbacks=[LostWorkers(searcher)],
            verbose=0,
        ),
    )
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


class BundleSearcher(Searcher):  # type: ignore[misc]
    """Hands out a bundle whenever something is ready; takes the workers' events in.

    An exception in here would end the whole experiment, so every call is guarded: what a guarded
    call misses is found again in storage by `Board.reconcile`.
    """

    def __init__(
        self, board: Board | None, workspace: Workspace, shape: WorkerShape, workers: int
    ) -> None:
        super().__init__()
        self._board = board
        self._workspace = workspace
        self._shape = shape
        self._workers = workers
        self._bundles: dict[str, list[str]] = {}
        self._stalled = 0

    def __reduce__(self) -> Any:
        """Ray Tune writes its searcher into the run's folder; resuming never reads it back."""
        return BundleSearcher, (None, self._workspace, self._shape, self._workers)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        board = self._board
        if board is None or board.over:
            return str(Searcher.FINISHED)
        if len(self._bundles) >= (self._shape.max_workers or math.inf):
            return None
        bundle: list[Trial] = []
        with _guarded("handing out a bundle"):
            bundle = board.next_bundle(size=self._shape.bundle_size, workers=self._workers)
        if board.over or (not bundle and self._is_stuck(board)):
            return str(Searcher.FINISHED)
        if not bundle:
            return None
        self._stalled = 0
        ids = [t.trial_id for t in bundle]
        self._bundles[trial_id] = ids
        return {
            "bundle": ids,
            "attempts": {i: board.attempts[i] for i in ids},
            "workspace": str(self._workspace.root.resolve()),
            "threads": max(1, int(self._shape.cpus)),
            "device": "cuda" if self._shape.gpus else "cpu",
            "fast_path": self._shape.fast_path.model_dump(mode="json"),
        }

    def _is_stuck(self, board: Board) -> bool:
        """Tell whether waiting is in vain: no bundle is out, and none has come for many polls."""
        if self._bundles or board.waits_for_others:
            return False
        with _guarded("reconciling"):
            board.reconcile()
        self._stalled += 1
        return board.over or self._stalled > STALLED_POLLS

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if self._board is not None and result.get(_EVENT):
            with _guarded("recording an event"):
                self._board.take(TrialEvent.model_validate_json(result[_EVENT]))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        if self._board is None:
            return
        if result is not None:
            self.on_trial_result(trial_id, result)
        if not error:  # else `LostWorkers` closes it, who knows the cause
            self.close(trial_id, "it ended without a word")

    def close(self, trial_id: str, cause: str) -> None:
        """Note that nobody runs a bundle any more; what it has not committed has failed."""
        with _guarded("closing a bundle"):
            times = self._shape.max_retries + 1
            why = f"its worker was lost {times} times, at last so: {cause}; see `ray status`"
            if self._board is not None:
                self._board.lose(self._bundles.pop(trial_id, []), why)

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Keep Ray Tune from limiting what is handed out; `suggest` keeps to `max_workers`.

        Where the cluster itself is the limit, bundles wait in line for its workers, since Ray Tune
        ends a worker for which no trial waits.
        """
        return True

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to bring back: the catalog knows what is finished."""


class LostWorkers(tune.Callback):  # type: ignore[misc]
    """Tells the searcher why Ray Tune gave a bundle up, which searchers are not told."""

    def __init__(self, searcher: BundleSearcher | None) -> None:
        self._searcher = searcher

    def __reduce__(self) -> Any:
        """Ray Tune writes its callbacks into the run's folder; resuming never reads them back."""
        return LostWorkers, (None,)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if self._searcher is not None:
            self._searcher.close(trial.trial_id, _cause(trial))


def _cause(trial: Any) -> str:
    """Return the last line that Ray Tune wrote of a failure: the error behind its traceback."""
    text = ""
    with _guarded("reading why a worker was lost"):
        if trial.error_file is not None:
            text = Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_CAUSE] if lines else "Ray Tune does not say why"


class BundleTrainable(tune.Trainable):  # type: ignore[misc]
    """One worker: every step is the next event of its bundle; the process is reused for many."""

    def setup(self, config: dict[str, Any]) -> None:
        self._warm: Any = None
        collect_less_often()
        self._begin(config)

    def step(self) -> dict[str, Any]:
        event = next(self._events, None)
        return {_EVENT: event.model_dump_json() if event else "", _DONE: event is None}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Checkpoints are the trials' own, in the workspace."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """See `save_checkpoint`."""

    def _begin(self, config: dict[str, Any]) -> None:
        import torch

        from workers.running.bundle import run_bundle
        from workers.running.warm_state import WarmState

        torch.set_num_threads(config["threads"])
        if self._warm is None:
            fast_path = FastPath.model_validate(config["fast_path"])
            self._warm = WarmState(torch.device(config["device"]), fast_path)
        workspace = Workspace(Path(config["workspace"]), config["attempts"])
        self._events: Iterator[TrialEvent] = run_bundle(
            _read_trials(workspace, config["bundle"]), workspace, self._warm
        )


def _read_trials(workspace: Workspace, trial_ids: Sequence[str]) -> list[Trial]:
    """Read what the driver wrote for its workers.

    Raises:
        SchedulingError: this node sees another workspace, or none.
    """
    try:
        texts = [workspace.trial(i).trial.read_text(encoding="utf-8") for i in trial_ids]
    except FileNotFoundError as error:
        raise SchedulingError(
            f"node {socket.gethostname()} does not see the workspace {workspace.root}: "
            f"{error.filename} is not there; mount it at the same path on every node"
        ) from error
    return [Trial.model_validate_json(text) for text in texts]


@contextmanager
def _guarded(doing: str) -> Iterator[None]:
    try:
        yield
    except Exception:  # would end the experiment; reconcile mends it
        log.exception("%s failed; the driver goes on", doing)
