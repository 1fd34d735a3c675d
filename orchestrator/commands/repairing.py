"""`repair`: show what does not agree between workspace, catalog and MLflow, and mend it."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, print_json
from orchestrator.errors import CatalogError, TrackingError
from orchestrator.mlflow.store_file import holds_store, store_path
from orchestrator.running.repair import Finding, look_at_mlflow, look_over
from orchestrator.stores import Stores

SHOWN = 5


def repair(
    workspace: Path,
    *,
    catalog: str | None,
    tracking: str | None,
    dry_run: bool,
    all_lost: bool,
    as_json: bool,
) -> int:
    """Look, print and mend; return 0 where all agrees now, 1 where something does not.

    Args:
        dry_run: only look.
        all_lost: believe that not one finished trial has its files.

    Raises:
        CatalogError: there is no catalog; somebody works with it; or it is of another workspace.
    """
    stores = Stores.at(workspace, catalog=catalog, tracking=tracking)
    problems: list[str] = []
    with open_catalog(workspace, catalog) as opened:
        if not dry_run:
            _check_idle(opened)
        found = look_over(opened, stores, lost_for_good=all_lost)
        _mend(found, dry_run=dry_run)
        path = store_path(stores.tracking_uri)
        try:
            if path is None or holds_store(path):
                of_mlflow = look_at_mlflow(opened, stores)
                found += of_mlflow
                _mend(of_mlflow, dry_run=dry_run)
        except TrackingError as error:
            problems.append(str(error))
    if as_json:
        rows = [{"what": f.what, "trials": list(f.trials), "done": f.done} for f in found]
        print_json({"found": rows, "mended": not dry_run, "problems": problems})
    else:
        _print(found, problems, dry_run=dry_run)
    return 1 if problems or (found and dry_run) else 0


def _check_idle(catalog: Catalog) -> None:
    living, _ = catalog.open_submissions()
    if living:
        first = living[0]
        raise CatalogError(
            f"process {first.pid} on {first.host} works on sweep {first.sweep}; stop it first "
            "(Ctrl-C there), wait until it ends, or look only with --dry-run"
        )


def _mend(found: Sequence[Finding], *, dry_run: bool) -> None:
    if not dry_run:
        for finding in found:
            finding.mend()


def _print(found: Sequence[Finding], problems: Sequence[str], *, dry_run: bool) -> None:
    out = console()
    for finding in found:
        out.print(f"{finding.what}: {len(finding.trials)} trials")
        shown = ", ".join(finding.trials[:SHOWN]) + ", …" * (len(finding.trials) > SHOWN)
        if shown:
            out.print(f"  {shown}")
        out.print(f"  → {'would be ' * dry_run}{finding.done}")
    for problem in problems:
        out.print(f"[red]not compared with MLflow:[/] {escape(problem)}", soft_wrap=True)
    if not found and not problems:
        out.print("Workspace, catalog and MLflow agree.")
    elif found and not dry_run:
        out.print("Submit again to train what is pending.")
