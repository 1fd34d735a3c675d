"""Arrays in a folder of this node: written whole or not at all, checked when read, bounded in size.

Any number of processes may use the folder at once. What an array holds is left to
`workers.prefix.cache`; a node that loses the folder computes it again.
"""

import json
import logging
import math
import os
import shutil
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from adapter_lib.storage.atomic_write import remove_leftovers, replacing, write_atomically

log = logging.getLogger(__name__)

_CHUNK = 1 << 24
_STALE_S = 3600.0
"""A file that a writer left unfinished is removed after so long."""


@dataclass(frozen=True)
class _Note:
    """What an entry's file must be.

    Attributes:
        crc32: of every byte of it.
    """

    crc32: int
    dtype: str
    shape: list[int]


@dataclass(frozen=True)
class ArrayStore:
    """A folder of named arrays, of `budget` bytes at most; the one not used longest goes first.

    An entry is `NAME.npy` and, written last, `NAME.json` with a `_Note` of it.
    """

    folder: Path
    budget: int

    def read(self, name: str) -> NDArray[Any] | None:
        """Return an entry as a memory map, or None if there is none that is whole.

        The checksum is compared with every byte before any of them is understood. A damaged entry
        is removed.
        """
        path, note = self._paths(name)
        try:
            wanted = _Note(**json.loads(note.read_text(encoding="utf-8")))
            if _checksum(path) != wanted.crc32:
                raise ValueError("its checksum differs")
            array: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
            if (array.dtype.str, list(array.shape)) != (wanted.dtype, wanted.shape):
                raise ValueError(f"expected {wanted}, found {array.dtype.str} of {array.shape}")
            os.utime(note)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, OSError) as error:
            log.warning("%s cannot be used, it is computed again: %s", path, error)
            self._remove(name)
            return None
        return array

    def write(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        dtype: np.dtype[Any],
        fill: Callable[[Mapping[str, NDArray[Any]]], None],
    ) -> bool:
        """Let `fill` fill new entries and keep them; False if there is no room for them.

        They may take the budget, and half of what the disk has free.

        Raises:
            OSError: the disk is full, or the folder cannot be written; what is unfinished goes.
        """
        size = sum(math.prod(shape) for shape in shapes.values()) * dtype.itemsize
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._make_room(size):
            return False
        notes = {}
        with ExitStack() as unfinished:
            parts = {n: unfinished.enter_context(replacing(self._paths(n)[0])) for n in shapes}
            arrays: dict[str, NDArray[Any]] = {
                name: np.lib.format.open_memmap(parts[name], "w+", dtype, shape)
                for name, shape in shapes.items()
            }
            for part in parts.values():
                _claim(part)
            fill(arrays)
            for name, array in arrays.items():
                array.flush()  # type: ignore[attr-defined]
                notes[name] = _Note(_checksum(parts[name]), array.dtype.str, list(array.shape))
        for name, note in notes.items():
            write_atomically(self._paths(name)[1], json.dumps(asdict(note)).encode())
        return True

    def locked(self, name: str) -> AbstractContextManager[object]:
        """Hold a name against other processes; a process that dies lets go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / f"{name}.lock")

    @property
    def size(self) -> int:
        """Bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def _entries(self) -> list[tuple[float, int, str]]:
        """Return (last use, bytes, name) of every entry, the one not used longest first."""
        found = []
        for note in self.folder.glob("*.json"):
            with suppress(FileNotFoundError):  # another process may remove it now
                name = note.stem
                found.append((note.stat().st_mtime, self._paths(name)[0].stat().st_size, name))
        return sorted(found)

    def _make_room(self, size: int) -> bool:
        """Remove what was not used for longest until there is room; nothing if that cannot do."""
        remove_leftovers(self.folder, older_than_s=_STALE_S)
        entries = self._entries()
        free = shutil.disk_usage(self.folder).free // 2
        kept = sum(entry[1] for entry in entries)
        if size > min(self.budget, free + kept):
            return False
        room = min(self.budget - kept, free)
        for _, freed, name in entries:
            if room >= size:
                break
            self._remove(name)  # whoever has it mapped keeps it until done
            room += freed
        return True

    def _remove(self, name: str) -> None:
        path, note = self._paths(name)
        with suppress(OSError):  # it is not read again for that
            note.unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.npy", self.folder / f"{name}.json"


def _claim(part: Path) -> None:
    """Take the disk space of a file now: a full disk is an error here, and later a signal."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with part.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, part.stat().st_size)


def _checksum(path: Path) -> int:
    """Return the CRC-32 of a whole file, of the header that numpy wrote too."""
    found = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return found
