"""Options and arguments that several commands take, with their help texts."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.addresses import holds_password, redacted
from orchestrator.errors import OrchestratorError


def _no_password_in_sight(
    context: typer.Context, option: typer.CallbackParam, value: str | None
) -> str | None:
    """Take a password from the environment alone: arguments are in every list of processes.

    Raises:
        OrchestratorError: it was given as an argument.
    """
    named = str(option.name)
    source = context.get_parameter_source(named)  # an enum of click, which typer may bring itself
    given = source is not None and source.name == "COMMANDLINE"
    if value is not None and given and holds_password(value):
        raise OrchestratorError(
            f"--{named}: found a password in {redacted(value)}, and every user of this machine can "
            f"read the arguments of a command; give the address in {option.envvar}, or leave the "
            "password out and put it where docs/security.md says"
        )
    return value


SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep to read.")]
WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="ADAPTERSWEEP_WORKSPACE",
        help="Folder that holds trials, catalog and MLflow's store; every node must see it.",
    ),
]
CatalogOption = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        envvar="ADAPTERSWEEP_CATALOG",
        callback=_no_password_in_sight,
        help="Catalog database, such as postgresql+psycopg://user@host/name. "
        "(default: SQLite in the workspace)",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        envvar="MLFLOW_TRACKING_URI",
        callback=_no_password_in_sight,
        help="MLflow's store or server. (default: SQLite in the workspace)",
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="RAY_ADDRESS",
        help="Ray cluster, such as auto or 10.0.0.1:6379. (default: start one on this machine)",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
TaskOption = Annotated[str | None, typer.Option("--task", "-t", help="Only this task.")]
SweepOption = Annotated[str | None, typer.Option("--sweep", "-s", help="Only this sweep.")]
ArchivedOption = Annotated[bool, typer.Option("--archived", help="Show archived sweeps too.")]
SweepName = Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's name in the catalog.")]

DEFAULT_WORKSPACE = Path("workspace")
