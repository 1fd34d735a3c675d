"""Write a report as one HTML file that opens anywhere: no script, no reference to anything else."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dashboards.reporting.contents import Report


def as_page(report: Report) -> str:
    """Return the page; figures take the colours of the page, light or dark.

    Raises:
        DashboardError: a figure cannot be drawn.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("dashboards.reporting").joinpath("page.html.jinja").read_text(encoding="utf-8")
    )
    figures = [
        (drawn.figure.title, drawn.figure.caption(), Markup(drawn.svg)) for drawn in report.figures
    ]
    return template.render(report=report, figures=figures)
