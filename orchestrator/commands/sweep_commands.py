"""How `plan` and `submit` are called: options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    AddressOption,
    CatalogOption,
    ClusterOption,
    DetachOption,
    ForceOption,
    JsonOption,
    LogFormatOption,
    MetricsOption,
    NotifyOption,
    RetrainOption,
    SampleOption,
    SetOption,
    SweepFile,
    TrackingOption,
    WorkspaceOption,
)
from workers.contract.log_lines import LogFormat


def plan(
    sweep: SweepFile,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    values: SetOption = None,
    trials: Annotated[
        bool, typer.Option("--trials", help="List every trial, and where it comes from.")
    ] = False,
    workers: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Forecast for so many workers at once, and once more for each of resources.kinds."
            " (default: as fit this machine)",
        ),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Run a few small trials of it here first, minutes at most, to forecast from.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a sweep would run, what is reused, and what the rest will take."""
    from orchestrator.commands import plan_preview

    plan_preview.plan(
        sweep,
        workspace,
        catalog=catalog,
        as_json=as_json,
        values=values or (),
        every_trial=trials,
        workers=workers or (),
        calibrate=calibrate,
    )


def submit(
    sweep: SweepFile,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
    address: AddressOption = None,
    values: SetOption = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="failed|stopped|new", help="Run only these of what is not finished."),
    ] = None,
    retrain_missing: RetrainOption = False,
    as_json: JsonOption = False,
    sample: SampleOption = False,
    force: ForceOption = False,
    detach: DetachOption = False,
    metrics: MetricsOption = None,
    notify: NotifyOption = None,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Run a sweep, or go on with it; finished trials are never run again.

    With --cluster its driver runs there, and needs this machine no longer.

    Exit code: 0 all trials finished, 1 some failed, 2 bad input, 130 interrupted.
    """
    from orchestrator.commands import cluster_submitting, submitting
    from orchestrator.commands.outside import Outside

    outside = Outside(metrics, notify, log_format)
    kept_to = submitting.kept_to(only)
    wishes = submitting.Wishes(values or (), retrain_missing, force, sample, kept_to)
    if cluster or detach:
        places = cluster_submitting.Places(cluster, workspace, catalog, tracking, outside)
        send = cluster_submitting.send_sweep
        sent = send(sweep, places, wishes.options, wishes.values, detach=detach, as_json=as_json)
        raise typer.Exit(sent)
    raise typer.Exit(
        submitting.run_sweep(
            sweep,
            workspace,
            wishes,
            catalog=catalog,
            tracking=tracking,
            address=address,
            as_json=as_json,
            outside=outside,
        )
    )
