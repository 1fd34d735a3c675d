"""`export` and `import`: results out of a catalog into a file, and into another catalog."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.exchange.files import read_export, write_export
from orchestrator.catalog.importing import Imported
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import print_json, say
from orchestrator.stores import Stores


def export(
    sweeps: Sequence[str] | None,
    target: Path,
    *,
    workspace: Path,
    catalog: str | None,
    with_measurements: bool,
    with_curves: bool,
    as_json: bool,
) -> None:
    """Write the file, and say what is in it.

    Raises:
        CatalogError: there is no catalog, or no such sweep in it.
        ExportFileError: it would be too large to be read again.
    """
    with open_catalog(workspace, catalog) as opened:
        content = opened.exported(sweeps, with_measurements=with_measurements)
    size_bytes = write_export(content, target, with_curves=with_curves)
    counts = {
        "sweeps": len(content.sweeps),
        "trials": len(content.trials),
        "finished": sum(each.result is not None for each in content.trials),
        "measurements": len(content.measurements),
    }
    if as_json:
        print_json({"file": str(target), "size_bytes": size_bytes} | counts)
        return
    say(
        f"{counts['sweeps']} sweeps, {counts['trials']} trials ({counts['finished']} finished) and "
        f"{counts['measurements']} measurements are in {target} ({size_bytes:,} bytes)"
    )


def import_(
    files: Sequence[Path],
    *,
    workspace: Path,
    catalog: str | None,
    keep_first: bool,
    as_json: bool,
) -> None:
    """Take files in, and say what is new.

    Raises:
        ExportFileError: one of them cannot be read.
        CatalogError: results differ, or somebody works on one of the sweeps.
    """
    told = take_in(files, Stores.at(workspace, catalog=catalog), keep_first=keep_first)
    if as_json:
        print_json(asdict(told))
        return
    say(
        f"new: {told.sweeps} sweeps, {told.trials} trials, {told.results} results, "
        f"{told.measurements} measurements"
    )
    if told.kept:
        say(f"of {len(told.kept)} trials another result was there and stayed")


def written(
    catalog: Catalog, sweeps: Sequence[str], target: Path, *, with_measurements: bool | None
) -> Path:
    """Write sweeps, or the whole catalog, and by default with that what was measured."""
    timed = not sweeps if with_measurements is None else with_measurements
    write_export(catalog.exported(sweeps or None, with_measurements=timed), target)
    return target


def take_in(files: Sequence[Path], stores: Stores, *, keep_first: bool) -> Imported:
    """Read all files, then put them into the catalog, which is made where there is none."""
    parts = {str(path): read_export(path) for path in files}
    with Catalog.open(stores.catalog_url) as opened:
        return opened.take_in(parts, keep_first=keep_first)
