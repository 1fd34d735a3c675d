"""`remove` and `archive`: take a sweep out of catalog and workspace, or out of sight."""

import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from orchestrator.catalog.removing import Removal
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console
from orchestrator.errors import OrchestratorError
from orchestrator.stores import Stores
from workers.errors import StorageError


def remove(sweep: str, workspace: Path, *, catalog: str | None, yes: bool) -> None:
    """Show what would go, ask, and remove it.

    Raises:
        OrchestratorError: there is no such sweep, somebody works on it, or nobody can be asked.
    """
    stores = Stores.at(workspace, catalog=catalog)
    out = console()

    def dispose(trial_ids: Sequence[str]) -> None:
        stores.workspace.each(lambda i: stores.workspace.trial(i).files.remove(), trial_ids)

    with open_catalog(workspace, catalog) as opened:
        _show(out, opened.removal(sweep), stores)
        if not (yes or _agreed()):
            out.print("Nothing was removed.")
            return
        try:
            removed = opened.remove_sweep(sweep, dispose)
        except (OSError, StorageError) as error:
            raise OrchestratorError(
                f"could not remove all files of {sweep}: {error}; the catalog is as it was: mend "
                "that and remove it again"
            ) from error
    out.print(f"Removed {len(removed.trials)} trials.")


def archive(sweep: str, workspace: Path, *, catalog: str | None, undo: bool) -> None:
    """Put a sweep out of sight, or back.

    Raises:
        OrchestratorError: there is no such sweep.
    """
    with open_catalog(workspace, catalog) as opened:
        changed = opened.archive(sweep, undo=undo)
    state = "in sight again" if undo else "archived; `--undo` brings it back"
    console().print(f"Sweep {sweep} is {state}." if changed else f"Sweep {sweep} was so before.")


def _show(out: Console, removal: Removal, stores: Stores) -> None:
    out.print(
        f"Sweep {removal.sweep}: {len(removal.trials)} trials go, {removal.finished} of them "
        f"finished, with their scores, and their folders in {stores.workspace.address}/trials."
    )
    if removal.shared:
        out.print(
            f"{removal.shared} trials stay, since other sweeps ask for them or build on them."
        )
    if removal.registered:
        out.print(
            f"{removal.registered} trials stay, since the registry named them or what is built on "
            "them; the sweep stays with them."
        )
    out.print("The registry and MLflow's runs stay as they are.")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise OrchestratorError("nothing was removed: nobody is there to ask; give --yes")
    return typer.confirm("Remove them?", default=False)
