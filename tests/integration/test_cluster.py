"""A real Ray cluster of several node processes on loopback, one of which is lost on the way."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.running import scheduling
from orchestrator.running.board import Board
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue
from orchestrator.running.worker_shapes import WorkerShape
from orchestrator.stores import Stores
from tests.integration.local_cluster import wait_until
from workers.contract.fast_path import FastPath
from workers.contract.log_lines import LOG_FORMAT_VARIABLE
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason
from workers.contract.trial import Method

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

    def add(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a node and wait until it is there: nodes share a session's folder on a machine."""
        path = self._folder / f"node-{len(self.nodes)}.log"
        with path.open("wb") as log:
            node = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block"),
                    *("--num-cpus", "1", "--node-ip-address", "127.0.0.1"),
                    *("--object-store-memory", "100000000", *options),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment | environment,
                start_new_session=True,
            )
        self.nodes.append(node)
        wait_until(lambda: "Ray runtime started" in path.read_text(), 120, f"{path.stem} started")
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
    try:
        made.add("--head", "--port", str(port), "--include-dashboard", "false")
        yield made
    finally:
        for node in reversed(made.nodes):
            if node.poll() is None:
                made.kill(node)


COMMAND = [sys.executable, "-m", "orchestrator.command_line"]
JSON_LINES = {LOG_FORMAT_VARIABLE: "json"}
"""For a node whose trials are to be told from others by their logs."""

FUSED = (Method.FUSION, Method.PRUNED_FUSION)
Until = Callable[[Callable[[], bool], float, str], None]


@contextmanager
def submitted(cluster: Cluster, sweep: Path, workspace: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a driver beside the test; its output is the outcome as JSON."""
    options = [str(sweep), "-w", str(workspace), "--address", cluster.address, "--json"]
    with (workspace.parent / "driver.out").open("w") as log:
        driver = subprocess.Popen(
            [*COMMAND, "submit", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=cluster.environment,
            start_new_session=True,
        )
    try:
        yield driver
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()


def cpus_of(cluster: Cluster, workspace: Path) -> str:
    """Return what `doctor` finds of the cluster's processors."""
    options = ["-w", str(workspace), "--address", cluster.address, "--json"]
    done = subprocess.run(
        [*COMMAND, "doctor", *options],
        capture_output=True,
        text=True,
        env=cluster.environment,
        check=False,
    )
    found: list[dict[str, str]] = json.loads(done.stdout)
    return next(f["found"] for f in found if f["what"] == "ray cluster")


def logged_as_json(workspace: Path) -> set[str]:
    """Return the trials of which a node with `JSON_LINES` ran at least the beginning."""
    logs = workspace.glob("trials/*/*/worker.log")
    return {log.parent.name for log in logs if log.read_text()[:1] == "{"}


def test_a_sweep_on_several_nodes_survives_the_loss_of_one(
    cluster: Cluster,
    toy_sweep: Callable[..., Path],
    until: Until,
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    for _ in range(2):
        cluster.add("--address", cluster.address)
    until(lambda: "3 CPUs" in cpus_of(cluster, workspace), 120, "all nodes are known")
    with submitted(cluster, toy_sweep(epochs=12), workspace) as driver:
        until(
            lambda: len(list(workspace.glob("trials/*/*/checkpoint.pt"))) >= 3,
            180,
            "three workers are training",
        )
        cluster.kill(cluster.nodes[-1])
        out, _ = driver.communicate(timeout=300)
    done = json.loads(out)
    assert driver.returncode == 0, (tmp_path / "driver.out").read_text()
    assert (done["trained"], done["failed"], done["blocked"]) == (30, [], [])


def test_each_kind_of_trials_runs_on_its_kind_of_nodes(
    cluster: Cluster,
    toy_sweep: Callable[..., Path],
    until: Until,
    tmp_path: Path,
) -> None:
    workspace, sweep = tmp_path / "workspace", toy_sweep()
    kind = "{ where: { method: [fusion, pruned_fusion] }, custom: { fuse: 1 } }"
    resources = f"resources: {{ custom: {{ plain: 1 }}, kinds: [{kind}] }}\n"
    sweep.write_text(sweep.read_text() + resources)
    cluster.add("--address", cluster.address, "--resources", json.dumps({"plain": 1}))

    def said() -> str:
        return " ".join((tmp_path / "driver.out").read_text().split())

    impatient = toy_sweep(name="impatient.yaml")
    impatient.write_text(sweep.read_text() + "limits: { nodes_s: 1 }\n")
    with submitted(cluster, impatient, workspace) as driver:
        driver.communicate(timeout=120)
    assert driver.returncode == 2, "no node came"
    assert "Traceback" not in said()
    assert not list(workspace.glob("trials/*/*/claim")), "nothing has begun"

    with submitted(cluster, sweep, workspace) as driver:
        until(lambda: "waiting up to 600 s for such nodes" in said(), 120, "it waits for a node")
        assert "1 fuse on one node" in said()
        assert "`resources.kinds[0]`" in said()
        assert not list(workspace.glob("trials/*/*/claim")), "nothing has begun"
        fuse = json.dumps({"fuse": 1})
        cluster.add("--address", cluster.address, "--resources", fuse, **JSON_LINES)
        out, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, (tmp_path / "driver.out").read_text()
    assert json.loads(out)["trained"] == 30
    plan, _ = plan_sweep(sweep)
    fused = {t for t, trial in plan.trials.items() if trial.method in FUSED}
    assert logged_as_json(workspace) == fused


def test_a_node_that_joins_while_a_sweep_runs_is_used(
    cluster: Cluster,
    toy_sweep: Callable[..., Path],
    until: Until,
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    with submitted(cluster, toy_sweep(seeds="[0, 1]", epochs=20), workspace) as driver:
        until(lambda: any(workspace.glob("trials/*/*/checkpoint.pt")), 180, "a worker is training")
        cluster.add("--address", cluster.address, **JSON_LINES)
        until(lambda: bool(logged_as_json(workspace)), 180, "the new node runs a trial")
        assert driver.poll() is None
        out, _ = driver.communicate(timeout=600)
    assert driver.returncode == 0, (tmp_path / "driver.out").read_text()
    assert json.loads(out)["failed"] == []


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
    shape = WorkerShape(
        cpus=1, gpus=0, max_workers=1, bundle_size=1, max_retries=1, fast_path=FastPath()
    )
    with Catalog.open(stores.catalog_url) as catalog:
        submission = catalog.begin_submission("toy", "", [trial])
        queue = WorkQueue({trial.trial_id: trial})
        board = Board(queue, catalog, stores.workspace, submission)
        elsewhere = Workspace(tmp_path / "elsewhere")
        with scheduling.cluster(None):
            scheduling.run_bundles(board, elsewhere, {0: shape})
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
