"""Tasks in a local folder: a card, `dataset.json` or `card.json`, and a file of rows per split.

Rows are JSONL, CSV (with a header) or Parquet, named `train`, `validation` and `test`. Reading
those files is left to `files`, what their rows must satisfy to `rows`.
"""

import difflib
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from workers.contract.task_card import (
    USUAL_PAIR,
    Columns,
    LabelValues,
    Metric,
    Split,
    TaskCard,
    TaskKind,
)
from workers.errors import TaskError
from workers.tasks.checking import NOT_IN_NAMES, check_columns, read_rows
from workers.tasks.files import READERS, parse_json, read_records
from workers.tasks.labels import called, shown
from workers.tasks.rows import Rows

CARD_NAMES = ("dataset.json", "card.json")
_MOST_FIELDS = 200
"""Of a card, that are looked through for slips."""
CARD_FIELDS = "name, task_type, label_names or label_range, metric"
_LARGEST_CARD = 2**24
"""Bytes: 16 MiB, enough for the names of a million classes."""


class _CardFile(BaseModel):
    """The fields of a card that matter here; a card may carry others, such as checksums."""

    model_config = ConfigDict(extra="ignore")

    name: str
    task_type: TaskKind
    label_names: tuple[str, ...] | None = None
    label_values: LabelValues | None = None
    label_range: tuple[FiniteFloat, FiniteFloat] | None = None
    n_choices: int | None = Field(default=None, ge=2)
    metric: Metric
    metric_secondary: Metric | None = None
    licence: str = Field(default="not stated", validation_alias=AliasChoices("licence", "license"))
    columns: Columns | None = None


def folder_card(folder: Path, *, columns: Columns | None, metric: Metric | None) -> TaskCard:
    """Read the card of a folder.

    Args:
        columns: each field that is named here comes before the card's. What neither names is
            `sentence1`, `label` and so on, with `sentence2` where the first row of train has it.
        metric: overrides the card's primary metric.

    Raises:
        TaskError: the folder or its card is missing, a field of the card is wrong, or the kind
            of task is not supported.
    """
    if not folder.is_dir():
        raise TaskError(
            f"task folder {folder} does not exist; expected a folder with {CARD_NAMES[0]} and "
            "train.jsonl. A relative path starts at the sweep file's folder"
        )
    path, content = _read_card(folder)
    card = _check_card(content, path)
    kind = card.task_type
    columns = (columns or Columns()).over(card.columns, _columns_of(folder, kind))
    check_columns(columns, kind)
    if kind is TaskKind.SPAN and columns.text_pair is None:
        raise TaskError(
            f"card {path}: a span is a part of the second text, found no column for it; name it "
            "as text_pair under `columns`"
        )
    if kind is TaskKind.TOKEN_CLASSIFICATION and columns.text_pair is not None:
        raise TaskError(f"card {path}: words have no second text; leave text_pair out of `columns`")
    named = kind in (TaskKind.CLASSIFICATION, TaskKind.TOKEN_CLASSIFICATION)
    choices = None
    if kind is TaskKind.MULTIPLE_CHOICE:
        choices = card.n_choices or _choices_of(folder, columns)
    reported = (metric, card.metric, card.metric_secondary)
    return TaskCard(
        name=card.name,
        kind=kind,
        columns=columns,
        label_names=(card.label_names or ()) if named else (),
        label_values=card.label_values if named else None,
        label_range=card.label_range if kind is TaskKind.REGRESSION else None,
        choices=choices,
        metric=metric or card.metric,
        metrics=tuple(dict.fromkeys(m for m in reported if m is not None)),
        licence=card.licence,
        origin=str(folder),
    )


def folder_rows(folder: Path, card: TaskCard) -> dict[Split, Rows]:
    """Read every split of a folder, checked against `card`.

    Raises:
        TaskError: the train split is missing, a file is damaged, a split is empty, or a row does
            not fit the card.
    """
    return {
        split: read_rows(read_records(file), card, where=str(file))
        for split, file in _split_files(folder).items()
    }


def task_files(folder: Path) -> list[Path]:
    """Return the files of a task: its card and the rows of its splits.

    Raises:
        TaskError: one of them is missing.
    """
    return [_read_card(folder)[0], *_split_files(folder).values()]


