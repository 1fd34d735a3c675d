"""What a table is as a file: CSV and JSON with every digit, LaTeX as the page shows it."""

import csv
import io
import json
from typing import Any

from dashboards.web.tables import Cell, Column, Kind, Panel, Table, written

FORMS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "tex": "text/plain; charset=utf-8",
}
"""Ending of the address → type of the content."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "·": r"\textperiodcentered{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "→": r"$\to$",
    "×": r"$\times$",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def file_of(panel: Panel, form: str) -> str:
    """Return a panel as a file."""
    return {"csv": _csv, "json": _json, "tex": _latex}[form](panel)


def _json(panel: Panel) -> str:
    rows = panel.rows() if panel.json_rows is None else list(panel.json_rows)
    return json.dumps(rows, indent=2, ensure_ascii=False, default=str) + "\n"


def _csv(panel: Panel) -> str:
    rows = panel.rows() if panel.csv_rows is None else list(panel.csv_rows)
    columns = panel.csv_columns or panel.columns()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name in columns])
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"  # or a spreadsheet would compute what somebody named a task
    return value


def _latex(panel: Panel) -> str:
    """Return a `tabular` for each table, for a document with the package booktabs."""
    return "\n".join(map(_tabular, panel.tables)) or "% nothing to show\n"


def _tabular(table: Table) -> str:
    alignment = "".join("r" if column.kind.is_number else "l" for column in table.columns)
    lines = [
        f"% {' '.join(table.caption.split())}",
        f"\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        " & ".join(escaped(column.title) for column in table.columns) + r" \\",
        "\\midrule",
        *(" & ".join(map(_latex_cell, table.columns, row)) + r" \\" for row in table.rows),
        "\\bottomrule",
        "\\end{tabular}",
        "",
    ]
    return "\n".join(lines)


def _latex_cell(column: Column, cell: Cell) -> str:
    text = escaped(written(column.kind, cell.value))
    if column.kind is Kind.CODE:
        text = f"\\texttt{{{text}}}"
    return f"\\textbf{{{text}}}" if cell.strong else text


def escaped(text: str) -> str:
    """Return text in which LaTeX sees letters alone; line breaks become spaces."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))
