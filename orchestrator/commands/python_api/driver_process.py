"""The process in which a sweep runs that was submitted from Python; `submission` starts it.

It is `adaptersweep submit` without a command line: what it is to do comes on standard input, since
other users see arguments, and how it ended goes to standard output, as JSON.
"""

import os
import sys
from pathlib import Path

from adapter_lib.errors import AdapterLibError
from orchestrator.commands.output import print_any_character, print_json
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import INTERRUPTED, end_as_by_ctrl_c
from workers.contract.frozen import Frozen
from workers.errors import WorkerError
from workers.running.memory import collect_less_often

BAD_INPUT = 2


class Order(Frozen):
    """What to submit, and where; as the arguments of `submitting.run_sweep`."""

    sweep: str
    values: tuple[str, ...] = ()
    workspace: str
    catalog: str | None
    tracking: str | None
    address: str | None
    retrain_missing: bool
    force: bool


def main() -> int:
    """Run what standard input orders, and return the exit code of `submit`."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    end_as_by_ctrl_c()
    collect_less_often()
    print_any_character()
    order = Order.model_validate_json(sys.stdin.buffer.read())
    try:
        from orchestrator.commands.submitting import Wishes, run_sweep

        return run_sweep(
            Path(order.sweep),
            Path(order.workspace),
            Wishes(order.values, force=order.force, retrain_missing=order.retrain_missing),
            catalog=order.catalog,
            tracking=order.tracking,
            address=order.address,
            as_json=True,
        )
    except (OrchestratorError, WorkerError, AdapterLibError, OSError) as error:
        print_json({"error": type(error).__name__, "message": str(error)})
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
