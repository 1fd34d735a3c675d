"""Output that stays up to date: redrawn in a terminal, printed again in a pipe when it changes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.commands.output import console
from orchestrator.errors import CatalogUnavailableError

EVERY_S = 2.0


def follow(draw: Callable[[Console], None]) -> None:
    """Show what `draw` prints, anew every few seconds, until Ctrl-C.

    A catalog that does not answer for a while is said and asked again.
    """
    out = console()
    if not out.is_terminal:
        shown = ""
        while True:
            drawn = _drawn(draw, out)
            if drawn != shown:
                shown = drawn
                # One write: who reads along sees whole tables.
                out.file.write(f"{datetime.now(UTC):%H:%M:%S} UTC\n{drawn}\n")
                out.file.flush()
            time.sleep(EVERY_S)
    with Live(console=out, auto_refresh=False) as live:
        while True:
            live.update(Text.from_ansi(_drawn(draw, out)), refresh=True)
            time.sleep(EVERY_S)


def _drawn(draw: Callable[[Console], None], out: Console) -> str:
    page = Console(
        file=StringIO(), width=out.width, force_terminal=out.is_terminal, highlight=False
    )
    with page.capture() as capture:
        try:
            draw(page)
        except CatalogUnavailableError as error:
            page.print(f"{error}; asking again", markup=False)
    return capture.get()
