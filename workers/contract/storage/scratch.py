"""A disposable folder of this process, for files of a workspace that is in object storage.

It is below the system's folder for temporary files (TMPDIR), and goes with its process; what a
killed process left goes when the next one begins.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from workers.errors import StorageError


def scratch_folder() -> Path:
    """Return the folder, the same one for as long as this process lives."""
    return _made_by(os.getpid())


@cache
def _made_by(pid: int) -> Path:
    home = _home()
    for left in home.iterdir():
        if not _lives(left.name):
            shutil.rmtree(left, ignore_errors=True)
    folder = home / f"{pid}-{int(psutil.Process(pid).create_time() * 1000)}"
    folder.mkdir(mode=0o700, exist_ok=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _home() -> Path:
    """Return this user's folder of such folders, which nobody else may have made.

    Raises:
        StorageError: somebody else has.
    """
    home = Path(tempfile.gettempdir()) / f"adaptersweep-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid():
        raise StorageError(
            f"expected a folder of this user's own at {home}, found another's; remove it, or give "
            "another folder for temporary files in TMPDIR"
        )
    return home


def _lives(name: str) -> bool:
    pid, _, began_ms = name.partition("-")
    with suppress(psutil.Error, ValueError, OverflowError):
        return bool(abs(psutil.Process(int(pid)).create_time() * 1000 - int(began_ms)) < 2)
    return False
