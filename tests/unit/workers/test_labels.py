"""A label means the same in every file format, or is refused."""

import csv
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from task_folders import CARD, load, write_task

from workers.contract.task_card import LabelValues, Metric, Split, TaskCard, TaskKind
from workers.errors import TaskError
from workers.tasks.labels import LabelReader

FORMATS = ("jsonl numbers", "jsonl texts", "csv", "parquet numbers", "parquet texts")
STARS = ["1", "2", "3", "4", "5"]


def write_labels(folder: Path, form: str, labels: Sequence[Any], **card: Any) -> Path:
    """Write one row for each label in one of the formats."""
    write_task(folder, card=CARD | {"metric_secondary": None} | card)
    kind, _, spelled = form.partition(" ")
    as_text = spelled != "numbers"
    rows = [{"sentence1": "x", "label": str(v) if as_text else v} for v in labels]
    for split in ("train", "validation"):
        path = folder / f"{split}.{kind}"
        if kind == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        elif kind == "parquet":
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        else:
            with path.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, ["sentence1", "label"])
                writer.writeheader()
                writer.writerows(rows)
    return folder


def classes(folder: Path) -> tuple[Any, ...]:
    return load(folder).splits[Split.TRAIN].labels


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("labels", [[0, 1, 2, 3, 4], [1, 2, 3, 4], [5], [0]])
def test_numbers_for_classes_named_by_other_numbers_are_refused(
    tmp_path: Path, form: str, labels: list[int]
) -> None:
    """From 0 or from 1? Read as a name in one file and as a number in another, classes merge."""
    folder = write_labels(tmp_path / "mood", form, labels, label_names=STARS)
    with pytest.raises(TaskError, match=r"line \d|row 1") as refused:
        classes(folder)
    message = str(refused.value)
    assert "cannot tell whether label" in message
    assert "`label_values: names`" in message
    assert "`label_values: numbers`" in message


@pytest.mark.parametrize("form", FORMATS)
def test_a_card_that_says_what_labels_are_is_believed(tmp_path: Path, form: str) -> None:
    named = {"label_names": STARS, "label_values": "names"}
    folder = write_labels(tmp_path / "names", form, [1, 2, 3, 5, 4, 1], **named)
    assert classes(folder) == (0, 1, 2, 4, 3, 0)
    numbered = named | {"label_values": "numbers"}
    folder = write_labels(tmp_path / "numbers", form, [1, 2, 3, 0, 4, 1], **numbered)
    assert classes(folder) == (1, 2, 3, 0, 4, 1)
    folder = write_labels(tmp_path / "off", form, [1, 2, 0], **named)
    with pytest.raises(TaskError, match=r"0'? is not on the card.*read as names.*allowed are 1, 2"):
        classes(folder)
    folder = write_labels(tmp_path / "over", form, [1, 2, 5], **numbered)
    with pytest.raises(TaskError, match=r"5'? is not on the card.*read as numbers"):
        classes(folder)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("names", [["0", "1", "2"], ["bad", "good", "fair"], ["0", "1", "other"]])
def test_numbers_are_class_numbers_where_no_name_says_otherwise(
    tmp_path: Path, form: str, names: list[str]
) -> None:
    folder = write_labels(tmp_path / "mood", form, [2, 0, 1], label_names=names)
    assert classes(folder) == (2, 0, 1)


@pytest.mark.parametrize("form", ["jsonl texts", "csv", "parquet texts"])
def test_names_that_are_no_numbers_stay_readable_beside_those_that_are(
    tmp_path: Path, form: str
) -> None:
    names = ["5", "other", "7"]
    folder = write_labels(tmp_path / "mood", form, ["other"], label_names=names)
    assert classes(folder) == (1,)


def reader(kind: TaskKind = TaskKind.CLASSIFICATION, **card: Any) -> LabelReader:
    metric = Metric.PEARSON if kind is TaskKind.REGRESSION else Metric.ACCURACY
    return LabelReader(TaskCard(name="t", kind=kind, metric=metric, metrics=(metric,), **card))


@pytest.mark.parametrize(
    "value",
    [True, 1.0, None, [1], {"a": 1}, b"1", "1.0", " 1", "+1", "٣", "9" * 5000, "", "-1"],
)
def test_what_is_neither_a_number_of_a_class_nor_its_name_is_refused(value: Any) -> None:
    with pytest.raises(TaskError, match="is not on the card"):
        reader(label_names=("bad", "good")).read(value, "here")


def test_a_number_of_thousands_of_digits_is_refused_and_not_shown() -> None:
    for kind, message in ((TaskKind.CLASSIFICATION, "not on"), (TaskKind.REGRESSION, "expec")):
        names = ("bad", "good") if kind is TaskKind.CLASSIFICATION else ()
        with pytest.raises(TaskError, match=message) as refused:
            reader(kind, label_names=names).read(10**5000, "here")
        assert "int that is too large to show" in str(refused.value)


@pytest.mark.parametrize("names", [("-1", "0", "1"), ("01", "02"), ("1.0", "2.0"), ("2", "zero")])
@pytest.mark.parametrize("value", [1, "1", "01", "-1", -1])
def test_names_that_are_numbers_in_another_spelling_are_no_less_misleading(
    names: tuple[str, ...], value: Any
) -> None:
    with pytest.raises(TaskError, match="cannot tell whether label"):
        reader(label_names=names).read(value, "here")
    numbers = reader(label_names=names, label_values=LabelValues.NUMBERS)
    if value in (1, "1", "01"):
        assert numbers.read(value, "here") == 1


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    with pytest.raises(TaskError, match="did you mean 'entailment'"):
        reader(label_names=("entailment", "neutral")).read("entailement", "here")


def test_no_name_is_proposed_where_names_are_not_read() -> None:
    numbers = reader(label_names=("1", "2"), label_values=LabelValues.NUMBERS)
    with pytest.raises(TaskError, match=r"allowed are 0 \(1\), 1 \(2\)\. Correct"):
        numbers.read("2", "here")


def test_many_classes_do_not_fill_the_message_or_take_long() -> None:
    names = tuple(f"class {n}" for n in range(100_000))
    many = reader(label_names=names)
    assert [many.read(name, "here") for name in names] == list(range(100_000))
    with pytest.raises(TaskError, match=r"class 11\), … 100000 in all") as refused:
        many.read("x", "here")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("value", [2.5, "2.5", "+2.5e0", "25E-1", Decimal("2.5")])
def test_a_target_is_a_number_in_any_usual_spelling(value: Any) -> None:
    assert reader(TaskKind.REGRESSION).read(value, "here") == 2.5


@pytest.mark.parametrize(
    "value",
    ["1_000", "nan", "inf", "1e999", "0x1", "１", " 1", "1 ", "", "2,5", True, None, b"2.5", [2]],
)
def test_a_target_that_only_python_reads_as_a_number_is_refused(value: Any) -> None:
    with pytest.raises(TaskError, match="expected a number"):
        reader(TaskKind.REGRESSION).read(value, "here")


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf")])
def test_a_target_that_no_machine_number_holds_is_refused(value: Any) -> None:
    with pytest.raises(TaskError, match="expected a number"):
        reader(TaskKind.REGRESSION).read(value, "here")
