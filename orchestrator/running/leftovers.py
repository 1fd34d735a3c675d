"""End what a killed driver leaves behind: two of Ray's agents outlive it by more than a minute.

A driver starts this file as a process of its own, which notes what the driver started, and from
there on; once the driver is gone, it ends what is left of that, and itself. What belongs to a
cluster that ran before is never among it.
"""

import subprocess
import sys
import time
from contextlib import suppress
from functools import cache

import psutil

LOOK_EVERY_S = 2.0
ENDS_BY_ITSELF_S = 5.0
"""For everything to end by itself, once the driver is gone."""


@cache
def leave_nothing_behind() -> subprocess.Popen[bytes]:
    """Have all that this process starts ended soon after it, even when it is killed."""
    command = [sys.executable, "-P", __file__, str(psutil.Process().pid)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def _outlast(driver: psutil.Process) -> None:
    """Note what there is below `driver` until it is gone, then end what is left of it."""
    noted: set[psutil.Process] = set()
    while driver.is_running() and driver.status() != psutil.STATUS_ZOMBIE:
        with suppress(psutil.NoSuchProcess):
            noted.update(driver.children(recursive=True))
        noted = {process for process in noted if process.is_running()}
        time.sleep(LOOK_EVERY_S)
    _, left = psutil.wait_procs(noted - {psutil.Process()}, timeout=ENDS_BY_ITSELF_S)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    import signal

    for each in (signal.SIGTERM, signal.SIGINT):  # meant for the driver, which may end by it
        signal.signal(each, signal.SIG_IGN)
    with suppress(psutil.NoSuchProcess):
        _outlast(psutil.Process(int(sys.argv[1])))
