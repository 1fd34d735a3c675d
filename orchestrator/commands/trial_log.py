"""`logs`: what a worker logged of one trial."""

import sys
import time
from pathlib import Path

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialState
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import say
from orchestrator.errors import CatalogError
from orchestrator.stores import Stores

EVERY_S = 1.0


def logs(
    id_prefix: str, workspace: Path, *, catalog: str | None, lines: int | None, follow: bool
) -> None:
    """Print a trial's log, and go on while it runs if that is asked.

    Raises:
        CatalogError: there is no such trial, or its log is not to be seen from here.
    """
    stores = Stores.at(workspace, catalog=catalog)
    with open_catalog(workspace, catalog) as opened:
        row = opened.trial(id_prefix)
        path = stores.workspace.trial(row.trial_id).log
        if follow:
            _follow(opened, row.trial_id, path, lines)
            return
    if not path.exists():
        raise CatalogError(_why_not(path, row.trial_id, row.state, stores))
    sys.stdout.write(_last(path.read_text(encoding="utf-8", errors="replace"), lines))


def _follow(opened: Catalog, trial_id: str, path: Path, lines: int | None) -> None:
    """Print what is there and what comes, until the trial has ended.

    What is asked before the log is read once more can miss nothing that was logged before the end.
    """
    read_bytes = 0
    while True:
        standing = opened.standings([trial_id])[trial_id]
        if path.exists():
            with path.open("rb") as log:
                log.seek(read_bytes)
                new = log.read()
            text = new.decode("utf-8", errors="replace")
            sys.stdout.write(text if read_bytes else _last(text, lines))
            sys.stdout.flush()
            read_bytes += len(new)
        if standing.state not in (TrialState.PENDING, TrialState.RUNNING):
            say(f"trial {trial_id} is {standing.state}")
            return
        time.sleep(EVERY_S)


def _last(text: str, lines: int | None) -> str:
    return text if lines is None else "".join(text.splitlines(keepends=True)[-lines:])


def _why_not(path: Path, trial_id: str, state: TrialState, stores: Stores) -> str:
    if not stores.workspace.root.exists():
        return (
            f"expected the log of trial {trial_id} in {path}, but this machine does not see the "
            "workspace; give its place with --workspace, or ask on a machine of the cluster"
        )
    if state in (TrialState.PENDING, TrialState.BLOCKED):
        return f"trial {trial_id} is {state} and has no log yet; --follow waits for it"
    return (
        f"expected the log of trial {trial_id} in {path}, found none; check that --workspace and "
        "--catalog belong together"
    )
