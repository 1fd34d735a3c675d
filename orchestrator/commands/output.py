"""How commands print: one console for people, plain JSON for scripts."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from orchestrator.errors import CatalogError


class Form(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"

    @classmethod
    def chosen(cls, *, as_json: bool, as_csv: bool, as_markdown: bool = False) -> Self:
        """Return what the options ask for.

        Raises:
            CatalogError: for more than one at once.
        """
        asked = {cls.JSON: as_json, cls.CSV: as_csv, cls.MARKDOWN: as_markdown}
        given = [form for form, wanted in asked.items() if wanted]
        if len(given) > 1:
            options = " and ".join(f"--{form}" for form in given)
            raise CatalogError(f"{options}: expected one of them, found both; drop one")
        return given[0] if given else cls.TABLE


def console() -> Console:
    """Return the console for people: as wide as the terminal, and 160 columns in a pipe."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def print_any_character() -> None:
    """Let output in an encoding without some character show it as an escape, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def json_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"


def print_json(value: Any) -> None:
    sys.stdout.write(json_text(value))


def print_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print these columns with a heading; what a row does not have stays empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, list) else value


def say(message: str) -> None:
    """Tell a person something that is no part of the output that a script reads."""
    sys.stderr.write(f"{message}\n")


def table(*columns: str, title: str | None = None, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table; columns named in `right` hold numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", header_style="dim")
    return made


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def duration(seconds: float | None) -> str:
    """Return seconds as people say them: 45 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
