"""A real Ray cluster of several node processes on loopback, one of which is lost on the way."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.running import scheduling
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue
from orchestrator.stores import Stores
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason

pytestmark = pytest.mark.slow


class Cluster:
    """Ray nodes as processes in sessions of their own, ended by their ids."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._folder = folder
        token = folder / "token"
        token.write_text(secrets.token_hex(16))
        self.environment = environment | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_DISABLE_IMPORT_WARNING": "1",
        }
        self.nodes: list[subprocess.Popen[bytes]] = []

    def add(self, *options: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"node-{len(self.nodes)}.log").open("wb") as log:
            node = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block"),
                    *("--num-cpus", "1", "--node-ip-address", "127.0.0.1"),
                    *("--object-store-memory", "100000000", *options),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        self.nodes.append(node)
        return node

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """End a node with everything it started, at once."""
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()


@pytest.fixture
def cluster(
    tmp_path: Path, environment: dict[str, str], free_port: Callable[[], int]
) -> Iterator[Cluster]:
    port = free_port()
    made = Cluster(tmp_path, environment, port)
    made.add("--head", "--port", str(port), "--include-dashboard", "false")
    yield made
    for node in reversed(made.nodes):
        if node.poll() is None:
            made.kill(node)


def test_a_sweep_on_several_nodes_survives_the_loss_of_one(
    cluster: Cluster,
    toy_sweep: Callable[..., Path],
    until: Callable[[Callable[[], bool], float, str], None],
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    base = [sys.executable, "-m", "orchestrator.command_line"]
    doctor = [*base, "doctor", "-w", str(workspace), "--address", cluster.address, "--json"]

    def has(nodes: int) -> bool:
        done = subprocess.run(
            doctor, capture_output=True, text=True, env=cluster.environment, check=False
        )
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return any(f["what"] == "ray cluster" and f"{nodes} CPUs" in f["found"] for f in found)

    until(lambda: has(1), 120, "the head node answers")
    for nodes in (2, 3):  # one after another: they share a session's folder on this machine
        cluster.add("--address", cluster.address)
        until(lambda nodes=nodes: has(nodes), 120, f"{nodes} nodes are there")  # type: ignore[misc]
    sweep = toy_sweep(epochs=12)
    submit = [*base, "submit", str(sweep), "-w", str(workspace), "--address", cluster.address]
    with (tmp_path / "driver.out").open("w") as log:
        driver = subprocess.Popen(
            [*submit, "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=cluster.environment,
            start_new_session=True,
        )
    try:
        until(
            lambda: len(list(workspace.glob("trials/*/*/checkpoint.pt"))) >= 3,
            180,
            "three workers are training",
        )
        cluster.kill(cluster.nodes[-1])
        out, _ = driver.communicate(timeout=300)
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()
    done = json.loads(out)
    assert driver.returncode == 0, (tmp_path / "driver.out").read_text()
    assert (done["trained"], done["failed"], done["blocked"]) == (30, [], [])


def test_a_worker_that_fits_no_node_is_refused_at_once(
    adaptersweep: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = toy_sweep()
    sweep.write_text(sweep.read_text() + "resources: { cpus: 1, gpus: 0.5 }\n")
    done = adaptersweep("submit", sweep, "-w", tmp_path / "workspace")
    assert done.code == 2
    assert "a worker needs 1 CPUs and 0.5 GPUs" in done.err
    assert "Traceback" not in done.err


def test_a_node_without_the_workspace_is_named(
    toy_sweep: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played by a driver that writes into another folder than the one that it names."""
    plan, _ = plan_sweep(toy_sweep(epochs=1))
    trial = next(t for t in plan.trials.values() if not t.parents)
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    shape = scheduling.WorkerShape(
        cpus=1, gpus=0, max_workers=1, bundle_size=1, max_retries=1, fast_path=FastPath()
    )
    with Catalog.open(stores.catalog_url) as catalog:
        submission = catalog.begin_submission("toy", "", [trial])
        queue = WorkQueue({trial.trial_id: trial})
        board = Board(queue, catalog, stores.workspace, submission)
        elsewhere = Workspace(tmp_path / "elsewhere")
        with scheduling.cluster(None):
            scheduling.run_bundles(board, elsewhere, shape)
        row = catalog.trial(trial.trial_id)
    assert row.failure_reason is FailureReason.WORKER_LOST
    assert "its worker was lost 2 times" in (row.failure_message or "")
    assert f"does not see the workspace {elsewhere.root}" in (row.failure_message or "")


def test_a_cluster_that_is_not_there_is_said(
    adaptersweep: Callable[..., Any],
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    done = adaptersweep("submit", toy_sweep(), "-w", tmp_path / "workspace", "--address", nowhere)
    assert done.code == 2
    assert nowhere in done.err
    assert "Traceback" not in done.err
