"""How the catalog reaches its database: connections, transactions, and the schema's version.

On both databases there is one writer at a time, by SQLite's own lock or an advisory lock of
PostgreSQL; so a transaction sees everything that was written before it, and none can deadlock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from filelock import FileLock
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.sql import column

from orchestrator.catalog.tables import SCHEMA_REVISION
from orchestrator.errors import CatalogError, CatalogUnavailableError

BUSY_TIMEOUT_S = 30
CHUNK = 500
"""Values in one IN list; SQLite allows 999 variables in its oldest builds."""

_WRITER_LOCK = 0x61_64_61_70_74  # 'adapt': any number that nothing else in the database uses
_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_T = TypeVar("_T")


class Store:
    """An open database at the current schema."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(sqlite_begin="IMMEDIATE")

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the catalog at `url`, creating it or bringing its schema up to date.

        Args:
            url: `sqlite:///PATH` or `postgresql+psycopg://…`.

        Raises:
            CatalogError: the URL is neither, or the schema is newer than this version knows.
            CatalogUnavailableError: the database does not answer.
        """
        store = cls(_engine(url))
        try:
            store._bring_up_to_date()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def url(self) -> str:
        """Return the database's URL, its password hidden."""
        return self._engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give a transaction that reads one consistent state."""
        with self._translated(), self._engine.connect() as connection, connection.begin():
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
        except (OperationalError, InterfaceError) as error:
            raise CatalogUnavailableError(
                f"the catalog at {self.url} does not answer: {_first_line(error)}; "
                "check that it runs and can be written, then submit again to continue"
            ) from error

    def _bring_up_to_date(self) -> None:
        if self._revision() == SCHEMA_REVISION:
            return
        path = self._engine.url.database
        if self._engine.dialect.name != "sqlite" or path is None:
            self._upgrade()
            return
        # SQLite's own lock does not cover the switch to WAL, so processes queue at a file.
        with FileLock(f"{path}.lock", timeout=BUSY_TIMEOUT_S):
            outside = self._engine.execution_options(sqlite_begin=None)
            with self._translated(), outside.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            self._upgrade()

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
        with self._writing() as connection:
            found = _read_revision(connection)
            if found is not None and found not in known:
                raise CatalogError(
                    f"the catalog at {self.url} has schema {found}, and this adaptersweep knows "
                    f"schemas up to {SCHEMA_REVISION}; upgrade adaptersweep, or use another catalog"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _revision(self) -> str | None:
        with self._reading() as connection:
            return _read_revision(connection)


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


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _bad_url(url) from error
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return _sqlite_engine(parsed)
    if parsed.drivername == "postgresql+psycopg":
        try:
            return create_engine(parsed, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise CatalogError(
                f"{parsed.render_as_string()} needs the package psycopg, which is not installed; "
                "install adaptersweep[postgres]"
            ) from error
    raise _bad_url(parsed.render_as_string())


def _bad_url(url: str) -> CatalogError:
    return CatalogError(
        f"a catalog is sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE, found {url!r}"
    )


def _sqlite_engine(url: URL) -> Engine:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")  # a finished trial survives a power cut

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write that starts as a read fails at once when another writer came between.
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        if mode is not None:
            connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
