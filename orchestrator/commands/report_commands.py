"""How `figure`, `report` and `study` are called: options and help texts.

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
    SweepName,
    SweepOption,
    WorkspaceOption,
)

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="AXIS=VALUE",
        help="Only what meets it, such as learning_rate=1e-4; keys are those of a condition.",
    ),
]


def figure(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which figure; without, list them.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="File to write: .svg, .png, .pdf, .html or .json (Vega-Lite)."),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    sweep: SweepOption = None,
    where: WhereOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every configuration, not the best of each kind alone.")
    ] = False,
    dark: Annotated[bool, typer.Option("--dark", help="On a dark background.")] = False,
) -> None:
    """Draw a figure of what the catalog holds, or list the figures there are."""
    from orchestrator.commands import picturing

    if name is None:
        picturing.list_figures()
        return
    picturing.figure(
        name, to, workspace, catalog=catalog, sweep=sweep, where=where or [], every=every, dark=dark
    )


def report(
    sweep: SweepName,
    to: Annotated[
        Path | None,
        typer.Option(help="File to write: .html, .md or .tex. (default: report.html)"),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="html, md or tex. (default: by the file's ending)"),
    ] = None,
) -> None:
    """Write a sweep's report: findings in words, figures, tables, and how to run it again."""
    from orchestrator.commands import picturing

    picturing.report(sweep, to, workspace, catalog=catalog, form=form)


def study(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="Only what this sweep asked for.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the page there (.md) instead of printing a table.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="FILE", help="Read files of `export`; may be repeated."),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every claim of the papers on what was run: their number, yours, and a verdict."""
    from orchestrator.commands import studying

    studying.study(sweep, to, workspace, catalog=catalog, files=files or [], as_json=as_json)
