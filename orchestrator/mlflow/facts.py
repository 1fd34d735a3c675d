"""What the publisher reads of the catalog about the trials that it tells MLflow of."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import OutboxEntry, Stop, TrialRow, TrialState
from orchestrator.mlflow.runs import SweepRuns
from workers.contract.results import TrialResult
from workers.contract.trial import Trial


@dataclass(frozen=True)
class Facts:
    """What the catalog knows of the trials that a round tells of, read once and together.

    Read after the entries, so that whatever an entry tells of is in it.

    Attributes:
        known: the trials and what they build on.
        told_of_ends: those of which MLflow was told that they were stopped or failed, once.
        told_epochs: of the finished ones, the epochs that are told as they happen.
    """

    known: Mapping[str, Trial]
    rows: Mapping[str, TrialRow]
    results: Mapping[str, TrialResult]
    stops: Mapping[str, Stop]
    told_of_ends: Collection[str]
    told_epochs: Mapping[str, Collection[int]]

    @classmethod
    def read(
        cls, catalog: Catalog, sweep: str, entries: Iterable[OutboxEntry], runs: SweepRuns
    ) -> Self:
        """Read them; only a trial that has a run may have been told to have ended."""
        ids = {entry.trial_id for entry in entries if entry.trial_id is not None}
        known, rows = catalog.with_parents(ids), catalog.rows(ids)
        stops = catalog.stops(i for i, row in rows.items() if row.state is TrialState.STOPPED)
        ends = catalog.told_of_ends(sweep, ids.intersection(runs.known()))
        results = catalog.results(ids)
        return cls(known, rows, results, stops, ends, catalog.epochs_told(sweep, results))
