"""The files of one trial where they are for good: in its folder, or as objects.

In object storage nothing can be appended to or renamed, and whoever was taken over may wake up at
any moment and write on. So nothing that counts has a name that two attempts share: an adapter's
files are named by their content, checkpoints and parts of logs by whoever writes them, and
`result.json` is written only where there is none. What names `result.json` gives decides.

What the files say is left to `workers.contract.results` and the trainer, which read and write a
local folder: with object storage a disposable one, see `workers.contract.storage.scratch`.
"""

import contextlib
import hashlib
import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapter_lib.storage.atomic_write import creating, replacing, write_atomically
from workers.contract.storage.log_parts import FileReader, LogReader, PartsReader, ship, ship_now
from workers.contract.storage.object_storage import ObjectStorage, at_once
from workers.errors import DamagedObjectError, StorageError

log = logging.getLogger(__name__)

ADAPTER, CHECKPOINT, FAILURE, RESULT, LOG = (
    "adapter",
    "checkpoint.pt",
    "failure.json",
    "result.json",
    "worker.log",
)
PRUNED = "pruned"
"""The file that says that adapter and checkpoint of a finished trial were let go."""
_CHECKPOINTS, _LOGS, _BY_CONTENT = "checkpoints", "logs", "kept"
MODEL = (ADAPTER, CHECKPOINT, _CHECKPOINTS)
"""What `prune` lets go, by the first part of its name."""
_WHY_GONE = b"adapter and checkpoint were pruned\n"
CHECKPOINT_PATIENCE_S = 15.0
"""For how long a checkpoint is tried to be kept; without it the trial goes on all the same."""


class TrialFiles(Protocol):
    """What can be done with a trial's files; names are relative to its folder."""

    def read(self, name: str) -> bytes:
        """Return a small file's content.

        Raises:
            FileNotFoundError: there is none.
            DamagedObjectError: it is not what was written.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, whole, whichever there was."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file unless there is one; return whether this content is there now."""

    def exists(self, name: str) -> bool: ...

    def delete(self, name: str) -> None:
        """Remove a file if it is there."""

    def clear(self) -> None:
        """Remove what a result is made of, the result first, so that the trial can run anew."""

    def remove(self) -> None:
        """Remove all of the trial."""

    def prune(self) -> None:
        """Remove adapter and checkpoints, after noting that they were let go on purpose."""

    def tidy(self, kept: Iterable[str]) -> None:
        """Remove what a trial that is done leaves, all but files of these SHA-256."""

    def keep(self, name: str, sha256: str) -> None:
        """Keep a file that was written to the local folder, and that its result names."""

    def kept(self, name: str, sha256: str) -> AbstractContextManager[Path]:
        """Give the local path of such a file for as long as the context is open."""

    def keep_adapter(self, files: Mapping[str, str]) -> None:
        """Keep an adapter that was written to the local folder: name → SHA-256."""

    def adapter(self, files: Mapping[str, str]) -> AbstractContextManager[Path]:
        """Give a local folder with an adapter's files for as long as the context is open."""

    def has_adapter(self, files: Mapping[str, str] | None) -> bool:
        """Tell whether every byte of an adapter is there; without its files, whether any is."""

    def keep_checkpoint(self) -> None:
        """Keep the checkpoint that was written to the local folder, where that can be done."""

    def bring_checkpoint(self) -> None:
        """Put the last checkpoint into the local folder, if there is one."""

    def drop_checkpoint(self) -> None:
        """Remove what a trial would go on from."""

    def keep_log(self) -> None:
        """Keep what is appended to the log in the local folder, from now on."""

    def has_log(self) -> bool: ...

    def log_reader(self) -> LogReader: ...

    def release(self) -> None:
        """Remove what is only kept locally, for another time."""


