"""How commands are called that watch and steer what runs: options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    CatalogOption,
    ClusterOption,
    JsonOption,
    SweepName,
    TrackingOption,
    WorkspaceOption,
)

MOST_WORKERS = 1_000_000
"""More than any cluster has; a column of the catalog holds it."""
PRIORITIES = 1000

TrialName = Annotated[str, typer.Argument(metavar="TRIAL", help="How its id begins.")]


def list_(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    ended: Annotated[
        bool, typer.Option("--all", help="Show submissions too that have ended.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who works on what: every running submission, what is asked of it, its limits."""
    from orchestrator.commands import listing

    listing.list_submissions(workspace, catalog=catalog, ended=ended, as_json=as_json)


def watch(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="Only this sweep, with its trials.")
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
) -> None:
    """Watch sweeps as they go on, until Ctrl-C, which ends nothing but the watching."""
    from orchestrator.commands import sweep_view

    sweep_view.watch(sweep, workspace, catalog=catalog)


def logs(
    trial: TrialName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    lines: Annotated[int | None, typer.Option(min=1, help="Only the last so many lines.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the trial has ended, or Ctrl-C.")
    ] = False,
) -> None:
    """Print the log of a trial: all its attempts, from the workspace or through the cluster."""
    from orchestrator.commands import trial_log

    trial_log.logs(trial, workspace, cluster=cluster, catalog=catalog, lines=lines, follow=follow)


def pause(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
) -> None:
    """Let a running sweep start nothing new until `resume`; trials that run are finished."""
    from orchestrator.commands import asking

    asking.pause(sweep, workspace, catalog=catalog)


def stop(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
) -> None:
    """Let a running sweep start nothing new, and end it when the trials that run are finished."""
    from orchestrator.commands import asking

    asking.stop(sweep, workspace, catalog=catalog)


def cancel(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
) -> None:
    """End a running sweep at once, as Ctrl-C does; finished trials and checkpoints are kept."""
    from orchestrator.commands import asking

    asking.cancel(sweep, workspace, catalog=catalog)


def resume(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
) -> None:
    """Let a paused sweep go on; with --cluster, start one there again that has ended."""
    from orchestrator.commands import asking

    asking.resume(sweep, workspace, cluster=cluster, catalog=catalog, tracking=tracking)


def retry(
    sweep: SweepName,
    trials: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TRIAL]…", help="Only these, by how their ids begin."),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
) -> None:
    """Try failed trials of a sweep again, with all that they blocked, while it runs."""
    from orchestrator.commands import asking

    asking.retry(sweep, trials or [], workspace, catalog=catalog)


def limit(
    sweep: SweepName,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    max_workers: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_WORKERS, help="At most this many; 0 as its YAML says."),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            min=-PRIORITIES,
            max=PRIORITIES,
            help="Those with a higher one are given workers first; 0 at first.",
        ),
    ] = None,
) -> None:
    """Change what a sweep may take of the cluster, while it runs too; without options, show it."""
    from orchestrator.commands import asking

    asking.limit(sweep, workspace, catalog=catalog, max_workers=max_workers, priority=priority)
