"""Check raw rows for their kind of task; an error names the first that does not fit.

What its label means is left to `labels`.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from workers.contract.task_card import USUAL_PAIR, Columns, TaskCard, TaskKind
from workers.errors import TaskError
from workers.tasks.labels import LabelReader, called, shown
from workers.tasks.rows import Answer, Label, Record, Rows

LONGEST_TEXT = 1_000_000
"""Characters. No base reads so many, and tokenising more takes minutes."""
MOST_ROWS = 20_000_000
MOST_CHARACTERS = 2**31
"""Of all texts of a split: more is no text but a file that unfolds without end."""

_LONGEST_NAME = 200
_MOST_NAMED = 20
"""Columns in a message."""
NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
"""Characters that no class, task or column should be called by: they break lines, or messages."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def check_columns(columns: Columns, kind: TaskKind) -> None:
    """Refuse one column for two parts of a row.

    Raises:
        TaskError: it names which.
    """
    fields: dict[str, str] = {}
    for field, column in columns.read_by(kind).items():
        if NOT_IN_NAMES.search(column) or len(column) > _LONGEST_NAME:
            raise TaskError(
                f"`columns`: expected the name of a column as {field}, found {shown(column)}. "
                "Correct it"
            )
        if column in fields:
            alone = "; null as text_pair reads one text alone" * (field == "text_pair")
            raise TaskError(
                f"`columns`: {fields[column]} and {field} are both '{column}'; expected a column "
                f"for each. Name another one for {field}{alone}"
            )
        fields[column] = field


def read_rows(
    records: Iterable[Record], card: TaskCard, *, where: str, labelled: bool = True
) -> Rows:
    """Check raw rows against the card and keep what its kind of task needs of them.

    Args:
        where: the split as a whole, such as a file, for the message about an empty one.
        labelled: otherwise there is only to predict: labels are zeros, and answers None.

    Raises:
        TaskError: a column is missing, a text is no string, a label is off the card, or there
            are no rows, or more than can be meant.
    """
    reader = _RowReader(card, labelled)
    found: list[_Row] = []
    characters = 0
    for place, fields in records:
        row = reader.read(fields, place)
        characters += len(row.text) + len(row.pair or "") + sum(map(len, row.choices))
        if len(found) == MOST_ROWS or characters > MOST_CHARACTERS:
            raise TaskError(
                f"{place}: expected at most {MOST_ROWS:,} rows and {MOST_CHARACTERS:,} characters "
                f"in {where}, found more. Split the file, and keep what you want to read"
            )
        found.append(row)
    if not found:
        raise TaskError(
            f"{where} has no rows; expected at least one. Fill the split or name another one"
        )
    answered = card.kind is TaskKind.SPAN and labelled
    return Rows(
        texts=tuple(row.text for row in found),
        pairs=None if card.columns.text_pair is None else tuple(row.pair or "" for row in found),
        labels=tuple(row.label for row in found),
        choices=tuple(r.choices for r in found) if card.choices is not None else None,
        answers=tuple(row.answers for row in found) if answered else None,
    )


class _Row(NamedTuple):
    text: str
    pair: str | None
    label: Label
    choices: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()


class _RowReader:
    """Reads one row after another; each message begins with the place of its row."""

    def __init__(self, card: TaskCard, labelled: bool) -> None:
        self._card = card
        self._labelled = labelled
        self._labels = LabelReader(card)
        columns = card.columns
        words = card.kind is TaskKind.TOKEN_CLASSIFICATION
        undecided = columns.text_pair is None and "text_pair" not in columns.named
        self._unexpected = USUAL_PAIR if undecided and not words else None

    def read(self, row: Mapping[str, Any], place: str) -> _Row:
        card, columns, labelled = self._card, self._card.columns, self._labelled
        if self._unexpected is not None and self._unexpected in row:
            raise TaskError(
                f"{place} has a column '{self._unexpected}', which the first row of train has not. "
                f"Give it to every row, or to none; or name it under `columns` of the task or of "
                "its card, as text_pair (null reads one text alone)"
            )
        pair = None if columns.text_pair is None else _text(row, columns.text_pair, place)
        match card.kind:
            case TaskKind.TOKEN_CLASSIFICATION:
                words = _words(_field(row, columns.text, place), f"{place}, '{columns.text}'")
                tags = self._tags(row, len(words), place) if labelled else (0,) * len(words)
                return _Row(" ".join(words), None, tags)
            case TaskKind.SPAN:
                text = _text(row, columns.text, place)
                if not labelled:
                    return _Row(text, pair, 0)
                answers = _answers(row, columns.answers, pair or "", place)
                return _Row(text, pair, answers[0].start, answers=answers)
            case TaskKind.MULTIPLE_CHOICE:
                choices = _choices(row, card, place)
                label = _choice(_field(row, columns.label, place), card, place) if labelled else 0
                return _Row(_text(row, columns.text, place), pair, label, choices)
        text = _text(row, columns.text, place)
        if not labelled:
            return _Row(text, pair, 0)
        return _Row(text, pair, self._labels.read(_field(row, columns.label, place), place))

    def _tags(self, row: Mapping[str, Any], words: int, place: str) -> tuple[int, ...]:
        column = self._card.columns.label
        value = _field(row, column, place)
        tags = value.split() if isinstance(value, str) else value
        if not isinstance(tags, list) or len(tags) != words:
            found = f"{len(tags)} labels" if isinstance(tags, list) else shown(value)
            raise TaskError(
                f"{place}, column '{column}': expected a list of {words} labels, one for "
                f"each word, found {found}. Correct the row"
            )
        return tuple(int(self._labels.read(tag, place)) for tag in tags)


