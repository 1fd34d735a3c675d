"""SIGTERM, as Kubernetes, Slurm and systemd send it, ends a submission as Ctrl-C does."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

WORDS = "Interrupted: finished trials are kept; submit again to go on."


def below(process: int) -> list[int]:
    """Return every process that this one started, and those that they started."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()[1:]]
    found, nearest = [], {process}
    while nearest:
        nearest = {pid for pid, parent in parents if parent in nearest}
        found += sorted(nearest)
    return found


def outcomes(workspace: Path) -> list[str | None]:
    """Return how every submission of a workspace ended."""
    with contextlib.closing(sqlite3.connect(workspace / "catalog.sqlite")) as connection:
        return [outcome for (outcome,) in connection.execute("SELECT outcome FROM submissions")]


@pytest.mark.parametrize(
    ("how", "to_all"),
    [
        pytest.param(signal.SIGTERM, False, id="SIGTERM to the driver, as Kubernetes does"),
        pytest.param(signal.SIGTERM, True, id="SIGTERM to every process, as systemd and Slurm do"),
        pytest.param(signal.SIGINT, False, id="Ctrl-C"),
    ],
)
def test_a_terminated_submission_keeps_what_is_finished(
    how: signal.Signals,
    to_all: bool,
    adaptersweep: Callable[..., Any],
    background: Callable[..., Any],
    until: Callable[[Callable[[], bool], float, str], None],
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
) -> None:
    # What a shell runs in the background ignores Ctrl-C, and what that starts would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sweep, workspace = toy_sweep(epochs=12), tmp_path / "workspace"
    driver = background("submit", sweep, "-w", workspace)

    def finished() -> set[Path]:
        return set(workspace.glob("trials/*/*/result.json"))

    until(lambda: len(finished()) >= 2, 240, "two trials are finished")
    others = below(driver.pid)
    for process in [driver.pid, *others] if to_all else [driver.pid]:
        with contextlib.suppress(ProcessLookupError):  # it ended in between
            os.kill(process, how)
    assert driver.wait(timeout=120) == 130
    said = (tmp_path / "background-0.log").read_text()
    assert WORDS in said
    assert "Traceback" not in said
    assert "***" not in said, "Ray's own handler wrote a trace of the C++ stack"
    until(lambda: not any(Path(f"/proc/{p}").exists() for p in others), 60, "all it started ended")

    kept = finished()
    assert len(kept) < 30
    listed = adaptersweep("trials", "-w", workspace, "--limit", "100", "--json")
    states = {row["trial_id"]: row["state"] for row in json.loads(listed.out)}
    assert {i for i, state in states.items() if state == "finished"} == {
        p.parent.name for p in kept
    }
    assert "running" not in states.values()


def test_a_submission_that_is_terminated_while_its_cluster_starts_is_interrupted(
    background: Callable[..., Any],
    until: Callable[[Callable[[], bool], float, str], None],
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """Ray puts its own handler of SIGTERM in place of ours then; its exit codes are others."""
    workspace = tmp_path / "workspace"
    driver = background("submit", toy_sweep(), "-w", workspace)
    until(lambda: bool(below(driver.pid)), 120, "Ray's first process is there")
    driver.terminate()
    code = driver.wait(timeout=60)
    said = (tmp_path / "background-0.log").read_text()
    assert code == 130, said
    assert "Traceback" not in said
    assert None not in outcomes(workspace), "a submission was left open"


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGSTOP, id="it answers no more"),
        pytest.param(signal.SIGKILL, id="it is gone"),
    ],
)
def test_an_interruption_comes_through_where_the_cluster_is_lost(
    how: signal.Signals,
    background: Callable[..., Any],
    adaptersweep: Callable[..., Any],
    until: Callable[[Callable[[], bool], float, str], None],
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """The driver is in a call to its head then, which Ray tries for a minute before it aborts."""
    sweep, workspace = toy_sweep(epochs=12), tmp_path / "workspace"
    driver = background("submit", sweep, "-w", workspace)
    until(lambda: any(workspace.glob("trials/*/*/result.json")), 240, "a trial is finished")
    for process in below(driver.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, how)
    time.sleep(3)  # so that it is in such a call
    driver.terminate()
    code = driver.wait(timeout=40)
    said = (tmp_path / "background-0.log").read_text()
    assert code == 130, said
    assert WORDS in said
    listed = adaptersweep("trials", "-w", workspace, "--limit", "100", "--json")
    assert "running" not in {row["state"] for row in json.loads(listed.out)}
    assert outcomes(workspace) == ["interrupted"]
