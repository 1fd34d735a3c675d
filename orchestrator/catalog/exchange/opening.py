"""Exported files as a catalog that can be asked everything that any other can."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.exchange.files import read_export


@contextmanager
def catalog_of(paths: Sequence[Path], *, keep_first: bool = False) -> Iterator[Catalog]:
    """Open a temporary catalog with the content of all files merged; it is gone at the end.

    Args:
        keep_first: of two different results of a trial keep that of the earlier file.

    Raises:
        ExportFileError: one of the files cannot be read.
        CatalogError: two of them hold different results of one trial, and not `keep_first`.
    """
    parts = {str(path): read_export(path) for path in paths}
    with (
        tempfile.TemporaryDirectory(prefix="adaptersweep-") as folder,
        Catalog.open(f"sqlite:///{folder}/catalog.sqlite") as catalog,
    ):
        catalog.take_in(parts, keep_first=keep_first)
        yield catalog
