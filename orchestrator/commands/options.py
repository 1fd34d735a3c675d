"""Options and arguments that several commands take, with their help texts."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.addresses import holds_password, redacted
from orchestrator.errors import OrchestratorError
from workers.contract.log_lines import LOG_FORMAT_VARIABLE, LogFormat


def _given_as_argument(context: typer.Context, option: typer.CallbackParam) -> bool:
    """Tell whether an option stands in the list of processes, rather than in the environment."""
    source = context.get_parameter_source(str(option.name))
    return source is not None and source.name == "COMMANDLINE"  # click's enum, or typer's own


def _no_webhook_in_sight(
    context: typer.Context, option: typer.CallbackParam, value: str | None
) -> str | None:
    """Take the address of a webhook, which is a secret, from the environment or a file alone.

    Raises:
        OrchestratorError: it was given as an argument.
    """
    if value and "://" in value.split()[0] and _given_as_argument(context, option):
        raise OrchestratorError(
            "--notify: found the address of a webhook, and every user of this machine can read the "
            f"arguments of a command; give it in {option.envvar}, or give @FILE"
        )
    return value


def _no_password_in_sight(
    context: typer.Context, option: typer.CallbackParam, value: str | None
) -> str | None:
    """Take a password from the environment alone: arguments are in every list of processes.

    Raises:
        OrchestratorError: it was given as an argument.
    """
    if value is not None and holds_password(value) and _given_as_argument(context, option):
        raise OrchestratorError(
            f"--{option.name}: found a password in {redacted(value)}, and every user of this "
            f"machine can read the arguments of a command; give the address in {option.envvar}, or "
            "leave the password out and put it where docs/security.md says"
        )
    return value


def _use_profile(context: typer.Context, cluster: str | None) -> str | None:
    if cluster:
        from orchestrator.commands.profiles import use_profile

        use_profile(context, cluster)
    return cluster


SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep to read.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Give a variable of the YAML another value than its default; may be repeated.",
    ),
]
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
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        envvar="ADAPTERSWEEP_CLUSTER",
        callback=_use_profile,
        is_eager=True,
        help="Cluster: a profile of the configuration file, or http://HEAD:8265 of its dashboard.",
    ),
]
DetachOption = Annotated[
    bool, typer.Option("--detach", "-d", help="With --cluster: return as soon as it runs there.")
]
RetrainOption = Annotated[
    bool,
    typer.Option("--retrain-missing", help="Train finished trials again whose files are gone."),
]
SampleOption = Annotated[
    bool, typer.Option("--sample", help="Predict a row with the first winner, as a check.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Move aliases to the winners even if they are no better.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
TaskOption = Annotated[str | None, typer.Option("--task", "-t", help="Only this task.")]
SweepOption = Annotated[str | None, typer.Option("--sweep", "-s", help="Only this sweep.")]
ArchivedOption = Annotated[bool, typer.Option("--archived", help="Show archived sweeps too.")]
SweepName = Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's name in the catalog.")]

MetricsOption = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="[HOST:]PORT",
        envvar="ADAPTERSWEEP_METRICS",
        help="Serve figures for Prometheus there while it runs; on loopback without HOST.",
    ),
]
NotifyOption = Annotated[
    str | None,
    typer.Option(
        "--notify",
        metavar="COMMAND|@FILE",
        envvar="ADAPTERSWEEP_NOTIFY",
        callback=_no_webhook_in_sight,
        help="Tell a command, or the webhook whose address is in FILE, of its end.",
    ),
]
LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format", envvar=LOG_FORMAT_VARIABLE, help="What driver.log and worker.log hold."
    ),
]

DEFAULT_WORKSPACE = Path("workspace")
