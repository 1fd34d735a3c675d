"""What a submission leaves when it ends: a report, and a page in MLflow, both of one reading."""

import logging

from dashboards.drawn_sweep import DrawnSweep
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.sweep_page import leave_page
from orchestrator.commands.sweep_report import leave_report
from orchestrator.running.driver import Outcome
from orchestrator.stores import Stores

log = logging.getLogger(__name__)


def leave_pictures(outcome: Outcome, stores: Stores) -> str | None:
    """Leave both, and return where the report is; None where there is none.

    Whatever goes wrong is logged; a submission never fails by it.
    """
    if outcome.interrupted:
        return None  # whoever pressed Ctrl-C does not want to wait
    sweep = outcome.plan.spec.name
    try:
        with Catalog.open(stores.catalog_url, create=False) as catalog:
            drawn = DrawnSweep(catalog, sweep)
            report = leave_report(outcome, stores, drawn)
            leave_page(outcome, stores, drawn)
            return report
    except Exception:  # whatever a database raises
        log.exception("%s has no new report, and no new figures in MLflow", sweep)
        return None
