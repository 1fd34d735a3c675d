"""Where a job of a Ray cluster begins: unpack what was sent, run the driver, watch over it.

Called by `orchestrator.running.cluster_jobs`, in the folder into which Ray unpacked the archive.
Addresses of stores go on through the environment, since other users see a command's arguments.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from orchestrator.catalog.process import PERSON_VARIABLE
from orchestrator.errors import OrchestratorError
from orchestrator.running.parcel import read_order, unpack
from orchestrator.stores import Stores

BAD_INPUT = 2
MOST_RESTARTS = 3
"""Of a driver that something killed, such as the system when memory ran out."""
RESTART_PAUSE_S = 5.0


def main() -> None:
    """Unpack, and run `adaptersweep submit` to its end."""
    here = Path.cwd()
    order = read_order(here)
    os.environ.update(order.environment)
    os.environ.update({"ADAPTERSWEEP_WORKSPACE": order.workspace, PERSON_VARIABLE: order.person})
    os.environ.pop("ADAPTERSWEEP_CLUSTER", None)  # this is the cluster
    try:
        stores = Stores.at(Path(order.workspace))
        stores.prepare()
        sweep = unpack(here, stores.workspace, order)
    except (OrchestratorError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(BAD_INPUT)
    command = ["-m", "orchestrator.command_line", "submit", str(sweep), *order.options]
    sys.exit(keep_running([sys.executable, *command]))


def keep_running(command: Sequence[str]) -> int:
    """Run a command to its end, again where something killed it; return its exit code.

    What this process is told by SIGTERM or Ctrl-C is passed on, and nothing is started after it.
    """
    told: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        for process in running[-1:]:
            process.send_signal(number)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, pass_on)
    restarts = 0
    while True:
        running.append(subprocess.Popen(command))
        code = running[-1].wait()
        if code >= 0 or told or restarts == MOST_RESTARTS:
            return code if code >= 0 else 128 - code
        restarts += 1
        sys.stderr.write(
            f"The driver was killed (signal {-code}); it is started again and goes on "
            f"({restarts} of {MOST_RESTARTS} times).\n"
        )
        time.sleep(RESTART_PAUSE_S)
        if told:
            return 128 + told[0]


if __name__ == "__main__":
    main()
