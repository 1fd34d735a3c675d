"""A catalog's results as one file, and such files as a catalog."""

from orchestrator.catalog.exchange.files import read_export, write_export
from orchestrator.catalog.exchange.opening import catalog_of

__all__ = ["catalog_of", "read_export", "write_export"]
