"""Tasks and base models in local folders travel to the nodes through object storage.

A driver sends what a node does not have otherwise, under the hash that each trial names it by, once
for all sweeps; a node fetches it once. What is read of it is compared with that hash, as always.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from adapter_lib.storage.atomic_write import replacing_folder
from workers.bases.base_models import file_sha256, model_files
from workers.contract.paths import Workspace, user_cache
from workers.contract.storage.object_storage import ObjectStorage, at_once
from workers.contract.task_card import FolderSource, TaskRef
from workers.contract.trial import BaseModelRef, Trial
from workers.errors import DamagedObjectError, StorageError
from workers.tasks.folder import task_files

log = logging.getLogger(__name__)

_LISTING = "listing.json"
_FOLDER = "folder:"


def send_sources(trials: Iterable[Trial], workspace: Workspace) -> None:
    """Put the local folders that trials need into object storage, where they are not there yet.

    Raises:
        StorageError: the storage does not take them.
        TaskError, BaseModelSourceError: a folder is not as it was planned.
    """
    if workspace.storage is None:
        return
    needed: dict[str, partial[list[Path]]] = {}
    for trial in trials:
        if isinstance(trial.task.source, FolderSource):
            needed[_task_name(trial.task)] = partial(task_files, Path(trial.task.source.path))
        if trial.base.source.startswith(_FOLDER):
            needed[_base_name(trial.base)] = partial(model_files, _base_folder(trial.base))
    for name, files in needed.items():
        _send(workspace.storage.below(f"sent/{name}"), files())


def _send(storage: ObjectStorage, files: Sequence[Path]) -> None:
    if storage.exists(_LISTING):
        return
    listing = {path.name: file_sha256(path) for path in files}
    at_once(lambda path: storage.send(path.name, path, listing[path.name]), files)
    storage.write(_LISTING, json.dumps(listing).encode())  # last: with it, all is there


def with_sources_here(trial: Trial, workspace: Workspace) -> Trial:
    """Return a trial whose local folders are on this node, fetched where they were not.

    Raises:
        StorageError: a folder was not sent, or the storage does not answer.
    """
    storage, changed = workspace.storage, dict[str, Any]()
    if storage is None:
        return trial
    source = trial.task.source
    if isinstance(source, FolderSource) and not Path(source.path).is_dir():
        here = source.model_copy(update={"path": str(_fetched(storage, _task_name(trial.task)))})
        changed["task"] = trial.task.model_copy(update={"source": here})
    if trial.base.source.startswith(_FOLDER) and not _base_folder(trial.base).is_dir():
        here_too = f"{_FOLDER}{_fetched(storage, _base_name(trial.base))}"
        changed["base"] = trial.base.model_copy(update={"source": here_too})
    return trial.model_copy(update=changed) if changed else trial


def _fetched(storage: ObjectStorage, name: str) -> Path:
    """Return this node's copy of what was sent, which is fetched first if there is none."""
    folder = user_cache() / "sent" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return folder
        sent = storage.below(f"sent/{name}")
        try:
            listing = json.loads(sent.read(_LISTING))
        except FileNotFoundError as error:
            raise StorageError(
                f"expected the files of {sent.url}, found none: the folder that the sweep names is "
                "not on this node, and was removed from the storage; submit again to send it"
            ) from error
        log.info("fetching %s", sent.url)
        with replacing_folder(folder) as draft:
            at_once(partial(_fetch_file, sent, draft, listing), listing)
    return folder


def _fetch_file(sent: ObjectStorage, into: Path, listing: dict[str, str], name: str) -> None:
    if PurePosixPath(name).name != name:
        raise StorageError(
            f"{sent.url} names a file {name!r}, which leads elsewhere; it is refused"
        )
    sent.fetch(name, into / name)
    if file_sha256(into / name) != listing[name]:
        raise DamagedObjectError(f"{sent.url}/{name} is damaged; remove {sent.url}, submit again")


def _task_name(task: TaskRef) -> str:
    return f"task-{task.fingerprint.rpartition(':')[2]}"


def _base_name(base: BaseModelRef) -> str:
    return f"base-{base.identity.rpartition(':')[2]}"


def _base_folder(base: BaseModelRef) -> Path:
    return Path(base.source.removeprefix(_FOLDER))
