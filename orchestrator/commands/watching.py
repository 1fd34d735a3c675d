"""Output that stays up to date: redrawn in a terminal and a notebook's cell, else printed again."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.commands.output import console
from orchestrator.errors import CatalogUnavailableError

EVERY_S = 2.0
_NOTEBOOK_COLUMNS = 110
_HTML = '<pre style="line-height:1.3; font-family:monospace; white-space:pre">{code}</pre>'


def follow(draw: Callable[[Console], None], ended: Callable[[], bool] = lambda: False) -> None:
    """Show what `draw` prints, anew every few seconds, until `ended` says so, or Ctrl-C.

    A catalog that does not answer for a while is said and asked again.
    """
    if in_notebook():
        _follow_in_cell(draw, ended)
        return
    out = console()
    if not out.is_terminal:
        shown = ""
        while True:
            last = ended()
            drawn = _drawn(draw, out)
            if drawn != shown:
                shown = drawn
                # One write: who reads along sees whole tables.
                out.file.write(f"{datetime.now(UTC):%H:%M:%S} UTC\n{drawn}\n")
                out.file.flush()
            if last:
                return
            time.sleep(EVERY_S)
    with Live(console=out, auto_refresh=False) as live:
        while True:
            last = ended()
            live.update(Text.from_ansi(_drawn(draw, out)), refresh=True)
            if last:
                return
            time.sleep(EVERY_S)


def in_notebook() -> bool:
    """Tell whether output goes to a Jupyter kernel, whose cells can be redrawn."""
    shell = sys.modules.get("IPython")
    running: Any = shell.get_ipython() if shell is not None else None
    return getattr(running, "kernel", None) is not None


def as_html(draw: Callable[[Console], None]) -> str:
    """Return what `draw` prints as a piece of HTML, in the colours of a terminal."""
    page = Console(
        file=StringIO(),
        width=_NOTEBOOK_COLUMNS,
        force_terminal=True,
        force_jupyter=False,
        highlight=False,
        record=True,
    )
    _draw_or_say(draw, page)
    return page.export_html(inline_styles=True, code_format=_HTML)


def _follow_in_cell(draw: Callable[[Console], None], ended: Callable[[], bool]) -> None:
    from IPython.display import HTML, display

    cell = display(HTML(as_html(draw)), display_id=True)
    while True:
        last = ended()
        cell.update(HTML(as_html(draw)))
        if last:
            return
        time.sleep(EVERY_S)


def _drawn(draw: Callable[[Console], None], out: Console) -> str:
    page = Console(
        file=StringIO(), width=out.width, force_terminal=out.is_terminal, highlight=False
    )
    with page.capture() as capture:
        _draw_or_say(draw, page)
    return capture.get()


def _draw_or_say(draw: Callable[[Console], None], page: Console) -> None:
    try:
        draw(page)
    except CatalogUnavailableError as error:
        page.print(f"{error}; asking again", markup=False)
