"""How the catalog reaches its database: connections, transactions, and the schema's version.

On both databases there is one writer at a time, by SQLite's own lock or an advisory lock of
PostgreSQL; so a transaction sees everything that was written before it, and none can deadlock.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from filelock import FileLock
from filelock import Timeout as LockTimeout
from sqlalchemy import Connection, Engine, Table, func, inspect, select, table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.sql import column

from orchestrator.addresses import redacted
from orchestrator.catalog.engines import BUSY_TIMEOUT_S, engine_at, let_upgrade, sqlite_file
from orchestrator.catalog.tables import SCHEMA_REVISION, metadata
from orchestrator.errors import CatalogError, CatalogMissingError, CatalogUnavailableError

CHUNK = 500
"""Values in one IN list; SQLite allows 999 variables in its oldest builds."""

_WRITER_LOCK = 0x61_64_61_70_74  # 'adapt': any number that nothing else in the database uses
_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_REFUSED = (OperationalError, InterfaceError, InternalError, ProgrammingError, LockTimeout)
_UNWRITABLE = ("permission denied", "read-only transaction", "a readonly database")
_T = TypeVar("_T")


class Store:
    """An open database at the current schema."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(sqlite_begin="IMMEDIATE")
        self._held = threading.local()  # the connection of `one_state`, by thread

    @classmethod
    def open(cls, url: str, *, create: bool = True, read_only: bool = False) -> Self:
        """Open the catalog at `url`, bringing its schema up to date.

        A database that holds something else is refused and stays as it is.

        Args:
            url: `sqlite:///PATH` or `postgresql+psycopg://…`.
            create: make a catalog where there is nothing yet. Only a submission should.
            read_only: let the database refuse every write; an older schema is refused as well.

        Raises:
            CatalogMissingError: there is nothing yet, and `create` is False or `read_only` True.
            CatalogError: the URL is neither; or what is there is damaged, another program's, or
                newer than this version knows.
            CatalogUnavailableError: the database does not answer, or cannot be written.
        """
        store = cls(engine_at(url, read_only=read_only))
        try:
            store._bring_up_to_date(create=create and not read_only, upgrade=not read_only)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def url(self) -> str:
        """Return the database's URL, its password hidden."""
        return redacted(self._engine.url.render_as_string(hide_password=True))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def one_state(self) -> Iterator[None]:
        """Answer whatever this thread asks inside from one state, whoever writes meanwhile.

        It is also faster: all is asked over one connection.
        """
        if getattr(self._held, "connection", None) is not None:
            yield
            return
        # PostgreSQL usually shows each statement the newest state; SQLite a transaction one state.
        is_server = self._engine.dialect.name == "postgresql"
        how = {"isolation_level": "REPEATABLE READ"} if is_server else {}
        with (
            self._translated(),
            self._engine.execution_options(**how).connect() as connection,
            connection.begin(),
        ):
            self._held.connection = connection
            try:
                yield
            finally:
                del self._held.connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give a transaction that reads one consistent state."""
        held: Connection | None = getattr(self._held, "connection", None)
        with self._translated(), self._legible():
            if held is not None:
                yield held
                return
            with self._engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give the one transaction that may write now."""
        with self._translated(), self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"))
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _REFUSED as error:
            words = redacted(_first_line(error) if isinstance(error, DBAPIError) else str(error))
            unknown = isinstance(error, ProgrammingError) and "does not exist" in words
            if unknown or "no such" in words:
                raise self._damaged(words) from error
            if any(said in words for said in _UNWRITABLE):
                raise CatalogError(
                    f"the catalog at {self.url} may not be written as this user ({words}); use a "
                    "role that may, which is also what brings an older catalog up to date: see "
                    "docs/security.md"
                ) from error
            raise CatalogUnavailableError(
                f"the catalog at {self.url} does not answer: {words}; "
                "check that it runs and can be written, then submit again to continue"
            ) from error
        except DatabaseError as error:
            if type(error) is not DatabaseError:
                raise  # a broken constraint is a fault of ours
            raise self._damaged(_first_line(error)) from error

    @contextmanager
    def _legible(self) -> Iterator[None]:
        """Translate what reading rows raises when their content is not what was written.

        ValueError is pydantic's and JSON's; TypeError comes of a value of another type, which
        SQLite lets into any column; LookupError of a row that others name and that is gone.
        """
        try:
            yield
        except (ValueError, TypeError, LookupError) as error:
            found = str(error).partition("\n")[0]
            raise self._damaged(f"{type(error).__name__}: {found}") from error

    def _damaged(self, found: str) -> CatalogError:
        return CatalogError(
            f"the catalog at {self.url} is damaged, or is no catalog ({found}); restore it from a "
            "copy, or move it away: submitting again takes finished trials over from the workspace"
        )

    def _bring_up_to_date(self, *, create: bool, upgrade: bool) -> None:
        path = sqlite_file(self._engine)
        if path is not None and not self._prepare_file(path, create=create):
            raise self._missing()
        found = self._schema()
        if found == SCHEMA_REVISION:
            return
        if found is None and not create:
            raise self._missing()
        if not upgrade:
            raise CatalogError(
                f"expected a catalog with schema {SCHEMA_REVISION} at {self.url}, found schema "
                f"{found}; who only reads changes nothing: run `adaptersweep status` once as "
                "someone who may write it, which brings it up to date"
            )
        try:
            self._upgrade_alone(path)
        except CatalogUnavailableError as error:
            if found is None or "lock" not in str(error):
                raise
            raise CatalogUnavailableError(
                f"the catalog at {self.url} has schema {found}, this adaptersweep needs "
                f"{SCHEMA_REVISION}, and another process writes it, perhaps to bring it up to "
                "date: that takes minutes where there are very many trials; try again later"
            ) from error

    def _upgrade_alone(self, path: Path | None) -> None:
        if path is None:
            self._upgrade()
            return
        # SQLite's own lock does not cover the switch to WAL, so processes queue at a file.
        with self._translated(), FileLock(f"{path}.lock", timeout=BUSY_TIMEOUT_S):
            outside = self._engine.execution_options(sqlite_begin=None)
            with outside.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            self._upgrade()

    def _prepare_file(self, path: Path, *, create: bool) -> bool:
        """Make an empty file where there is none and one may be made; tell whether one is there."""
        try:
            if path.is_dir():
                raise CatalogError(
                    f"expected the catalog in the file {path}, found a folder; move it away, or "
                    "give another place with --catalog"
                )
            if path.exists():
                return True
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        except OSError as error:
            raise CatalogUnavailableError(
                f"cannot reach the catalog {path}: {error}; give another place with --catalog"
            ) from error
        return create

    def _missing(self) -> CatalogMissingError:
        return CatalogMissingError(
            f"no catalog in {sqlite_file(self._engine) or self.url}; submit a sweep first, or give "
            "--workspace or --catalog"
        )

    def _schema(self) -> str | None:
        """Return the schema that the database has, None where it is empty.

        Raises:
            CatalogError: what is there is another program's, of the future, or incomplete.
        """
        with self._reading() as connection:
            found = _read_revision(connection)
            names = set(inspect(connection).get_table_names())
            ours = names & metadata.tables.keys()
            if found is None and ours:  # another process may have made them since
                found = _read_revision(connection)
        if found is None:
            # A PostgreSQL database may be shared with others, as long as no name is taken.
            if ours or (names and self._engine.dialect.name == "sqlite"):
                raise self._foreign(names)
            return None
        if not re.fullmatch(r"\d{4}", found):
            raise self._foreign(names)
        if found > SCHEMA_REVISION:
            raise CatalogError(
                f"the catalog at {self.url} has schema {found}, and this adaptersweep knows "
                f"schemas up to {SCHEMA_REVISION}; upgrade adaptersweep, or use another catalog"
            )
        if found == SCHEMA_REVISION and ours != metadata.tables.keys():
            lost = ", ".join(sorted(metadata.tables.keys() - ours)[:3])
            raise self._damaged(f"tables are missing: {lost}")
        return found

    def _foreign(self, names: set[str]) -> CatalogError:
        some = ", ".join(sorted(names)[:3])
        return CatalogError(
            f"{self.url} is the database of another program, with the tables {some}; it stays as "
            "it is: give a place of its own with --catalog"
        )

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._writing() as connection:
            let_upgrade(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        self._engine.dispose()  # whose connection was let take so long


def now() -> datetime:
    """Return the time by this host's clock: good for a note, not for what hosts compare."""
    return datetime.now(UTC)


def clock(connection: Connection) -> datetime:
    """Return the time by the one clock that all who open this database share.

    Clocks of hosts differ, so whether somebody was silent is told by PostgreSQL's. All who open a
    SQLite file are on one machine, and so is its clock.
    """
    if connection.dialect.name != "postgresql":
        return now()
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut `values`, without repeats and in a fixed order, to what one IN list may hold."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]


def insert_new(connection: Connection, into: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        insert = _dialect(connection).insert(into)
        connection.execute(insert.on_conflict_do_nothing(), list(rows))


def insert_or_replace(
    connection: Connection, into: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows; where the primary key is there already, the new values win."""
    if rows:
        insert = _dialect(connection).insert(into)
        keys = {c.name for c in into.primary_key}
        values = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        statement = insert.on_conflict_do_update(index_elements=sorted(keys), set_=values)
        connection.execute(statement, list(rows))


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(select(column("version_num")).select_from(table("alembic_version")))
    return None if found is None else str(found)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
