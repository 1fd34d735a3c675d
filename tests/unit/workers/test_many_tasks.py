"""Several adapters in one pass answer as each does alone, for all rows and for a row each."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapter_lib.joint.multitask import MultiTask
from tests.unit.orchestrator.toy_adapters import ROWS, save_toy_adapter
from workers.contract.task_card import TaskKind
from workers.errors import TaskError
from workers.objectives import Prediction
from workers.predict import LatencyBudget, ManyTasks, Predictor, many_tasks
from workers.predict.latency_budget import CalibratedShape, Calibration

KINDS = tuple(TaskKind)
TEXTS = ["good film", "a bad, dull plot and its music", "fine", "the cast was lovely"]
SENTENCES = [{"sentence1": text} for text in TEXTS]


@pytest.fixture(scope="module")
def folders(toy_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Adapters of every kind of task, and a second one of classification, none alike."""
    root = tmp_path_factory.mktemp("adapters")
    made = {
        str(kind): save_toy_adapter(root / str(kind), kind, toy_base, spread=0.3) for kind in KINDS
    }
    other = save_toy_adapter(root / "other", TaskKind.CLASSIFICATION, toy_base, spread=0.3)
    return made | {"other": other}


def alike(found: Sequence[Prediction], expected: Sequence[Prediction]) -> None:
    assert [a.label for a in found] == [a.label for a in expected]
    assert [a.labels for a in found] == [a.labels for a in expected]
    assert [a.value for a in found] == pytest.approx([a.value for a in expected], rel=1e-4)


@pytest.mark.parametrize("depth", [0, 2, 3])
def test_every_adapter_answers_as_it_does_alone(folders: dict[str, Path], depth: int) -> None:
    many = ManyTasks.load(folders)
    rows: dict[str, Sequence[Mapping[str, Any]]] = {str(k): ROWS[k][:1] for k in KINDS}
    rows["other"] = ROWS[TaskKind.CLASSIFICATION][:1]
    found = many.predict_rows(rows, places=["row 1"], drop_depth=depth)
    assert list(found) == list(rows)
    for name, folder in folders.items():
        alone = Predictor.load(folder).predict_rows(rows[name], drop_depth=depth)
        alike(found[name], alone)


