"""A running submission in figures for Prometheus, served by HTTP: trials, queue, workers, outbox.

Workers tell theirs with their events, so one address shows all and no worker listens anywhere. It
reads the board and changes nothing. Each name, unit and label is in docs/observe.md.
"""

import ipaddress
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client import start_http_server as start_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.catalog.records import TrialState
from orchestrator.errors import CatalogError, OrchestratorError
from orchestrator.running.board import Board
from orchestrator.running.driver import Watch
from orchestrator.running.work_queue import WorkState
from orchestrator.running.worker_shapes import WorkerRoom
from workers.contract.events import EventKind, TrialEvent, WorkerFigures
from workers.contract.results import FailureReason, TrialResult

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
SILENT_S = 3600.0
"""A worker that has told nothing for so long is not shown any more."""
_WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
_PREFIX = "adaptersweep_"
_OF_A_WORKER = {
    "silent_seconds": "Since the worker told anything.",
    "bundle_trials": "Trials in its bundle.",
    "memory_bytes": "Memory of its process.",
    "gpu_allocated_bytes": "Memory of its GPU that its tensors take.",
    "gpu_used_bytes": "Memory of its GPU that all its users take.",
    "gpu_total_bytes": "Memory that its GPU has.",
}
"""All but the first are fields of `WorkerFigures`."""


