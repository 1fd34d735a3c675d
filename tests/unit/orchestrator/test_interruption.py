"""Who is told to end, ends, whatever swallows the signal or hangs; each case in its own process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SHORTER = """
from orchestrator import interruption
interruption.AGAIN_AFTER_S, interruption.END_LIMIT_S = 0.5, 2.0
interruption.end_as_by_ctrl_c()
"""


def started(body: str) -> "subprocess.Popen[str]":
    """Run a program until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", SHORTER + body],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    return process


def test_an_interruption_that_is_swallowed_is_raised_again() -> None:
    process = started("""
import sys, time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    pass  # as a callback of a library may do
try:
    time.sleep(60)
except KeyboardInterrupt:
    interruption.heard()
    sys.exit(7)
""")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 7, said


def test_what_hangs_while_closing_is_ended_with_what_it_started() -> None:
    process = started("""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    interruption.heard()
    time.sleep(60)  # as closing a cluster may whose processes are gone
""")
    (child,) = psutil.Process(process.pid).children()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert time.monotonic() - began < 5
    assert "Finished trials are kept" in said
    assert "Traceback" not in said
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running()


def test_what_keeps_the_interpreter_for_itself_is_ended_too() -> None:
    process = started("""
interruption._LAST_RESORT_S = 0.5
import ctypes, time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    ctypes.PyDLL(None).sleep(60)  # no other thread runs meanwhile
""")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 1


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
