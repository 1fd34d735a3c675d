"""A worker that says nothing is ended by the process beside it, one that works never is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

WORKER = """
import time
from workers.running.heartbeat import Heartbeat
kept = Heartbeat(2.0, start_limit_s=4.0)
if {started}:
    kept.started()
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def worker() -> "subprocess.Popen[str]":
    return ready_worker(started=True)


def ready_worker(*, started: bool) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER.format(started=started)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_stopped_worker_is_ended(worker: "subprocess.Popen[str]") -> None:
    (beside,) = psutil.Process(worker.pid).children()
    time.sleep(3)
    assert worker.poll() is None, "it works"
    os.kill(worker.pid, signal.SIGSTOP)
    _, said = worker.communicate(timeout=10)
    assert worker.returncode == -signal.SIGKILL
    assert "said nothing for 2 s" in said
    psutil.wait_procs([beside], timeout=5)
    assert not beside.is_running()


def test_a_worker_that_hangs_while_it_starts_is_ended_later() -> None:
    worker = ready_worker(started=False)
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(3)
    assert worker.poll() is None, "importing takes long"
    _, said = worker.communicate(timeout=10)
    assert worker.returncode == -signal.SIGKILL
    assert "said nothing for 4 s" in said


def test_a_listener_that_is_lost_is_replaced_and_ends_with_its_worker(
    worker: "subprocess.Popen[str]",
) -> None:
    (beside,) = psutil.Process(worker.pid).children()
    beside.kill()
    deadline = time.monotonic() + 10
    while not (now := [p for p in psutil.Process(worker.pid).children() if p != beside]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    worker.kill()
    worker.communicate()
    _, left = psutil.wait_procs(now, timeout=5)
    assert left == []