@dataclass(frozen=True)
class FolderFiles:
    """Files in a folder, which is local or on a disk that all nodes share."""

    folder: Path

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        write_atomically(self.folder / name, content)

    def create(self, name: str, content: bytes) -> bool:
        path = self.folder / name
        try:
            with creating(path) as draft:
                draft.write_bytes(content)
        except FileExistsError:
            return path.read_bytes() == content
        return True

    def exists(self, name: str) -> bool:
        return (self.folder / name).exists()

    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def clear(self) -> None:
        for name in (RESULT, CHECKPOINT):
            self.delete(name)
        if (self.folder / ADAPTER).exists():
            shutil.rmtree(self.folder / ADAPTER)

    def remove(self) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def prune(self) -> None:
        self.write(PRUNED, _WHY_GONE)
        self.delete(CHECKPOINT)
        if (self.folder / ADAPTER).exists():
            shutil.rmtree(self.folder / ADAPTER)

    def tidy(self, kept: Iterable[str]) -> None:
        for name in (CHECKPOINT, FAILURE):
            self.delete(name)

    def keep(self, name: str, sha256: str) -> None:
        """Nothing to do: where it was written is where it stays."""

    @contextmanager
    def kept(self, name: str, sha256: str) -> Iterator[Path]:
        yield self.folder / name

    def keep_adapter(self, files: Mapping[str, str]) -> None:
        """Likewise."""

    @contextmanager
    def adapter(self, files: Mapping[str, str]) -> Iterator[Path]:
        yield self.folder / ADAPTER

    def has_adapter(self, files: Mapping[str, str] | None) -> bool:
        folder = self.folder / ADAPTER
        if files is None:
            return folder.is_dir()
        with contextlib.suppress(OSError):
            found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
            return found == files.keys() and all(
                _sha256(folder / name) == digest for name, digest in files.items()
            )
        return False

    def keep_checkpoint(self) -> None:
        """Likewise."""

    def bring_checkpoint(self) -> None:
        """Likewise."""

    def drop_checkpoint(self) -> None:
        self.delete(CHECKPOINT)

    def keep_log(self) -> None:
        """Likewise."""

    def has_log(self) -> bool:
        return self.exists(LOG)

    def log_reader(self) -> LogReader:
        return FileReader(self.folder / LOG)

    def release(self) -> None:
        """Nothing is kept twice."""


