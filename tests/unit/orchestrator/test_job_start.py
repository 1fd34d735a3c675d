"""A driver that is a job of Ray's is watched over: what kills it does not end the sweep."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTED = """\
import sys
from orchestrator.commands import job_start

job_start.RESTART_PAUSE_S = 0.0
sys.exit(job_start.keep_running([sys.executable, "-c", sys.argv[1], *sys.argv[2:]]))
"""
DRIVER = """\
import os, signal, sys, time
from pathlib import Path

starts = Path(sys.argv[1])
with starts.open("a") as stream:
    stream.write(f"{os.getpid()}\\n")
n = len(starts.read_text().splitlines())
"""


def started(driver: str, starts: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", STARTED, DRIVER + driver, str(starts)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("killed", "code", "times"), [(0, 7, 1), (2, 7, 3), (99, 128 + signal.SIGKILL, 4)]
)
def test_a_driver_that_was_killed_is_started_again_a_few_times(
    killed: int, code: int, times: int, tmp_path: Path
) -> None:
    driver = f"if n <= {killed}: os.kill(os.getpid(), signal.SIGKILL)\nsys.exit(7)\n"
    process = started(driver, tmp_path / "starts")
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert len((tmp_path / "starts").read_text().splitlines()) == times
    assert said.count("it is started again") == times - 1


def test_what_is_asked_to_end_is_not_started_again(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    process = started("time.sleep(600)\n", starts)
    deadline = time.monotonic() + 30
    while not (starts.exists() and starts.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert len(starts.read_text().splitlines()) == 1
