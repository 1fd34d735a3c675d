"""MLflow's SQLite store as a file: whether it is one, and where its artifacts lie now.

MLflow keeps absolute paths of artifacts in its database; a workspace that was moved or copied
would still point to where it was. What lies in the workspace is found beside the store instead.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.errors import TrackingError
from orchestrator.stores import Stores
from workers.contract.paths import Workspace

STORE_TIMEOUT_S = 120

_SCHEME = "sqlite:///"
_EXPERIMENTS = "experiments"
# Where MLflow writes down the place of an artifact.
_PLACES = (
    (_EXPERIMENTS, "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def store_path(tracking_uri: str) -> Path | None:
    """Return the file of a SQLite store, None for a server or another database."""
    if not tracking_uri.startswith(_SCHEME):
        return None
    return Path(tracking_uri.removeprefix(_SCHEME).partition("?")[0])


def holds_store(path: Path) -> bool:
    """Tell whether MLflow's tables are in this file; False where it is missing or empty.

    Raises:
        TrackingError: it is a folder, damaged, locked, or another program's database.
    """
    if path.is_dir():
        raise TrackingError(
            f"expected MLflow's SQLite store in {path}, found a folder; move it away, or give "
            "another store with --tracking"
        )
    if not path.exists() or path.stat().st_size == 0:
        return False
    with _opened(path) as connection:
        names = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    if names and _EXPERIMENTS not in names:
        raise TrackingError(
            f"{path} is the database of another program, with {', '.join(names[:3])}; expected "
            "MLflow's store: give another file with --tracking, or move this one away"
        )
    return bool(names)


def present_location(location: str, tracking_uri: str) -> str:
    """Return where an artifact lies now: beside its store, if it is there, else as given.

    Args:
        location: the URI that MLflow has of it.
    """
    store = store_path(tracking_uri)
    if store is None or not location.startswith("file:"):
        return location
    artifacts = Workspace(store.resolve().parent).mlflow_artifacts
    parts = Path(unquote(urlsplit(location).path)).parts
    for index, part in enumerate(parts):
        here = artifacts.joinpath(*parts[index + 1 :])
        if part == artifacts.name and here.exists():
            return here.as_uri()
    return location


def artifact_folder(stores: Stores) -> str:
    """Return the URI under which a database of our own keeps artifacts: in the workspace.

    With object storage: beside the database if that is a file, which moves with them.
    """
    if stores.workspace.storage is None:
        return stores.workspace.mlflow_artifacts.as_uri()
    store = store_path(stores.tracking_uri)
    if store is not None:
        return Workspace(store.resolve().parent).mlflow_artifacts.as_uri()
    return f"{stores.workspace.address}/{stores.workspace.mlflow_artifacts.name}"


def follow_move(path: Path) -> int:
    """Let MLflow's store name the artifacts beside it, where it was moved or copied together.

    Returns:
        How many experiments had been elsewhere.

    Raises:
        TrackingError: the store cannot be read or written.
    """
    with _opened(path) as connection:
        rows = connection.execute(f"SELECT artifact_location FROM {_EXPERIMENTS}").fetchall()
        known = {str(location) for (location,) in rows}
        moved = {old: present_location(old, f"{_SCHEME}{path}") for old in known}
        moved = {old: new for old, new in moved.items() if old != new}
        if not moved:
            return 0
        connection.execute("BEGIN IMMEDIATE")
        for table, column in _PLACES:
            found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column not in found:
                continue
            for old, new in moved.items():
                connection.execute(
                    f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "
                    f"WHERE {column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'",
                    {"old": old, "new": new},
                )
        connection.execute("COMMIT")
    return len(moved)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to a file that is there; none is created."""
    address = f"{path.resolve().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(address, timeout=STORE_TIMEOUT_S, uri=True)
        connection.isolation_level = None  # transactions are begun above, not by the driver
        with closing(connection):
            yield connection
    except sqlite3.OperationalError as error:
        raise TrackingError(
            f"MLflow's store {path} cannot be used: {error}; check that no other program holds it "
            "and that it can be read and written"
        ) from error
    except sqlite3.DatabaseError as error:
        raise TrackingError(
            f"{path} is damaged, or is no SQLite database ({error}); restore it from a copy, or "
            "move it away: submitting again then tells a new one everything"
        ) from error
