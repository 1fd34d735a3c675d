"""`dashboard`: serve the pages until Ctrl-C."""

import logging
import sys
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.stores import Stores


def dashboard(
    workspace: Path, *, catalog: str | None, host: str, port: int, token_file: Path | None
) -> None:
    """Serve the pages over a catalog.

    Raises:
        OrchestratorError: it cannot be served there, or there is no catalog.
    """
    from dashboards.errors import DashboardError
    from dashboards.web.serving import Listening, read_token, serve

    log = logging.getLogger("adaptersweep.dashboard")
    log.addHandler(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO)
    try:
        token = read_token(token_file) if token_file is not None else None
        serve(Stores.at(workspace, catalog=catalog), Listening(host, port, token), log)
    except DashboardError as error:
        raise OrchestratorError(str(error)) from error
