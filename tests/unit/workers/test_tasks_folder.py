"""Tasks from local folders: what is read, how it is cut, and when it counts as the same."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from task_folders import CARD, Row, load, real, resolve, rows, write_task

from workers.contract.task_card import (
    Columns,
    FolderSource,
    Metric,
    RowLimits,
    Split,
    TaskKind,
    TaskRef,
)
from workers.errors import TaskError
from workers.tasks.load import load_task
from workers.tasks.rows import Rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_task(
        tmp_path / "mood", train=rows(40), validation=rows(20, start=40), test=rows(10, start=60)
    )


def test_rows_and_card_come_out_as_written(folder: Path) -> None:
    ref = resolve(folder)
    assert ref.card.kind is TaskKind.CLASSIFICATION
    assert ref.card.metrics == (Metric.ACCURACY, Metric.F1)
    assert ref.card.licence == "CC0"
    assert isinstance(ref.source, FolderSource)
    assert Path(ref.source.path).is_absolute()
    data = load_task(ref)
    assert {split: len(data.splits[split]) for split in Split} == {
        Split.TRAIN: 40,
        Split.VALIDATION: 20,
        Split.TEST: 10,
    }
    assert data.splits[Split.TEST].texts[0] == "text 60"
    assert data.splits[Split.TRAIN].pairs is None
    assert data.splits[Split.TRAIN].labels[:3] == (0, 1, 0)


def test_pairs_are_found_by_the_usual_column(tmp_path: Path) -> None:
    pairs = [{"sentence1": "a", "sentence2": "b", "label": "good"}]
    data = load(write_task(tmp_path / "mood", train=pairs, validation=pairs))
    assert data.splits[Split.TRAIN].pairs == ("b",)
    assert data.splits[Split.TRAIN].labels == (1,)


PAIR = [{"q": "x", "p": "y", "z": "w", "gold": 1}]
USUAL = [{"sentence1": "a", "sentence2": "b", "label": 0, "gold": 1}]


def read_with(
    folder: Path, content: list[Row], *, card: Row | None = None, sweep: Row | None = None
) -> Rows:
    """Read rows with columns as a card and as a sweep name them."""
    cards = CARD if card is None else CARD | {"columns": card}
    write_task(folder, card=cards, train=content, validation=content)
    columns = None if sweep is None else Columns.model_validate(sweep)
    ref = resolve(folder, columns=columns)
    read = load_task(ref).splits[Split.TRAIN]
    again = TaskRef.model_validate_json(ref.model_dump_json())  # as a worker gets it
    assert load_task(again).splits[Split.TRAIN] == read
    return read


@pytest.mark.parametrize(
    ("content", "card", "sweep", "expected"),
    [
        (PAIR, {"text": "q", "text_pair": "p", "label": "gold"}, None, ("x", "y", 1)),
        (PAIR, {"text": "q", "text_pair": "p", "label": "gold"}, {"text": "z"}, ("w", "y", 1)),
        (PAIR, {"text_pair": "p", "label": "gold"}, {"text": "q"}, ("x", "y", 1)),
        (PAIR, {"text": "q", "text_pair": "p"}, {"label": "gold", "text_pair": None}, ("x", 1)),
        (
            PAIR,
            {"text": "q", "text_pair": None, "label": "gold"},
            {"text_pair": "z"},
            ("x", "w", 1),
        ),
        (USUAL, None, None, ("a", "b", 0)),
        (USUAL, None, {"label": "gold"}, ("a", "b", 1)),
        (USUAL, {"label": "gold"}, None, ("a", "b", 1)),
        (USUAL, {"label": "gold"}, {}, ("a", "b", 1)),
        (USUAL, {"text_pair": None}, {"label": "gold"}, ("a", 1)),
        (USUAL, None, {"text_pair": None}, ("a", 0)),
        (USUAL, {"text": "sentence2", "text_pair": "sentence1"}, None, ("b", "a", 0)),
    ],
)
def test_each_column_is_the_sweeps_or_the_cards_or_the_usual_one(
    tmp_path: Path, content: list[Row], card: Row | None, sweep: Row | None, expected: Any
) -> None:
    read = read_with(tmp_path / "mood", content, card=card, sweep=sweep)
    text, *pair, label = expected
    assert read == Rows((text,), tuple(pair) or None, (label,))


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"text": "sentence2"}, "text and text_pair are both 'sentence2'.*null as text_pair reads"),
        ({"label": "sentence1"}, "text and label are both 'sentence1'"),
        ({"label": "la\nbel"}, r"expected the name of a column as label, found 'la\\nbel'"),
    ],
)
def test_one_column_is_no_two_parts_of_a_row(tmp_path: Path, sweep: Row, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        read_with(tmp_path / "mood", USUAL, sweep=sweep)


ALONE = {"sentence1": "a", "label": 0}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_rows_with_and_without_a_second_text_are_refused(tmp_path: Path, split: str) -> None:
    """Which of them is meant cannot be known, and half of them would be read wrongly."""
    folder = tmp_path / "mood"
    for first, other, message in (
        (ALONE, USUAL[0], "has a column 'sentence2', which the first row of train has not"),
        (USUAL[0], ALONE, "has no column 'sentence2'"),
    ):
        splits = {"train": [first] * 3, "validation": [first] * 3}
        splits[split] = [first, first, other]
        write_task(folder, **splits)
        with pytest.raises(TaskError, match=rf"{split}\.jsonl line 3 {message}"):
            resolve(folder)
        alone = load(folder, columns=Columns(text_pair=None)).splits[Split.TRAIN]
        assert alone.pairs is None  # which says what is meant


def test_the_three_formats_give_the_same_task(tmp_path: Path) -> None:
    content = [
        {"sentence1": 'one, "quoted"', "sentence2": "two\nlines", "label": "bad"},
        {"sentence1": "ümläut", "sentence2": "", "label": "good"},
    ]
    folders = [tmp_path / name for name in ("jsonl", "csv", "parquet")]
    for folder in folders:
        write_task(folder)
    write_task(folders[0], train=content, validation=content)
    for split in ("train", "validation"):
        with (folders[1] / f"{split}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(content[0]))
            writer.writeheader()
            writer.writerows(content)
        table = pyarrow.Table.from_pylist(content)
        pyarrow.parquet.write_table(table, folders[2] / f"{split}.parquet")
    fingerprints = {resolve(folder).fingerprint for folder in folders}
    assert len(fingerprints) == 1


def test_numbers_as_text_are_labels_in_csv(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "mood")
    for split in ("train", "validation"):
        (folder / f"{split}.csv").write_text("sentence1,label\nx,1\ny,bad\n")
    assert load(folder).splits[Split.TRAIN].labels == (1, 0)


def test_a_metric_of_the_task_comes_first(folder: Path) -> None:
    ref = resolve(folder, metric=Metric.MATTHEWS)
    assert ref.card.metric is Metric.MATTHEWS
    assert ref.card.metrics == (Metric.MATTHEWS, Metric.ACCURACY, Metric.F1)
    assert ref.fingerprint != resolve(folder).fingerprint


def test_limits_draw_a_nested_subset_in_order(folder: Path) -> None:
    whole = load(folder).splits[Split.TRAIN].texts
    some = load(folder, limits=RowLimits(train=20, test=3)).splits
    fewer = load(folder, limits=RowLimits(train=10)).splits
    assert [len(some[split]) for split in Split] == [20, 20, 3]
    assert set(fewer[Split.TRAIN].texts) < set(some[Split.TRAIN].texts) < set(whole)
    assert some[Split.TRAIN].texts == tuple(t for t in whole if t in some[Split.TRAIN].texts)
    assert some[Split.TRAIN].texts != whole[:20]


def test_a_held_out_validation_makes_the_official_one_test(folder: Path) -> None:
    official = load(folder).splits
    held = load(folder, validation_fraction=0.25).splits
    assert held[Split.TEST] == official[Split.VALIDATION]
    train, validation = set(held[Split.TRAIN].texts), set(held[Split.VALIDATION].texts)
    assert len(validation) == 10
    assert not train & validation
    assert train | validation == set(official[Split.TRAIN].texts)


def test_holding_out_comes_before_limits(folder: Path) -> None:
    held = load(folder, validation_fraction=0.25).splits
    cut = load(folder, validation_fraction=0.25, limits=RowLimits(train=5, validation=5)).splits
    assert set(cut[Split.TRAIN].texts) < set(held[Split.TRAIN].texts)
    assert set(cut[Split.VALIDATION].texts) < set(held[Split.VALIDATION].texts)


def test_without_an_official_validation_the_test_stays_test(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "mood", train=rows(10), test=rows(4, start=50))
    splits = load(folder, validation_fraction=0.2).splits
    assert [len(splits[split]) for split in Split] == [8, 2, 4]
    assert splits[Split.TEST].texts[0] == "text 50"


def test_the_fingerprint_follows_content_and_cut_alone(folder: Path, tmp_path: Path) -> None:
    first = resolve(folder).fingerprint
    elsewhere = CARD | {"name": "other", "licence": "MIT"}
    twin = write_task(
        tmp_path / "twin",
        card=elsewhere,
        train=rows(40),
        validation=rows(20, start=40),
        test=rows(10, start=60),
    )
    assert resolve(twin).fingerprint == first
    assert resolve(folder, limits=RowLimits(train=40)).fingerprint == first
    different = {
        resolve(folder, limits=RowLimits(train=39)).fingerprint,
        resolve(folder, validation_fraction=0.5).fingerprint,
        resolve(write_task(twin, card=elsewhere | {"label_names": ["good", "bad"]})).fingerprint,
    }
    assert len(different | {first}) == 4


def test_data_that_changed_after_planning_are_refused(folder: Path) -> None:
    ref = resolve(folder)
    write_task(folder, train=[*rows(39), {"sentence1": "changed", "label": 1}])
    with pytest.raises(TaskError, match=r"changed since planning.*Submit the sweep again"):
        load_task(ref)


def test_planning_does_not_import_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workers.tasks.load import resolve_task\n"
        "from workers.contract.task_card import FolderSource, RowLimits\n"
        f"resolve_task('mood', FolderSource(path={str(folder)!r}), columns=None, metric=None,\n"
        "  limits=RowLimits(), validation_fraction=None, folder_root=Path('.'))\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'datasets', 'transformers')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "name", ["cb", "cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "trec"]
)
def test_real_tasks_hold_what_their_cards_count(name: str) -> None:
    counted = json.loads((real(name) / "dataset.json").read_text())
    data = load(real(name))
    assert {split.value: len(rows) for split, rows in data.splits.items()} == counted["rows"]
    if counted["label_counts"] is not None:
        found = Counter(map(str, data.splits[Split.TRAIN].labels))
        assert found == counted["label_counts"]["train"]
