"""The command `adaptersweep`: options and help texts; the work is done in `orchestrator.commands`.

Nothing heavy is imported here, so that `--help` answers at once.
"""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from adapter_lib.errors import AdapterLibError
from orchestrator.commands import control_commands, registry_commands, slurm_script
from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    AddressOption,
    ArchivedOption,
    CatalogOption,
    ClusterOption,
    CsvOption,
    DetachOption,
    ForceOption,
    JsonOption,
    LogFormatOption,
    MetricsOption,
    NotifyOption,
    RetrainOption,
    SampleOption,
    SweepFile,
    SweepName,
    SweepOption,
    TaskOption,
    TrackingOption,
    WorkspaceOption,
)
from orchestrator.commands.output import print_any_character
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import INTERRUPTED, end_as_by_ctrl_c
from workers.contract.log_lines import LogFormat
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


@app.command()
def plan(
    sweep: SweepFile,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a sweep would run: trials by stage, what is reused, and why the rest runs."""
    from orchestrator.commands import plan_preview

    plan_preview.plan(sweep, workspace, catalog=catalog, as_json=as_json)


@app.command()
def submit(
    sweep: SweepFile,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
    address: AddressOption = None,
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
    if cluster or detach:
        flags = {"--retrain-missing": retrain_missing, "--sample": sample, "--force": force}
        options = [name for name, wanted in flags.items() if wanted]
        places = cluster_submitting.Places(cluster, workspace, catalog, tracking, outside)
        send = cluster_submitting.send_sweep
        raise typer.Exit(send(sweep, places, options, detach=detach, as_json=as_json))
    raise typer.Exit(
        submitting.submit(
            sweep,
            workspace,
            catalog=catalog,
            tracking=tracking,
            address=address,
            as_json=as_json,
            retrain_missing=retrain_missing,
            sample=sample,
            force=force,
            outside=outside,
        )
    )


@app.command()
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


app.command("list")(control_commands.list_)
for steering in (
    control_commands.watch,
    control_commands.logs,
    control_commands.pause,
    control_commands.resume,
    control_commands.stop,
    control_commands.cancel,
    control_commands.retry,
    control_commands.limit,
):
    app.command()(steering)


@app.command()
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


@app.command()
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


@app.command()
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
        str | None, typer.Option(help="pending, running, finished, failed or blocked.")
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


@app.command()
def best(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    sweep: SweepOption = None,
    task: TaskOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of each table.")] = 5,
    archived: ArchivedOption = False,
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
        form=form,
    )


@app.command()
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


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A trial or a configuration.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two configurations: what differs, then the scores of both over their seeds."""
    from orchestrator.commands import comparing

    comparing.diff(a, b, workspace, catalog=catalog, as_json=as_json)


for command in (
    registry_commands.pull,
    registry_commands.history,
    registry_commands.rollback,
    registry_commands.predict,
    slurm_script.slurm,
):
    app.command()(command)


@app.command()
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


@app.command()
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


@app.command()
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
    except (OrchestratorError, WorkerError, AdapterLibError) as error:
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
