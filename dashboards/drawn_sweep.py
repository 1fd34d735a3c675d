"""A sweep that is read once and drawn once, for whatever shows it: its report, its page in MLflow.

What reads and draws is loaded when it is first needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.catalog.catalog import Catalog

if TYPE_CHECKING:
    from dashboards.figures.figure import Figure, Nothing, Spec
    from dashboards.results import Results


@dataclass(frozen=True)
class Drawn:
    """A figure with its specification."""

    figure: "Figure"
    spec: "Spec"

    @cached_property
    def svg(self) -> str:
        """Return it as SVG for a page: transparent, in the colour of the text around it.

        Raises:
            DashboardError: the specification cannot be drawn.
        """
        from dashboards.figures.rendering import Theme, as_svg

        return as_svg(self.spec, Theme.PAGE)


class DrawnSweep:
    """Results and figures of one sweep; the catalog must stay open for them."""

    def __init__(self, catalog: Catalog, sweep: str) -> None:
        self.catalog = catalog
        self.sweep = sweep

    @cached_property
    def results(self) -> "Results":
        """Read the sweep.

        Raises:
            CatalogError: there is no such sweep.
        """
        from dashboards.results import read_results

        return read_results(self.catalog, self.sweep)

    @property
    def figures(self) -> Sequence[Drawn]:
        """Return the figures that this sweep has something for."""
        return self._drawn[0]

    @property
    def skipped(self) -> "Sequence[tuple[Figure, Nothing]]":
        """Return the other figures, and why there is nothing to draw."""
        return self._drawn[1]

    @cached_property
    def _drawn(self) -> "tuple[list[Drawn], list[tuple[Figure, Nothing]]]":
        from dashboards.figures import FIGURES
        from dashboards.figures.figure import Nothing

        found: list[Drawn] = []
        skipped: list[tuple[Figure, Nothing]] = []
        for figure in FIGURES.values():
            spec = figure.draw(self.results)
            if isinstance(spec, Nothing):
                skipped.append((figure, spec))
            else:
                found.append(Drawn(figure, spec))
        return found, skipped
