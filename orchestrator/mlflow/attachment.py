"""Files that belong to a whole sweep, as artifacts of its parent run."""

from pathlib import Path

from orchestrator.catalog.catalog import Catalog
from orchestrator.mlflow.runs import SweepRuns, connect
from orchestrator.stores import Stores


def attach(catalog: Catalog, stores: Stores, sweep: str, file: Path) -> None:
    """Put a file on the parent run of a sweep, in place of an earlier one of that name.

    Raises:
        TrackingError: MLflow does not answer, or does not take it.
    """
    runs = SweepRuns(connect(stores.tracking_uri), catalog, stores, sweep)
    runs.send_file(runs.parent, file)
