"""`make cluster`: PostgreSQL, object storage, MLflow and Ray by the images' start scripts."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.local_cluster import LOCAL_CLUSTER, ROOT, LocalCluster, folder_for_all

pytestmark = pytest.mark.slow

STOP_LIMIT_S = 120


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as made:
        yield made


def code_of(address: str) -> int:
    try:
        return int(urllib.request.urlopen(address, timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code


def open_beyond_loopback(processes: list[psutil.Process]) -> set[tuple[str, str]]:
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # a step of a script, which has ended
            for socket in process.net_connections():
                inside = not socket.laddr or socket.laddr.ip.removeprefix("::ffff:") == "127.0.0.1"
                if socket.status == psutil.CONN_LISTEN and not inside:
                    found.add((process.name(), socket.laddr.ip))
    return found


def words_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def test_a_sweep_on_the_local_cluster(
    local_cluster: LocalCluster, toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    folder, environment = local_cluster.folder, local_cluster.environment()
    secrets = folder / "secrets"
    assert {path.stat().st_mode & 0o077 for path in [secrets, *secrets.iterdir()]} == {0}
    assert (folder / "environment").stat().st_mode & 0o077 == 0
    running = local_cluster.processes()
    assert len(running) > 8
    assert open_beyond_loopback(running) == set()
    shown = " ".join(word for process in running for word in words_of(process))
    assert [p.name for p in secrets.iterdir() if p.read_text() in shown] == []

    tracking, jobs = environment["MLFLOW_TRACKING_URI"], environment["RAY_API_SERVER_ADDRESS"]
    assert code_of(f"{tracking}/api/2.0/mlflow/experiments/search?max_results=1") == 401
    assert code_of(f"{jobs}/api/jobs/") == 401
    assert code_of(f"http://{environment['S3_ADDRESS']}/mlflow") == 403

    def run(*arguments: str | Path, at: Path, limit_s: float = 300, **changed: str) -> Any:
        at.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "orchestrator.command_line", *map(str, arguments)],
            env=environment | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"} | changed,
            cwd=at,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    sweep = toy_sweep(epochs=1)
    settings = sweep.read_text().partition("trials:")[0]
    others = [line for line in settings.splitlines() if not line.startswith(("  two:", "  three:"))]
    sweep.write_text("\n".join([*others, "trials:", "  - drop: { mode: none }", ""]))
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    done = run("submit", sweep, at=here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((folder / "workspace").glob("trials/*/*/result.json"))
    assert not list((folder / "workspace").glob("*.sqlite")), "the stores are the servers'"
    assert list((folder / "data" / "object-storage").rglob("*.dat")), "artifacts are in S3"

    pulled = run("pull", "one@champion", "--to", "adapter", "-w", "nowhere", at=elsewhere)
    assert pulled.returncode == 0, pulled.stderr
    assert (elsewhere / "adapter" / "adapter.safetensors").exists()
    refused = run("pull", "one@champion", at=elsewhere, MLFLOW_TRACKING_PASSWORD="wrong")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr

    second = subprocess.run(
        [*LOCAL_CLUSTER, "start", "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "make cluster-stop" in second.stderr

    local_cluster.process.send_signal(signal.SIGINT)
    assert local_cluster.process.wait(STOP_LIMIT_S) == 0
    assert [process for process in running if process.is_running()] == []
    assert local_cluster.processes() == []


def test_stop_ends_what_a_killed_cluster_has_left(folder: Path) -> None:
    """Played by a process that carries the mark of a part, as all that a part starts does."""
    folder.mkdir()
    left = subprocess.Popen(
        ["sleep", "600"],
        env=os.environ | {"ADAPTERSWEEP_LOCAL_CLUSTER": f"{folder}:ray-head"},
        start_new_session=True,
    )
    subprocess.run([*LOCAL_CLUSTER, "stop", "--folder", str(folder)], check=True, timeout=60)
    assert left.wait(timeout=10) == -signal.SIGKILL


def test_stop_does_not_wait_for_a_cluster_whose_parent_has_not_asked_for_its_end(
    folder: Path, tmp_path: Path
) -> None:
    """Played by a process of that name; it stays as a zombie until this one asks."""
    folder.mkdir()
    script = tmp_path / "local_cluster.py"
    script.write_text("import time\ntime.sleep(600)\n")
    played = subprocess.Popen([sys.executable, str(script)])
    (folder / "pid").write_text(str(played.pid))
    subprocess.run([*LOCAL_CLUSTER, "stop", "--folder", str(folder)], check=True, timeout=60)
    assert played.wait(timeout=10) == -signal.SIGTERM
