"""Figures of what a page shows: the specification, or a picture of it.

A figure reads every trial that it draws, so of very many trials only the best are drawn, and the
page says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from string import ascii_uppercase

from dashboards.figures import FIGURES
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.rendering import Theme, as_png, as_svg, themed
from dashboards.results import Results
from dashboards.web.asked import Asked, AskedError
from dashboards.web.site import Site
from orchestrator.catalog.records import TrialFilter

MOST_TRIALS = 1500
FORMS: Mapping[str, str] = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
}
OF_A_SWEEP = tuple(name for name in FIGURES if name != "learning_curves")
"""What a sweep's page draws; single trials' curves are drawn where trials are looked at."""

OF_CONFIGURATIONS = ("learning_curves", "drop_curves", "seeds")


class NoFigureError(Exception):
    """There is no figure of that name."""


@dataclass(frozen=True)
class Drawn:
    """A figure's specification, or why there is none; `of` says what it leaves out."""

    figure: Figure
    spec: Spec | Nothing
    of: str = ""


def drawn(site: Site, name: str, asked: Asked) -> Drawn:
    """Draw a figure of the trials that an address chooses.

    Raises:
        NoFigureError: there is no such figure.
        AskedError: the address is of no sweep and names no configurations.
    """
    if name not in FIGURES:
        raise NoFigureError(name)
    if asked.sweep is None and not asked.c:
        raise AskedError("a figure is drawn of a sweep, or of configurations: give sweep= or c=")
    return site.while_unchanged(
        ("figure", name, asked.where, asked.c), lambda: _draw(site, FIGURES[name], asked)
    )


def _draw(site: Site, figure: Figure, asked: Asked) -> Drawn:
    results, of = site.results_while_unchanged(
        (asked.where, asked.c), lambda: chosen_results(site, asked)
    )
    # Of configurations that somebody has chosen, every one is drawn.
    return Drawn(figure, figure.draw(results, every=bool(asked.c)), of)


def chosen_results(site: Site, asked: Asked) -> tuple[Results, str]:
    """Return what is drawn, and in words what of it is left out."""
    catalog = site.catalog
    if asked.c:
        chosen = dict.fromkeys(catalog.configuration(prefix) for prefix in asked.c)
        rows = catalog.configuration_rows(*chosen)
        letters = dict(zip(chosen, ascii_uppercase, strict=False)) if len(chosen) > 1 else {}
        return Results(catalog, rows, asked.sweep, letters=letters), ""
    if not catalog.any_more(asked.where, MOST_TRIALS):
        rows = catalog.trials(asked.where, "trial_id", limit=None)
        return Results(catalog, rows, asked.sweep), ""
    rows = catalog.configuration_rows(*_best(site, asked.where), where=asked.where)
    return Results(catalog, rows, asked.sweep), (
        f"Drawn are the {len(rows):,} trials of the best configurations of each task; a narrower "
        "filter shows others."
    )


def _best(site: Site, where: TrialFilter) -> list[str]:
    """Return the best of every task, then the second best, and so on: as many as can be drawn."""
    placed = [
        (place, row.configuration, row.planned)
        for table in site.catalog.ranked(where, limit=10)
        for place, row in enumerate(table)
    ]
    placed.sort()
    sums = accumulate(planned for *_, planned in placed)
    fit = sum(1 for total in sums if total <= MOST_TRIALS)
    return [configuration for _, configuration, _ in placed[: max(1, fit)]]


def content(made: Drawn, form: str, theme: Theme) -> bytes:
    """Return a drawn figure as a file; where there is nothing to draw, JSON alone can say so.

    Raises:
        AskedError: there is nothing to draw a picture of.
    """
    if isinstance(made.spec, Nothing):
        if form != "json":
            raise AskedError(f"{made.figure.title}: {made.spec.reason}")
        return json.dumps({"nothing": made.spec.reason}, ensure_ascii=False).encode()
    if form == "svg":
        return as_svg(made.spec, theme).encode()
    if form == "png":
        return as_png(made.spec, theme)
    return json.dumps(themed(made.spec, theme), ensure_ascii=False).encode()
