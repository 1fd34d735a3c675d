"""Broken cards and files of rows end in a message: no traceback, no endless work."""

import json
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_folders import CARD, Row, resolve, rows, write_task

from workers.contract.task_card import Columns
from workers.errors import TaskError
from workers.tasks import checking, files
from workers.tasks.files import read_records

LONGEST_S = 5.0
"""Far more than any of these takes here, and far less than forever."""
FORMS = ("jsonl", "csv", "parquet")
HAND_MADE: dict[str, bytes] = {
    "empty": b"",
    "blank lines": b"\n\n  \n",
    "a byte-order mark alone": b"\xef\xbb\xbf",
    "UTF-16": '{"sentence1": "x", "label": 1}\n'.encode("utf-16"),
    "UTF-32": '{"sentence1": "x", "label": 1}\n'.encode("utf-32"),
    "Latin-1": '{"sentence1": "é", "label": 1}\n'.encode("latin-1"),
    "NUL bytes": b"\x00" * 500,
    "a NUL in a row": b'{"sentence1": "x\x00", "label": 1}\n',
    "half a character": b'{"sentence1": "\\ud800", "label": 1}\n',
    "half a character in UTF-8": b'{"sentence1": "\xed\xa0\x80", "label": 1}\n',
    "half a character in a name": b'{"\\ud800": "x", "label": 1}\n',
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "deep in a row": b'{"sentence1": ' + b"[" * 900 + b"]" * 900 + b', "label": 1}\n',
    "deep in a label": b'{"sentence1": "x", "label": ' + b"[" * 900 + b"]" * 900 + b"}\n",
    "a number of 5,000 digits": b'{"sentence1": "x", "label": ' + b"9" * 5000 + b"}\n",
    "a number of 4,000 digits": b'{"sentence1": "x", "label": ' + b"9" * 4000 + b"}\n",
    "a label of 5,000 digits": b'{"sentence1": "x", "label": "' + b"9" * 5000 + b'"}\n',
    "not a number": b'{"sentence1": "x", "label": NaN}\n',
    "infinity": b'{"sentence1": "x", "label": -Infinity}\n',
    "1e999": b'{"sentence1": "x", "label": 1e999}\n',
    "a name twice": b'{"sentence1": "x", "label": 0, "label": 1}\n',
    "a list": b"[1]\n",
    "a word": b"null\n",
    "10,000 columns": json.dumps({f"c{i}": i for i in range(10_000)}).encode(),
    "a column's name of 100,000 letters": json.dumps({"x" * 100_000: 1}).encode(),
    "names twice": b"sentence1,label,label\nx,0,1\n",
    "more fields": b"sentence1,label\nx,1,2\n",
    "fewer fields": b"sentence1,label,more\nx,1\n",
    "an open quote": b'sentence1,label\n"x,1\n' + b"y,1\n" * 50_000,
    "a quote within": b'sentence1,label\nx"y"z,1\n"a"b,1\n',
    "one column": b"sentence1\nx\n",
    "no names": b",,\n1,2,3\n",
    "a header alone": b"sentence1,label\n",
    "returns alone": b"sentence1,label\rx,1\ry,7\r",
    "a long field": b"sentence1,label\n" + b"x" * 200_000 + b",1\n",
    "PAR1": b"PAR1",
    "PAR1 twice": b"PAR1PAR1",
    "PAR1 and a length": b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
}


