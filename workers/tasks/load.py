"""Load a task: at plan time to check and pin it, at run time to train on it.

Where rows come from is left to `folder`, `hub` and `quickstart`. Nothing here imports torch.
"""

import hashlib
import json
from pathlib import Path

from workers.contract.task_card import (
    BuiltinSource,
    Columns,
    FolderSource,
    HubSource,
    Metric,
    RowLimits,
    Split,
    TaskCard,
    TaskRef,
    TaskSource,
    suited_metrics,
)
from workers.errors import TaskError
from workers.tasks.folder import folder_card, folder_rows
from workers.tasks.hub import hub_card, hub_rows, is_directory, pin_source
from workers.tasks.oddities import oddities
from workers.tasks.quickstart.tasks import builtin_card, builtin_rows
from workers.tasks.rows import Rows, TaskData, card_meaning, cut, fingerprint_rows


def resolve_task(
    name: str,
    source: TaskSource,
    *,
    columns: Columns | None,
    metric: Metric | None,
    limits: RowLimits,
    validation_fraction: float | None,
    folder_root: Path,
) -> TaskRef:
    """Pin a task: make its source absolute, complete its card, and fingerprint its rows.

    Local and built-in rows are read and checked here, so that bad data stops a sweep before it
    starts. A Hub data set is fingerprinted by its pinned revision; with a full commit, GLUE needs
    no network.

    Args:
        columns: the names of the row's fields that are not the card's or the usual ones.
        metric: overrides the primary metric.
        folder_root: where relative paths start: the folder of the sweep file.

    Raises:
        TaskError: the task cannot be loaded as it is described.
    """
    try:
        source = _absolute(source, folder_root)
        card = _card(source, columns=columns, metric=metric)
        _check_metrics(card)
        draft = TaskRef(
            name=name,
            source=source,
            card=card,
            limits=limits,
            validation_fraction=validation_fraction,
            fingerprint="",
        )
        if _is_pinned(source):
            return draft.model_copy(update={"fingerprint": _fingerprint_pinned(draft)})
        splits = _cut_rows(draft)
    except (TaskError, OSError) as error:
        raise _explained(name, source, error) from error
    found = {"fingerprint": fingerprint_rows(card, splits), "oddities": oddities(card, splits)}
    return draft.model_copy(update=found)


def load_task(ref: TaskRef) -> TaskData:
    """Read the rows of a planned task.

    Raises:
        TaskError: the rows cannot be read, or they are no longer those that were planned.
    """
    try:
        splits = _cut_rows(ref)
        if not _is_pinned(ref.source):
            found = fingerprint_rows(ref.card, splits)
            if found != ref.fingerprint:
                raise TaskError(
                    f"its data changed since planning: expected fingerprint "
                    f"{ref.fingerprint[:12]}…, found {found[:12]}… in {_origin(ref.source)}. "
                    "Submit the sweep again to plan with the data as they are now"
                )
    except (TaskError, OSError) as error:
        raise _explained(ref.name, ref.source, error) from error
    return TaskData(
        card=ref.card,
        splits=splits,
        fingerprint=ref.fingerprint,
        oddities=oddities(ref.card, splits),
    )


def _explained(name: str, source: TaskSource, error: TaskError | OSError) -> TaskError:
    if isinstance(error, TaskError):
        return TaskError(f"task '{name}': {error}")
    problem = error.strerror or str(error)
    return TaskError(f"task '{name}': {_origin(source)} cannot be read: {problem}")


def _absolute(source: TaskSource, folder_root: Path) -> TaskSource:
    match source:
        case FolderSource():
            try:
                path = (folder_root / Path(source.path).expanduser()).resolve()
                path.is_dir()
            except (OSError, RuntimeError, ValueError) as error:
                raise TaskError(
                    f"{source.path!r} is no path of a folder here: {error}. Correct it"
                ) from error
            return source.model_copy(update={"path": str(path)})
        case HubSource():
            return pin_source(source, folder_root)
        case BuiltinSource():
            return source


def _card(source: TaskSource, *, columns: Columns | None, metric: Metric | None) -> TaskCard:
    match source:
        case FolderSource():
            return folder_card(Path(source.path), columns=columns, metric=metric)
        case HubSource():
            return hub_card(source, columns=columns, metric=metric)
        case BuiltinSource():
            if columns is not None:
                raise TaskError("a built-in task has no columns to name; leave `columns` out")
            card = builtin_card(source.name)
            chosen = metric or card.metric
            metrics = tuple(dict.fromkeys((chosen, *card.metrics)))
            return card.model_copy(update={"metric": chosen, "metrics": metrics})


def _cut_rows(ref: TaskRef) -> dict[Split, Rows]:
    match ref.source:
        case FolderSource(path=path):
            splits = folder_rows(Path(path), ref.card)
        case HubSource() as source:
            splits = hub_rows(source, ref.card)
        case BuiltinSource(name=name):
            splits = builtin_rows(name)
    return cut(splits, limits=ref.limits, validation_fraction=ref.validation_fraction)


def _check_metrics(card: TaskCard) -> None:
    suited = suited_metrics(card.kind, names=card.label_names)
    for metric in card.metrics:
        if metric not in suited:
            classes = f" with {len(card.label_names)} classes" if card.label_names else ""
            raise TaskError(
                f"metric '{metric}' does not suit a {card.kind}{classes}; "
                f"use one of {', '.join(suited)}"
            )


def _is_pinned(source: TaskSource) -> bool:
    """Tell whether a revision already names the rows, so that reading them adds nothing."""
    return isinstance(source, HubSource) and not is_directory(source)


def _fingerprint_pinned(ref: TaskRef) -> str:
    content = {
        "card": card_meaning(ref.card),
        "columns": ref.card.columns.model_dump(exclude={"choices", "answers"}),
        "source": ref.source.model_dump(mode="json"),
        "limits": ref.limits.model_dump(),
        "validation_fraction": ref.validation_fraction,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _origin(source: TaskSource) -> str:
    match source:
        case FolderSource(path=path):
            return path
        case HubSource(dataset=dataset):
            return dataset
        case BuiltinSource():
            return "the documentation of the installed packages"
