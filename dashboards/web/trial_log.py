"""The end of what a worker logged of a trial, where this machine sees the workspace."""

from workers.contract.paths import Workspace
from workers.errors import StorageError

SHOWN_LINES = 200
SHOWN_BYTES = 100_000
FILE_BYTES = 5_000_000


def last_lines(workspace: Workspace, trial_id: str) -> str | None:
    """Return the last lines of a trial's log; None if there is none to be seen from here."""
    text = end_of_log(workspace, trial_id, SHOWN_BYTES)
    return None if text is None else "".join(text.splitlines(keepends=True)[-SHOWN_LINES:])


def end_of_log(workspace: Workspace, trial_id: str, size_bytes: int = FILE_BYTES) -> str | None:
    """Return at most so many bytes of the end of a trial's log."""
    paths = workspace.trial(trial_id)
    try:
        if paths.storage is not None:
            content = paths.files.log_reader().new()[-size_bytes:]
            return content.decode("utf-8", errors="replace") or None
        with paths.log.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - size_bytes))
            return log.read().decode("utf-8", errors="replace")
    except (OSError, StorageError):
        return None
