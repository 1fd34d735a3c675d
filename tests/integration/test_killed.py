"""What is killed is continued: the driver, a worker, a node; nothing is lost or run twice."""

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

from workers.contract.paths import Workspace

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool], float, str], None]


def results(workspace: Path) -> dict[str, Any]:
    """Everything that was measured, without times."""
    found = {}
    for path in sorted(workspace.glob("trials/*/*/result.json")):
        result = json.loads(path.read_text())
        kept = ("metric", "score", "depth", "scores", "best_epoch", "parameters", "adapter", "kept")
        found[result["trial_id"]] = {k: result[k] for k in kept} | {
            "losses": [e["train_loss"] for e in result["curve"]]
        }
    return found


def catalog_rows(workspace: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(workspace / "catalog.sqlite") as connection:
        trials = connection.execute(
            "SELECT trial_id, state, metric, score, best_epoch FROM trials ORDER BY trial_id"
        ).fetchall()
        scores = connection.execute(
            "SELECT trial_id, split, depth, metric, value FROM scores ORDER BY 1, 2, 3, 4"
        ).fetchall()
    return trials + scores


def attempts(workspace: Path) -> dict[str, int]:
    with sqlite3.connect(workspace / "catalog.sqlite") as connection:
        return dict(
            connection.execute("SELECT trial_id, count(*) FROM attempts GROUP BY 1").fetchall()
        )


def trainables(driver: int) -> list[int]:
    """The ids of the processes below the driver that train."""
    listed = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
    below, found = {driver}, []
    for _ in range(4):  # driver, raylet, worker
        nearest = [(int(pid), args) for pid, parent, args in rows if int(parent) in below]
        below = {pid for pid, _ in nearest}
        found += [pid for pid, args in nearest if args.startswith("ray::") and "Trainable" in args]
    return found


def test_a_killed_driver_continues_to_the_same_catalog(
    adaptersweep: Callable[..., Any],
    background: Callable[..., Any],
    until: Until,
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
) -> None:
    sweep = toy_sweep(epochs=12)
    whole = tmp_path / "whole"
    assert adaptersweep("submit", sweep, "-w", whole, "--json").code == 0

    cut = tmp_path / "cut"
    driver = background("submit", sweep, "-w", cut)

    def in_the_middle() -> bool:
        finished = len(list(cut.glob("trials/*/*/result.json")))
        return finished >= 3 and any(cut.glob("trials/*/*/checkpoint.pt"))

    until(in_the_middle, 120, "three trials are finished and one is under way")
    workers = trainables(driver.pid)
    assert workers
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    until(lambda: not any(Path(f"/proc/{p}").exists() for p in workers), 60, "its workers are gone")
    kept = {p: p.stat().st_mtime_ns for p in cut.glob("trials/*/*/result.json")}
    assert kept
    open_trials = {p.parent.name for p in cut.glob("trials/*/*/checkpoint.pt")}
    assert open_trials

    again = adaptersweep("submit", sweep, "-w", cut, "--json")
    assert again.code == 0, again.err
    assert again.json["reused"] == len(kept)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept, "finished trials stay as they are"
    resumed = [Workspace(cut).trial(i).log.read_text() for i in open_trials]
    assert any("resumed after epoch" in text for text in resumed)
    assert results(cut) == results(whole)
    assert catalog_rows(cut) == catalog_rows(whole)


def test_a_killed_worker_is_replaced_and_its_trial_continues(
    background: Callable[..., Any], until: Until, toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    driver = background("submit", toy_sweep(epochs=12), "-w", workspace)
    until(lambda: any(workspace.glob("trials/*/*/checkpoint.pt")), 120, "a trial is under way")
    os.kill(trainables(driver.pid)[0], signal.SIGKILL)
    assert driver.wait(timeout=300) == 0
    assert len(results(workspace)) == 30
    assert set(attempts(workspace).values()) == {1}, "a restarted bundle is the same attempt"
    with sqlite3.connect(workspace / "catalog.sqlite") as connection:
        states = connection.execute("SELECT DISTINCT state FROM trials").fetchall()
    assert states == [("finished",)]


def age_heartbeat(workspace: Path, by_s: int, *, wait_s: float = 30) -> None:
    """Let every submission that has not ended look silent for so long."""
    with sqlite3.connect(workspace / "catalog.sqlite", timeout=wait_s) as connection:
        connection.execute(
            "UPDATE submissions SET heartbeat_at = datetime(heartbeat_at, ?) || '.000000' "
            "WHERE ended_at IS NULL",
            (f"-{by_s} seconds",),
        )


def stop_between_writes(process: int, workspace: Path) -> None:
    """Send SIGSTOP at a moment at which the process does not hold the catalog's lock."""
    for _ in range(100):
        os.kill(process, signal.SIGSTOP)
        try:
            age_heartbeat(workspace, 0, wait_s=0.5)
        except sqlite3.OperationalError:
            os.kill(process, signal.SIGCONT)
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the catalog was locked at every one of 100 moments")


def outcomes(workspace: Path) -> list[str | None]:
    """How each submission ended."""
    with sqlite3.connect(workspace / "catalog.sqlite", timeout=30) as connection:
        rows = connection.execute("SELECT outcome FROM submissions ORDER BY id").fetchall()
    return [row[0] for row in rows]


def test_a_driver_that_slept_and_was_taken_over_does_nothing_more(
    background: Callable[..., Any],
    until: Until,
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
) -> None:
    sweep, workspace = toy_sweep(epochs=40), tmp_path / "workspace"
    slept = background("submit", sweep, "-w", workspace)
    until(
        lambda: (
            len(list(workspace.glob("trials/*/*/result.json"))) >= 3
            and any(workspace.glob("trials/*/*/checkpoint.pt"))
        ),
        120,
        "three trials are finished and one is under way",
    )
    stop_between_writes(slept.pid, workspace)  # its workers go on
    age_heartbeat(workspace, 130)
    heir = background("submit", sweep, "-w", workspace)
    until(lambda: "taken_over" in outcomes(workspace), 120, "another one takes over")
    os.kill(slept.pid, signal.SIGCONT)
    assert slept.wait(timeout=120) == 130
    assert heir.wait(timeout=300) == 0
    assert len(results(workspace)) == 30
    said = (tmp_path / "background-0.log").read_text()
    assert "another submission took its trials over" in said
    assert "Traceback" not in said
    for log in workspace.glob("trials/*/*/worker.log"):
        assert log.read_text().count(" finished: ") == 1, f"trained twice: {log}"
    assert any("was taken over" in p.read_text() for p in workspace.glob("trials/*/*/worker.log"))
    assert outcomes(workspace) == ["taken_over", "completed"]


def test_as_many_workers_run_as_the_sweep_allows(
    background: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep, workspace = toy_sweep(epochs=1), tmp_path / "workspace"
    text = sweep.read_text()
    sweep.write_text(text + "resources: { cpus: 0.5, max_workers: 1, bundle_size: 1 }\n")
    driver = background("submit", sweep, "-w", workspace)
    seen: list[frozenset[int]] = []
    while driver.poll() is None:
        seen.append(frozenset(trainables(driver.pid)))
        time.sleep(0.2)
    assert driver.returncode == 0
    assert max(map(len, seen)) == 1
    assert len(frozenset().union(*seen)) <= 3, "a worker is kept from bundle to bundle"
