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
from workers.contract.paths import TrialPaths
from workers.contract.storage.log_parts import LogReader
from workers.contract.storage.trial_files import LOG

EVERY_S = 1.0


def logs(
    id_prefix: str,
    workspace: Path,
    *,
    cluster: str | None,
    catalog: str | None,
    lines: int | None,
    follow: bool,
) -> None:
    """Print a trial's log, and go on while it runs if that is asked.

    Where this machine does not see it, the cluster's head node is asked for it.

    Raises:
        CatalogError: there is no such trial, or its log is not to be seen from here.
    """
    stores = Stores.at(workspace, catalog=catalog)
    with open_catalog(workspace, catalog) as opened:
        row = opened.trial(id_prefix)
        paths = stores.workspace.trial(row.trial_id)
        reader = paths.files.log_reader()
        if follow and not stores.workspace.is_there:
            raise CatalogError(
                f"--follow: expected the workspace {stores.workspace.address}, but this machine "
                "does not see it; leave --follow out, or ask on a machine of the cluster"
            )
        if follow:
            _follow(opened, row.trial_id, reader, lines)
            return
    if content := reader.new():
        sys.stdout.write(_last(content.decode("utf-8", errors="replace"), lines))
        return
    begun = row.state not in (TrialState.PENDING, TrialState.BLOCKED)
    if cluster is None or not begun or stores.workspace.storage is not None:
        raise CatalogError(_why_not(paths, row.trial_id, row.state, stores))
    from orchestrator.commands.cluster_submitting import log_on_cluster

    sys.stdout.write(log_on_cluster(cluster, paths.log, lines))


def _follow(opened: Catalog, trial_id: str, reader: LogReader, lines: int | None) -> None:
    """Print what is there and what comes, until the trial has ended.

    What is asked before the log is read once more can miss nothing that was logged before the end.
    """
    begun = False
    while True:
        standing = opened.standings([trial_id])[trial_id]
        if new := reader.new():
            text = new.decode("utf-8", errors="replace")
            sys.stdout.write(text if begun else _last(text, lines))
            sys.stdout.flush()
            begun = True
        if standing.state not in (TrialState.PENDING, TrialState.RUNNING):
            say(f"trial {trial_id} is {standing.state}")
            return
        time.sleep(EVERY_S)


def _last(text: str, lines: int | None) -> str:
    return text if lines is None else "".join(text.splitlines(keepends=True)[-lines:])


def _why_not(paths: TrialPaths, trial_id: str, state: TrialState, stores: Stores) -> str:
    if stores.workspace.storage is None and not stores.workspace.root.exists():
        return (
            f"expected the log of trial {trial_id} in {paths.place(LOG)}, but this machine does "
            "not see the workspace; give its place with --workspace, or the cluster that does with "
            "--cluster"
        )
    if state is TrialState.STOPPED:
        return f"trial {trial_id} was stopped before it began and has no log"
    if state in (TrialState.PENDING, TrialState.BLOCKED):
        return f"trial {trial_id} is {state} and has no log yet; --follow waits for it"
    return (
        f"expected the log of trial {trial_id} in {paths.place(LOG)}, found none; check that "
        "--workspace and --catalog belong together"
    )
