"""`predict` with several adapters, with one for each row, and within a latency budget."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Sweeps
from orchestrator.commands import predicting_many
from orchestrator.commands.predicting_many import split_arguments
from orchestrator.errors import OrchestratorError, RegistryError
from tests.unit.orchestrator.test_predicting import Command, predict, read
from tests.unit.orchestrator.toy_adapters import save_toy_adapter
from workers.contract.task_card import TaskKind
from workers.predict import Predictor
from workers.predict.latency_budget import LatencyBudget

__all__ = ["predict"]  # a fixture

TEXTS = ["good film", "bad plot", "a lovely cast"]
LINES = "".join(f"{text}\n" for text in TEXTS).encode()


@pytest.fixture
def adapters(toy_base: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Save adapters by name and kind of task; return their folders."""

    def make(**kinds: TaskKind) -> list[str]:
        return [
            str(save_toy_adapter(tmp_path / "adapters" / name, kind, toy_base, spread=0.3))
            for name, kind in kinds.items()
        ]

    return make


def alone(folder: str, texts: list[str]) -> list[str]:
    return [str(answer) for answer in Predictor.load(Path(folder)).predict(texts)]


def test_every_line_is_answered_by_all(
    predict: Command, adapters: Callable[..., list[str]]
) -> None:
    one, two = adapters(one=TaskKind.CLASSIFICATION, two=TaskKind.CLASSIFICATION)
    code, out, _ = predict(one, two, stdin=LINES)
    expected = [
        f"one: {a}\ttwo: {b}" for a, b in zip(alone(one, TEXTS), alone(two, TEXTS), strict=True)
    ]
    assert (code, out.splitlines()) == (0, expected)
    assert predict(one, two, TEXTS[1])[1].splitlines() == expected[1:2]
    as_json = json.loads(predict(one, two, "--json", stdin=LINES)[1])
    assert [list(row) for row in as_json] == [["one", "two"]] * 3
    assert as_json[0]["two"]["label"] == Predictor.load(Path(two)).predict(TEXTS)[0].label
    deep = json.loads(predict(one, two, "--json", "--drop-depth", 3, stdin=LINES)[1])
    assert deep != as_json


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_has_columns_of_each_adapter(
    ending: str, predict: Command, adapters: Callable[..., list[str]], tmp_path: Path
) -> None:
    folders = adapters(cls=TaskKind.CLASSIFICATION, tags=TaskKind.TOKEN_CLASSIFICATION)
    rows, target = tmp_path / "rows.jsonl", tmp_path / f"answers.{ending}"
    content = [{"sentence1": text, "words": text.split(), "n": i} for i, text in enumerate(TEXTS)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in content))
    code, out, err = predict(*folders, "--input", rows, "--output", target)
    assert code == 0, err
    assert "3 rows with their answers" in out
    found = read(target)
    expected = Predictor.load(Path(folders[0])).predict(TEXTS)
    assert [row["cls.prediction"] for row in found] == [answer.label for answer in expected]
    words = [p if isinstance(p, list) else None for p in (r["tags.prediction"] for r in found)]
    if ending != "csv":
        assert [len(w or ()) for w in words] == [2, 2, 3]
    assert {"n", "cls.probability", "cls.probabilities", "tags.probability"} <= set(found[0])
    taken = tmp_path / "taken.jsonl"
    taken.write_text(json.dumps(content[0] | {"cls.prediction": 1}) + "\n")
    code, _, err = predict(*folders, "--input", taken, "--output", target, "--overwrite")
    assert code == 2
    assert "the column 'cls.prediction' is there already" in err


