"""The report that a submission leaves when it ends: in the workspace, and in MLflow.

Whatever goes wrong with it is logged; a submission never fails by its report.
"""

import logging
from pathlib import Path

from dashboards.drawn_sweep import DrawnSweep
from orchestrator.errors import TrackingError
from orchestrator.mlflow.attachment import attach
from orchestrator.running.driver import Outcome
from orchestrator.stores import Stores

log = logging.getLogger(__name__)


def leave_report(outcome: Outcome, stores: Stores, drawn: DrawnSweep) -> str | None:
    """Write the report of a sweep, and return where it is; None where there is none.

    It is drawn anew where something was trained since, and sent to MLflow where that is up: what
    waits for MLflow to come back is followed by the report of the submission that sends it.
    """
    sweep = drawn.sweep
    target, place = stores.workspace.report(sweep), None
    try:
        if outcome.trained or outcome.taken or outcome.failed or not target.exists():
            _write(drawn, target)
        place = stores.workspace.keep_report(sweep)
        if not outcome.unpublished:
            attach(drawn.catalog, stores, sweep, target)
    except TrackingError as error:
        log.warning("the report of %s waits for MLflow: %s", sweep, error)
    except Exception:  # a report is no reason to fail
        log.exception("the report of %s could not be written", sweep)
    return place


def _write(drawn: DrawnSweep, target: Path) -> None:
    from dashboards.reporting.writing import write_report

    target.parent.mkdir(parents=True, exist_ok=True)
    write_report(drawn, target)
