"""`make cluster`: PostgreSQL, object storage, MLflow and Ray by the images' start scripts."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LOCAL_CLUSTER = [sys.executable, str(ROOT / "docker" / "local_cluster.py")]
READY_LIMIT_S, STOP_LIMIT_S = 240, 120

Until = Callable[[Callable[[], bool], float, str], None]


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return what runs with `folder` in its environment: all that the cluster has started."""
    found = []
    for process in psutil.process_iter():
        try:
            values = process.environ().values()
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(folder) in value for value in values):
            found.append(process)
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can pass through, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="adaptersweep-cluster-"))
    made.chmod(0o711)
    yield made / "cluster"
    shutil.rmtree(made)


@pytest.fixture
def cluster(folder: Path, tmp_path: Path, until: Until) -> Iterator[subprocess.Popen[str]]:
    if shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed: initdb is not on PATH")
    pytest.importorskip("psycopg")
    said = tmp_path / "cluster.out"
    with said.open("w") as out:
        process = subprocess.Popen(
            [*LOCAL_CLUSTER, "start", "--folder", str(folder), "--cpus", "1"],
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        until(
            lambda: "is ready" in said.read_text() or process.poll() is not None,
            READY_LIMIT_S,
            "the cluster is ready",
        )
        assert process.poll() is None, said.read_text()
        yield process
    finally:
        subprocess.run([*LOCAL_CLUSTER, "stop", "--folder", str(folder)], check=True, timeout=240)


def environment_of(folder: Path) -> dict[str, str]:
    """Return the environment of a shell that has read the file for users."""
    script = f". {folder / 'environment'} && env -0"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)


def code_of(address: str) -> int:
    try:
        return int(urllib.request.urlopen(address, timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code


def open_beyond_loopback(processes: list[psutil.Process]) -> set[tuple[str, str]]:
    found = set()
    for process in processes:
        for socket in process.net_connections():
            inside = not socket.laddr or socket.laddr.ip.removeprefix("::ffff:") == "127.0.0.1"
            if socket.status == psutil.CONN_LISTEN and not inside:
                found.add((process.name(), socket.laddr.ip))
    return found


def test_a_sweep_on_the_local_cluster(
    cluster: subprocess.Popen[str],
    folder: Path,
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
    until: Until,
) -> None:
    environment = environment_of(folder)
    secrets = folder / "secrets"
    assert {path.stat().st_mode & 0o077 for path in [secrets, *secrets.iterdir()]} == {0}
    assert (folder / "environment").stat().st_mode & 0o077 == 0
    running = processes_of(folder)
    assert len(running) > 8
    assert open_beyond_loopback(running) == set()
    shown = " ".join(word for process in running for word in process.cmdline())
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

    cluster.send_signal(signal.SIGINT)
    assert cluster.wait(STOP_LIMIT_S) == 0
    assert [process for process in running if process.is_running()] == []
    assert processes_of(folder) == []


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
