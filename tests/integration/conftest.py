"""Running the real command in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local_cluster import LocalCluster, running, wait_until

COMMAND = [sys.executable, "-m", "orchestrator.command_line"]


@dataclass
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, self.err
        assert self.out.lstrip().startswith(("{", "[")), self.out[:2000]
        return json.loads(self.out)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user on this machine; what other tests told Ray does not reach it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "MLFLOW_TRACKING_"))}
    return kept | {"RAY_TMPDIR": "/tmp", "PYTHONWARNINGS": "ignore"}


@pytest.fixture
def adaptersweep(environment: dict[str, str]) -> Callable[..., Finished]:
    """Run `adaptersweep` with some arguments to its end."""

    def run(*arguments: str | Path, limit_s: float = 300, stdin: str = "") -> Finished:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=limit_s,
            input=stdin,
            env=environment,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def background(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start `adaptersweep` and let it run; whatever is left at the end of the test is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        with (tmp_path / f"background-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def local_cluster(tmp_path: Path, environment: dict[str, str]) -> Iterator[LocalCluster]:
    """PostgreSQL, object storage, MLflow, Ray's head and two nodes of a CPU each, ready."""
    if shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed: initdb is not on PATH")
    pytest.importorskip("psycopg")
    with running(tmp_path / "cluster.out", environment) as made:
        yield made


@pytest.fixture
def until() -> Callable[[Callable[[], bool], float, str], None]:
    return wait_until
