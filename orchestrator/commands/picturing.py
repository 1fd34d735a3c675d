"""`figure`: draw what `dashboards` knows to draw."""

from collections.abc import Sequence
from pathlib import Path

from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, say, table
from orchestrator.errors import OrchestratorError


def list_figures() -> None:
    """Print the names of all figures and what each shows."""
    from dashboards.figures import FIGURES

    view = table("name", "title", "what it shows")
    view.columns[-1].ratio = 1
    for figure in FIGURES.values():
        view.add_row(figure.name, figure.title, figure.caption())
    console().print(view)


def figure(
    name: str,
    to: Path | None,
    workspace: Path,
    *,
    catalog: str | None,
    sweep: str | None,
    where: Sequence[str],
    every: bool,
    dark: bool,
) -> None:
    """Draw a figure into a file and say where it is.

    Raises:
        OrchestratorError: no file was named.
        DashboardError: there is no such figure or format, or nothing to draw.
    """
    from dashboards.drawing import WRITERS, check_target, draw, figure_named

    figure_named(name)
    if to is None:
        raise OrchestratorError(f"--to: expected a file, such as --to {name}.svg; found none")
    check_target(to, tuple(WRITERS))
    theme = "dark" if dark else "light"
    with open_catalog(workspace, catalog) as opened:
        draw(opened, name, to, sweep=sweep, where=where, every=every, theme=theme)
    say(f"{name} in {to}")


def report(
    sweep: str, to: Path | None, workspace: Path, *, catalog: str | None, form: str | None
) -> None:
    """Write a report and say where it is.

    Raises:
        OrchestratorError: there is no such format.
        DashboardError: the file cannot be written.
    """
    from dashboards.drawing import check_target
    from dashboards.drawn_sweep import DrawnSweep
    from dashboards.reporting.writing import FORMATS, write_report

    if form is not None and form not in FORMATS:
        raise OrchestratorError(f"--format: expected one of {', '.join(FORMATS)}, found {form!r}")
    target = to or Path(f"report.{form or 'html'}")
    endings = tuple(f".{known}" for known in FORMATS)
    check_target(target, (target.suffix.lower(),) if form else endings)
    chosen = form or target.suffix.lower().removeprefix(".")
    with open_catalog(workspace, catalog) as opened:
        write_report(DrawnSweep(opened, sweep), target, form=chosen)
    say(f"report of {sweep} in {target}")
