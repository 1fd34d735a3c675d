"""`adaptersweep report`: write a sweep's report into a file, with what belongs to it."""

from pathlib import Path

from adapter_lib.storage.atomic_write import write_atomically
from dashboards.drawn_sweep import DrawnSweep
from dashboards.errors import DashboardError
from dashboards.figures.rendering import as_pdf, as_svg
from dashboards.reporting.assembling import assemble
from dashboards.reporting.contents import Report
from dashboards.reporting.writing_html import as_page
from dashboards.reporting.writing_text import as_markdown, as_tex

FORMATS = ("html", "md", "tex")


def write_report(sweep: DrawnSweep, target: Path, *, form: str = "html") -> None:
    """Write a report; of `md` and `tex` the figures go into a folder beside it.

    Raises:
        CatalogError: there is no such sweep.
        DashboardError: a figure cannot be drawn, or a file not written.
    """
    report = assemble(sweep)
    try:
        if form == "html":
            write_atomically(target, as_page(report).encode())
        else:
            write_atomically(target, _with_figures(report, target, form).encode())
    except OSError as error:
        raise DashboardError(
            f"{target} cannot be written: {error.strerror}; give another place"
        ) from error


def _with_figures(report: Report, target: Path, form: str) -> str:
    folder = target.with_name(f"{target.stem}_figures")
    folder.mkdir(exist_ok=True)
    places = []
    for drawn in report.figures:
        name = f"{drawn.figure.name}.{'pdf' if form == 'tex' else 'svg'}"
        content = as_pdf(drawn.spec) if form == "tex" else as_svg(drawn.spec).encode()
        write_atomically(folder / name, content)
        places.append(f"{folder.name}/{name}")
    return as_tex(report, places) if form == "tex" else as_markdown(report, places)
