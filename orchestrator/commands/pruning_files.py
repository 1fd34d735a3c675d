"""`prune`: show which files of trials nothing needs and how much they take, then delete them."""

from pathlib import Path

from rich.console import Console

from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, count, print_json
from orchestrator.errors import OrchestratorError
from orchestrator.running.prune import Pruning, prunable
from orchestrator.running.prune import prune as delete
from orchestrator.stores import Stores
from workers.errors import StorageError


def prune(
    sweep: str | None, workspace: Path, *, catalog: str | None, yes: bool, as_json: bool
) -> None:
    """Show what would go, and delete it if that is meant.

    Args:
        sweep: only what this sweep alone asks for.

    Raises:
        OrchestratorError: there is no such sweep, or a file cannot be deleted.
    """
    stores = Stores.at(workspace, catalog=catalog)
    with open_catalog(workspace, catalog) as opened:
        chosen = prunable(opened, stores.workspace, sweep)
        if not as_json:
            _show(console(), chosen)
        gone = 0
        try:
            if yes:
                gone = delete(opened, stores.workspace, chosen)
        except (OSError, StorageError) as error:
            raise OrchestratorError(
                f"could not delete all files: {error}; what is gone is marked as pruned: mend that "
                "and prune again"
            ) from error
    if as_json:
        print_json(_as_json(chosen) | {"pruned": gone})
    elif yes:
        console().print(f"Pruned {count(gone)} trials.")
    elif chosen.finished or chosen.abandoned:
        console().print("Nothing was deleted; --yes does it.")


def _show(out: Console, chosen: Pruning) -> None:
    spare = chosen.spare
    out.print(
        f"{count(len(chosen.finished))} finished trials whose adapters nothing needs, and "
        f"{count(len(chosen.abandoned))} that no sweep asks for any more: "
        f"{count(chosen.size_bytes)} bytes ({chosen.size_bytes / 2**20:,.1f} MiB). Scores, curves, "
        "results and logs of the finished ones stay."
    )
    kept = {
        "that the registry names or weighed, or that such are built on": spare.registered,
        "that trials to come are built on": spare.built_on,
        "of sweeps that run or have trials to come": spare.to_come,
    }
    for why, number in kept.items():
        if number:
            out.print(f"  kept: {count(number)} {why}")


def _as_json(chosen: Pruning) -> dict[str, object]:
    spare = chosen.spare
    return {
        "finished": list(chosen.finished),
        "abandoned": list(chosen.abandoned),
        "size_bytes": chosen.size_bytes,
        "kept": {
            "registered": spare.registered,
            "built_on": spare.built_on,
            "to_come": spare.to_come,
        },
    }
