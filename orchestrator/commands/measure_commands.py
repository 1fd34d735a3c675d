"""How `measure` is called: its options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    CatalogOption,
    ClusterOption,
    CsvOption,
    JsonOption,
    SetOption,
    WorkspaceOption,
)


def measure(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="What to measure.")],
    given: SetOption = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what was measured.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure nothing; show what the catalog has.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Draw a figure: .svg, .png, .pdf, .html or .json (Vega-Lite)."),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")] = False,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Time training and inference on this machine, and show the paper's values beside them.

    What was measured before on this machine is not measured again, so an interrupted run goes on.
    Exit code: 0 all is measured, 1 something could not be.
    """
    from orchestrator.commands import measuring
    from orchestrator.commands.output import Form

    raise typer.Exit(
        measuring.measure(
            spec,
            given or [],
            workspace=workspace,
            catalog=catalog,
            again=again,
            dry_run=dry_run,
            form=Form.chosen(as_json=as_json, as_csv=as_csv, as_markdown=markdown),
            figure=to,
        )
    )