def reading_ends(folder: Path, **named: Any) -> str | None:
    """Resolve a task; return the message of its refusal, or None. Nothing else may be raised."""
    started = time.monotonic()
    try:
        resolve(folder, **named)
    except TaskError as error:
        message = str(error)
        message.encode()  # so that it can be printed
        assert 20 < len(message) < 3000
        return message
    finally:
        assert time.monotonic() - started < LONGEST_S
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good task without its train rows."""
    return write_task(tmp_path_factory.mktemp("broken") / "mood", validation=rows(2))


def with_rows(folder: Path, form: str, content: bytes) -> Path:
    for other in folder.glob("train.*"):
        other.unlink()
    (folder / f"train.{form}").write_bytes(content)
    return folder


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", HAND_MADE)
def test_broken_rows_end_in_a_message(folder: Path, form: str, name: str) -> None:
    message = reading_ends(with_rows(folder, form, HAND_MADE[name]))
    if message is None:  # what is not broken in this format
        assert (form, name) in (("jsonl", "a NUL in a row"), ("csv", "returns alone"))
    else:
        assert f"train.{form}" in message


def parquet(table: Any, path: Path) -> bytes:
    pyarrow.parquet.write_table(table, path)
    return path.read_bytes()


def good_file(form: str, path: Path) -> bytes:
    content = rows(6)
    if form == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in content).encode()
    if form == "csv":
        return b"sentence1,label\n" + b"".join(b'"text %d",%d\n' % (i, i % 2) for i in range(6))
    return parquet(pyarrow.Table.from_pylist(content), path)


@pytest.mark.parametrize("form", FORMS)
def test_damaged_rows_are_read_or_refused(folder: Path, form: str, tmp_path: Path) -> None:
    draw = random.Random(form)
    good = good_file(form, tmp_path / "good")
    refused = 0
    for _ in range(250):
        damaged = bytearray(good)
        for _ in range(draw.choice([1, 1, 2, 8])):
            place = draw.randrange(len(damaged))
            match draw.randrange(4):
                case 0:
                    damaged[place] ^= 1 << draw.randrange(8)
                case 1:
                    del damaged[place : place + draw.randrange(1, 40)]
                case 2:
                    damaged[place:place] = draw.randbytes(draw.randrange(1, 6))
                case 3:
                    damaged[place:place] = damaged[place : place + draw.randrange(1, 40)]
            if not damaged:
                break
        refused += reading_ends(with_rows(folder, form, bytes(damaged))) is not None
    assert refused > 50


QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NUMBERS = st.integers() | st.floats() | st.integers(10**300, 10**310)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
JSON = st.recursive(
    SCALARS | st.sampled_from(["label", "sentence1", "good", "1", "\ud800", "classification"]),
    lambda each: (
        st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4)
    ),
    max_leaves=8,
)


@QUICK
@given(content=st.binary(max_size=300), form=st.sampled_from(FORMS))
def test_any_bytes_are_no_rows(folder: Path, content: bytes, form: str) -> None:
    reading_ends(with_rows(folder, form, content))


@QUICK
@given(values=st.lists(st.tuples(JSON, JSON), min_size=1, max_size=4), kind=st.integers(0, 4))
def test_any_values_as_text_and_label(folder: Path, values: list[Any], kind: int) -> None:
    card = (
        CARD,
        {"name": "x", "task_type": "regression", "metric": "pearson"},
        {"name": "x", "task_type": "multiple_choice", "metric": "accuracy"},
        {"name": "x", "task_type": "span", "metric": "f1"},
        CARD | {"task_type": "token_classification", "metric_secondary": None},
    )[kind]
    names = ("sentence1", ("label", "label", "choices", "answers", "label")[kind])
    content = [dict(zip(names, row, strict=True)) | {"sentence2": "x"} for row in values]
    text = "".join(json.dumps(row) + "\n" for row in content)
    (folder / "dataset.json").write_text(json.dumps(card))
    try:
        reading_ends(with_rows(folder, "jsonl", text.encode()))
        reading_ends(folder, columns=Columns(text_pair=None))
    finally:
        write_task(folder)


CARD_KEYS = [*CARD, "label_range", "label_values", "n_choices", "columns", "colums", "label_name"]


@QUICK
@given(
    changes=st.dictionaries(st.sampled_from(CARD_KEYS), JSON, max_size=3),
    gone=st.sets(st.sampled_from(CARD_KEYS), max_size=2),
    kind=st.sampled_from(
        ["classification", "regression", "span", "multiple_choice", "token_classification"]
    ),
)
def test_any_values_in_a_card(
    folder: Path, changes: dict[str, Any], gone: set[str], kind: str
) -> None:
    card = {k: v for k, v in (CARD | {"task_type": kind} | changes).items() if k not in gone}
    with_rows(folder, "jsonl", b'{"sentence1": "x", "label": 1}\n')
    (folder / "dataset.json").write_text(json.dumps(card))
    try:
        reading_ends(folder)
    finally:
        write_task(folder)


@pytest.mark.parametrize("name", HAND_MADE)
def test_a_broken_card_ends_in_a_message(tmp_path: Path, name: str) -> None:
    folder = write_task(tmp_path / "mood", train=rows(2), validation=rows(2))
    (folder / "dataset.json").write_bytes(HAND_MADE[name])
    assert "dataset.json" in (reading_ends(folder) or "")


MISSPELLED = [
    ({"task_type": "clasification"}, "did you mean 'classification'"),
    ({"task_type": "Regression"}, "did you mean 'regression'"),
    ({"metric": "acuracy"}, "field metric: .*did you mean 'accuracy'"),
    ({"metric_secondary": "f1_macro"}, "field metric_secondary: .*did you mean 'f1-macro'"),
    (
        {"colums": {"text": "q"}},
        r"has a field 'colums' \(did you mean 'columns'\?\)\. Correct the card",
    ),
    ({"label_name": ["a", "b"], "label_names": None}, "'label_name' .did you mean 'label_names'"),
    ({"label_names": None}, r"field label_names: expected two or more .* found \[\]"),
    ({"label_value": "names"}, "did you mean 'label_values'"),
    ({"metric_secondry": "f1", "metric_secondary": None}, "did you mean 'metric_secondary'"),
    ({"label_names": [0, 1]}, r"field label_names\.0: .*string, found 0"),
    ({"label_names": ["a", " "]}, "two or more different names"),
    ({"label_names": ["a", "b\n"]}, r"name in one line of whole characters, found 'b\\n'"),
    ({"label_values": "name"}, "field label_values"),
    ({"name": "x\x00"}, "name in one line"),
]


@pytest.mark.parametrize(("change", "message"), MISSPELLED)
def test_a_slip_in_a_card_is_answered_with_what_is_wrong_in_it(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    card = {k: v for k, v in (CARD | change).items() if v is not None}
    folder = write_task(tmp_path / "mood", card=card, train=rows(4), validation=rows(2))
    with pytest.raises(TaskError, match=message) as refused:
        resolve(folder)
    assert "dataset.json" in str(refused.value)
    assert "Leave this task out" not in str(refused.value)


def test_fields_that_a_card_may_have_besides_are_not_read(tmp_path: Path) -> None:
    more = {"license": "MIT", "rows": {"train": 4}, "label_counts": None, "choices": 3, "seed": 0}
    card = {key: value for key, value in CARD.items() if key != "licence"} | more
    folder = write_task(tmp_path / "mood", card=card, train=rows(4), validation=rows(2))
    assert resolve(folder).card.licence == "MIT"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "mood", validation=rows(2))
    (folder / "train.jsonl").mkdir()
    assert "train.jsonl: expected a file of rows, found a folder" in (reading_ends(folder) or "")
    (folder / "train.jsonl").rmdir()
    os.mkfifo(folder / "train.jsonl")  # reading it would wait forever
    assert "expected a file of rows" in (reading_ends(folder) or "")
    (folder / "train.jsonl").unlink()
    (folder / "train.jsonl").symlink_to(folder / "train.jsonl")
    assert "no train split" in (reading_ends(folder) or "")
    (folder / "dataset.json").unlink()
    (folder / "dataset.json").mkdir()
    assert "has no card" in (reading_ends(folder) or "")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "~nobody-of-that-name/x", ""])
def test_a_path_that_is_none_ends_in_a_message(tmp_path: Path, path: str) -> None:
    from workers.contract.task_card import FolderSource, RowLimits
    from workers.tasks.load import resolve_task

    with pytest.raises(TaskError, match="task 't': "):
        resolve_task(
            "t",
            FolderSource(path=path),
            columns=None,
            metric=None,
            limits=RowLimits(),
            validation_fraction=None,
            folder_root=tmp_path,
        )


ODD_TABLES: dict[str, Callable[[], Any]] = {
    "a column twice": lambda: pyarrow.table(
        [pyarrow.array(["x"]), pyarrow.array([0]), pyarrow.array([1])],
        names=["sentence1", "label", "label"],
    ),
    "bytes": lambda: pyarrow.table({"sentence1": [b"x"], "label": [1]}),
    "a label as bytes": lambda: pyarrow.table({"sentence1": ["x"], "label": [b"1"]}),
    "labels with a gap": lambda: pyarrow.table({"sentence1": ["x", "y"], "label": [1, None]}),
    "labels as floats": lambda: pyarrow.table({"sentence1": ["x"], "label": [1.0]}),
    "no rows": lambda: pyarrow.table(
        {"sentence1": pyarrow.array([], "string"), "label": pyarrow.array([], "int64")}
    ),
    "no columns": lambda: pyarrow.table({}),
    "times": lambda: pyarrow.table(
        {"sentence1": ["x"], "label": pyarrow.array([2**62], pyarrow.timestamp("us"))}
    ),
    "text that is not UTF-8": lambda: pyarrow.table(
        {
            "sentence1": pyarrow.Array.from_buffers(
                pyarrow.string(),
                1,
                [None, pyarrow.py_buffer(b"\0\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"\xff\xfe")],
            ),
            "label": [1],
        }
    ),
}


@pytest.mark.parametrize("name", ODD_TABLES)
def test_odd_parquet_ends_in_a_message(folder: Path, tmp_path: Path, name: str) -> None:
    content = parquet(ODD_TABLES[name](), tmp_path / "odd")
    assert "train.parquet" in (reading_ends(with_rows(folder, "parquet", content)) or "")


def test_a_page_of_parquet_that_is_not_what_was_written_is_refused(folder: Path) -> None:
    """Nothing else would notice one letter that changed, and a trial's identity would follow it."""
    table = pyarrow.table({"sentence1": ["good film", "bad film"], "label": [1, 0]})
    path = folder.parent / "checked"
    pyarrow.parquet.write_table(table, path, write_page_checksum=True, compression="none")
    content = path.read_bytes()
    assert reading_ends(with_rows(folder, "parquet", content)) is None
    place = content.index(b"good film")
    changed = content[:place] + b"food" + content[place + 4 :]
    message = reading_ends(with_rows(folder, "parquet", changed)) or ""
    assert "could not verify page integrity, CRC checksum verification failed" in message