def test_adapters_that_read_the_same_share_a_pass_and_the_tokenizer(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (str(TaskKind.CLASSIFICATION), "other")
    many = ManyTasks.load({name: folders[name] for name in names})
    passes, encoded = list[int](), list[int]()
    forward, encode = MultiTask.forward, Predictor.encode

    def counted(self: MultiTask, *given: Any, **more: Any) -> Any:
        passes.append(len(self.tasks))
        return forward(self, *given, **more)

    def counted_encode(self: Predictor, rows: Any) -> Any:
        encoded.append(len(rows))
        return encode(self, rows)

    monkeypatch.setattr(MultiTask, "forward", counted)
    monkeypatch.setattr(Predictor, "encode", counted_encode)
    found = many.predict_rows(
        dict.fromkeys(names, SENTENCES), places=[str(i) for i in range(len(TEXTS))]
    )
    assert (passes, encoded) == ([2], [len(TEXTS)])
    monkeypatch.undo()
    for name in names:
        alike(found[name], Predictor.load(folders[name]).predict(TEXTS))
    assert found["other"] != found[names[0]]
    assert many.predict_rows({"other": []}, places=[]) == {"other": []}


def test_rows_that_name_their_adapter_share_passes_and_keep_their_order(
    folders: dict[str, Path],
) -> None:
    many = ManyTasks.load(folders)
    choice, tags = str(TaskKind.MULTIPLE_CHOICE), str(TaskKind.TOKEN_CLASSIFICATION)
    first = str(TaskKind.CLASSIFICATION)
    rows: list[tuple[str | None, Mapping[str, Any]]] = [
        ("other", SENTENCES[0]),
        (None, {}),
        (first, SENTENCES[1]),
        (tags, ROWS[TaskKind.TOKEN_CLASSIFICATION][1]),
        ("other", SENTENCES[2]),
        (choice, ROWS[TaskKind.MULTIPLE_CHOICE][0]),
        (first, SENTENCES[3]),
    ]
    for depth in (0, 2):
        found = many.predict_mixed(rows, places=list(map(str, range(7))), drop_depth=depth)
        assert [answer is None for answer in found] == [name is None for name, _ in rows]
        for (name, row), answer in zip(rows, found, strict=True):
            if name is not None and answer is not None:
                (alone,) = Predictor.load(folders[name]).predict_rows([row], drop_depth=depth)
                alike([answer], [alone])
    assert many.predict_mixed([(None, {})], places=["1"]) == [None]


def test_what_is_wrong_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    many = ManyTasks.load({"other": folders["other"]})
    with pytest.raises(TaskError, match=r"row 2: expected one of the adapters other, found 'x'"):
        many.predict_mixed([("other", SENTENCES[0]), ("x", {})], places=["row 1", "row 2"])
    with pytest.raises(TaskError, match="row 1"):
        many.predict_rows({"other": [{"sentence1": 3}]}, places=["row 1"])
    with pytest.raises(TaskError, match="one base in memory"):
        ManyTasks({"a": Predictor.load(folders["other"]), "b": Predictor.load(folders["other"])})


def test_adapters_of_another_base_are_refused_by_name(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    from tests.conftest import write_toy_base

    base = write_toy_base(tmp_path)
    weights = load_file(base / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name] + torch.ones(())
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    alien = save_toy_adapter(tmp_path / "alien", TaskKind.CLASSIFICATION, base)
    with pytest.raises(TaskError, match=r"alien: expected an adapter over the base of other"):
        ManyTasks.load({"other": folders["other"], "alien": alien})


def test_a_budget_chooses_the_depth_of_a_request(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower passes are said to be, the deeper; answers are those of that depth."""
    names = (str(TaskKind.CLASSIFICATION), "other")
    many = ManyTasks.load({name: folders[name] for name in names})
    shape = CalibratedShape(rows=1, tokens=8, ms=(1e6, 1e6, 1e-3))
    deep = LatencyBudget(1e4, Calibration(shapes=(shape,)))
    rows = dict.fromkeys(names, SENTENCES[:1])
    found = many.predict_rows(rows, places=["1"], budget=deep)
    assert deep.depths == [2]
    alone = Predictor.load(folders["other"])
    alike(found["other"], alone.predict(TEXTS[:1], drop_depth=2))
    shallow = LatencyBudget(1e7, Calibration(shapes=(shape,)))
    alike(alone.predict(TEXTS[:1], budget=shallow), alone.predict(TEXTS[:1]))
    alone.predict(TEXTS, budget=shallow)
    assert shallow.depths == [0, 0]
    assert all(0 < ms < 1e4 for ms in shallow.latencies_ms)


def test_a_request_is_timed_by_the_clock_of_its_budget(folders: dict[str, Path]) -> None:
    """Read when it begins, when its shape is known, and when it is answered: a second apart."""
    ticks = itertools.count()
    shape = CalibratedShape(rows=1, tokens=8, ms=(1.0, 1.0, 1.0))
    budget = LatencyBudget(1e4, Calibration(shapes=(shape,)), clock=lambda: float(next(ticks)))
    many = ManyTasks.load({"other": folders["other"]})
    many.predict_rows({"other": SENTENCES[:1]}, places=["1"], budget=budget)
    many.predictors["other"].predict(TEXTS[:1], budget=budget)
    assert budget.latencies_ms == [2000.0, 2000.0]


def test_adapters_can_be_calibrated_alone_and_together(folders: dict[str, Path]) -> None:
    names = (str(TaskKind.CLASSIFICATION), "other")
    many = ManyTasks.load({name: folders[name] for name in names})
    alone = Predictor.load(folders["other"])
    found = alone.calibrate([(1, 8), (2, 8)])
    assert [len(shape.ms) for shape in found.shapes] == [3, 3]
    assert [(s.rows, s.tokens) for s in alone.calibrate().shapes] == [(1, 8), (1, 16)]
    together = many.calibrate([(1, 16)])
    assert together.depths == 3
    assert many.calibration_key != alone.calibration_key
    assert alone.calibration_key == Predictor.load(folders["other"]).calibration_key
    choices = Predictor.load(folders[str(TaskKind.MULTIPLE_CHOICE)])
    assert choices.calibrate([(3, 8)]).shapes[0].rows == 3


def test_whether_an_adapter_was_trained_for_dropping_is_known(folders: dict[str, Path]) -> None:
    assert not Predictor.load(folders["other"]).dropped_in_training
    assert not ManyTasks.load({"other": folders["other"]}).dropped_in_training
    assert many_tasks.CPU.type == "cpu"
