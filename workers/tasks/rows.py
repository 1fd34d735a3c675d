"""Rows: a split's texts and labels, checked against the card, cut and fingerprinted.

Where rows are read from is left to `folder`, `hub` and `quickstart`.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workers.errors import TaskError
from workers.tasks.card import RowLimits, Split, TaskCard, TaskKind

Record = tuple[str, Mapping[str, Any]]
"""Where a raw row was found, for messages, and its fields."""


@dataclass(frozen=True)
class Rows:
    """The rows of one split.

    Attributes:
        texts: the sentence, or the first of a pair.
        pairs: the second sentence of each row, or None for single sentences.
        labels: class numbers as int, or regression targets as float.
    """

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: tuple[int | float, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Iterable[int]) -> "Rows":
        """Return the rows at `indices`, in that order."""
        chosen = tuple(indices)
        pairs = self.pairs
        return Rows(
            texts=tuple(self.texts[i] for i in chosen),
            pairs=None if pairs is None else tuple(pairs[i] for i in chosen),
            labels=tuple(self.labels[i] for i in chosen),
        )


@dataclass(frozen=True)
class TaskData:
    """A task with its rows. Train and validation are always there, test where labels are known."""

    card: TaskCard
    splits: Mapping[Split, Rows]
    fingerprint: str


def read_rows(records: Iterable[Record], card: TaskCard, *, where: str) -> Rows:
    """Check raw rows against the card and keep their texts and labels.

    Args:
        where: the split as a whole, such as a file, for the message about an empty one.

    Raises:
        TaskError: a column is missing, a text is no string, a label is off the card, or there
            are no rows.
    """
    texts: list[str] = []
    pairs: list[str] = []
    labels: list[int | float] = []
    columns = card.columns
    for place, row in records:
        texts.append(_text(row, columns.text, place))
        if columns.text_pair is not None:
            pairs.append(_text(row, columns.text_pair, place))
        labels.append(_label(_field(row, columns.label, place), card, place))
    if not texts:
        raise TaskError(
            f"{where} has no rows; expected at least one. Fill the split or name another one"
        )
    return Rows(tuple(texts), None if columns.text_pair is None else tuple(pairs), tuple(labels))


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


def cut(
    splits: Mapping[Split, Rows], *, limits: RowLimits, validation_fraction: float | None
) -> dict[Split, Rows]:
    """Hold validation out of train where asked, then draw at most `limits` rows of each split.

    With `validation_fraction`, the official validation becomes test, and the official test is not
    used; only where there is no official validation does the official test stay test. The draw
    depends on row numbers alone, never on a trial's seed, keeps the order of rows, and a smaller
    limit takes a subset of a larger one's.

    Raises:
        TaskError: train or validation is missing, or the fraction leaves one of them empty.
    """
    cut_splits = dict(splits)
    if Split.TRAIN not in cut_splits:
        raise TaskError(
            f"no train split; found {', '.join(cut_splits) or 'none'}. Add train rows to the task"
        )
    if validation_fraction is not None:
        train = cut_splits[Split.TRAIN]
        held = round(validation_fraction * len(train))
        if not 0 < held < len(train):
            raise TaskError(
                f"validation_fraction {validation_fraction} of {len(train)} train rows leaves "
                f"{len(train) - held} for train and {held} for validation; both need at least one. "
                "Choose another fraction"
            )
        official = cut_splits.get(Split.VALIDATION)
        if official is not None:
            cut_splits[Split.TEST] = official
        chosen = set(_draw(len(train), held, purpose="validation from train"))
        cut_splits[Split.VALIDATION] = train.take(sorted(chosen))
        cut_splits[Split.TRAIN] = train.take(i for i in range(len(train)) if i not in chosen)
    if Split.VALIDATION not in cut_splits:
        raise TaskError(
            f"no validation split; found {', '.join(cut_splits)}. Add one, or set "
            "`validation_fraction` to hold a share of train out"
        )
    most = {
        Split.TRAIN: limits.train,
        Split.VALIDATION: limits.validation,
        Split.TEST: limits.test,
    }
    return {
        split: _limited(cut_splits[split], most[split], split)
        for split in Split
        if split in cut_splits
    }


def _limited(rows: Rows, most: int | None, split: Split) -> Rows:
    if most is None or most >= len(rows):
        return rows
    return rows.take(sorted(_draw(len(rows), most, purpose=f"limit {split}")))


def _draw(count: int, wanted: int, *, purpose: str) -> list[int]:
    """Choose `wanted` of `count` row numbers: the same ones on every machine and version."""
    order = sorted(range(count), key=lambda i: hashlib.sha256(f"{purpose} {i}".encode()).digest())
    return order[:wanted]


def fingerprint_rows(card: TaskCard, splits: Mapping[Split, Rows]) -> str:
    """Return SHA-256 over what the card means and every row, in order.

    Names of the task, its columns, its licence and its origin do not change what is learnt, so
    they stay out.
    """
    digest = hashlib.sha256(json.dumps(card_meaning(card), sort_keys=True).encode())
    for split in Split:
        rows = splits.get(split)
        if rows is None:
            continue
        digest.update(f"\n{split} {len(rows)}\n".encode())
        pairs = rows.pairs or (None,) * len(rows)
        for row in zip(rows.texts, pairs, rows.labels, strict=True):
            digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def card_meaning(card: TaskCard) -> dict[str, Any]:
    """Return the part of a card that decides what is trained and how it is scored."""
    return card.model_dump(mode="json", exclude={"name", "columns", "licence", "origin"})
