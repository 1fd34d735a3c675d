"""Tasks from local folders that are refused: each message names the place and the next step."""

from pathlib import Path
from typing import Any

import pytest
from task_folders import CARD, load, resolve, rows, write_task

from workers.contract.task_card import Split
from workers.errors import TaskError

BAD_CARDS = [
    ({"task_type": "poem"}, "'poem' is not supported; supported are classification, reg"),
    ({"task_type": 3}, "field task_type"),
    ({"metric": "bleu"}, "field metric: .*'accuracy'.*found 'bleu'"),
    ({"name": None}, "field name"),
    ({"label_names": ["only"]}, r"field label_names: expected two or more .* found \['only'\]"),
    ({"label_names": ["a", "a", "b"]}, "two or more different names"),
    ({"label_names": None}, "field label_names"),
    ({"metric": "pearson"}, "metric 'pearson' does not suit a classification with 2 classes"),
    ({"label_names": ["a", "b", "c"]}, "metric 'f1' does not suit a classification with 3"),
    ({"columns": {"txt": "a"}}, "field columns.txt"),
    ({"task_type": "regression", "label_range": [5, 0], "metric": "pearson"}, "least and largest"),
    ({"task_type": "regression"}, "metric 'accuracy' does not suit a regression; use one of pear"),
]


@pytest.mark.parametrize(("change", "message"), BAD_CARDS)
def test_a_bad_card_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    folder = write_task(tmp_path / "mood", card=CARD | change, train=rows(4), validation=rows(2))
    with pytest.raises(TaskError, match=message) as refused:
        resolve(folder)
    assert "task 'mood'" in str(refused.value)


def test_a_card_that_lacks_a_field_names_it(tmp_path: Path) -> None:
    card = {key: value for key, value in CARD.items() if key != "metric"}
    with pytest.raises(TaskError, match="field metric: Field required"):
        resolve(write_task(tmp_path / "mood", card=card, train=rows(4)))


BAD_ROWS = [
    ({"sentence1": "x", "label": 2}, r"label 2 is not on the card.*0 \(bad\), 1 \(good\)"),
    ({"sentence1": "x", "label": "great"}, "label 'great' is not on the card"),
    ({"sentence1": "x", "label": True}, "label True is not on the card"),
    ({"sentence1": "x", "label": 0.5}, r"label 0\.5 is not on the card"),
    ({"sentence1": "x", "label": -1}, "hidden label, so leave this split out"),
    ({"sentence1": "x", "label": None}, "label None is not on the card"),
    ({"sentence1": 7, "label": 1}, "expected text in column 'sentence1', found int 7"),
    ({"text": "x", "label": 1}, "no column 'sentence1'; found text, label. Name the right one"),
    ({"sentence1": "x", "gold": 1}, "no column 'label'; found sentence1, gold"),
    (["x", 1], "expected a JSON object, found list"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: Any, message: str) -> None:
    folder = write_task(tmp_path / "mood", train=rows(4), validation=[*rows(2), row])
    with pytest.raises(TaskError, match=message) as refused:
        resolve(folder)
    assert f"{folder / 'validation.jsonl'} line 3" in str(refused.value)


@pytest.mark.parametrize(
    ("label", "message"),
    [(5.5, "label 5.5 is outside 0 to 5"), ("warm", "number, found 'warm'"), (None, "a number")],
)
def test_a_regression_label_is_a_number_in_range(tmp_path: Path, label: Any, message: str) -> None:
    card = {"name": "heat", "task_type": "regression", "label_range": [0, 5], "metric": "pearson"}
    good = [{"sentence1": "x", "label": 0}, {"sentence1": "y", "label": 4.5}]
    folder = write_task(tmp_path / "heat", card=card, train=good, validation=good)
    assert load(folder).splits[Split.TRAIN].labels == (0.0, 4.5)
    write_task(folder, card=card, train=[*good, {"sentence1": "z", "label": label}])
    with pytest.raises(TaskError, match=message):
        resolve(folder)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="nowhere does not exist"):
        resolve(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "notes.txt").touch()
    with pytest.raises(TaskError, match=r"no card; expected dataset\.json .* found notes\.txt"):
        resolve(tmp_path / "bare")
    folder = write_task(tmp_path / "mood", validation=rows(2))
    with pytest.raises(TaskError, match=r"no train split; expected one of train\.jsonl"):
        resolve(folder)
    folder = write_task(tmp_path / "alone", train=rows(2))
    with pytest.raises(TaskError, match=r"no validation split; .* `validation_fraction`"):
        resolve(folder)
    with pytest.raises(TaskError, match=r"0\.1 of 2 train rows leaves 2 for train and 0"):
        resolve(folder, validation_fraction=0.1)
    write_task(folder, validation=[])
    with pytest.raises(TaskError, match=r"validation\.jsonl has no rows"):
        resolve(folder)
    (folder / "train.csv").write_text("sentence1,label\n")
    with pytest.raises(TaskError, match=r"train\.jsonl and train\.csv; expected one file"):
        resolve(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dataset.json", b"{", r"dataset\.json is not JSON"),
        ("dataset.json", b"[]", "expected an object .* found list"),
        (
            "train.jsonl",
            b'{"sentence1": "x", "label": 1}\n{"sent',
            r"train\.jsonl line 2 is not JS",
        ),
        ("train.jsonl", b'{"sentence1": "\xff", "label": 1}\n', r"train\.jsonl is not UTF-8"),
        ("train.csv", b"sentence1,label\nx,1,more\n", r"train\.csv line 2: more fields"),
        ("train.csv", b'sentence1,label\n"x,1\n', r"train\.csv is not CSV"),
        ("train.csv", b"sentence1,label\nx\n", r"train\.csv line 2 has no column 'label'"),
        ("train.parquet", b"PAR1 not", r"train\.parquet is not a readable Parquet file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    folder = write_task(tmp_path / "mood", validation=rows(2))
    if name == "dataset.json":
        write_task(folder, train=rows(2))
    (folder / name).write_bytes(content)
    with pytest.raises(TaskError, match=message):
        resolve(folder)
