"""How `pull`, `history`, `rollback` and `predict` are called: options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    CatalogOption,
    ClusterOption,
    JsonOption,
    TrackingOption,
    WorkspaceOption,
)

BaseOption = Annotated[
    str | None, typer.Option("--base", help="Base model, where several have the task.")
]
Reference = Annotated[
    str, typer.Argument(metavar="TASK@ALIAS", help="Such as rte@champion, or rte@3.")
]
AliasReference = Annotated[str, typer.Argument(metavar="TASK@ALIAS", help="Such as rte@champion.")]
InputOption = Annotated[
    Path | None,
    typer.Option("--input", "-i", help="Rows to predict: a CSV, JSONL or Parquet file."),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="CSV, JSONL or Parquet file for rows and answers."),
]
TextColumn = Annotated[
    str | None, typer.Option(help="Column of the input. (default: the task's own)")
]
PairColumn = Annotated[
    str | None, typer.Option(help="Column of the second text. (default: the task's own)")
]
ChoicesColumn = Annotated[
    str | None, typer.Option(help="Column of the choices. (default: the task's own)")
]
AdaptersAndTexts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FOLDER|TASK@ALIAS... [TEXT [PAIR]]",
        help="Adapters, then the sentence and for pairs the second. (default: lines of stdin)",
    ),
]
AdapterColumn = Annotated[
    str | None, typer.Option(help="Column that names each row's adapter, or is empty.")
]
DropDepth = Annotated[
    int, typer.Option(min=0, help="Skip the adapters of this many lowest layers.")
]
LatencyBudget = Annotated[
    float | None,
    typer.Option(help="Drop as few layers as keep 95 % of the rows within so many ms each."),
]
MostDropped = Annotated[
    int | None, typer.Option(min=0, help="The most layers that a budget may drop.")
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option("--calibration", help="File that keeps what passes take on this machine."),
]
BaseFolder = Annotated[Path | None, typer.Option(help="Where the base model lies, if it moved.")]


def pull(
    reference: Reference,
    to: Annotated[
        Path | None, typer.Option("--to", help="Target folder. (default: adapters/TASK@ALIAS)")
    ] = None,
    base: BaseOption = None,
    overwrite: Annotated[bool, typer.Option(help="Replace what the target holds.")] = False,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    tracking: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch an adapter from the registry and verify it, byte by byte."""
    from orchestrator.commands import adapters

    adapters.pull(
        reference,
        to,
        workspace=workspace,
        tracking=tracking,
        base=base,
        overwrite=overwrite,
        as_json=as_json,
    )


def history(
    reference: AliasReference,
    base: BaseOption = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an alias named since when, who moved it and why, and what it refused."""
    from orchestrator.commands import alias_history

    alias_history.history(
        reference, workspace=workspace, catalog=catalog, base=base, as_json=as_json
    )


def rollback(
    reference: AliasReference,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="(default: the one it named before)"),
    ] = None,
    base: BaseOption = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    tracking: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let an alias name an earlier version again; no submission undoes that without --force."""
    from orchestrator.commands import alias_history

    alias_history.rollback(
        reference,
        to,
        workspace=workspace,
        catalog=catalog,
        tracking=tracking,
        base=base,
        as_json=as_json,
    )


def predict(
    arguments: AdaptersAndTexts = None,
    rows: InputOption = None,
    output: OutputOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    text_column: TextColumn = None,
    pair_column: PairColumn = None,
    choices_column: ChoicesColumn = None,
    adapter_column: AdapterColumn = None,
    drop_depth: DropDepth = 0,
    latency_budget_ms: LatencyBudget = None,
    most_dropped: MostDropped = None,
    calibration: CalibrationFile = None,
    base: BaseOption = None,
    base_folder: BaseFolder = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    tracking: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict with an adapter, or with several over one base in one pass.

    Pairs from stdin: both sentences in a line, a tab between them.
    Exit code: 1 if a latency budget was not held.
    """
    from orchestrator.commands.adapters import Source
    from orchestrator.commands.asked_rows import RowFiles
    from orchestrator.commands.budgeting import AskedBudget
    from orchestrator.commands.predict_calls import predict
    from orchestrator.stores import Stores

    columns = {"text": text_column, "pair": pair_column, "choices": choices_column}
    raise typer.Exit(
        predict(
            arguments or [],
            RowFiles(input=rows, output=output, overwrite=overwrite, **columns),
            Source(Stores.at(workspace, tracking=tracking), base, base_folder),
            adapter_column=adapter_column,
            drop_depth=drop_depth,
            asked=AskedBudget(latency_budget_ms, most_dropped, calibration),
            as_json=as_json,
        )
    )
