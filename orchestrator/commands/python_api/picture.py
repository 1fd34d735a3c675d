"""A figure as a notebook shows it, and as it is written to a file."""

import base64
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashboards.figures.figure import Figure, Spec
    from dashboards.results import Results


class Picture:
    """A figure that was drawn of some results.

    Attributes:
        name, title: of the figure.
        caption: what is drawn, what its spread is, and what was chosen on what.
        spec: a Vega-Lite specification with the data inside, for whoever wants to change it.
    """

    def __init__(self, figure: "Figure", spec: "Spec", *, every: bool = False) -> None:
        self.name = figure.name
        self.title = figure.title
        self.caption = figure.caption(every=every)
        self.spec = spec

    @cached_property
    def svg(self) -> str:
        from dashboards.figures.rendering import as_svg

        return as_svg(self.spec)

    @cached_property
    def png(self) -> bytes:
        from dashboards.figures.rendering import as_png

        return as_png(self.spec)

    def save(self, target: str | os.PathLike[str]) -> Path:
        """Write it to a file, whose ending says how: .svg, .png, .pdf, .html or .json.

        Raises:
            DashboardError: no figure has this ending, or the folder is not there.
        """
        from dashboards.drawing import WRITERS, check_target
        from dashboards.figures.rendering import Theme

        path = Path(target)
        check_target(path, tuple(WRITERS))
        content = WRITERS[path.suffix.lower()](self.spec, Theme.LIGHT)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def __repr__(self) -> str:
        return f"{self.title}. {self.caption}"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> Mapping[str, Any]:
        """Return it for Jupyter, which shows the first kind that it can."""
        return {
            "image/svg+xml": self.svg,
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": repr(self),
        }


def draw_picture(name: str, results: "Results", *, every: bool) -> Picture:
    """Draw a figure of some results.

    Raises:
        DashboardError: there is no such figure, or nothing to draw, and why.
    """
    from dashboards.drawing import figure_named
    from dashboards.errors import DashboardError
    from dashboards.figures.figure import Nothing

    figure = figure_named(name)
    spec = figure.draw(results, every=every)
    if isinstance(spec, Nothing):
        raise DashboardError(f"{name}: nothing to draw: {spec.reason}")
    return Picture(figure, spec, every=every)
