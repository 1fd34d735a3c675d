"""How `status`, `trials`, `best`, `show` and `compare` are called: options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    ArchivedOption,
    CatalogOption,
    ClusterOption,
    CsvOption,
    JsonOption,
    SweepOption,
    TaskOption,
    TrackingOption,
    WorkspaceOption,
)


def status(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    archived: ArchivedOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it anew as it changes, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every sweep of the catalog: trials by state, who works on it, and what failed."""
    from orchestrator.commands import browsing

    browsing.status(workspace, catalog=catalog, archived=archived, as_json=as_json, watch=watch)


def trials(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    sweep: SweepOption = None,
    task: TaskOption = None,
    method: Annotated[
        str | None, typer.Option(help="adapter, full_fine_tuning, head_only, fusion, …")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, running, finished, failed, stopped or blocked.")
    ] = None,
    drop_mode: Annotated[str | None, typer.Option(help="none, specialised or robust.")] = None,
    drop_depth: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Number of dropped layers.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Only this seed.")] = None,
    min_score: Annotated[float | None, typer.Option(help="At least this score.")] = None,
    sort: Annotated[
        str, typer.Option(help="A column as printed; -COLUMN for the largest first.")
    ] = "-score",
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 50,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List trials, filtered and sorted."""
    from orchestrator.commands import browsing
    from orchestrator.commands.output import Form

    chosen = {
        "sweep": sweep,
        "task": task,
        "method": method,
        "state": state,
        "drop_mode": drop_mode,
        "drop_depth": drop_depth,
        "seed": seed,
        "min_score": min_score,
    }
    form = Form.chosen(as_json=as_json, as_csv=as_csv)
    browsing.trials(workspace, chosen, catalog=catalog, sort=sort, limit=limit, form=form)


def best(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    sweep: SweepOption = None,
    task: TaskOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of each table.")] = 5,
    archived: ArchivedOption = False,
    doubt: Annotated[
        bool, typer.Option("--doubt", help="Mark what cannot be told apart from the best.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show the leaderboard of each task: configurations by their mean score over seeds."""
    from orchestrator.commands import browsing
    from orchestrator.commands.output import Form

    form = Form.chosen(as_json=as_json, as_csv=as_csv)
    browsing.best(
        workspace,
        catalog=catalog,
        sweep=sweep,
        task=task,
        limit=limit,
        archived=archived,
        doubt=doubt,
        form=form,
    )


def show(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="How its id begins.")],
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all of one trial: settings, scores, curve, attention, log, relatives and adapter."""
    from orchestrator.commands import showing

    showing.show(trial, workspace, catalog=catalog, as_json=as_json)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A trial, a configuration, or TASK@ALIAS.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
    base: Annotated[
        str | None, typer.Option(help="Base model, where several have the task of an alias.")
    ] = None,
    all_depths: Annotated[
        bool, typer.Option("--all-depths", help="Test every drop depth that both have.")
    ] = False,
    rows: Annotated[int, typer.Option(min=0, help="Rows shown on which they differ.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Compare two configurations: what differs, their scores, and whether that is chance.

    The test is over the predictions that trials keep: a paired bootstrap over rows and seeds, and
    McNemar's exact test for each seed.
    """
    from orchestrator.commands import comparing
    from orchestrator.stores import Stores

    comparing.compare(
        a,
        b,
        Stores.at(workspace, catalog=catalog, tracking=tracking),
        base=base,
        all_depths=all_depths,
        most_rows=rows,
        as_json=as_json,
    )
