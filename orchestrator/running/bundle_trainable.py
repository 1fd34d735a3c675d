"""The process that works, as a Ray actor: it is sent bundles, runs them, and tells what happened.

Which bundle it is sent is left to `orchestrator.running.dispatch`, the work itself to
`workers.running.bundle`.
"""

import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import ray
from pydantic import TypeAdapter
from ray import tune

from orchestrator.errors import SchedulingError
from workers.contract.decision_points import DecisionPoints
from workers.contract.events import TrialEvent
from workers.contract.fast_path import FastPath
from workers.contract.limits import Limits
from workers.contract.paths import Workspace
from workers.contract.spending import Spent
from workers.contract.storage.object_storage import at_once
from workers.contract.trial import Trial
from workers.running.memory import collect_less_often
from workers.running.preemption import is_preempted
from workers.running.sent_sources import with_sources_here

_EVENTS, _BUNDLES, _HANDLE, _DONE = "events", "bundles", "handle", "done"
_EVENT_LIST = TypeAdapter(list[TrialEvent])

TELL_S = 0.5
"""How long a worker collects events before it tells them together."""
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.05, 1.0
"""How long a worker without work waits before it asks again."""


class BundleTrainable(tune.Trainable):  # type: ignore[misc]
    """One worker: every step tells the events of a while; it is given one bundle after another."""

    def setup(self, config: dict[str, Any]) -> None:
        from workers.running.heartbeat import Heartbeat
        from workers.running.preemption import expect_preemption

        began = time.perf_counter()
        limits = Limits.model_validate(config["limits"])
        self._heartbeat = Heartbeat(limits.silent_s)
        expect_preemption()
        import torch

        from workers.running.warm_state import WarmState

        collect_less_often()
        torch.set_num_threads(config["threads"])
        fast_path = FastPath.model_validate(config["fast_path"])
        self._warm = WarmState(
            torch.device(config["device"]),
            fast_path,
            limits,
            gpu_share=config["gpu_share"],
            keep_predictions=config["keep_predictions"],
            decisions=config["decisions"] and DecisionPoints.model_validate(config["decisions"]),
        )
        cpu_s = time.process_time()  # of the process, which Ray may have started before
        self._warm.started = Spent(wall_s=time.perf_counter() - began, cpu_s=cpu_s)
        self._workspace = Workspace.at(config["workspace"])
        self._given: deque[dict[str, int]] = deque()
        self._events: Iterator[TrialEvent] | None = None
        self._bundles = 0
        self._patience_s = 0.0
        self._silent, self._longest_s = True, 0.0  # of the bundle that it is at
        self._heartbeat.started()

    def give(self, attempts: dict[str, int]) -> None:
        """Take a bundle, trial → attempt; an empty one ends the worker.

        Ray runs this between two steps, before any step that was asked for after it.
        """
        self._given.append(attempts)

    def step(self) -> dict[str, Any]:
        told: list[TrialEvent] = []
        if self._events is None and is_preempted():
            return self._report(told, done=True)
        if self._events is None and self._given:
            attempts = self._given.popleft()
            if not attempts:
                return self._report(told, done=True)
            self._events = self._begin(attempts)
        if self._events is None:
            self._wait()
        else:
            self._patience_s = 0.0
            self._listen(self._events, told)
        return self._report(told)

    def _listen(self, events: Iterator[TrialEvent], told: list[TrialEvent]) -> None:
        """Run on until there is something to tell and more would come late; or to the end.

        An event that waits is told at once: it is answered before Ray Tune asks for the next step.

        How long that may be is told from this bundle, of which the first event is told at once.
        """
        until = time.monotonic() + TELL_S
        while True:
            asked = time.monotonic()
            event = next(events, None)
            moment = time.monotonic()
            self._longest_s = max(self._longest_s, moment - asked)
            if event is None:
                break
            told.append(event)
            if event.waits or self._silent or moment + self._longest_s >= until:
                self._silent = False
                return
        self._events = None
        self._bundles += 1
        self._silent, self._longest_s = True, 0.0

    def _wait(self) -> None:
        """Let a while pass that grows from step to step."""
        if self.iteration:  # the first report makes the worker known
            self._patience_s = min(LONGEST_WAIT_S, 2 * self._patience_s or SHORTEST_WAIT_S)
            time.sleep(self._patience_s)

    def _report(self, told: list[TrialEvent], *, done: bool = False) -> dict[str, Any]:
        handle = None if self.iteration else ray.get_runtime_context().current_actor
        events = _EVENT_LIST.dump_json(told).decode()
        return {_HANDLE: handle, _EVENTS: events, _BUNDLES: self._bundles, _DONE: done}

    @staticmethod
    def read(result: dict[str, Any]) -> tuple[Any, list[TrialEvent], int]:
        """Take a report out of a result: the worker's handle, once; events; bundles ended.

        What stays in the result is what Ray Tune writes down.
        """
        events = _EVENT_LIST.validate_json(result.pop(_EVENTS))
        return result.pop(_HANDLE), events, result[_BUNDLES]

    def _begin(self, attempts: dict[str, int]) -> Iterator[TrialEvent]:
        from workers.running.bundle import run_bundle

        workspace = replace(self._workspace, attempts=attempts)
        return run_bundle(_read_trials(workspace, list(attempts)), workspace, self._warm)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Checkpoints are the trials' own, in the workspace."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """See `save_checkpoint`."""


def _read_trials(workspace: Workspace, trial_ids: Sequence[str]) -> list[Trial]:
    """Read what the driver wrote for its workers.

    Raises:
        SchedulingError: this node sees another workspace, or none.
    """
    try:
        texts = at_once(lambda i: workspace.trial(i).files.read("trial.json"), trial_ids)
    except FileNotFoundError as error:
        raise SchedulingError(
            f"node {socket.gethostname()} does not see the workspace {workspace.address}: "
            f"{error.filename or error} is not there; mount it at the same path on every node"
        ) from error
    trials = [Trial.model_validate_json(text) for text in texts]
    return [with_sources_here(trial, workspace) for trial in trials]