def test_rows_name_their_adapter_or_none(
    predict: Command, adapters: Callable[..., list[str]], tmp_path: Path, monkeypatch: Any
) -> None:
    one, two = adapters(one=TaskKind.CLASSIFICATION, two=TaskKind.REGRESSION)
    monkeypatch.setattr(predicting_many, "ROWS_AT_ONCE", 2)
    content = [
        {"sentence1": "good film", "sentence2": "x", "by": "one"},
        {"sentence1": "bad plot", "sentence2": "fine story", "by": two},
        {"sentence1": "", "sentence2": "", "by": ""},
        {"sentence1": "bad plot", "sentence2": "", "by": one},
        {"sentence1": "bad plot", "sentence2": "", "by": None},
    ]
    rows, target = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in content))
    code, out, err = predict(one, "--input", rows, "--adapter-column", "by")
    first = alone(one, ["good film", "bad plot"])
    regression = Predictor.load(Path(two)).predict(["bad plot"], ["fine story"])
    assert code == 0, err
    assert out.splitlines() == [first[0], str(regression[0]), "", first[1], ""]
    as_json = json.loads(predict("--input", rows, "--adapter-column", "by", "--json", one)[1])
    assert [answer is None for answer in as_json] == [False, False, True, False, True]
    assert predict(one, "-i", rows, "--adapter-column", "by", "-o", target)[0] == 0
    found = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["prediction"] is None for row in found] == [False, False, True, False, True]
    assert found[1]["prediction"] == pytest.approx(regression[0].value, abs=1e-6)
    assert found[1]["prediction_index"] is None
    as_csv = tmp_path / "answers.csv"
    assert predict(one, "-i", rows, "--adapter-column", "by", "-o", as_csv)[0] == 0
    assert [row["prediction"] for row in read(as_csv)][2] == ""


def test_rows_may_name_no_adapter_at_all(predict: Command, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"sentence1": "a", "by": null}\n')
    assert predict("--input", rows, "--adapter-column", "by")[:2] == (0, "\n")


def test_what_contradicts_itself_is_refused(
    predict: Command, adapters: Callable[..., list[str]], tmp_path: Path
) -> None:
    one, pairs = adapters(one=TaskKind.CLASSIFICATION, pairs=TaskKind.REGRESSION)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"sentence1": "a", "by": "nobody"}\n')
    for arguments, problem in (
        ((), "expected an adapter's folder or TASK@ALIAS, found none"),
        ((one, pairs, "a"), "found one, which takes one text, and pairs, which takes two texts"),
        ((one, one, "a"), "expected adapters of different names, found one twice"),
        ((one, "a", "b", "c"), "expected adapters, then one text or two, found 3 texts"),
        ((one, "--adapter-column", "by"), "--adapter-column belongs to --input"),
        ((one, "a", "-i", rows, "--adapter-column", "by"), "found a text too"),
        ((one, "-i", rows, "--adapter-column", "of"), "has no column 'of', found sentence1, by"),
        ((one, "-i", rows, "--adapter-column", "by"), "expected a folder with an adapter, or TASK"),
        (
            (one, "-i", rows, "--adapter-column", "by", "-o", tmp_path / "a.parquet"),
            "expected a CSV or JSONL file with --adapter-column",
        ),
        ((one, "--most-dropped", "1", "a"), "--most-dropped belongs to --latency-budget-ms"),
        ((one, "--calibration", "c", "a"), "--calibration belongs to --latency-budget-ms"),
        (
            (one, "--latency-budget-ms", "9", "--drop-depth", "1", "a"),
            "the budget chooses the depth; drop one",
        ),
        ((one, "--latency-budget-ms", "0", "a"), "a latency budget of more than 0 ms, found 0.0"),
        ((one, "--latency-budget-ms", "9", "--most-dropped", "3", "a"), "expected 0…2 as the most"),
    ):
        code, _, err = predict(*arguments)
        assert code == 2, arguments
        assert problem in err, arguments


