"""Compare MLflow with the catalog, which it mirrors. Nothing is written here."""

import math
from dataclasses import dataclass

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialState
from orchestrator.mlflow.run_content import TRIAL_ID, experiment_name
from orchestrator.mlflow.runs import connect, listed_runs, translated
from orchestrator.stores import Stores


@dataclass(frozen=True)
class Disagreement:
    """Finished trials of a sweep that MLflow does not have as the catalog has them.

    Attributes:
        missing: those without a run.
        different: those whose run has not ended so, or has another score.
    """

    missing: tuple[str, ...]
    different: tuple[str, ...]


def compare(catalog: Catalog, stores: Stores, sweep: str) -> Disagreement:
    """Look each finished trial of a sweep up in MLflow.

    Raises:
        TrackingError: MLflow does not answer, or has no store there.
    """
    client, uri = connect(stores.tracking_uri), stores.tracking_uri
    with translated(uri):
        experiment = client.get_experiment_by_name(experiment_name(sweep))
    runs = {}
    if experiment is not None:
        for run in listed_runs(client, uri, experiment.experiment_id, sweep):
            runs[run.data.tags.get(TRIAL_ID)] = run
    finished = TrialFilter(sweep=sweep, state=TrialState.FINISHED)
    missing, different = [], []
    for row in catalog.trials(finished, "trial_id", limit=None):
        run = runs.get(row.trial_id)
        if run is None:
            missing.append(row.trial_id)
            continue
        told = run.data.metrics.get("score", math.nan)
        same = row.score is not None and math.isclose(told, row.score, rel_tol=1e-9)
        if not same or run.info.status != "FINISHED":
            different.append(row.trial_id)
    return Disagreement(tuple(missing), tuple(different))
