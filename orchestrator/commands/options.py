"""Options and arguments that several commands take, with their help texts."""

from pathlib import Path
from typing import Annotated

import typer


def _use_profile(context: typer.Context, cluster: str | None) -> str | None:
    if cluster:
        from orchestrator.commands.profiles import use_profile

        use_profile(context, cluster)
    return cluster


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
        help="Catalog database, such as postgresql+psycopg://user@host/name. "
        "(default: SQLite in the workspace)",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        envvar="MLFLOW_TRACKING_URI",
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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
TaskOption = Annotated[str | None, typer.Option("--task", "-t", help="Only this task.")]
SweepOption = Annotated[str | None, typer.Option("--sweep", "-s", help="Only this sweep.")]
ArchivedOption = Annotated[bool, typer.Option("--archived", help="Show archived sweeps too.")]
SweepName = Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's name in the catalog.")]

DEFAULT_WORKSPACE = Path("workspace")
