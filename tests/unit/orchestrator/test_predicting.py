"""`predict` gives one answer for each line and each row, in order, for every kind of task."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from orchestrator import command_line
from orchestrator.commands import predicting
from tests.unit.orchestrator.toy_adapters import ROWS, save_toy_adapter
from workers.contract.task_card import TaskKind
from workers.predict import Predictor


@pytest.fixture
def adapter(toy_base: Path, tmp_path: Path) -> Callable[[TaskKind], Path]:
    """Save an adapter of any kind of task, as a trial leaves it."""
    return lambda kind: save_toy_adapter(tmp_path / f"adapter-{kind}", kind, toy_base)


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def predict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Run `predict`; return exit code, output and errors. `stdin` is what comes in, in bytes."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["adaptersweep", "predict", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


LINES = (
    "good film",
    "",
    "bad\u2028plot",
    "fine\x0cstory",
    "a\x85b",
    "x\x1cy",
    "the\rend",
    "  ",
    "🎬 :film:",
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", [TaskKind.CLASSIFICATION, TaskKind.TOKEN_CLASSIFICATION])
def test_every_line_has_its_answer(
    kind: TaskKind, end: str, predict: Command, adapter: Callable[[TaskKind], Path]
) -> None:
    folder = adapter(kind)
    text = "".join(line + end for line in LINES)
    code, out, _ = predict(folder, stdin=text.encode())
    assert code == 0
    answers = out.removesuffix("\n").split("\n")
    assert len(answers) == len(LINES)
    for line, answer in zip(LINES, answers, strict=True):
        if kind is TaskKind.CLASSIFICATION or line.strip():
            assert answer == str(Predictor.load(folder).predict([line])[0])
    assert predict(folder, stdin=text.removesuffix(end).encode())[1] == out
    as_json = json.loads(predict(folder, "--json", stdin=text.encode())[1])
    assert len(as_json) == len(LINES)


def test_lines_are_more_than_one_batch(
    predict: Command, adapter: Callable[[TaskKind], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lines = adapter(TaskKind.CLASSIFICATION), b"good\nbad plot\n\nfine\ndull end\n"
    whole = predict(folder, stdin=lines)[1]
    monkeypatch.setattr(predicting, "ROWS_AT_ONCE", 2)
    assert predict(folder, stdin=lines)[1] == whole
    assert whole.count("\n") == 5


def test_no_lines_are_no_answers(predict: Command, adapter: Callable[[TaskKind], Path]) -> None:
    folder = adapter(TaskKind.CLASSIFICATION)
    code, out, err = predict(folder, stdin=b"")
    assert (code, out) == (0, "")
    assert "nothing to predict" in err
    assert json.loads(predict(folder, "--json", stdin=b"")[1]) == []


def test_lines_that_are_no_utf_8_are_named(
    predict: Command, adapter: Callable[[TaskKind], Path]
) -> None:
    code, _, err = predict(adapter(TaskKind.CLASSIFICATION), stdin="café\n".encode("latin-1"))
    assert code == 2
    assert "standard input is not UTF-8" in err


def test_a_pair_without_a_tab_is_named_with_its_line(
    predict: Command, adapter: Callable[[TaskKind], Path]
) -> None:
    folder = adapter(TaskKind.REGRESSION)
    code, _, err = predict(folder, stdin=b"good film\tbad film\n\n")
    assert code == 2
    assert "standard input, line 2: expected two sentences with one tab" in err
    assert predict(folder, stdin=b"good film\tbad film\n\t\n")[1].count("\n") == 2


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return rows
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(
                {k: as_cell(v, k) if isinstance(v, list) else v for k, v in row.items()}
                for row in rows
            )
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_cell(value: list[str], column: str) -> str:
    return " ".join(value) if column == "words" else json.dumps(value)


def plain(value: Any) -> Any:
    """Return a value as CSV, JSON and Parquet have in common."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        value = dict(value)
    return value


