"""What each page is made of: its panels, its figures, and the words around them."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from dashboards.figures import FIGURES
from dashboards.web.adapter_panels import adapters, history, pull_line, registered
from dashboards.web.asked import MOST_COMPARED, Asked, AskedError, chips
from dashboards.web.compare_panels import compared
from dashboards.web.figure_files import OF_A_SWEEP, OF_CONFIGURATIONS
from dashboards.web.grid_panels import grid, groups
from dashboards.web.site import Site
from dashboards.web.sweep_panels import (
    failures,
    leaderboard,
    leaderboard_file,
    standing,
    sweeps,
)
from dashboards.web.tables import Panel
from dashboards.web.trial_log import last_lines
from dashboards.web.trial_panels import (
    COLUMNS,
    USUAL_COLUMNS,
    curve,
    relatives,
    scores,
    settings,
    trials,
    trials_file,
)
from orchestrator.catalog.grouping import GROUPED_BY
from orchestrator.catalog.records import TrialState
from orchestrator.catalog.sides import Side, comparable
from orchestrator.errors import CatalogError

Values = Mapping[str, Any]
"""What a template is given."""

FILES: Mapping[str, Callable[[Site, Asked], Panel]] = {
    "sweeps": sweeps,
    "leaderboard": leaderboard_file,
    "failures": failures,
    "grid": grid,
    "groups": groups,
    "trials": trials_file,
    "adapters": adapters,
    "history": history,
    "differences": lambda site, asked: compared(_sides(site, asked))[0],
    "compared_scores": lambda site, asked: compared(_sides(site, asked))[1],
    "shared": lambda site, asked: compared(_sides(site, asked))[2],
}
"""Name → the table that can be had as a file under `/table/NAME.csv`."""

TRIAL_FILES = ("settings", "scores", "curve", "relatives")


def sweeps_page(site: Site, asked: Asked, request: Request) -> Values:
    """Every sweep, and how far each is."""
    return {"title": "Sweeps", "panel": sweeps(site, asked)}


def sweep_page(site: Site, asked: Asked, request: Request) -> Values:
    """One sweep: its progress, figures, leaderboard and failures."""
    sweep = _needs_sweep(asked)
    found = site.for_a_moment(("sweep", sweep), lambda: site.catalog.overviews(sweep))
    if not found:
        site.catalog.counts(sweep)  # says which there are
        raise CatalogError(f"the catalog has no sweep {sweep!r}; the page of sweeps lists them")
    row, counts = found[0].row, found[0].counts
    return {
        "title": sweep,
        "row": row,
        "progress": found[0].progress,
        "standing": standing(row),
        "live": row.counts[TrialState.RUNNING] > 0 or not (row.lost or _ended(row)),
        "cursor": site.catalog.changes(sweep, "2147483647", counts=counts).cursor,
        "panel": leaderboard(site, asked),
        "failures": failures(site, asked),
        "figures": [FIGURES[name] for name in OF_A_SWEEP],
    }


def _ended(row: Any) -> bool:
    return row.last_submission is None or row.last_submission.ended_at is not None


def grid_page(site: Site, asked: Asked, request: Request) -> Values:
    """Task × configuration."""
    return {"title": "Grid", "panel": grid(site, asked)}


def groups_page(site: Site, asked: Asked, request: Request) -> Values:
    """Configurations grouped by axes."""
    return {"title": "Group by", "panel": groups(site, asked), "axes": GROUPED_BY}


def trials_page(site: Site, asked: Asked, request: Request) -> Values:
    """Every trial, filtered and sorted."""
    return {
        "title": "Trials",
        "panel": trials(site, asked),
        "known_columns": COLUMNS,
        "usual_columns": USUAL_COLUMNS,
    }


def adapters_page(site: Site, asked: Asked, request: Request) -> Values:
    """What the registry's aliases name."""
    return {
        "title": "Adapters",
        "panel": adapters(site, asked),
        "history": history(site, asked),
    }


def compare_page(site: Site, asked: Asked, request: Request) -> Values:
    """Configurations side by side."""
    sides = _sides(site, asked)
    return {
        "title": "Compare",
        "sides": sides,
        "alike": comparable(sides),
        "panels": compared(sides),
        "figures": [FIGURES[n] for n in OF_CONFIGURATIONS if n in FIGURES],
    }


def _sides(site: Site, asked: Asked) -> list[Side]:
    """Read the configurations that were chosen.

    Raises:
        AskedError: none was, or more than can be read side by side.
    """
    if not 1 <= len(asked.c) <= MOST_COMPARED:
        raise AskedError(
            f"expected 2 to {MOST_COMPARED} configurations to compare, found {len(asked.c)}; tick "
            "some of a leaderboard or of the list of trials"
        )
    chosen = dict.fromkeys(site.catalog.configuration(prefix) for prefix in asked.c)
    return [Side(site.catalog, configuration) for configuration in chosen]


def trial_page(site: Site, asked: Asked, request: Request) -> Values:
    """Everything about one trial."""
    row = site.catalog.trial(request.path_params["trial"])
    result = site.catalog.results([row.trial_id]).get(row.trial_id)
    moves = registered(site, row.task, row.trial_id)
    return {
        "title": row.label,
        "row": row,
        "result": result,
        "sweeps": site.catalog.sweeps_of(row.trial_id),
        "attempts": site.catalog.attempts(row.trial_id),
        "settings": settings(site, row),
        "scores": scores(site, row),
        "curve": curve(site.catalog.epochs(row.trial_id)),
        "relatives": relatives(site, row, result),
        "log": last_lines(site.stores.workspace, row.trial_id),
        "folder": site.stores.workspace.trial(row.trial_id).place(),
        "moves": moves,
        "pull_line": pull_line,
        "figures": [FIGURES[n] for n in ("learning_curves",) if n in FIGURES],
        "curve_link": Asked(c=(row.trial_id,)).link,
    }


def trial_file(site: Site, trial: str, name: str) -> Panel:
    """Return one of the tables of a trial's page."""
    row = site.catalog.trial(trial)
    if name == "settings":
        return settings(site, row)
    if name == "scores":
        return scores(site, row)
    if name == "curve":
        return curve(site.catalog.epochs(row.trial_id))
    return relatives(site, row, site.catalog.results([row.trial_id]).get(row.trial_id))


def _needs_sweep(asked: Asked) -> str:
    if asked.sweep is None:
        raise AskedError("this page is of one sweep: give sweep=NAME; the page of sweeps has them")
    return asked.sweep


def around(site: Site, asked: Asked, path: str) -> Values:
    """Return what stands around every page: the filter, and what there is to choose."""
    return {
        "asked": asked,
        "path": path,
        "chips": chips(asked, path),
        "facets": lambda: site.while_unchanged(
            ("facets", asked.sweep), lambda: site.catalog.facets(asked.sweep)
        ),
        "states": [state.value for state in TrialState],
    }
