"""How `archive`, `remove`, `mlflow`, `doctor`, `gpu-check` and `repair` are called: their options.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    AddressOption,
    CatalogOption,
    ClusterOption,
    JsonOption,
    SweepName,
    TrackingOption,
    WorkspaceOption,
)


def archive(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Bring it back.")] = False,
) -> None:
    """Hide a sweep from `status`, and what only it asked for from `best`; nothing is lost."""
    from orchestrator.commands import removal

    removal.archive(sweep, workspace, catalog=catalog, undo=undo)


def remove(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a sweep: its trials with their files, but none that others or the registry need."""
    from orchestrator.commands import removal

    removal.remove(sweep, workspace, catalog=catalog, yes=yes)


def prune(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="Only what this sweep alone asks for.")
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete; without it only say.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete adapters and checkpoints that no alias, fusion or unfinished sweep needs."""
    from orchestrator.commands import pruning_files

    pruning_files.prune(sweep, workspace, catalog=catalog, yes=yes, as_json=as_json)


def mlflow(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    tracking: TrackingOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Open the MLflow UI on the right store; stop it with Ctrl-C."""
    from orchestrator.commands import installation

    raise typer.Exit(installation.mlflow(workspace, tracking=tracking, host=host, port=port))


def doctor(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
    address: AddressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the installation: packages, processors and GPUs, Ray, and all stores.

    Exit code: 0 everything is usable, 1 something is not.
    """
    from orchestrator.commands import installation

    raise typer.Exit(
        installation.doctor(
            workspace, catalog=catalog, tracking=tracking, address=address, as_json=as_json
        )
    )


def gpu_check(
    device: Annotated[
        str, typer.Option(help="`cuda`, or `cuda:N`; `cpu` tries the check itself, in a tiny form.")
    ] = "cuda",
    base: Annotated[
        str | None,
        typer.Option(
            help="Measure time and memory with this base model (`package:…`, `hub:…` or a folder) "
            "instead of a BERT of 12 layers of 768 made in place."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a GPU with small trials: right, within its memory, and how fast; a few minutes.

    Exit code: 0 nothing is off, 1 something is, 2 there is no GPU.
    """
    from orchestrator.commands import gpu_checking

    raise typer.Exit(gpu_checking.gpu_check(device, base=base, as_json=as_json))


def repair(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    all_lost: Annotated[
        bool, typer.Option("--all-lost", help="Go on though no finished trial has its files.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare workspace, catalog and MLflow, and mend what does not agree.

    Exit code: 0 all agrees now, 1 something does not, 2 nothing could be compared.
    """
    from orchestrator.commands import repairing

    raise typer.Exit(
        repairing.repair(
            workspace,
            catalog=catalog,
            tracking=tracking,
            dry_run=dry_run,
            all_lost=all_lost,
            as_json=as_json,
        )
    )
