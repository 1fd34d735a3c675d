"""Write a file or a folder so that a reader finds the old one or the whole new one.

That holds whichever process is killed when, and after a loss of power. A folder that replaces
another is missing for an instant, between two renames.

What is written, and who reads it, is left to the callers in all layers.
"""

import errno
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to; at the end it is on disk and called `path`.

    Where the block raises, or the disk is full, what it wrote is removed and `path` stays as it
    was. A process that is killed leaves a hidden file, see `remove_leftovers`.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    with _beside(path) as temporary:
        yield temporary
        flush_to_disk(temporary)
        temporary.replace(path)
    flush_to_disk(path.parent)


@contextmanager
def creating(path: Path) -> Iterator[Path]:
    """Do so unless there is a file at `path`: of several that try at once, one succeeds.

    Where the file system knows no hard links, such as FAT, the last of those few succeeds.

    Raises:
        FileExistsError: there is one; it stays as it was.
        OSError: as for `replacing`.
    """
    with _beside(path) as temporary:
        yield temporary
        flush_to_disk(temporary)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                raise FileExistsError(str(path)) from error
            temporary.replace(path)
    flush_to_disk(path.parent)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path`; what is there at the end is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process alone: others on a shared disk may have its number.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, which others find whole or not at all.

    Raises:
        OSError: as for `replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill; at the end it is on disk and called `folder`.

    What was at `folder` is removed then. Where the block raises, or the disk is full, it stays.

    Raises:
        OSError: the folder around it cannot be written, or the disk is full.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as staging:
        new, old = Path(staging) / "new", Path(staging) / "old"
        new.mkdir()
        yield new
        for path in (*new.rglob("*"), new):
            flush_to_disk(path)
        _swap(new, folder, aside=old)


def _swap(new: Path, folder: Path, *, aside: Path) -> None:
    """Rename `new` to `folder`; what was there goes aside, and comes back if that fails."""
    if folder.exists():
        folder.rename(aside)
    try:
        new.rename(folder)
    except OSError:
        if aside.exists():
            aside.rename(folder)
        raise
    flush_to_disk(folder.parent)  # the renames themselves


def flush_to_disk(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, would survive a loss of power."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def remove_leftovers(folder: Path, *, older_than_s: float) -> None:
    """Remove hidden files and folders that writers left unfinished.

    Args:
        older_than_s: since they were last written to, seconds; who still writes is left alone.
    """
    for left in folder.glob(".*"):
        with suppress(FileNotFoundError):  # another process may remove it now
            if time.time() - left.stat().st_mtime < older_than_s:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
