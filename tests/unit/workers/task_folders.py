"""Task folders for tests: written by hand, and the real ones where they are."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from workers.contract.task_card import Columns, FolderSource, Metric, RowLimits, TaskRef
from workers.tasks.load import load_task, resolve_task
from workers.tasks.rows import TaskData

REAL = Path(__file__).parents[4] / "shared" / "data"

CARD: dict[str, Any] = {
    "name": "mood",
    "task_type": "classification",
    "label_names": ["bad", "good"],
    "metric": "accuracy",
    "metric_secondary": "f1",
    "licence": "CC0",
    "source_repo": "a field that does not matter here",
}
Row = dict[str, Any]


def rows(count: int, *, start: int = 0) -> list[Row]:
    return [{"sentence1": f"text {i}", "label": i % 2} for i in range(start, start + count)]


def write_task(
    folder: Path, *, card: dict[str, Any] | None = None, **splits: Iterable[Row]
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps(card or CARD))
    for split, content in splits.items():
        lines = "".join(json.dumps(row) + "\n" for row in content)
        (folder / f"{split}.jsonl").write_text(lines)
    return folder


def resolve(
    folder: Path,
    *,
    columns: Columns | None = None,
    metric: Metric | None = None,
    limits: RowLimits | None = None,
    validation_fraction: float | None = None,
) -> TaskRef:
    return resolve_task(
        "mood",
        FolderSource(path=folder.name),
        columns=columns,
        metric=metric,
        limits=limits or RowLimits(),
        validation_fraction=validation_fraction,
        folder_root=folder.parent,
    )


def load(folder: Path, **settings: Any) -> TaskData:
    return load_task(resolve(folder, **settings))


def real(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip("the shared data are not here")
    return REAL / name
