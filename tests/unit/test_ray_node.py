"""A node of Ray ends with its raylet, however that ended: `docker/start/ray-node.sh`."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "start" / "ray-node.sh"
RAY = """#!/bin/sh
echo "$@" > "{folder}/arguments"
"{folder}/raylet" 60 &
raylet=$!
trap 'kill $raylet; wait; echo stopped > "{folder}/stopped"; exit 0' TERM
while :; do sleep 0.1; done
"""
"""Like `ray start --block` with a raylet that ended as if it had been told to: it waits on."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a node whose `ray` and raylet are our own."""
    shutil.copy(str(shutil.which("sleep")), tmp_path / "raylet")
    ray = tmp_path / "ray"
    ray.write_text(RAY.format(folder=tmp_path))
    ray.chmod(0o755)
    process = subprocess.Popen(
        ["sh", str(SCRIPT), "--address", "there:6379"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        for each in psutil.Process(process.pid).children(recursive=True):
            each.kill()
        process.kill()
    process.communicate()


def raylet_of(node: subprocess.Popen[str]) -> psutil.Process:
    """Return its raylet once the script has seen it."""
    deadline = time.monotonic() + 20
    while True:
        every = psutil.Process(node.pid).children(recursive=True)
        if found := [each for each in every if each.name() == "raylet"]:
            time.sleep(2.5)  # it looks every two seconds
            return found[0]
        assert time.monotonic() < deadline, "no raylet runs"
        time.sleep(0.05)


def test_a_node_whose_raylet_has_ended_by_itself_ends(
    node: subprocess.Popen[str], tmp_path: Path
) -> None:
    raylet_of(node).terminate()
    assert node.wait(30) == 1
    assert node.stderr is not None
    assert "the raylet of this node has ended" in node.stderr.read()
    assert (tmp_path / "arguments").read_text().split() == [
        *("start", "--block", "--address", "there:6379")
    ]
    assert (tmp_path / "stopped").exists(), "Ray could end its other processes"


def test_a_node_that_is_told_to_end_ends_quietly(
    node: subprocess.Popen[str], tmp_path: Path
) -> None:
    raylet_of(node)
    node.send_signal(signal.SIGTERM)
    assert node.wait(30) == 0
    assert node.stderr is not None
    assert node.stderr.read() == ""
    assert (tmp_path / "stopped").exists()
