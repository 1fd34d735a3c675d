"""How `dashboard` is called: options and help texts.

Nothing heavy is imported here, as in `orchestrator.command_line`.
"""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands.options import (
    DEFAULT_WORKSPACE,
    CatalogOption,
    ClusterOption,
    WorkspaceOption,
)


def dashboard(
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    catalog: CatalogOption = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; on another than loopback with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8050,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            envvar="ADAPTERSWEEP_TOKEN_FILE",
            help="File that only you can read with the token that visitors must show. "
            "(default: none on loopback, elsewhere a new one, which is printed)",
        ),
    ] = None,
) -> None:
    """Serve pages over the catalog for a browser; they read it and change nothing. Ctrl-C ends it.

    Sweeps, leaderboards, figures, grids, groups, trials, comparisons and adapters, each with its
    files. Nothing is fetched from elsewhere.
    """
    from orchestrator.commands import dashboard_start

    dashboard_start.dashboard(
        workspace, catalog=catalog, host=host, port=port, token_file=token_file
    )
