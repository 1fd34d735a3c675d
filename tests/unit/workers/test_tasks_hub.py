"""Hub data sets without the Hub: GLUE's built-in cards, local directories, pinned revisions."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import datasets
import huggingface_hub
import pytest

from workers.contract.task_card import (
    Columns,
    HubSource,
    Metric,
    RowLimits,
    Split,
    TaskKind,
    TaskRef,
)
from workers.errors import TaskError
from workers.tasks.hub import GLUE, GLUE_REVISION, GLUE_TASKS, glue_source
from workers.tasks.load import load_task, resolve_task

SPLITS = {Split.TRAIN: "train", Split.VALIDATION: "validation"}


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches out of the home folder, and fail on any attempt to look up a host."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a test tried to reach the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets-cache")


@pytest.fixture
def quiet() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def resolve(source: HubSource, root: Path = Path(), **settings: Any) -> TaskRef:
    defaults: dict[str, Any] = {
        "columns": None,
        "metric": None,
        "limits": RowLimits(),
        "validation_fraction": None,
    }
    return resolve_task("t", source, folder_root=root, **(defaults | settings))


def local(**changes: Any) -> HubSource:
    fields: dict[str, Any] = {"dataset": "./reviews", "revision": "local", "splits": SPLITS}
    return HubSource(**(fields | changes))


def write_parquet(folder: Path, feature: Any, labels: list[Any]) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": feature})
    for split, count in (("train", 8), ("validation", 4)):
        content = {"text": [f"{split} {i}" for i in range(count)], "label": labels[:count]}
        rows = datasets.Dataset.from_dict(content, features=features)
        rows.to_parquet(folder / f"{split}.parquet")


@pytest.mark.parametrize("task", GLUE_TASKS)
def test_planning_pinned_glue_needs_no_network(task: str) -> None:
    ref = resolve(glue_source(task))
    assert ref.source == glue_source(task)
    assert (ref.card.name, ref.card.origin.endswith(GLUE)) == (task, True)
    assert (ref.card.kind is TaskKind.REGRESSION) == (task == "stsb")
    assert len(ref.fingerprint) == 64


def test_glue_is_scored_as_glue_does() -> None:
    primary = {task: resolve(glue_source(task)).card.metric for task in GLUE_TASKS}
    assert primary == {
        "cola": "matthews",
        "sst2": "accuracy",
        "mrpc": "f1",
        "qqp": "f1",
        "stsb": "pearson-spearman",
        "mnli": "accuracy",
        "qnli": "accuracy",
        "rte": "accuracy",
    }
    assert glue_source("mnli").splits[Split.VALIDATION] == "validation_matched"
    assert Split.TEST not in glue_source("rte").splits


def test_a_pinned_fingerprint_follows_all_that_decides_the_rows() -> None:
    source = glue_source("rte")
    swapped = Columns(text="sentence2", text_pair="sentence1")
    splits = {Split.TRAIN: "train", Split.VALIDATION: "train"}
    refs = [
        resolve(source),
        resolve(glue_source("rte", revision="0" * 40)),
        resolve(source.model_copy(update={"splits": splits})),
        resolve(source, limits=RowLimits(train=100)),
        resolve(source, validation_fraction=0.1),
        resolve(source, columns=swapped),
        resolve(source, metric=Metric.MATTHEWS),
        resolve(glue_source("mrpc")),
    ]
    assert len({ref.fingerprint for ref in refs}) == len(refs)
    assert resolve(source).fingerprint == refs[0].fingerprint


def test_columns_of_the_hub_are_named_one_by_one() -> None:
    def columns(task: str, **named: str | None) -> dict[str, str]:
        card = resolve(glue_source(task), columns=Columns.model_validate(named)).card
        return card.columns.read_by(card.kind)

    assert columns("rte", label="gold") == {
        "text": "sentence1",
        "text_pair": "sentence2",
        "label": "gold",
    }
    assert columns("qnli", text_pair=None) == {"text": "question", "label": "label"}
    assert columns("sst2", text="body") == {"text": "body", "label": "label"}
    with pytest.raises(TaskError, match="text and text_pair are both 'hypothesis'"):
        columns("mnli", text="hypothesis")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, ("premise", "hypothesis", "label")),
        ({"label": "gold"}, ("premise", "hypothesis", "gold")),
        ({"text": "premise", "label": "gold"}, ("premise", "hypothesis", "gold")),
        ({"text_pair": "hypothesis"}, ("premise", "hypothesis", "label")),
        ({"text_pair": None}, ("premise", None, "label")),
        ({"text": "note"}, ("note", None, "label")),
        ({"text": "note", "text_pair": "premise"}, ("note", "premise", "label")),
    ],
)
def test_columns_that_are_not_named_are_guessed_from_those_that_are(
    tmp_path: Path, named: dict[str, str | None], expected: tuple[str | None, ...]
) -> None:
    (tmp_path / "reviews").mkdir()
    label = datasets.ClassLabel(names=["1", "2"])
    features = {"premise": datasets.Value("string"), "hypothesis": datasets.Value("string")}
    features |= {"note": datasets.Value("string"), "label": label, "gold": label}
    content = {"premise": ["a"], "hypothesis": ["b"], "note": ["c"], "label": [0], "gold": [1]}
    for split in ("train", "validation"):
        rows = datasets.Dataset.from_dict(content, features=datasets.Features(features))
        rows.to_parquet(tmp_path / "reviews" / f"{split}.parquet")
    ref = resolve(local(), tmp_path, columns=Columns.model_validate(named))
    found = ref.card.columns
    assert (found.text, found.text_pair, found.label) == expected
    # A ClassLabel stores numbers, so names that are other numbers are nothing to be confused by.
    assert load_task(ref).splits[Split.TRAIN].labels == (int(found.label == "gold"),)


def test_an_unknown_glue_task_is_refused() -> None:
    with pytest.raises(TaskError, match="no task 'wnli' here; known are cola, sst2"):
        glue_source("wnli")


def test_a_branch_is_pinned_to_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's cache on disk answers what `main` is, as it does on a cluster without network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(TaskError, match=r"which commit 'main' of nyu-mll/glue is.*full commit"):
        resolve(glue_source("rte", revision="main"))
    cached = tmp_path / "datasets--nyu-mll--glue"
    (cached / "snapshots" / GLUE_REVISION).mkdir(parents=True)
    (cached / "snapshots" / GLUE_REVISION / "README.md").touch()
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(GLUE_REVISION)
    assert resolve(glue_source("rte", revision="main")) == resolve(glue_source("rte"))


@pytest.mark.usefixtures("quiet")
def test_a_local_directory_loads_by_its_class_labels(tmp_path: Path) -> None:
    names = ["angry", "calm", "glad"]
    folder = tmp_path / "reviews"
    folder.mkdir()
    write_parquet(folder, datasets.ClassLabel(names=names), [0, 1, 2, 0, 1, 2, 2, 2])
    ref = resolve(local(), tmp_path, limits=RowLimits(train=6))
    assert ref.card.label_names == tuple(names)
    assert (ref.card.metric, ref.card.columns.text) == (Metric.ACCURACY, "text")
    assert isinstance(ref.source, HubSource)
    assert ref.source.dataset == str(folder)
    data = load_task(ref)
    assert len(data.splits[Split.TRAIN]) == 6
    assert data.splits[Split.VALIDATION].labels == (0, 1, 2, 0)
    assert data.splits[Split.VALIDATION].texts[3] == "validation 3"

    write_parquet(folder, datasets.ClassLabel(names=names), [1, 1, 2, 0, 1, 2, 2, 2])
    with pytest.raises(TaskError, match="changed since planning"):
        load_task(ref)


@pytest.mark.usefixtures("quiet")
def test_floating_point_labels_make_a_regression(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    write_parquet(tmp_path / "reviews", datasets.Value("float32"), [0.5 * i for i in range(8)])
    ref = resolve(local(), tmp_path)
    assert (ref.card.kind, ref.card.metric) == (TaskKind.REGRESSION, Metric.PEARSON_SPEARMAN)
    assert load_task(ref).splits[Split.VALIDATION].labels == (0.0, 0.5, 1.0, 1.5)


@pytest.mark.usefixtures("quiet")
def test_what_a_local_directory_lacks_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    with pytest.raises(TaskError, match="reviews does not exist"):
        resolve(local(), tmp_path)
    folder.mkdir()
    with pytest.raises(TaskError, match=r"cannot load the data set .*reviews"):
        resolve(local(), tmp_path)
    for split in ("train", "validation"):
        row = {"body": "x", "label": 0, "stars": "5"}
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(TaskError, match="none of the columns body, label, stars is a usual name"):
        resolve(local(), tmp_path)
    body = Columns(text="body")
    with pytest.raises(
        TaskError, match=r"column 'label': expected a ClassLabel.*folder with a card"
    ):
        resolve(local(), tmp_path, columns=body)
    with pytest.raises(TaskError, match="no column 'gold'; found body, label, stars"):
        resolve(local(), tmp_path, columns=Columns(text="body", label="gold"))
    splits = {Split.TRAIN: "train", Split.VALIDATION: "dev"}
    write_parquet(folder, datasets.ClassLabel(names=["a", "b"]), [0] * 8)
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").unlink()
    with pytest.raises(TaskError, match="no split 'dev' for validation; found train, validation"):
        resolve(local(splits=splits), tmp_path)
    with pytest.raises(TaskError, match="train has no column 'body'; found text, label"):
        resolve(local(), tmp_path, columns=body)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.jsonl", b"", r"train\.jsonl has no rows"),
        ("train.jsonl", b"null\n", r"train\.jsonl line 1: expected a JSON object, found NoneType"),
        (
            "train.json",
            b" null",
            r"train\.json: expected rows, found JSON that begins with b'null'",
        ),
        ("train.jsonl", b'{"text": "x", "label": 1.5}\n{"text"', "cannot load the data set"),
        ("train.csv", b",".join(b"c%d" % i for i in range(3000)) + b"\n" + b"," * 2999, "1000 col"),
        ("README.md", b"---\nconfigs: [\n---\n", "cannot load the data set .*ParserError"),
        ("train.parquet", b"PAR1", "not a readable Parquet file"),
    ],
)
def test_a_broken_local_directory_ends_in_a_message(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """Some of these end the process where the library reads them."""
    folder = tmp_path / "reviews"
    folder.mkdir()
    (folder / "validation.jsonl").write_text('{"text": "x", "label": 1.5}\n')
    (folder / name).write_bytes(content)
    with pytest.raises(TaskError, match=message):
        resolve(local(), tmp_path)