def test_parquet_that_unfolds_without_end_is_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a few bytes may hold a billion equal rows."""
    monkeypatch.setattr(checking, "MOST_ROWS", 1000)
    table = pyarrow.table({"sentence1": ["x"] * 100_000, "label": [1] * 100_000})
    content = parquet(table, tmp_path / "bomb")
    assert len(content) < 5000
    message = reading_ends(with_rows(folder, "parquet", content)) or ""
    assert "row 1001: expected at most 1,000 rows" in message
    monkeypatch.setattr(checking, "MOST_ROWS", 10**9)
    monkeypatch.setattr(checking, "MOST_CHARACTERS", 500)
    assert "row 501: expected at most" in (reading_ends(folder) or "")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_line_without_end_is_not_read_to_its_end(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)
    pipe = tmp_path / f"rows.{form}"
    os.mkfifo(pipe)
    stop = threading.Event()

    def write_without_end() -> None:
        with pipe.open("wb", buffering=0) as stream, suppress(BrokenPipeError):
            while not stop.is_set():
                stream.write(b"x" * 5000)

    writer = threading.Thread(target=write_without_end)
    writer.start()
    try:
        with pytest.raises(TaskError, match="line 1: expected a row, found more than 1,000 char"):
            list(read_records(pipe))
    finally:
        stop.set()
        writer.join(timeout=10)
    assert not writer.is_alive()


def test_a_text_too_long_for_any_tokenizer_is_refused(folder: Path) -> None:
    text = "x" * (checking.LONGEST_TEXT + 1)
    content = json.dumps({"sentence1": text, "label": 1}).encode()
    message = reading_ends(with_rows(folder, "jsonl", content)) or ""
    assert "line 1, column 'sentence1': expected at most 1,000,000 characters" in message


def test_a_row_of_csv_is_named_by_the_line_where_it_starts(folder: Path) -> None:
    content = b'sentence1,label\n"one\ntwo\nthree",1\n\n"four\nfive",7\n'
    assert "train.csv line 6, column 'label': label '7'" in (
        reading_ends(with_rows(folder, "csv", content)) or ""
    )


def test_a_folder_that_may_not_be_looked_into_ends_in_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_task(tmp_path / "mood", train=rows(2), validation=rows(2))

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert f"{folder} cannot be read: Permission denied" in (reading_ends(folder) or "")


LONG_CARDS: dict[str, Row] = {
    "a column's name": {"columns": {"text": "x" * 100_000}},
    "a column that is none": {"columns": {"x" * 100_000: "y"}},
    "half a character as a column": {"columns": {"\ud800": "y"}},
    "a field": {"x" * 100_000: 1},
    "many fields": {f"labe{i}": i for i in range(100_000)},
    "class names": {"label_names": [f"{i}{'x' * 1000}" for i in range(5000)]},
    "many classes": {"label_names": [f"class number {i}" for i in range(100_000)]},
    "the task's name": {"name": "x" * 100_000},
    "the kind": {"task_type": "x" * 100_000},
    "the metric": {"metric": ["x" * 1000] * 100},
}


@pytest.mark.parametrize("name", LONG_CARDS)
def test_a_card_that_is_too_long_makes_no_long_message(tmp_path: Path, name: str) -> None:
    card = CARD | {"metric_secondary": None} | LONG_CARDS[name]
    bad = [{"sentence1": "x", "label": "class number is misspelled"}]
    assert reading_ends(write_task(tmp_path / "mood", card=card, train=bad, validation=bad))


@pytest.mark.parametrize("name", ["train.jsonl", "dataset.json"])
def test_a_file_that_may_not_be_read_ends_in_a_message(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_task(tmp_path / "mood", train=rows(2), validation=rows(2))
    open_file = Path.open

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:  # root may read everything
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return open_file(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    assert f"{name} cannot be read: Permission denied" in (reading_ends(folder) or "")
