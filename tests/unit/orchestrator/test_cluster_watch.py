"""A lost cluster is noticed, and a dead driver leaves nothing; each case in its own process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

READY = """
from orchestrator import interruption
interruption.end_as_by_ctrl_c()
"""


def started(body: str) -> "subprocess.Popen[str]":
    """Run a program until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", READY + body],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    return process


WATCHED = """
import time
from orchestrator.running import cluster_watch
from orchestrator.running.cluster_watch import ClusterWatch, watching
cluster_watch.PROBE_EVERY_S, cluster_watch.ANSWER_LIMIT_S = 0.1, 1.0
cluster_watch.LEAVE_LIMIT_S = 1.0
health, answers = ClusterWatch(), [None, None, "its process raylet has ended"]
"""


def test_who_waits_for_a_lost_cluster_is_told() -> None:
    process = started(f"""{WATCHED}
print("ready", flush=True)
try:
    with watching(lambda: answers.pop(0), health):
        time.sleep(60)
except KeyboardInterrupt:
    print(health.lost)
time.sleep(2)  # nothing follows once it was left
""")
    out, said = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "its process raylet has ended\n"), said


def test_a_cluster_that_does_not_answer_is_lost() -> None:
    process = started(f"""{WATCHED}
print("ready", flush=True)
try:
    with watching(lambda: time.sleep(60), health):
        time.sleep(60)
except KeyboardInterrupt:
    print(health.lost)
""")
    out, said = process.communicate(timeout=10)
    assert out == "it has not answered for 1 s\n", said


def test_a_cluster_is_not_lost_for_a_driver_that_slept() -> None:
    process = started(f"""{WATCHED}
print("ready", flush=True)
with watching(lambda: time.sleep(0.2), health):
    end = time.monotonic() + 3
    while time.monotonic() < end:
        time.sleep(0.1)
print(health.lost)
""")
    time.sleep(0.5)
    process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    process.send_signal(signal.SIGCONT)
    out, said = process.communicate(timeout=10)
    assert out == "None\n", said


def test_who_cannot_leave_a_lost_cluster_is_ended() -> None:
    process = started(f"""{WATCHED}
print("ready", flush=True)
while True:
    try:
        with watching(lambda: answers.pop(0), health):
            while True:
                try:
                    time.sleep(60)
                except KeyboardInterrupt:
                    pass
    finally:
        pass
""")
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "The Ray cluster is lost: its process raylet has ended" in said


def test_who_is_interrupted_and_ends_the_cluster_is_not_interrupted_again() -> None:
    """Ending a cluster takes longer than the next look at it, where the machine is busy."""
    process = started(f"""{WATCHED}
import os, signal
print("ready", flush=True)
try:
    with watching(lambda: None if not interruption.asked() else "it has ended", health):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
except KeyboardInterrupt:
    pass
with watching(lambda: "it has ended", ClusterWatch()):
    time.sleep(2)
print("left in order")
""")
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "left in order\n"), said


def test_a_killed_driver_leaves_nothing_behind() -> None:
    process = started("""
import subprocess, sys, time
from orchestrator.running.leftovers import leave_nothing_behind
leave_nothing_behind()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(3)
print("ready", flush=True)
time.sleep(60)
""")
    started_by_it = psutil.Process(process.pid).children(recursive=True)
    assert len(started_by_it) == 2
    process.kill()
    process.communicate()
    _, left = psutil.wait_procs(started_by_it, timeout=20)
    assert left == []