def _words(value: Any, place: str) -> list[str]:
    """Return the words of a row, from a list of them or from text with spaces."""
    words = value.split() if isinstance(value, str) else value
    if (
        not isinstance(words, list)
        or not words
        or not all(isinstance(w, str) and w and not any(c.isspace() for c in w) for w in words)
    ):
        raise TaskError(
            f"{place}: expected a list of words without spaces in them, found {shown(value)}. "
            "Correct the row or name another column"
        )
    _check_text(" ".join(words), place)
    return words


def _choices(row: Mapping[str, Any], card: TaskCard, place: str) -> tuple[str, ...]:
    column = card.columns.choices
    value = _field(row, column, place)
    if (
        not isinstance(value, list | tuple)
        or len(value) != card.choices
        or not all(isinstance(choice, str) for choice in value)
    ):
        raise TaskError(
            f"{place}, column '{column}': expected a list of {card.choices} texts, as many as the "
            f"card or the first row has, found {shown(value)}. Correct the row"
        )
    for choice in value:
        _check_text(choice, f"{place}, column '{column}'")
    return tuple(value)


def _choice(value: Any, card: TaskCard, place: str) -> int:
    assert card.choices is not None
    number = isinstance(value, int) and not isinstance(value, bool)
    if not number or not 0 <= value < card.choices:
        raise TaskError(
            f"{place}, column '{card.columns.label}': expected the number of the right choice, "
            f"0…{card.choices - 1}, found {shown(value)}. Correct the row"
        )
    return int(value)


def _answers(row: Mapping[str, Any], column: str, context: str, place: str) -> tuple[Answer, ...]:
    value = _field(row, column, place)
    where = f"{place}, column '{column}'"
    if not isinstance(value, list) or not value:
        raise TaskError(
            f"{where}: expected a list of answers with text and start, at least one, found "
            f"{shown(value)}. Questions without an answer are not supported; leave the row out"
        )
    answers = []
    for answer in value:
        text = answer.get("text") if isinstance(answer, dict) else None
        start = answer.get("start") if isinstance(answer, dict) else None
        counted = isinstance(start, int) and not isinstance(start, bool) and start >= 0
        if not isinstance(text, str) or not text.strip() or not counted:
            raise TaskError(
                f"{where}: expected an answer with a text and the character of the context where "
                f"it starts, found {shown(answer)}. Correct the row"
            )
        assert isinstance(start, int)
        found = context[start : start + len(text)]
        if found != text:
            raise TaskError(
                f"{where}: expected {shown(text)} at character {shown(start)} of the context, "
                f"found {shown(found)}. Correct text or start"
            )
        answers.append(Answer(text, start))
    return tuple(answers)


def _field(row: Mapping[str, Any], column: str, place: str) -> Any:
    if column not in row:
        raise TaskError(
            f"{place} has no column '{column}'; found {_names(row)}. "
            "Name the right one under `columns` of the task or of its card"
        )
    return row[column]


def _names(row: Mapping[str, Any]) -> str:
    more = f" and {len(row) - _MOST_NAMED} more" if len(row) > _MOST_NAMED else ""
    return (", ".join(map(called, islice(row, _MOST_NAMED))) or "none") + more


def _text(row: Mapping[str, Any], column: str, place: str) -> str:
    value = _field(row, column, place)
    if not isinstance(value, str):
        raise TaskError(
            f"{place}: expected text in column '{column}', found {type(value).__name__} "
            f"{shown(value)}. Correct the row or name another column"
        )
    _check_text(value, f"{place}, column '{column}'")
    return value


def _check_text(text: str, where: str) -> None:
    """Refuse what no tokenizer takes."""
    if len(text) > LONGEST_TEXT:
        raise TaskError(
            f"{where}: expected at most {LONGEST_TEXT:,} characters, found {len(text):,}. "
            "Shorten the text, or cut it into rows"
        )
    if not text.isascii() and (half := _SURROGATE.search(text)) is not None:
        raise TaskError(
            f"{where}: expected text, found half a character ({half[0]!r}, a lone surrogate) at "
            f"place {half.start()}. Correct the row: write characters beyond U+FFFF whole, or as "
            "two escapes"
        )
