"""What a raw row must hold for its kind of task; the first that does not is named."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from workers.errors import TaskError
from workers.tasks.card import TaskCard, TaskKind
from workers.tasks.rows import Answer, Label, Record, Rows


def read_rows(records: Iterable[Record], card: TaskCard, *, where: str) -> Rows:
    """Check raw rows against the card and keep what its kind of task needs of them.

    Args:
        where: the split as a whole, such as a file, for the message about an empty one.

    Raises:
        TaskError: a column is missing, a text is no string, a label is off the card, or there
            are no rows.
    """
    texts: list[str] = []
    pairs: list[str] = []
    labels: list[Label] = []
    choices: list[tuple[str, ...]] = []
    answers: list[tuple[Answer, ...]] = []
    columns = card.columns
    for place, row in records:
        if columns.text_pair is not None:
            pairs.append(_text(row, columns.text_pair, place))
        match card.kind:
            case TaskKind.TOKEN_CLASSIFICATION:
                words = _words(_field(row, columns.text, place), f"{place}, '{columns.text}'")
                texts.append(" ".join(words))
                labels.append(_tags(row, card, len(words), place))
                continue
            case TaskKind.SPAN:
                answers.append(_answers(row, columns.answers, pairs[-1], place))
                labels.append(answers[-1][0].start)
            case TaskKind.MULTIPLE_CHOICE:
                choices.append(_choices(row, card, place))
                labels.append(_choice(_field(row, columns.label, place), card, place))
            case _:
                labels.append(_label(_field(row, columns.label, place), card, place))
        texts.append(_text(row, columns.text, place))
    if not labels:
        raise TaskError(
            f"{where} has no rows; expected at least one. Fill the split or name another one"
        )
    return Rows(
        tuple(texts),
        None if columns.text_pair is None else tuple(pairs),
        tuple(labels),
        choices=tuple(choices) or None,
        answers=tuple(answers) or None,
    )


def _words(value: Any, place: str) -> list[str]:
    """Return the words of a row, from a list of them or from text with spaces."""
    words = value.split() if isinstance(value, str) else value
    if (
        not isinstance(words, list)
        or not words
        or not all(isinstance(w, str) and w and not any(c.isspace() for c in w) for w in words)
    ):
        raise TaskError(
            f"{place}: expected a list of words without spaces in them, found {_shown(value)}. "
            "Correct the row or name another column"
        )
    return words


def _tags(row: Mapping[str, Any], card: TaskCard, words: int, place: str) -> tuple[int, ...]:
    value = _field(row, card.columns.label, place)
    tags = value.split() if isinstance(value, str) else value
    if not isinstance(tags, list) or len(tags) != words:
        found = f"{len(tags)} labels" if isinstance(tags, list) else _shown(value)
        raise TaskError(
            f"{place}, column '{card.columns.label}': expected a list of {words} labels, one for "
            f"each word, found {found}. Correct the row"
        )
    return tuple(int(_label(tag, card, place)) for tag in tags)


def _choices(row: Mapping[str, Any], card: TaskCard, place: str) -> tuple[str, ...]:
    column = card.columns.choices
    value = _field(row, column, place)
    if (
        not isinstance(value, list)
        or len(value) != card.choices
        or not all(isinstance(choice, str) for choice in value)
    ):
        raise TaskError(
            f"{place}, column '{column}': expected a list of {card.choices} texts, as many as the "
            f"card or the first row has, found {_shown(value)}. Correct the row"
        )
    return tuple(value)


def _choice(value: Any, card: TaskCard, place: str) -> int:
    assert card.choices is not None
    number = isinstance(value, int) and not isinstance(value, bool)
    if not number or not 0 <= value < card.choices:
        raise TaskError(
            f"{place}, column '{card.columns.label}': expected the number of the right choice, "
            f"0…{card.choices - 1}, found {_shown(value)}. Correct the row"
        )
    return int(value)


def _answers(row: Mapping[str, Any], column: str, context: str, place: str) -> tuple[Answer, ...]:
    value = _field(row, column, place)
    where = f"{place}, column '{column}'"
    if not isinstance(value, list) or not value:
        raise TaskError(
            f"{where}: expected a list of answers with text and start, at least one, found "
            f"{_shown(value)}. Questions without an answer are not supported; leave the row out"
        )
    answers = []
    for answer in value:
        text = answer.get("text") if isinstance(answer, dict) else None
        start = answer.get("start") if isinstance(answer, dict) else None
        if not isinstance(text, str) or not text or not isinstance(start, int) or start < 0:
            raise TaskError(
                f"{where}: expected an answer with a text and the character of the context where "
                f"it starts, found {_shown(answer)}. Correct the row"
            )
        found = context[start : start + len(text)]
        if found != text:
            raise TaskError(
                f"{where}: expected {_shown(text)} at character {start} of the context, found "
                f"{_shown(found)}. Correct text or start"
            )
        answers.append(Answer(text, start))
    return tuple(answers)


def _field(row: Mapping[str, Any], column: str, place: str) -> Any:
    if column not in row:
        raise TaskError(
            f"{place} has no column '{column}'; found {', '.join(map(str, row)) or 'none'}. "
            "Name the right one under `columns` of the task or of its card"
        )
    return row[column]


def _text(row: Mapping[str, Any], column: str, place: str) -> str:
    value = _field(row, column, place)
    if not isinstance(value, str):
        raise TaskError(
            f"{place}: expected text in column '{column}', found {type(value).__name__} "
            f"{_shown(value)}. Correct the row or name another column"
        )
    return value


def _label(value: Any, card: TaskCard, place: str) -> int | float:
    column = card.columns.label
    if card.kind is TaskKind.REGRESSION:
        return _target(value, card, f"{place}, column '{column}'")
    if isinstance(value, str):
        if value in card.label_names:
            return card.label_names.index(value)
        number = int(value) if value.isascii() and value.isdigit() else None
    else:
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
    if number is None or not 0 <= number < len(card.label_names):
        known = ", ".join(f"{i} ({name})" for i, name in enumerate(card.label_names))
        hidden = "; -1 stands for a hidden label, so leave this split out" if number == -1 else ""
        raise TaskError(
            f"{place}, column '{column}': label {_shown(value)} is not on the card of "
            f"'{card.name}'; allowed are {known}{hidden}. Correct the row or the card's label_names"
        )
    return number


def _target(value: Any, card: TaskCard, place: str) -> float:
    try:
        target = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        target = math.nan
    if not math.isfinite(target):
        raise TaskError(f"{place}: expected a number, found {_shown(value)}. Correct the row")
    if card.label_range is not None and not card.label_range[0] <= target <= card.label_range[1]:
        least, largest = card.label_range
        raise TaskError(
            f"{place}: label {_shown(value)} is outside {least:g} to {largest:g}, the card's "
            "label_range. Correct the row or the card"
        )
    return target


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
