"""What Prometheus is served: every figure, from a real board, over HTTP."""

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialState
from orchestrator.errors import OrchestratorError
from orchestrator.running.board import Board
from orchestrator.running.dispatch import Dispatch, WorkerKind
from orchestrator.running.driver import Watch
from orchestrator.running.telemetry import Telemetry, address_of, served
from orchestrator.running.work_queue import USUAL, WorkQueue, WorkState
from orchestrator.running.worker_shapes import WorkerRoom
from orchestrator.stores import Stores
from workers.contract.events import EventKind, TrialEvent, WorkerFigures
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, PrefixUse, TrialFailure, commit
from workers.contract.task_card import Split

WORKER = WorkerFigures(
    host="node-1",
    pid=42,
    bundle_trials=3,
    memory_bytes=500,
    gpu_allocated_bytes=100,
    gpu_used_bytes=150,
    gpu_total_bytes=1000,
)
PREFIX = PrefixUse(
    cut_points={Split.TRAIN: ("1", "2"), Split.VALIDATION: ("1",)},
    computed=1,
    bytes=10,
    prepare_s=0.1,
)


def scraped(url: str) -> dict[tuple[str, ...], float]:
    """Return name and labels, without the sweep → value."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: v for k, v in sorted(sample.labels.items()) if k != "sweep"}
            assert sample.labels.get("sweep", "s") == "s"
            found[sample.name.removeprefix("adaptersweep_"), *labels.values()] = sample.value
    return found


class Scene:
    """A board over three trials, one finished, one failed and one waiting, that is observed."""

    def __init__(self, catalog: Catalog, folder: Path, samples) -> None:
        self.trials = [samples.trial(seed=seed) for seed in (1, 2, 3)]
        Stores.at(folder).prepare()
        self.workspace = Workspace(folder)
        submission = catalog.begin_submission("s", "", self.trials)
        queue = WorkQueue({t.trial_id: t for t in self.trials})
        self.board = Board(queue, catalog, self.workspace, submission)
        self.telemetry = Telemetry("s")
        seen: list[object] = []
        self.telemetry.watch(Watch(board=lambda *told: seen.append(told))).board(
            self.board, WorkerRoom(2)
        )
        assert seen == [(self.board, WorkerRoom(2))], "others are told as well"
        done, broken = self.board.next_bundle(size=2, workers=1)
        prefixed = samples.result(done).model_copy(update={"prefix": PREFIX, "pack_width": 4})
        self.told(EventKind.STARTED, done.trial_id)
        commit(self.workspace.trial(done.trial_id), prefixed)
        self.told(EventKind.FINISHED, done.trial_id)
        failure = TrialFailure(
            trial_id=broken.trial_id, reason=FailureReason.DIVERGED, message="x", at_unix_ms=1
        )
        commit(self.workspace.trial(broken.trial_id), failure)
        self.told(EventKind.FAILED, broken.trial_id)

    def told(self, kind: EventKind, trial_id: str) -> None:
        self.board.take(TrialEvent(kind=kind, trial_id=trial_id, worker=WORKER))


@pytest.fixture
def scene(sqlite_catalog: Catalog, tmp_path: Path, samples) -> Iterator[Scene]:
    return Scene(sqlite_catalog, tmp_path / "workspace", samples)


def test_every_figure_says_what_happened(scene: Scene) -> None:
    with served(scene.telemetry, "0") as url:
        assert url.startswith("http://127.0.0.1:")
        found = scraped(url)
    expected = {
        ("trials", "finished"): 1,
        ("trials", "failed"): 1,
        ("trials", "pending"): 1,
        ("trials", "running"): 0,
        ("queue_trials", "ready"): 1,
        ("queue_trials", "running"): 0,
        ("trained_total", "adapter"): 1,
        ("trial_duration_seconds_sum", "adapter"): 12.5,
        ("trial_duration_seconds_bucket", "5.0", "adapter"): 0,
        ("trial_duration_seconds_bucket", "15.0", "adapter"): 1,
        ("pack_trials_sum",): 4,
        ("bundle_trials_sum",): 3,
        ("prefix_cut_points_total", "cache"): 2,
        ("prefix_cut_points_total", "computed"): 1,
        ("failures_total", "diverged"): 1,
        ("failures_total", "worker_lost"): 0,
        ("retries_total", "worker_lost"): 0,
        ("worker_slots",): 2,
        ("worker_bundle_trials", "node-1", "42"): 3,
        ("worker_memory_bytes", "node-1", "42"): 500,
        ("worker_gpu_allocated_bytes", "node-1", "42"): 100,
        ("worker_gpu_used_bytes", "node-1", "42"): 150,
        ("worker_gpu_total_bytes", "node-1", "42"): 1000,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["outbox_entries",] == 3  # begun, finished, failed
    assert 0 <= found["outbox_lag_seconds",] < 60
    assert 0 <= found["worker_silent_seconds", "node-1", "42"] < 60
    assert found["process_resident_memory_bytes",] > 1e6


def test_the_outbox_is_empty_once_mlflow_knows(scene: Scene, sqlite_catalog: Catalog) -> None:
    sqlite_catalog.mark_delivered([e.id for e in sqlite_catalog.undelivered("s")])
    with served(scene.telemetry, "0") as url:
        found = scraped(url)
    assert (found["outbox_entries",], found["outbox_lag_seconds",]) == (0, 0)


def test_what_a_lost_worker_was_at_counts_as_given_out_again(scene: Scene) -> None:
    sent: list[dict[str, int]] = []
    kinds = {USUAL: WorkerKind(4, lambda: 1)}
    dispatch = Dispatch(scene.board, kinds=kinds, max_retries=1, most_workers=None)
    for number, cause in enumerate(("the node died", "ray.exceptions.OutOfMemoryError: x")):
        dispatch.call(f"w{number}")
        dispatch.meet(f"w{number}", sent.append)
        dispatch.pump()
        dispatch.lose(f"w{number}", cause)
    assert len(sent) == 2
    with served(scene.telemetry, "0") as url:
        found = scraped(url)
    assert found["retries_total", "worker_lost"] == 1, "the second time, it failed"
    assert found["failures_total", "worker_lost"] + found["failures_total", "out_of_memory"] == 1


def test_what_is_given_back_since_its_node_is_taken_away_counts_and_is_no_failure(
    scene: Scene,
) -> None:
    kinds = {USUAL: WorkerKind(1, lambda: 1)}
    dispatch = Dispatch(scene.board, kinds=kinds, max_retries=1, most_workers=None)
    dispatch.call("w")
    dispatch.meet("w", lambda _: None)
    dispatch.pump()
    (trial_id,) = scene.board.queue.having(WorkState.RUNNING)
    scene.told(EventKind.PREEMPTED, trial_id)
    with served(scene.telemetry, "0") as url:
        found = scraped(url)
    assert found["retries_total", "preempted"] == 1
    assert found["failures_total", "diverged"] == 1, "the one from before"
    assert scene.board.failures.total() == 1
    assert scene.board._catalog.trial(trial_id).state is TrialState.PENDING


def test_a_catalog_that_is_gone_takes_nothing_but_its_own_figures(
    scene: Scene, tmp_path: Path
) -> None:
    scene.board._catalog._engine.dispose()
    (tmp_path / "catalog.sqlite").rename(tmp_path / "away")
    with served(scene.telemetry, "0") as url:
        found = scraped(url)
    assert found["trials", "finished"] == 1
    assert ("outbox_entries",) not in found


def test_nothing_is_known_before_there_is_a_board() -> None:
    with served(Telemetry("s"), "localhost:0") as url:
        found = scraped(url)
    assert ("trials", "finished") not in found
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=10)


def test_a_port_that_is_taken_and_an_address_that_is_none_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(
                OrchestratorError, match=rf"cannot listen on port {port} of 127\.0\.0\.1"
            ),
            served(Telemetry("s"), str(port)),
        ):
            pass
    for text in ("", "metrics", "1:2:3", "70000", "host:", "-1", "http://h:1"):
        with pytest.raises(OrchestratorError, match="expected PORT or HOST:PORT"):
            address_of(text)
    assert address_of("9464") == ("127.0.0.1", 9464)
    assert address_of("[::1]:9464") == ("::1", 9464)
    assert address_of("0.0.0.0:9464") == ("0.0.0.0", 9464)
