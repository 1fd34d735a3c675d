"""What `predict` is asked: a text of the arguments, the lines of standard input, a file's rows."""

import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import OrchestratorError
from workers.contract.task_card import Columns, TaskCard
from workers.tasks.rows import Record


@dataclass(frozen=True)
class RowFiles:
    """Where rows are read and their answers written.

    Attributes:
        text, pair, choices: the names of columns, where they differ from the task's own.
        overwrite: whether `output` may be there already.
    """

    input: Path | None = None
    output: Path | None = None
    overwrite: bool = False
    text: str | None = None
    pair: str | None = None
    choices: str | None = None


def given_rows(texts: tuple[str | None, str | None], card: TaskCard) -> Iterator[Record]:
    """Yield the row that the arguments name, or one for each line of standard input."""
    if card.choices is not None:
        raise OrchestratorError(
            f"task {card.name} takes {card.choices} choices for each text, which lines do not "
            f"hold; give rows with the columns {card.columns.text} and {card.columns.choices} by "
            "--input"
        )
    text, pair = texts
    if text is not None:
        wants_pairs = card.columns.text_pair is not None
        if wants_pairs != (pair is not None):
            raise OrchestratorError(
                f"task {card.name} takes {'two sentences' if wants_pairs else 'one sentence'}, "
                f"found {'two' if pair is not None else 'one'}; "
                f"{'give a second text' if wants_pairs else 'leave the second text out'}"
            )
        yield "the text", _parts(card.columns, text, pair)
        return
    if sys.stdin.isatty():
        sys.stderr.write("Reading texts, one on each line; Ctrl-D ends them.\n")
    number = 0
    for number, line in enumerate(_lines(), 1):
        yield _of_line(line, card, f"standard input, line {number}")
    if not number:
        sys.stderr.write("standard input held no lines, so there is nothing to predict\n")


def _lines() -> Iterator[str]:
    r"""Yield the lines of standard input: what \n ends, or \r\n, and nothing else does."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", newline="\n")
    number = 0
    try:
        for line in sys.stdin:
            number += 1
            yield line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise OrchestratorError(
            f"standard input is not UTF-8 somewhere after line {number}: {error}; convert it"
        ) from error


def _of_line(line: str, card: TaskCard, place: str) -> Record:
    if card.columns.text_pair is None:
        return place, _parts(card.columns, line, None)
    if line.count("\t") != 1:
        raise OrchestratorError(
            f"{place}: expected two sentences with one tab between them, found "
            f"{line.count(chr(9))} tabs; give rows by --input where texts hold tabs"
        )
    text, _, pair = line.partition("\t")
    return place, _parts(card.columns, text, pair)


def _parts(columns: Columns, text: object, pair: object) -> dict[str, object]:
    parts = {columns.text: text}
    return parts if columns.text_pair is None else parts | {columns.text_pair: pair}


def row_for(
    row: Mapping[str, Any], card: TaskCard, files: RowFiles, place: str
) -> dict[str, object]:
    """Return what the task reads of a row, by the task's own names of columns."""
    columns = card.columns
    wanted: dict[str, tuple[str, str]] = {columns.text: (files.text or columns.text, "--text")}
    if columns.text_pair is not None:
        wanted[columns.text_pair] = (files.pair or columns.text_pair, "--pair")
    if card.choices is not None:
        wanted[columns.choices] = (files.choices or columns.choices, "--choices")
    found: dict[str, object] = {}
    for own, (name, option) in wanted.items():
        if name not in row:
            raise OrchestratorError(
                f"{place} has no column '{name}', found {', '.join(row) or 'none'}; name the right "
                f"one by {option}-column"
            )
        found[own] = row[name]
    choices = found.get(columns.choices) if card.choices is not None else None
    if isinstance(choices, str):  # as CSV holds them
        found[columns.choices] = _list_in(choices, place)
    return found


def _list_in(text: str, place: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OrchestratorError(
            f'{place}: expected the choices as a list in JSON, such as ["a", "b"], found '
            f"{text[:60]!r}; correct the row, or write the file as JSONL"
        ) from error
