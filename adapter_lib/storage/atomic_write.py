"""Write a file so that a reader finds the old one or the whole new one, whatever is killed when.

What is written, and who reads it, is left to the callers in all layers.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to; at the end it is on disk and called `path`.

    Where the block raises, or the disk is full, what it wrote is removed and `path` stays as it
    was. A process that is killed leaves a hidden file, see `remove_leftovers`.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process alone: others on a shared disk may have its number.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        yield temporary
        flush_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_to_disk(path.parent)


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
