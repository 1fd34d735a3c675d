"""Where the driver's log goes while a submission runs."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.contract.log_lines import LOG_FORMAT_VARIABLE, LogFormat, formatter
from workers.contract.paths import Workspace
from workers.contract.storage.log_parts import ship, ship_now


@contextmanager
def logging_to(path: Path, form: LogFormat = LogFormat.TEXT) -> Iterator[None]:
    """Send every log record of the driver to a file; the terminal belongs to the live view.

    Workers of a cluster that this process starts write theirs in the same form.
    """
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    level, before = root.level, os.environ.get(LOG_FORMAT_VARIABLE)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    os.environ[LOG_FORMAT_VARIABLE] = form.value
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()
        if before is None:
            del os.environ[LOG_FORMAT_VARIABLE]
        else:
            os.environ[LOG_FORMAT_VARIABLE] = before


@contextmanager
def log_file(workspace: Workspace) -> Iterator[Path]:
    """Give the path of a workspace's driver.log; to object storage it goes in parts."""
    path = workspace.root / "driver.log"
    if workspace.storage is None:
        yield path
        return
    ship(path, workspace.storage.below(path.name))
    try:
        yield path
    finally:
        ship_now(path)
