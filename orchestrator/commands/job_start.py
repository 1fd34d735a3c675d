"""Where a job of a Ray cluster begins: unpack what was sent, then become the driver.

Called by `orchestrator.running.cluster_jobs`, in the folder into which Ray unpacked the archive.
Addresses of stores go on through the environment, since other users see a command's arguments.
"""

import os
import sys
from pathlib import Path

from orchestrator.catalog.process import PERSON_VARIABLE
from orchestrator.errors import OrchestratorError
from orchestrator.running.parcel import read_order, unpack
from orchestrator.stores import Stores

BAD_INPUT = 2


def main() -> None:
    """Unpack, and replace this process by `adaptersweep submit`."""
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
    sys.stdout.flush()
    command = ["-m", "orchestrator.command_line", "submit", str(sweep), *order.options]
    os.execv(sys.executable, [sys.executable, *command])


if __name__ == "__main__":
    main()
