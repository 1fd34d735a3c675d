"""Tasks from the Hugging Face Hub: GLUE by name, and other data sets by their features.

GLUE's cards are built in, so planning a pinned GLUE task needs no network. A data set may also be
a local directory (`./`, `/` or `~` first), read by the same library. `datasets` is imported only
where rows or features are needed.
"""

import os.path
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workers.contract.task_card import (
    Columns,
    HubSource,
    LabelValues,
    Metric,
    Split,
    TaskCard,
    TaskKind,
)
from workers.errors import TaskError
from workers.tasks.checking import check_columns, read_rows
from workers.tasks.files import READERS, read_records
from workers.tasks.rows import Rows

GLUE = "nyu-mll/glue"
GLUE_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
"""The commit of `nyu-mll/glue` that is read unless the sweep pins another."""

_MOST_COLUMNS = 1000
"""Of a local directory: the library takes minutes for ten thousand."""
# What it raises for damaged files, and for a README that is no YAML.
_UNREADABLE = (OSError, ValueError, TypeError, LookupError, StopIteration, yaml.YAMLError)

_USUAL_COLUMNS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("sentence", None),
    ("text", None),
)


@dataclass(frozen=True)
class _GlueTask:
    text: str
    text_pair: str | None
    label_names: tuple[str, ...]
    metrics: tuple[Metric, ...]
    validation: str = "validation"


_ENTAILMENT = ("entailment", "not_entailment")
_BOTH = (Metric.F1, Metric.ACCURACY)
_GLUE_TASKS = {
    "cola": _GlueTask("sentence", None, ("unacceptable", "acceptable"), (Metric.MATTHEWS,)),
    "sst2": _GlueTask("sentence", None, ("negative", "positive"), (Metric.ACCURACY,)),
    "mrpc": _GlueTask("sentence1", "sentence2", ("not_equivalent", "equivalent"), _BOTH),
    "qqp": _GlueTask("question1", "question2", ("not_duplicate", "duplicate"), _BOTH),
    "stsb": _GlueTask(
        "sentence1",
        "sentence2",
        (),
        (Metric.PEARSON_SPEARMAN, Metric.PEARSON, Metric.SPEARMAN),
    ),
    "mnli": _GlueTask(
        "premise",
        "hypothesis",
        ("entailment", "neutral", "contradiction"),
        (Metric.ACCURACY,),
        validation="validation_matched",
    ),
    "qnli": _GlueTask("question", "sentence", _ENTAILMENT, (Metric.ACCURACY,)),
    "rte": _GlueTask("sentence1", "sentence2", _ENTAILMENT, (Metric.ACCURACY,)),
}
GLUE_TASKS = tuple(_GLUE_TASKS)


def glue_source(task: str, *, revision: str = GLUE_REVISION) -> HubSource:
    """Return where a GLUE task is. Its test labels are hidden, so there is no test split.

    Raises:
        TaskError: GLUE has no task of that name here.
    """
    if task not in _GLUE_TASKS:
        raise TaskError(f"GLUE has no task '{task}' here; known are {', '.join(GLUE_TASKS)}")
    splits = {Split.TRAIN: "train", Split.VALIDATION: _GLUE_TASKS[task].validation}
    return HubSource(dataset=GLUE, config=task, revision=revision, splits=splits)


def is_directory(source: HubSource) -> bool:
    """Tell whether the data set is a local directory: its name starts with `.`, `/` or `~`."""
    return source.dataset.startswith((".", "/", "~"))


def pin_source(source: HubSource, folder_root: Path) -> HubSource:
    """Return the source with an absolute directory, or with a revision of 40 digits.

    Only a revision that is a branch or a tag makes a request.

    Raises:
        TaskError: the directory does not exist, or the Hub did not say what the revision is.
    """
    if is_directory(source):
        folder = (folder_root / os.path.expanduser(source.dataset)).resolve()  # noqa: PTH111
        if not folder.is_dir():
            raise TaskError(f"data set directory {folder} does not exist; correct the path")
        return source.model_copy(update={"dataset": str(folder)})
    if re.fullmatch(r"[0-9a-f]{40}", source.revision):
        return source
    import huggingface_hub

    try:
        # A snapshot's folder is named by its commit, and a cached one answers without the Hub.
        snapshot = huggingface_hub.snapshot_download(
            source.dataset,
            repo_type="dataset",
            revision=source.revision,
            allow_patterns=["README.md"],
        )
    except (OSError, ValueError) as error:
        raise TaskError(
            f"cannot tell which commit '{source.revision}' of {source.dataset} is: {error}. "
            "Give the full commit (40 hexadecimal digits), which needs no network to plan"
        ) from error
    return source.model_copy(update={"revision": Path(snapshot).name})


def hub_card(source: HubSource, *, columns: Columns | None, metric: Metric | None) -> TaskCard:
    """Return the built-in card of a GLUE task, or one made from the data set's features.

    A ClassLabel becomes a classification, a floating-point label a regression.

    Args:
        columns: each field that is named here comes before the usual one.

    Raises:
        TaskError: the data set cannot be read, or its columns and labels do not make a card.
    """
    if source.dataset == GLUE and source.config in _GLUE_TASKS:
        task = _GLUE_TASKS[source.config]
        kind = TaskKind.CLASSIFICATION if task.label_names else TaskKind.REGRESSION
        return TaskCard(
            name=source.config,
            kind=kind,
            columns=_checked(columns, Columns(text=task.text, text_pair=task.text_pair), kind),
            label_names=task.label_names,
            label_range=None if task.label_names else (0.0, 5.0),
            metric=metric or task.metrics[0],
            metrics=tuple(dict.fromkeys((metric or task.metrics[0], *task.metrics))),
            licence="see the data set's card",
            origin=f"https://huggingface.co/datasets/{GLUE}",
        )
    return _card_from_features(source, columns=columns, metric=metric)


