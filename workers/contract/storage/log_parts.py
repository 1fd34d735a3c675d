"""Logs in parts: what was appended to a local file goes into object storage every few seconds.

A part is named by the time at which its writer began and its number, so that nobody writes over
another's and they are read in order. What a killed process had not sent is lost: a few seconds.
"""

import contextlib
import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workers.contract.storage.object_storage import ObjectStorage, at_once
from workers.errors import StorageError

log = logging.getLogger(__name__)

EVERY_S = 5.0
_LAST_PATIENCE_S = 5.0


@dataclass
class _Followed:
    """A file and what of it was sent.

    Attributes:
        since: names this writer.
    """

    path: Path
    storage: ObjectStorage
    since: str = field(default_factory=lambda: f"{time.time_ns():020d}-{secrets.token_hex(4)}")
    sent_bytes: int = 0
    parts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, patience_s: float) -> None:
        with self.lock:
            self._send(self.storage.patient(patience_s))

    def _send(self, storage: ObjectStorage) -> None:
        try:
            with self.path.open("rb") as file:
                file.seek(self.sent_bytes)
                new = file.read()
        except FileNotFoundError:
            return
        if new:
            storage.write(f"{self.since}-{self.parts:06d}.log", new)
            self.sent_bytes += len(new)
            self.parts += 1


class _Shipper:
    """The files of this process that are followed, and a thread that sends what they get."""

    def __init__(self) -> None:
        self._followed: dict[Path, _Followed] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def follow(self, path: Path, storage: ObjectStorage) -> None:
        with self._lock:
            if path not in self._followed:
                size = path.stat().st_size if path.exists() else 0
                self._followed[path] = _Followed(path, storage, sent_bytes=size)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="log-parts", daemon=True)
                self._thread.start()

    def settle(self, path: Path) -> None:
        """Send what is left of a file, and follow it no more."""
        with self._lock:
            followed = self._followed.pop(path, None)
        if followed is not None:
            _try_to_send(followed, _LAST_PATIENCE_S)

    def _work(self) -> None:
        while True:
            time.sleep(EVERY_S)
            with self._lock:
                followed = list(self._followed.values())
            at_once(_try_to_send, followed)


def _try_to_send(followed: _Followed, patience_s: float = 0.0) -> None:
    try:
        followed.send(patience_s)
    except (StorageError, OSError) as error:  # the next time
        log.debug("a part of %s waits: %s", followed.path, error)


_shipper = _Shipper()


def ship(path: Path, storage: ObjectStorage) -> None:
    """Send what is appended to a file from now on, until `ship_now` ends it."""
    _shipper.follow(path, storage)


def ship_now(path: Path) -> None:
    """Send what is left of a file that is shipped, and ship it no more."""
    _shipper.settle(path)


class LogReader(Protocol):
    """Reads a log as it grows."""

    def new(self) -> bytes:
        """Return what came since the last call; nothing where there is no log yet."""


class FileReader:
    """Reads a log that is one file, as it grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> bytes:
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read)
            found = file.read()
            self._read += len(found)
            return found
        return b""


class PartsReader:
    """Reads a log that is in parts, as it grows."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self._read: set[str] = set()

    def new(self) -> bytes:
        """Return what came since the last call, in the order of the writers and their parts.

        Raises:
            StorageError: the storage does not answer, or a part is damaged.
        """
        names = [name for name in self._storage.names() if name not in self._read]
        self._read.update(names)
        return b"".join(at_once(self._storage.read, names))
