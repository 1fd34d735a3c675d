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