def hub_rows(source: HubSource, card: TaskCard) -> dict[Split, Rows]:
    """Download (once) and read every split of `source.splits`, checked against `card`.

    Raises:
        TaskError: the data set, a split or a column is missing, or a row does not fit the card.
    """
    loaded = _load(source)
    return {split: _split_rows(loaded, source, split, card) for split in source.splits}


def _split_rows(loaded: Any, source: HubSource, split: Split, card: TaskCard) -> Rows:
    table = _table(loaded, source, split)
    wanted = (card.columns.text, card.columns.text_pair, card.columns.label)
    names = [name for name in wanted if name is not None]
    missing = [name for name in names if name not in table.column_names]
    place = f"{source.dataset} {source.config or ''} {source.splits[split]}".replace("  ", " ")
    if missing:
        raise TaskError(
            f"{place} has no column '{missing[0]}'; found {', '.join(table.column_names)}. "
            "Name the right one under `columns` of the task"
        )
    rows = table.select_columns(names).to_list()
    records = ((f"{place} row {number}", row) for number, row in enumerate(rows, start=1))
    return read_rows(records, card, where=place)


def _card_from_features(
    source: HubSource, *, columns: Columns | None, metric: Metric | None
) -> TaskCard:
    import datasets

    place = f"data set {source.dataset}"
    features = _table(_load(source), source, Split.TRAIN).features
    found = _guess_columns(columns or Columns(), list(features), place)
    if found.label not in features:
        raise TaskError(
            f"{place} has no column '{found.label}'; found {', '.join(features)}. "
            "Name the label's column under `columns` of the task"
        )
    label = features[found.label]
    if isinstance(label, datasets.ClassLabel):
        kind, names, usual = TaskKind.CLASSIFICATION, tuple(label.names), Metric.ACCURACY
    elif str(getattr(label, "dtype", "")).startswith("float"):
        kind, names, usual = TaskKind.REGRESSION, (), Metric.PEARSON_SPEARMAN
    else:
        raise TaskError(
            f"{place}, column '{found.label}': expected a ClassLabel, which names the classes, or "
            f"floating-point targets, found {label}. Save the rows in a folder with a card instead"
        )
    check_columns(found, kind)
    return TaskCard(
        name=source.config or Path(source.dataset).name,
        kind=kind,
        columns=found,
        label_names=names,
        label_values=LabelValues.NUMBERS if names else None,  # as a ClassLabel stores them
        metric=metric or usual,
        metrics=tuple(dict.fromkeys((metric or usual, usual))),
        licence="see the data set's card",
        origin=source.dataset,
    )


def _guess_columns(named: Columns, found: list[str], place: str) -> Columns:
    """Complete the named columns by the first usual ones that are there and agree with them."""
    texts = {field: named.named[field] for field in ("text", "text_pair") if field in named.named}
    for text, text_pair in _USUAL_COLUMNS:
        there = text in found and (text_pair is None or text_pair in found)
        agrees = texts.get("text", text) == text and texts.get("text_pair") in (None, text_pair)
        if there and agrees:
            return named.over(Columns(text=text, text_pair=text_pair))
    if "text" in texts:
        return named.over(Columns(text_pair=None))
    raise TaskError(
        f"{place}: none of the columns {', '.join(found)} is a usual name for text. "
        "Name them under `columns` of the task"
    )


def _checked(named: Columns | None, usual: Columns, kind: TaskKind) -> Columns:
    columns = (named or Columns()).over(usual)
    check_columns(columns, kind)
    return columns


def _load(source: HubSource) -> Any:
    import datasets

    revision = None
    if is_directory(source):
        _check_files(Path(source.dataset))
    else:
        revision = source.revision
    try:
        return datasets.load_dataset(source.dataset, source.config, revision=revision)
    except (*_UNREADABLE, datasets.exceptions.DatasetsError) as error:
        raise TaskError(
            f"cannot load the data set {source.dataset} (configuration {source.config}, "
            f"revision {revision}): {type(error).__name__} {error}"[:1500]
            + ". Check the name and the network, or use a local folder"
        ) from error


def _check_files(folder: Path) -> None:
    """Refuse what the library does not survive: JSON that is no row, and thousands of columns."""
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".json" and file.is_file():
            with file.open("rb") as stream:
                start = stream.read(2**16).removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start.startswith((b"{", b"[")):
                raise TaskError(
                    f"{file}: expected rows, found JSON that begins with {start[:20]!r}"
                )
        elif file.suffix in READERS and file.is_file():
            first = next(read_records(file), None)
            if first is None:
                raise TaskError(f"{file} has no rows; expected at least one. Fill it or remove it")
            if len(first[1]) > _MOST_COLUMNS:
                raise TaskError(
                    f"{first[0]}: expected at most {_MOST_COLUMNS} columns, found "
                    f"{len(first[1]):,}. Keep those that are read"
                )


def _table(loaded: Any, source: HubSource, split: Split) -> Any:
    name = source.splits.get(split)
    if name not in loaded:
        raise TaskError(
            f"data set {source.dataset} has no split '{name or split}' for {split}; "
            f"found {', '.join(loaded)}. Name the right one under `splits` of the task"
        )
    return loaded[name]
