"""How each database of the catalog is reached, and for how long it may stay silent."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from orchestrator.addresses import redacted
from orchestrator.catalog.read_order import HintingCompiler
from orchestrator.errors import CatalogError

BUSY_TIMEOUT_S = 30
"""For how long a writer waits for another one."""
CONNECT_TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 90
"""For how long one statement may take, until a server counts as one that does not answer."""
UPGRADE_TIMEOUT_S = 6 * 3600
"""For how long one statement of an upgrade may take, such as an index over millions of rows."""

_PLANNING = {
    "jit": "off",  # compiling takes longer than any question here
    # Starting processes does too; and where they make a join of all trials look cheap, PostgreSQL
    # takes it instead of looking up the few that are asked for.
    "max_parallel_workers_per_gather": "0",
    # Rows are whole configurations, indexes hold what is asked: reading one through is no walk
    # across the disk, as PostgreSQL takes it to be by default.
    "random_page_cost": "1.1",
}
"""How PostgreSQL plans our questions."""


def engine_at(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine for the catalog at `url`; nothing is opened or created.

    Args:
        read_only: let the database itself refuse every write.

    Raises:
        CatalogError: the URL is neither SQLite's nor PostgreSQL's.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise _bad_url(url) from error
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return _sqlite(parsed, read_only)
    if parsed.drivername == "postgresql+psycopg":
        try:
            return _postgresql(parsed, read_only)
        except ModuleNotFoundError as error:
            raise CatalogError(
                f"{redacted(url)} needs the package psycopg, which is not installed; "
                "install adaptersweep[postgres]"
            ) from error
    raise _bad_url(url)


def sqlite_file(engine: Engine) -> Path | None:
    """Return the file of a SQLite catalog, None for another database."""
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


def _bad_url(url: str) -> CatalogError:
    shown = redacted("".join(url.split()))  # a password with a space in it is hidden as well
    if "@" in shown and "***@" not in shown:  # too malformed to tell where the user begins
        shown = f"***@{shown.rpartition('@')[2]}"
    return CatalogError(
        f"a catalog is sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE, found {shown!r}"
    )


def knock(url: str) -> None:
    """Connect once to a database server of any kind, and leave it.

    Raises:
        OSError: it does not answer, the address is none, or its driver is not installed.
    """
    try:
        create_engine(url, poolclass=NullPool).connect().close()
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise OSError(str(error)) from error


def let_upgrade(connection: Connection) -> None:
    """Let statements of this transaction take as long as an upgrade of a large catalog may."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {1000 * UPGRADE_TIMEOUT_S}")
        driven: Any = connection.connection.driver_connection
        driven.limit_s = UPGRADE_TIMEOUT_S


def _sqlite(url: URL, read_only: bool) -> Engine:
    # Without a mode, a file that went away would come back empty at the next connection.
    path = Path(str(url.database)).absolute()
    engine = create_engine(
        URL.create("sqlite", database=url.database, query=url.query),
        connect_args={"timeout": BUSY_TIMEOUT_S, "uri": True},
        poolclass=NullPool if read_only else None,  # so that `_mode` is chosen anew each time
    )
    engine.dialect.statement_compiler = HintingCompiler

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: list[Any], _named: Any) -> None:
        arguments[:] = [f"{path.as_uri()}?mode={_mode(path) if read_only else 'rw'}"]

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


def _mode(path: Path) -> str:
    """Say how SQLite opens a catalog that is only read.

    Readers share memory with writers in a file beside the catalog. Where that file can neither be
    found nor made, such as in a copy on a read-only disk, nobody writes: the file is immutable.
    """
    beside = path.with_name(f"{path.name}-wal")
    return "ro" if beside.exists() or os.access(path.parent, os.W_OK) else "ro&immutable=1"


def _postgresql(url: URL, read_only: bool) -> Engine:
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        """A connection that gives up on a server which stays silent; psycopg waits forever."""

        limit_s: float | None = None

        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
            return super().wait(self._limited(gen), *args, **options)

        def _limited(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            limit_s = self.limit_s or ANSWER_TIMEOUT_S
            deadline = time.monotonic() + limit_s
            ready = None
            while True:
                try:
                    wanted = gen.send(ready)
                except StopIteration as done:
                    return done.value
                ready = yield wanted  # nothing is ready each time psycopg looked in vain
                if not ready and time.monotonic() > deadline:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer in {limit_s:g} s")

    timeout = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_S}
    engine = create_engine(url, pool_pre_ping=True, connect_args=timeout)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        return Impatient.connect(*arguments, **named)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        limits_s = {
            "lock_timeout": BUSY_TIMEOUT_S,
            "statement_timeout": ANSWER_TIMEOUT_S,
            "idle_in_transaction_session_timeout": ANSWER_TIMEOUT_S,  # frees what a stuck one holds
        }
        for name, seconds in limits_s.items():
            connection.execute(f"SET {name} = {round(1000 * seconds)}")
        for name, value in _PLANNING.items():
            connection.execute(f"SET {name} = {value}")
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
        connection.commit()

    return engine
