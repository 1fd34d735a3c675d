"""What is allowed in rows and probably not meant is said once, when the sweep is planned."""

from pathlib import Path
from typing import Any

import pytest
from task_folders import CARD, Row, real, resolve, rows, write_task

from workers.contract.task_card import Columns, RowLimits, Split, TaskRef
from workers.tasks.load import load_task

REGRESSION = {"name": "heat", "task_type": "regression", "metric": "pearson"}
TAGS = {
    "name": "tags",
    "task_type": "token_classification",
    "label_names": ["O", "B-X"],
    "metric": "accuracy",
}
CHOICE = {"name": "choice", "task_type": "multiple_choice", "metric": "accuracy"}


def found(folder: Path, card: Row | None = None, **splits: list[Row]) -> tuple[str, ...]:
    return resolve(write_task(folder / "mood", card=card, **splits)).oddities


def row(text: str, label: Any, **more: Any) -> Row:
    return {"sentence1": text, "label": label, **more}


def test_good_rows_have_none(tmp_path: Path) -> None:
    good = {"train": rows(8), "validation": rows(4, start=8), "test": rows(4, start=12)}
    assert found(tmp_path, **good) == ()


@pytest.mark.parametrize(
    ("card", "splits", "expected"),
    [
        (
            CARD,
            {"train": rows(8), "validation": [*rows(3), row("new", 1)]},
            ["3 of 4 rows of validation are in train too, word for word"],
        ),
        (
            CARD,
            {"train": rows(8), "validation": [row("text 1", 0), row("new", 1)], "test": rows(8)},
            [
                "1 of 2 rows of validation are in train too, word for word",
                "8 of 8 rows of test are in train too, word for word",
            ],
        ),
        (
            CARD,
            {
                "train": [row("a", 0, sentence2="b"), row("b", 1, sentence2="a")],
                "validation": [row("a", 0, sentence2="a"), row("b", 1, sentence2="a")],
            },
            ["1 of 2 rows of validation are in train too, word for word"],
        ),
        (
            CARD,
            {"train": [row("a", 0), row("b", 0)], "validation": rows(2)},
            [
                "all 2 rows of train have the same label",
                "validation has labels that train has not: 'good'",
            ],
        ),
        (
            CARD,
            {"train": [row("a", 0), row(" ", 1), row("\u2028", 1)], "validation": rows(2)},
            ["2 of 3 rows of train have an empty text"],
        ),
        (
            CARD,
            {
                "train": [row("a", 0, sentence2=""), row("b", 1, sentence2="x")],
                "validation": [row("", 0, sentence2="y"), row("c", 1, sentence2="x")],
            },
            [
                "1 of 2 rows of train have an empty second text",
                "1 of 2 rows of validation have an empty text",
            ],
        ),
        (
            REGRESSION,
            {"train": [row("a", 1), row("b", 1.0)], "validation": [row("c", 1), row("d", 2)]},
            ["all 2 rows of train have the same label"],
        ),
        (
            TAGS,
            {
                "train": [row("a b", ["O", "O"]), row("c", ["O"])],
                "validation": [row("d e", ["O", "B-X"])],
            },
            [
                "all 2 rows of train have the same label",
                "validation has labels that train has not: 'B-X'",
            ],
        ),
        (
            CHOICE,
            {
                "train": [row("q", 0, choices=["a", "b"]), row("r", 1, choices=["c", "c"])],
                "validation": [row("q", 1, choices=["a", "b"]), row("s", 0, choices=["a", "b"])],
            },
            [
                "1 of 2 rows of train have a choice twice",
                "1 of 2 rows of validation are in train too, word for word",
            ],
        ),
    ],
)
def test_what_is_odd_is_said_with_its_numbers(
    tmp_path: Path, card: Row, splits: dict[str, list[Row]], expected: list[str]
) -> None:
    assert list(found(tmp_path, card, **splits)) == expected


def test_rows_that_are_left_out_are_not_looked_at(tmp_path: Path) -> None:
    """What is not trained or measured on is nobody's worry."""
    folder = write_task(tmp_path / "mood", train=rows(8), validation=rows(4))
    assert resolve(folder, validation_fraction=0.5).oddities != ()
    pairs = [row(f"text {i}", i % 2, sentence2=" ") for i in range(4)]
    folder = write_task(tmp_path / "pairs", train=pairs[:2], validation=pairs[2:])
    assert resolve(folder, columns=Columns(text_pair=None)).oddities == ()
    many = [row("", 1), *rows(200)]
    folder = write_task(tmp_path / "many", train=many, validation=rows(4, start=300))
    assert resolve(folder).oddities == ("1 of 201 rows of train have an empty text",)
    assert resolve(folder, limits=RowLimits(train=20)).oddities == ()


def test_a_worker_is_told_too_and_the_trial_stays_the_same(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "mood", train=rows(8), validation=rows(4))
    ref = resolve(folder)
    written = ref.model_dump_json()
    assert "oddities" not in written
    again = TaskRef.model_validate_json(written)
    assert again.fingerprint == ref.fingerprint
    assert load_task(again).oddities == ref.oddities
    assert len(load_task(again).splits[Split.TRAIN]) == 8


@pytest.mark.parametrize("name", ["cb", "rte", "stsb", "trec", "commonsense_qa", "squad"])
def test_real_tasks_have_few(name: str) -> None:
    said = resolve(real(name)).oddities
    assert len(said) <= 2
    assert not any("same label" in each or "has not" in each for each in said), said
