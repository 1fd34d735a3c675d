"""What `submit` leaves on a sweep's page in MLflow beside the report: figures and a leaderboard."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboards.drawn_sweep import DrawnSweep
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.plain_rows import (
    LEADERBOARD_COLUMNS,
    flat_leaderboard,
    leaderboard_rows,
)
from orchestrator.mlflow.parent_page import FIGURES_FOLDER, TABLE_FILE, publish_page
from orchestrator.running.driver import Outcome
from orchestrator.stores import Stores

log = logging.getLogger(__name__)

MOST_ROWS = 50
"""Configurations of each task in the table; the report and `best` have more."""
SCALE = 1.0
"""Pixels for each point of a picture: MLflow's page of an experiment cuts off what is wider."""
_HEAD = ("task", "place", "label", "metric", "mean", "std", "seeds", "planned", "test_mean")


def leave_page(outcome: Outcome, stores: Stores, drawn: DrawnSweep) -> None:
    """Draw and publish it, if MLflow is up; what goes wrong is logged, and no worse for a sweep."""
    if outcome.unpublished:
        return  # the next submission does it
    sweep = drawn.sweep
    try:
        publish_page(drawn.catalog, stores, sweep, lambda into: _write(drawn, into))
    except KeyboardInterrupt:
        log.warning("interrupted: the page of %s in MLflow stays as it was", sweep)
    except Exception:  # whatever a figure or MLflow raises; the next submission tries again
        log.exception("the page of %s in MLflow has no new figures", sweep)


def _write(drawn: DrawnSweep, into: Path) -> Mapping[str, str]:
    """Write all files, and return the pictures: name of the file → title."""
    from dashboards.figures.rendering import svg_as_png

    table = _table(drawn.catalog, drawn.sweep)
    (into / TABLE_FILE).write_text(json.dumps(table), encoding="utf-8")
    (into / FIGURES_FOLDER).mkdir()
    pictures = {}
    for each in drawn.figures:
        name = f"{each.figure.name}.png"
        (into / FIGURES_FOLDER / name).write_bytes(svg_as_png(each.svg, scale=SCALE))
        pictures[name] = each.figure.title
    return pictures


def _table(catalog: Catalog, sweep: str) -> dict[str, Any]:
    """Return the leaderboards as one table in MLflow's form; columns without any value are left."""
    board = catalog.leaderboard(sweep, limit=MOST_ROWS)
    rows = flat_leaderboard(leaderboard_rows(catalog, board))
    names = [*_HEAD, *(name for name in LEADERBOARD_COLUMNS if name not in _HEAD)]
    filled = [name for name in names if any(row.get(name) is not None for row in rows)]
    data = [[_short(row.get(name)) for name in filled] for row in rows]
    return {"columns": filled, "data": data}


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
