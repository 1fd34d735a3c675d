"""Tasks in a local folder: a card, `dataset.json` or `card.json`, and a file of rows per split.

Rows are JSONL, CSV (with a header) or Parquet, named `train`, `validation` and `test`. Reading
those files is left to `files`, what their rows must satisfy to `rows`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workers.errors import TaskError
from workers.tasks.card import Columns, Metric, Split, TaskCard, TaskKind
from workers.tasks.checking import read_rows
from workers.tasks.files import READERS, read_records
from workers.tasks.rows import Rows

CARD_NAMES = ("dataset.json", "card.json")
CARD_FIELDS = "name, task_type, label_names or label_range, metric"


class _CardFile(BaseModel):
    """The fields of a card that matter here; a card may carry others, such as checksums."""

    model_config = ConfigDict(extra="ignore")

    name: str
    task_type: TaskKind
    label_names: tuple[str, ...] | None = None
    label_range: tuple[float, float] | None = None
    n_choices: int | None = Field(default=None, ge=2)
    metric: Metric
    metric_secondary: Metric | None = None
    licence: str = "not stated"
    columns: Columns | None = None


def folder_card(folder: Path, *, columns: Columns | None, metric: Metric | None) -> TaskCard:
    """Read the card of a folder.

    Args:
        columns: overrides the card's; without either, `sentence1`, `label`, and `sentence2`
            where the rows have it.
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
    columns = columns or card.columns or _columns_of(folder, kind)
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


def _read_card(folder: Path) -> tuple[Path, dict[str, Any]]:
    path = next((folder / name for name in CARD_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise TaskError(
            f"task folder {folder} has no card; expected {' or '.join(CARD_NAMES)}, "
            f"found {_listing(folder)}. Write one with {CARD_FIELDS}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TaskError(f"card {path} is not JSON: {error}. Correct it") from error
    if not isinstance(content, dict):
        raise TaskError(
            f"card {path}: expected an object with {CARD_FIELDS}, found {type(content).__name__}"
        )
    return path, content


def _check_card(content: dict[str, Any], path: Path) -> _CardFile:
    kind = content.get("task_type")
    if isinstance(kind, str) and kind not in set(TaskKind):
        raise TaskError(
            f"card {path}: task_type '{kind}' is not supported; supported are "
            f"{', '.join(TaskKind)}. Leave this task out of the sweep"
        )
    try:
        card = _CardFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        value = "" if first["type"] == "missing" else f", found {first['input']!r}"
        raise TaskError(f"card {path}, field {key}: {first['msg']}{value}") from error
    names = card.label_names or ()
    named = card.task_type in (TaskKind.CLASSIFICATION, TaskKind.TOKEN_CLASSIFICATION)
    if named and len(set(names)) < max(2, len(names)):
        raise TaskError(
            f"card {path}, field label_names: expected two or more different names, "
            f"found {list(names)}"
        )
    if card.label_range is not None and card.label_range[0] >= card.label_range[1]:
        raise TaskError(
            f"card {path}, field label_range: expected least and largest, "
            f"found {list(card.label_range)}"
        )
    return card


def _split_files(folder: Path) -> dict[Split, Path]:
    files: dict[Split, Path] = {}
    for split in Split:
        candidates = [folder / f"{split}{suffix}" for suffix in READERS]
        present = [path for path in candidates if path.is_file()]
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
    paired = "sentence2" in _first_row(folder) and kind is not TaskKind.TOKEN_CLASSIFICATION
    return Columns(text_pair="sentence2" if paired else None)


def _choices_of(folder: Path, columns: Columns) -> int:
    """Count the choices of the first row; two where it has none, which its check then says."""
    found = _first_row(folder).get(columns.choices)
    return max(2, len(found)) if isinstance(found, list) else 2


def _first_row(folder: Path) -> Mapping[str, Any]:
    first = next(read_records(_split_files(folder)[Split.TRAIN]), None)
    return {} if first is None else first[1]


def _listing(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
