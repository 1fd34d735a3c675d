"""How `export` and `import` are called: their options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    CatalogOption,
    ClusterOption,
    JsonOption,
    WorkspaceOption,
)


class Keep(StrEnum):
    """Which of two different results of one trial stays."""

    FIRST = "first"  # the catalog's, or that of the earlier file


def export(
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SWEEP]…", help="Only these sweeps. (default: the whole catalog)"),
    ] = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE.json", help="The file to write.")
    ] = Path("results.json"),
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    measurements: Annotated[
        bool | None,
        typer.Option(
            "--measurements/--no-measurements",
            help="Include what `measure` timed. (default: where no sweep is named)",
        ),
    ] = None,
    without_curves: Annotated[
        bool, typer.Option("--without-curves", help="Leave learning curves out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write results into one JSON file, from which `import` rebuilds them in another catalog.

    No adapters, no logs, and no folder or user of this machine.
    """
    from orchestrator.commands import exchanging

    exchanging.export(
        sweeps or None,
        to,
        workspace=workspace,
        catalog=catalog,
        with_measurements=not sweeps if measurements is None else measurements,
        with_curves=not without_curves,
        as_json=as_json,
    )


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="What `export` wrote.")],
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    keep: Annotated[
        Keep | None,
        typer.Option(
            "--keep",
            help="Of two different results of a trial, keep the catalog's or the earlier file's."
            " (default: import nothing and say which)",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put exported results into a catalog, beside what is there; all files or nothing.

    Adapters do not come with them: `submit --retrain-missing` trains those that are needed.
    """
    from orchestrator.commands import exchanging

    exchanging.import_(
        files,
        workspace=workspace,
        catalog=catalog,
        keep_first=keep is Keep.FIRST,
        as_json=as_json,
    )
