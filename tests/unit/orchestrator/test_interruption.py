"""What an interruption leaves: an end in time, in each case."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

PROCESS = """\
import subprocess, sys, time
from pathlib import Path
from orchestrator.interruption import end_as_by_ctrl_c, ending_in_time

end_as_by_ctrl_c()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with ending_in_time(lambda: Path(sys.argv[1], "last").write_text("said"), limit_s=1):
    try:
        print(child.pid, flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        if {deaf}:
            time.sleep(600)
        child.kill()
print("out in time", flush=True)
time.sleep(3)
sys.exit(7)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("deaf", [True, False])
def test_an_interruption_ends_in_time(how: signal.Signals, deaf: bool, tmp_path: Path) -> None:
    # What a shell runs in the background ignores Ctrl-C, and what that starts would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS.format(deaf=deaf), tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == (130 if deaf else 7)
    assert ("submit again to go on" in err) == deaf
    assert ("out in time" in out) != deaf
    assert (tmp_path / "last").exists() == deaf
    _, alive = psutil.wait_procs([child], timeout=30)
    assert not alive


def test_who_is_told_twice_at_once_is_interrupted_once() -> None:
    """A group of processes is told, and each of it by the one above it."""
    words = """\
import os, signal, time
from orchestrator.interruption import end_as_by_ctrl_c

end_as_by_ctrl_c()
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1.5)
print("left in order", flush=True)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
except KeyboardInterrupt:
    print("and heard again")
"""
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["left in order", "and heard again"]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGUSR2"])
def test_an_interruption_while_an_object_is_freed_is_not_lost(how: str) -> None:
    """Python only reports what such a callback raises, and goes on."""
    words = f"""\
import os, signal, time, weakref
from orchestrator.interruption import end_as_by_ctrl_c

class Thing:
    pass

def told(_):
    os.kill(os.getpid(), signal.{how})
    time.sleep(60)

end_as_by_ctrl_c()
thing = Thing()
reference = weakref.ref(thing, told)
try:
    del thing
    time.sleep(60)
except KeyboardInterrupt:
    print("heard", flush=True)
class Broken:
    def __del__(self):
        raise ValueError("still reported")
broken = Broken()
del broken
"""
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout == "heard\n"
    assert "KeyboardInterrupt" not in done.stderr
    assert "still reported" in done.stderr


def test_an_interruption_that_ray_takes_while_a_process_is_forked_is_not_lost() -> None:
    """Ray has a handler of SIGTERM of its own while it starts, which raises SystemExit."""
    words = """\
import os, signal, subprocess, sys, time
from orchestrator.interruption import end_as_by_ctrl_c

def around_a_fork():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

end_as_by_ctrl_c()
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))
os.register_at_fork(after_in_parent=around_a_fork)
try:
    if os.fork() == 0:
        os._exit(0)
    time.sleep(60)
except KeyboardInterrupt:
    print("heard", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=50, check=True
    )
    assert (done.stdout, done.stderr) == ("heard\n", "")


def test_a_program_of_others_loses_no_ctrl_c_meanwhile_and_keeps_its_own_hook() -> None:
    words = """\
import os, signal, sys, time, weakref
from orchestrator.interruption import losing_none

class Thing:
    pass

def told(_):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

signal.signal(signal.SIGINT, signal.default_int_handler)
first = sys.unraisablehook
thing = Thing()
reference = weakref.ref(thing, told)
try:
    with losing_none():
        del thing
        time.sleep(60)
except KeyboardInterrupt:
    print("heard", sys.unraisablehook is first)
"""
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout == "heard True\n"
    assert done.stderr == ""


def test_a_process_that_says_so_twice_has_one_hook() -> None:
    """Each call on top of the last would make a chain of them, as in a process of many commands."""
    words = """\
import sys
from orchestrator.interruption import end_as_by_ctrl_c

end_as_by_ctrl_c()
first = sys.unraisablehook
end_as_by_ctrl_c()
print(sys.unraisablehook is first)
"""
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout == "True\n"