@pytest.mark.parametrize("written", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("given", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", list(TaskKind))
def test_every_row_keeps_its_columns_and_has_its_answer(
    kind: TaskKind,
    given: str,
    written: str,
    predict: Command,
    adapter: Callable[[TaskKind], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predicting, "ROWS_AT_ONCE", 2)
    folder, rows = adapter(kind), ROWS[kind]
    source = write(tmp_path / f"rows{given}", rows)
    target = tmp_path / f"answers{written}"
    code, out, err = predict(folder, "--input", source, "--output", target)
    assert (code, err) == (0, "")
    assert f"{len(rows)} rows with their answers are in" in out
    expected = Predictor.load(folder).predict_rows(rows)
    found = read(target)
    assert len(found) == len(rows)
    for row, answer, read_back in zip(read(source), expected, found, strict=True):
        wanted = {"prediction", "probability", "prediction_index", "probabilities"}
        if kind is TaskKind.REGRESSION:
            wanted = {"prediction"}
            assert float(read_back["prediction"]) == pytest.approx(answer.value, abs=1e-6)
        elif kind is TaskKind.TOKEN_CLASSIFICATION:
            wanted = {"prediction", "probability"}
            labels = read_back["prediction"]
            if isinstance(labels, str):
                labels = json.loads(labels) if labels.startswith("[") else labels.split(" ")
            assert tuple(labels) == answer.labels
            assert len(labels) == len(rows[found.index(read_back)]["words"])
        else:
            assert read_back["prediction"] == answer.label
            assert float(read_back["probability"]) == pytest.approx(answer.value, abs=1e-6)
            if kind is TaskKind.SPAN:
                wanted = {"prediction", "probability"}
            else:
                chances = plain(read_back["probabilities"])
                chances = json.loads(chances) if isinstance(chances, str) else chances
                assert chances == pytest.approx(answer.probabilities, abs=1e-6)
                best = list(chances)[int(read_back["prediction_index"])]
                assert best == answer.label
        assert set(read_back) == set(row) | wanted
        for name, value in row.items():
            kept = read_back[name]
            if isinstance(kept, str) and not isinstance(value, str):
                kept = json.loads(kept)
            assert kept == value or str(value) == kept


def test_an_output_is_replaced_only_if_asked(
    predict: Command, adapter: Callable[[TaskKind], Path], tmp_path: Path
) -> None:
    folder = adapter(TaskKind.CLASSIFICATION)
    source = write(tmp_path / "rows.jsonl", ROWS[TaskKind.CLASSIFICATION])
    target = tmp_path / "answers.jsonl"
    target.write_text("mine")
    code, _, err = predict(folder, "-i", source, "-o", target)
    assert code == 2
    assert "is there already" in err
    assert target.read_text() == "mine"
    assert predict(folder, "-i", source, "-o", target, "--overwrite")[0] == 0
    assert len(read(target)) == 3
    assert predict(folder, "-i", target, "-o", target, "--overwrite")[0] == 2
    assert len(read(target)) == 3


def test_a_bad_row_leaves_no_output_behind(
    predict: Command,
    adapter: Callable[[TaskKind], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predicting, "ROWS_AT_ONCE", 1)
    rows = [*ROWS[TaskKind.CLASSIFICATION], {"id": 4, "sentence1": 5, "label": 0}]
    source = write(tmp_path / "rows.jsonl", rows)
    before = set(tmp_path.iterdir())
    folder = adapter(TaskKind.CLASSIFICATION)
    code, _, err = predict(folder, "-i", source, "-o", tmp_path / "answers.csv")
    assert code == 2
    assert "rows.jsonl line 4: expected text in column 'sentence1'" in err
    assert set(tmp_path.iterdir()) == {*before, folder}


def test_columns_of_other_names_are_named(
    predict: Command, adapter: Callable[[TaskKind], Path], tmp_path: Path
) -> None:
    folder = adapter(TaskKind.MULTIPLE_CHOICE)
    rows = [{"q": r["question"], "c": r["choices"]} for r in ROWS[TaskKind.MULTIPLE_CHOICE]]
    source = write(tmp_path / "rows.jsonl", rows)
    code, _, err = predict(folder, "-i", source)
    assert code == 2
    assert "has no column 'question', found q, c; name the right one by --text-column" in err
    names = ("--text-column", "q", "--choices-column", "c")
    code, out, _ = predict(folder, "-i", source, *names)
    assert code == 0
    assert out.count("\n") == 2


def test_an_input_without_rows_makes_an_output_without_rows(
    predict: Command, adapter: Callable[[TaskKind], Path], tmp_path: Path
) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("")
    for suffix in (".csv", ".jsonl", ".parquet"):
        target = tmp_path / f"answers{suffix}"
        assert predict(adapter_folder(adapter, tmp_path), "-i", source, "-o", target)[0] == 0
        assert target.exists()


def adapter_folder(adapter: Callable[[TaskKind], Path], folder: Path) -> Path:
    made = folder / f"adapter-{TaskKind.CLASSIFICATION}"
    return made if made.exists() else adapter(TaskKind.CLASSIFICATION)


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        (TaskKind.MULTIPLE_CHOICE, ("a text",), "takes 3 choices for each text"),
        (TaskKind.MULTIPLE_CHOICE, (), "give rows with the columns question and choices"),
        (TaskKind.REGRESSION, ("a text",), "takes two sentences, found one; give a second text"),
        (TaskKind.CLASSIFICATION, ("a", "b"), "takes one sentence, found two"),
        (TaskKind.CLASSIFICATION, ("a", "-i", "rows.csv"), "expected a text or --input, found"),
        (TaskKind.CLASSIFICATION, ("-i", "none.csv"), "found no file none.csv"),
        (TaskKind.CLASSIFICATION, ("-i", "."), "expected a file of rows, found no file ."),
        (TaskKind.CLASSIFICATION, ("a", "-o", "x.csv"), "--output belongs to --input"),
        (TaskKind.CLASSIFICATION, ("-i", "rows.csv", "-o", "x.txt"), "ends in .csv, .jsonl, .par"),
        (TaskKind.CLASSIFICATION, ("-i", "rows.csv", "-o", "no/x.csv"), "a folder that is there"),
        (TaskKind.CLASSIFICATION, ("-i", "rows.txt"), "expected a file of rows, one of"),
        (TaskKind.CLASSIFICATION, ("-i", "taken.jsonl", "-o", "x.csv"), "'prediction' is there"),
        (TaskKind.CLASSIFICATION, ("-i", "more.jsonl", "-o", "x.csv"), "column 'b', which the fir"),
        (TaskKind.MULTIPLE_CHOICE, ("-i", "choices.csv"), "line 2: expected the choices as a list"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(
    kind: TaskKind,
    arguments: tuple[str, ...],
    said: str,
    predict: Command,
    adapter: Callable[[TaskKind], Path],
    tmp_path: Path,
) -> None:
    write(tmp_path / "rows.csv", ROWS[TaskKind.CLASSIFICATION])
    (tmp_path / "rows.txt").write_text("a\n")
    write(tmp_path / "taken.jsonl", [{"sentence1": "a", "prediction": 1}])
    write(tmp_path / "more.jsonl", [{"sentence1": "a"}, {"sentence1": "a", "b": 1}])
    write(tmp_path / "choices.csv", [{"question": "a", "choices": "good or bad"}])
    code, _, err = predict(adapter(kind), *arguments)
    assert code == 2
    assert said in err
    assert not (tmp_path / "x.csv").exists()


def test_types_of_a_parquet_file_are_kept(
    predict: Command, adapter: Callable[[TaskKind], Path], tmp_path: Path
) -> None:
    table = pyarrow.table(
        {
            "sentence1": ["good film", "bad film"],
            "day": pyarrow.array([1, None], pyarrow.date32()),
            "n": pyarrow.array([1, 2], pyarrow.int8()),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    target = tmp_path / "answers.parquet"
    assert (
        predict(adapter(TaskKind.CLASSIFICATION), "-i", tmp_path / "rows.parquet", "-o", target)[0]
        == 0
    )
    found = pyarrow.parquet.read_table(target)
    assert found.select(table.column_names).equals(table)