def test_adapters_come_before_texts(adapters: Callable[..., list[str]]) -> None:
    (one,) = adapters(one=TaskKind.CLASSIFICATION)
    named = ["rte@champion", "glue/mrpc@3", one]
    assert split_arguments([*named, "a", "b"], named_in_rows=False) == (named, ("a", "b"))
    mail = "me@example.com"
    assert split_arguments(["rte@champion", mail], named_in_rows=False)[1] == (mail, None)
    assert split_arguments(["nowhere"], named_in_rows=False) == (["nowhere"], (None, None))
    assert split_arguments([], named_in_rows=True) == ([], (None, None))
    with pytest.raises(OrchestratorError, match="3 texts after rte@champion"):
        split_arguments(["rte@champion", "a", "b", "c"], named_in_rows=False)


def test_a_text_that_looks_like_an_adapter_is_explained(
    adapters: Callable[..., list[str]], predict: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = adapters(one=TaskKind.CLASSIFICATION)

    def unknown(*_: object, **__: object) -> Path:
        raise RegistryError("no adapter of me is registered")

    monkeypatch.setattr(
        predicting_many, "adapter_folder", lambda a, *_, **__: Path(a) if a == one else unknown()
    )
    code, _, err = predict(one, "me@localhost")
    assert code == 2
    assert "a text that looks like TASK@ALIAS is read from standard input" in err


def test_a_budget_is_kept_and_reported(
    predict: Command, adapters: Callable[..., list[str]], tmp_path: Path
) -> None:
    one, two = adapters(one=TaskKind.CLASSIFICATION, two=TaskKind.CLASSIFICATION)
    kept = tmp_path / "calibration.json"
    lines = LINES * 20
    code, out, err = predict(
        one, "--latency-budget-ms", "10000", "--calibration", kept, stdin=lines
    )
    assert (code, out.splitlines()) == (0, alone(one, TEXTS) * 20)
    assert "60 requests within 10000 ms: p95" in err
    assert "layers dropped: 0 in 60" in err
    assert "calibrated 3 depths" in err
    assert "not every adapter was trained with layers dropped" in err
    again = predict(one, "--latency-budget-ms", "10000", "--calibration", kept, stdin=lines)
    assert "calibrated" not in again[2]
    code, out, err = predict(
        one, two, "--latency-budget-ms", "10000", "--calibration", kept, stdin=lines
    )
    assert code == 0
    assert "calibrated 3 depths" in err  # of both together
    assert len(json.loads(kept.read_text())["calibrations"]) == 2


def test_a_budget_that_cannot_be_held_is_said_at_once_and_at_the_end(
    predict: Command, adapters: Callable[..., list[str]], tmp_path: Path
) -> None:
    folders = adapters(one=TaskKind.CLASSIFICATION, two=TaskKind.CLASSIFICATION)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"sentence1": text}) + "\n" for text in TEXTS))
    target = tmp_path / "answers.jsonl"
    for served in (folders[:1], folders):
        code, _, err = predict(
            *served, "-i", rows, "-o", target, "--overwrite", "--latency-budget-ms", "0.001"
        )
        assert code == 1
        assert "the budget of 0.001 ms cannot be held" in err
        assert "The budget was not held: expected p95 at most 0.001 ms" in err
        assert "for 3 requests even 2 dropped layers of 3 are too few" in err
        assert len(target.read_text().splitlines()) == len(TEXTS)
    err = predict(*folders, "--latency-budget-ms", "0.001", "--most-dropped", "1", "a")[2]
    assert "layers dropped: 1 in 1" in err


def test_several_adapters_from_python(adapters: Callable[..., list[str]], tmp_path: Path) -> None:
    folders = adapters(one=TaskKind.CLASSIFICATION, two=TaskKind.CLASSIFICATION)
    with Sweeps(tmp_path / "w") as sweeps:
        many = sweeps.many_tasks(*folders)
    assert list(many.predictors) == ["one", "two"]
    budget = LatencyBudget(1e4, many.calibrate([(1, 8)]))
    rows = {name: [{"sentence1": TEXTS[0]}] for name in many.predictors}
    assert list(many.predict_rows(rows, places=["1"], budget=budget)) == ["one", "two"]
    assert budget.report().requests == 1
