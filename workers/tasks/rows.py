"""Rows: a split's texts and labels, cut and fingerprinted.

Where rows are read from is left to `folder`, `hub` and `quickstart`, what each must hold to
`checking`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from workers.contract.task_card import RowLimits, Split, TaskCard
from workers.errors import TaskError

Record = tuple[str, Mapping[str, Any]]
"""Where a raw row was found, for messages, and its fields."""

Label = int | float | tuple[int, ...]


class Answer(NamedTuple):
    """A part of a row's second text; `start` counts its characters from 0."""

    text: str
    start: int


@dataclass(frozen=True)
class Rows:
    """The rows of one split.

    Attributes:
        texts: the sentence, or the first of a pair.
        pairs: the second sentence of each row, or None for single sentences.
        labels: class numbers, numbers of choices, or where the first answer starts, as int;
            regression targets as float; for token classification, a class number for each word.
        choices: the choices of each row, as many for every one, or None.
        answers: all that are right for each row, the first to train on, or None.
    """

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: tuple[Label, ...]
    choices: tuple[tuple[str, ...], ...] | None = None
    answers: tuple[tuple[Answer, ...], ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Iterable[int]) -> "Rows":
        """Return the rows at `indices`, in that order."""
        chosen = tuple(indices)
        pairs, choices, answers = self.pairs, self.choices, self.answers
        return Rows(
            texts=tuple(self.texts[i] for i in chosen),
            pairs=None if pairs is None else tuple(pairs[i] for i in chosen),
            labels=tuple(self.labels[i] for i in chosen),
            choices=None if choices is None else tuple(choices[i] for i in chosen),
            answers=None if answers is None else tuple(answers[i] for i in chosen),
        )


@dataclass(frozen=True)
class TaskData:
    """A task with its rows. Train and validation are always there, test where labels are known.

    Attributes:
        oddities: what is allowed in the rows and probably not meant, for people.
    """

    card: TaskCard
    splits: Mapping[Split, Rows]
    fingerprint: str
    oddities: tuple[str, ...] = ()


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
        more = [part for part in (rows.choices, rows.answers) if part is not None]
        for row in zip(rows.texts, pairs, rows.labels, *more, strict=True):
            digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def card_meaning(card: TaskCard) -> dict[str, Any]:
    """Return the part of a card that decides what is trained and how it is scored."""
    # What labels mean is in the rows by now, in whatever way they were spelled.
    names = {"name", "columns", "licence", "origin", "label_values"}
    # A field that came later stays out where a kind of task does not have it.
    return card.model_dump(
        mode="json", exclude=names if card.choices is not None else names | {"choices"}
    )
