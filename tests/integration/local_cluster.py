"""The cluster of `make cluster` for a test, in a folder of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
LOCAL_CLUSTER = [sys.executable, str(ROOT / "docker" / "local_cluster.py")]
READY_LIMIT_S = 240


def wait_until(holds: Callable[[], bool], limit_s: float, what: str) -> None:
    """Ask again until it holds; the test fails where it does not in time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {limit_s} s in vain until {what}")
        time.sleep(0.05)


@dataclass(frozen=True)
class LocalCluster:
    """A cluster that is ready.

    Attributes:
        folder: its data, secrets and logs.
        process: keeps it running.
        around: the environment of whoever started it.
    """

    folder: Path
    process: subprocess.Popen[str]
    around: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """Return the environment of a shell that has read the file for users."""
        script = f". {self.folder / 'environment'} && env -0"
        done = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, check=True, env=self.around
        )
        return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)

    def processes(self) -> list[psutil.Process]:
        """Return what runs with its folder in the environment: all that it has started."""
        found = []
        for process in psutil.process_iter():
            try:
                values = process.environ().values()
            except psutil.Error:
                continue
            if process.pid != os.getpid() and any(str(self.folder) in value for value in values):
                found.append(process)
        return found


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """Make a folder that PostgreSQL's user can pass through, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="adaptersweep-cluster-"))
    made.chmod(0o711)
    try:
        yield made / "cluster"
    finally:
        shutil.rmtree(made)


@contextmanager
def running(said: Path, environment: Mapping[str, str]) -> Iterator[LocalCluster]:
    """Start a cluster, which writes what it has to say to `said`, and stop it in the end."""
    with folder_for_all() as folder:
        with said.open("w") as out:
            process = subprocess.Popen(
                [*LOCAL_CLUSTER, "start", "--folder", str(folder), "--cpus", "1"],
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: "is ready" in said.read_text() or process.poll() is not None,
                READY_LIMIT_S,
                "the cluster is ready",
            )
            assert process.poll() is None, said.read_text()
            yield LocalCluster(folder, process, environment)
        finally:
            stop = [*LOCAL_CLUSTER, "stop", "--folder", str(folder)]
            subprocess.run(stop, check=True, timeout=240)
            process.wait()
