"""The command `adaptersweep`: which commands it has; all of them are in `orchestrator.commands`.

Nothing heavy is imported here, so that `--help` answers at once.
"""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from adapter_lib.errors import AdapterLibError
from dashboards.errors import DashboardError
from orchestrator.commands import (
    browsing_commands,
    control_commands,
    dashboard_commands,
    exchange_commands,
    measure_commands,
    registry_commands,
    report_commands,
    slurm_script,
    sweep_commands,
    upkeep_commands,
)
from orchestrator.commands.output import print_any_character
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import INTERRUPTED, end_as_by_ctrl_c
from workers.errors import WorkerError
from workers.running.memory import collect_less_often

BAD_INPUT = 2
OUTPUT_CLOSED = 141
"""As a shell says of a program that was ended for writing to a closed pipe."""

app = typer.Typer(
    name="adaptersweep",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"adaptersweep {version('adaptersweep')}\n")
        raise typer.Exit


@app.callback()
def _main(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Run, measure and serve large sweeps of transformer adapters."""


for command in (
    sweep_commands.plan,
    sweep_commands.submit,
    browsing_commands.status,
    control_commands.list_,
    control_commands.watch,
    control_commands.logs,
    control_commands.pause,
    control_commands.resume,
    control_commands.stop,
    control_commands.cancel,
    control_commands.retry,
    control_commands.limit,
    upkeep_commands.archive,
    upkeep_commands.remove,
    upkeep_commands.prune,
    browsing_commands.trials,
    browsing_commands.best,
    browsing_commands.show,
    browsing_commands.compare,
    report_commands.figure,
    report_commands.report,
    report_commands.study,
    measure_commands.measure,
    exchange_commands.export,
    exchange_commands.import_,
    registry_commands.pull,
    registry_commands.history,
    registry_commands.rollback,
    registry_commands.predict,
    slurm_script.slurm,
    dashboard_commands.dashboard,
    upkeep_commands.mlflow,
    upkeep_commands.doctor,
    upkeep_commands.gpu_check,
    upkeep_commands.repair,
):
    app.command(command.__name__.rstrip("_").replace("_", "-"))(command)


def main() -> None:
    """Run the command line; an error of ours becomes a message on stderr and exit code 2.

    What the system refuses, such as a file without permission, is no error of the program either.
    SIGTERM ends a command as Ctrl-C does.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    end_as_by_ctrl_c()
    collect_less_often()
    print_any_character()
    try:
        app(prog_name="adaptersweep")
    except (OrchestratorError, DashboardError, WorkerError, AdapterLibError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(BAD_INPUT)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stdout = None  # nothing is left to flush
        sys.exit(OUTPUT_CLOSED)
    except OSError as error:
        sys.stderr.write(f"{error}; check the path, its permissions and the space left\n")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