def _read_card(folder: Path) -> tuple[Path, dict[str, Any]]:
    path = next((folder / name for name in CARD_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise TaskError(
            f"task folder {folder} has no card; expected {' or '.join(CARD_NAMES)}, "
            f"found {_listing(folder)}. Write one with {CARD_FIELDS}"
        )
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST_CARD + 1)
        if len(text) > _LARGEST_CARD:
            raise TaskError(
                f"card {path}: expected at most {_LARGEST_CARD:,} bytes with {CARD_FIELDS}, found "
                "more. Rows belong into train, validation and test"
            )
        content = parse_json(text.decode("utf-8-sig"))
    except OSError as error:
        raise TaskError(f"card {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise TaskError(f"card {path} is not JSON: {error}. Correct it") from error
    if not isinstance(content, dict):
        raise TaskError(
            f"card {path}: expected an object with {CARD_FIELDS}, found {type(content).__name__}"
        )
    return path, content


def _check_card(content: dict[str, Any], path: Path) -> _CardFile:
    _check_spelling(content, path)
    kind = content.get("task_type")
    if isinstance(kind, str) and kind not in set(TaskKind):
        raise TaskError(
            f"card {path}, field task_type: {shown(kind)} is not supported; supported are "
            f"{', '.join(TaskKind)}{_meant(kind, TaskKind)}. Correct the card"
        )
    try:
        card = _CardFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(called, first["loc"]))
        value = "" if first["type"] == "missing" else f", found {shown(first['input'])}"
        close = _meant(first["input"], Metric) if key.startswith("metric") else ""
        raise TaskError(
            f"card {path}, field {key}: {first['msg']}{value}{close}. Correct the card"
        ) from error
    names = card.label_names or ()
    named = card.task_type in (TaskKind.CLASSIFICATION, TaskKind.TOKEN_CLASSIFICATION)
    if named and (len(set(names)) < max(2, len(names)) or not all(map(str.strip, names))):
        found = [called(name) for name in names[:20]]
        raise TaskError(
            f"card {path}, field label_names: expected two or more different names, "
            f"found {found}{' and more' * (len(names) > 20)}. Correct the card"
        )
    if card.label_range is not None and card.label_range[0] >= card.label_range[1]:
        raise TaskError(
            f"card {path}, field label_range: expected least and largest, "
            f"found {list(card.label_range)}. Correct the card"
        )
    for text in (card.name, card.licence, *names):
        if NOT_IN_NAMES.search(text):
            raise TaskError(
                f"card {path}: expected a name in one line of whole characters, found "
                f"{shown(text)}. Correct the card"
            )
    return card


def _check_spelling(content: dict[str, Any], path: Path) -> None:
    """Refuse a field that is nearly one of a card's: what a card has besides is not read."""
    lacking = set(_CardFile.model_fields) - set(content)
    if content.get("task_type") != TaskKind.MULTIPLE_CHOICE:
        lacking.discard("n_choices")
    for key in islice(content, _MOST_FIELDS):
        known = key in _CardFile.model_fields or key == "license"
        if not known and (meant := _meant(key, lacking)):
            raise TaskError(f"card {path} has a field {shown(key)}{meant}. Correct the card")


def _meant(found: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(found)[:100], sorted(map(str, known)), 1, cutoff=0.8)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _split_files(folder: Path) -> dict[Split, Path]:
    files: dict[Split, Path] = {}
    for split in Split:
        candidates = [folder / f"{split}{suffix}" for suffix in READERS]
        present = [path for path in candidates if path.exists()]
        for path in present:
            if not path.is_file():
                raise TaskError(f"{path}: expected a file of rows, found a folder or device")
        if len(present) > 1:
            raise TaskError(
                f"{folder} has {' and '.join(p.name for p in present)}; "
                f"expected one file for {split}. Move the others away"
            )
        if present:
            files[split] = present[0]
    if Split.TRAIN not in files:
        expected = ", ".join(f"train{suffix}" for suffix in READERS)
        raise TaskError(
            f"{folder} has no train split; expected one of {expected}, found {_listing(folder)}"
        )
    return files


def _columns_of(folder: Path, kind: TaskKind) -> Columns:
    if kind is TaskKind.TOKEN_CLASSIFICATION or USUAL_PAIR not in _first_row(folder):
        return Columns()  # which names nothing, so that a later row with a pair is noticed
    return Columns(text_pair=USUAL_PAIR)


def _choices_of(folder: Path, columns: Columns) -> int:
    """Count the choices of the first row; two where it has none, which its check then says."""
    found = _first_row(folder).get(columns.choices)
    return max(2, len(found)) if isinstance(found, list) else 2


def _first_row(folder: Path) -> Mapping[str, Any]:
    first = next(read_records(_split_files(folder)[Split.TRAIN]), None)
    return {} if first is None else first[1]


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(names[:20]) or "nothing") + more