class Telemetry(Collector):
    """The figures of one submission; `registry` has them all, and the driver process's own."""

    def __init__(self, sweep: str) -> None:
        self.registry = CollectorRegistry()
        self._sweep = sweep
        self._board: Board | None = None
        self._slots = 0
        self._workers: dict[tuple[str, int], tuple[float, WorkerFigures]] = {}
        self._trained = self._counted("trained", "Trials that this submission finished.", "method")
        self._duration = self._spread(
            "trial_duration_seconds", "From a trial's start to its result.", _SECONDS, "method"
        )
        self._packs = self._spread(
            "pack_trials",
            "How many trials a finished one was trained with in one pass, itself included.",
            _WIDTHS,
        )
        self._bundles = self._spread(
            "bundle_trials",
            "How many trials the worker of a finished one was given at once.",
            _WIDTHS,
        )
        self._cut_points = self._counted(
            "prefix_cut_points",
            "Activations of the frozen part that trials needed: found in the cache, or computed.",
            "origin",
        )
        for of_all in (self._packs, self._bundles):
            of_all.labels(sweep)
        for origin in ("cache", "computed"):
            self._cut_points.labels(sweep, origin)
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def _counted(self, name: str, words: str, label: str) -> Counter:
        return Counter(f"{_PREFIX}{name}", words, ["sweep", label], registry=self.registry)

    def _spread(self, name: str, words: str, bounds: Sequence[float], *labels: str) -> Histogram:
        return Histogram(
            f"{_PREFIX}{name}", words, ["sweep", *labels], registry=self.registry, buckets=bounds
        )

    def watch(self, others: Watch) -> Watch:
        """Return a watch that tells these figures too what it tells others."""

        def board(found: Board, room: WorkerRoom) -> None:
            self._board, self._slots = found, room.total
            found.listeners.append(self._note)
            others.board(found, room)

        return Watch(phase=others.phase, board=board)

    def _note(self, event: TrialEvent, result: TrialResult | None) -> None:
        if event.worker is not None:
            key = event.worker.host, event.worker.pid
            self._workers[key] = time.monotonic(), event.worker
        if event.kind is not EventKind.FINISHED or result is None or self._board is None:
            return
        method = self._board.queue.trials[event.trial_id].method.value
        self._trained.labels(self._sweep, method).inc()
        self._duration.labels(self._sweep, method).observe(result.duration_s)
        self._packs.labels(self._sweep).observe(result.pack_width)
        if event.worker is not None:
            self._bundles.labels(self._sweep).observe(event.worker.bundle_trials)
        if result.prefix is not None:
            needed = sum(map(len, result.prefix.cut_points.values()))
            computed = min(result.prefix.computed, needed)
            self._cut_points.labels(self._sweep, "computed").inc(computed)
            self._cut_points.labels(self._sweep, "cache").inc(needed - computed)

    def collect(self) -> Iterator[Metric]:
        """Yield what is read anew whenever somebody asks."""
        board = self._board
        if board is None:
            return
        counts, queue = board.counts(), board.queue.counts()
        yield self._gauge(
            "trials",
            "Trials of the sweep by state.",
            "state",
            {state.value: counts[state] for state in TrialState},
        )
        waiting = (WorkState.WAITING, WorkState.READY, WorkState.RUNNING, WorkState.ELSEWHERE)
        yield self._gauge(
            "queue_trials",
            "Trials that are not done: waiting for others, ready, running, or run elsewhere.",
            "state",
            {state.value: queue[state] for state in waiting},
        )
        yield self._counter(
            "failures",
            "Trials of this submission that failed.",
            {r.value: board.failures[r] for r in FailureReason},
        )
        reasons = {FailureReason.WORKER_LOST.value, EventKind.PREEMPTED.value, *board.retries}
        yield self._counter(
            "retries",
            "Trials that were given out again.",
            {reason: board.retries[reason] for reason in sorted(reasons)},
        )
        yield self._gauge(
            "worker_slots", "Workers that fit the cluster at once.", None, self._slots
        )
        with suppress(CatalogError):  # what cannot be known is left out
            entries, lag_s = board.unpublished()
            yield self._gauge("outbox_entries", "What MLflow has still to be told.", None, entries)
            yield self._gauge("outbox_lag_seconds", "Age of the oldest of it.", None, lag_s)
        yield from self._of_workers()

    def _of_workers(self) -> Iterator[Metric]:
        moment = time.monotonic()
        living = [(m, w) for m, w in list(self._workers.values()) if moment - m < SILENT_S]
        for name, words in _OF_A_WORKER.items():
            labels = ["sweep", "host", "pid"]
            family = GaugeMetricFamily(f"{_PREFIX}worker_{name}", words, labels=labels)
            for at, worker in living:
                found = moment - at if name == "silent_seconds" else getattr(worker, name)
                if found is not None:
                    family.add_metric([self._sweep, worker.host, str(worker.pid)], found)
            yield family

    def _gauge(
        self, name: str, words: str, label: str | None, values: Mapping[str, float] | float
    ) -> Metric:
        labels = ["sweep", label] if label else ["sweep"]
        family = GaugeMetricFamily(f"{_PREFIX}{name}", words, labels=labels)
        if isinstance(values, Mapping):
            for key, value in values.items():
                family.add_metric([self._sweep, key], value)
        else:
            family.add_metric([self._sweep], values)
        return family

    def _counter(self, name: str, words: str, values: Mapping[str, float]) -> Metric:
        family = CounterMetricFamily(f"{_PREFIX}{name}", words, labels=["sweep", "reason"])
        for reason, value in values.items():
            family.add_metric([self._sweep, reason], value)
        return family


def address_of(text: str) -> tuple[str, int]:
    """Return host and port of `PORT`, which means loopback, or of `HOST:PORT`.

    Raises:
        OrchestratorError: it is neither.
    """
    found = re.fullmatch(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):)?(?P<port>\d{1,5})", text)
    if found is None or int(found["port"]) > 65535:
        raise OrchestratorError(
            f"--metrics: expected PORT or HOST:PORT, such as 9464 or 0.0.0.0:9464, found {text!r}"
        )
    return (found["host"] or LOOPBACK).strip("[]"), int(found["port"])


@contextmanager
def served(telemetry: Telemetry, address: str) -> Iterator[str]:
    """Serve the figures at `/metrics` while the context is open; give the URL.

    Port 0 chooses a free one. Whoever reaches the port may read it: there is no authentication.

    Raises:
        OrchestratorError: it cannot be listened on.
    """
    host, port = address_of(address)
    try:
        server, thread = start_server(port, host, registry=telemetry.registry)
    except (OSError, OverflowError) as error:
        raise OrchestratorError(
            f"--metrics: cannot listen on port {port} of {host}: {error}; give another"
        ) from error
    try:
        if not _is_loopback(host):
            log.warning("figures of this submission can be read by whoever reaches %s", address)
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