@dataclass(frozen=True)
class ObjectFiles:
    """Objects, and a folder of this process for what is written and read as files.

    Attributes:
        storage: whose prefix is the trial's.
        folder: disposable.
    """

    storage: ObjectStorage
    folder: Path

    def read(self, name: str) -> bytes:
        return self.storage.read(name)

    def write(self, name: str, content: bytes) -> None:
        self.storage.write(name, content)

    def create(self, name: str, content: bytes) -> bool:
        return self.storage.create(name, content)

    def exists(self, name: str) -> bool:
        return self.storage.exists(name)

    def delete(self, name: str) -> None:
        self.storage.delete([name])

    def clear(self) -> None:
        self.storage.delete([RESULT])
        made = (ADAPTER, _BY_CONTENT, _CHECKPOINTS)
        self.storage.delete([n for n in self.storage.names() if n.partition("/")[0] in made])

    def remove(self) -> None:
        self.storage.delete([RESULT])
        self.storage.delete(self.storage.names())
        shutil.rmtree(self.folder, ignore_errors=True)

    def prune(self) -> None:
        self.write(PRUNED, _WHY_GONE)
        self.storage.delete([n for n in self.storage.names() if n.partition("/")[0] in MODEL])

    def tidy(self, kept: Iterable[str]) -> None:
        digests = set(kept)
        try:
            found = self.storage.names()
            self.storage.delete(n for n in found if _is_left_over(n, digests))
        except StorageError as error:  # the trial is done all the same
            log.warning("what the trial left beside its result stays: %s", error)

    def keep(self, name: str, sha256: str) -> None:
        """Upload a file as one object whose name holds the hash of its content.

        Raises:
            StorageError: the storage does not take it.
        """
        self.storage.send(f"{_BY_CONTENT}/{sha256}/{name}", self.folder / name, sha256)

    @contextmanager
    def kept(self, name: str, sha256: str) -> Iterator[Path]:
        with self._temporary() as into:
            self._fetch_either((f"{_BY_CONTENT}/{sha256}/{name}", name), sha256, into / name)
            yield into / name

    def keep_adapter(self, files: Mapping[str, str]) -> None:
        """Upload the files, each as one object whose name holds the hash of its content.

        Raises:
            StorageError: the storage does not take them.
        """
        folder = self.folder / ADAPTER
        at_once(
            lambda f: self.storage.send(f"{ADAPTER}/{f[1]}/{f[0]}", folder / f[0], f[1]),
            files.items(),
        )

    @contextmanager
    def adapter(self, files: Mapping[str, str]) -> Iterator[Path]:
        with self._temporary() as into:
            places = {
                n: (f"{ADAPTER}/{digest}/{n}", f"{ADAPTER}/{n}") for n, digest in files.items()
            }
            at_once(lambda n: self._fetch_either(places[n], files[n], into / n), files)
            yield into

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetched.", dir=self.folder) as into:
            yield Path(into)

    def _fetch_either(self, places: Iterable[str], digest: str, target: Path) -> None:
        """Fetch a file from where it was put, or else from where a folder's copy has it.

        Raises:
            DamagedObjectError: it is gone or damaged.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        for key in places:
            with contextlib.suppress(FileNotFoundError):
                self.storage.fetch(key, target)
                if (found := _sha256(target)) == digest:
                    return
                raise DamagedObjectError(
                    f"{self.storage.url}/{key} is damaged: expected SHA-256 {digest}, found {found}"
                )
        raise DamagedObjectError(
            f"{self.storage.url}/{next(iter(places))} is gone: `adaptersweep repair` lets its "
            "trial run again"
        )

    def has_adapter(self, files: Mapping[str, str] | None) -> bool:
        if files is None:
            return any(self.storage.names(ADAPTER))
        try:
            with self.adapter(files):
                return True
        except DamagedObjectError:
            return False

    def keep_checkpoint(self) -> None:
        """Upload the checkpoint under a name of its own, and remove those before it."""
        name = f"{_CHECKPOINTS}/{time.time_ns():020d}-{secrets.token_hex(4)}.pt"
        path, storage = self.folder / CHECKPOINT, self.storage.patient(CHECKPOINT_PATIENCE_S)
        if not path.exists():  # for which there was no room
            return
        try:
            storage.send(name, path, _sha256(path))
            storage.delete(n for n in storage.names(_CHECKPOINTS) if n < name)
        except StorageError as error:
            log.warning("the checkpoint is not in the storage: %s", error)

    def bring_checkpoint(self) -> None:
        path = self.folder / CHECKPOINT
        path.unlink(missing_ok=True)
        for name in reversed(self.storage.names(_CHECKPOINTS)):
            try:
                with replacing(path) as draft:
                    self.storage.fetch(name, draft)
            except (FileNotFoundError, DamagedObjectError) as error:
                log.warning("an earlier checkpoint is looked for: %s", error)
            else:
                return

    def drop_checkpoint(self) -> None:
        (self.folder / CHECKPOINT).unlink(missing_ok=True)
        self.storage.delete(self.storage.names(_CHECKPOINTS))

    def keep_log(self) -> None:
        ship(self.folder / LOG, self.storage.below(_LOGS))

    def has_log(self) -> bool:
        return any(self.storage.names(_LOGS))

    def log_reader(self) -> LogReader:
        return PartsReader(self.storage.below(_LOGS))

    def release(self) -> None:
        ship_now(self.folder / LOG)
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_left_over(name: str, kept: Collection[str]) -> bool:
    top, _, below = name.partition("/")
    if top in (ADAPTER, _BY_CONTENT):
        return below.partition("/")[0] not in kept
    return top in (_CHECKPOINTS, FAILURE)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
