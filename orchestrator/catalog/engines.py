"""How each database of the catalog is reached, and for how long it may stay silent."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.addresses import redacted
from orchestrator.errors import CatalogError

BUSY_TIMEOUT_S = 30
"""For how long a writer waits for another one."""
CONNECT_TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 90
"""For how long one statement may take, until a server counts as one that does not answer."""


def engine_at(url: str) -> Engine:
    """Return an engine for the catalog at `url`; nothing is opened or created.

    Raises:
        CatalogError: the URL is neither SQLite's nor PostgreSQL's.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise _bad_url(url) from error
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return _sqlite(parsed)
    if parsed.drivername == "postgresql+psycopg":
        try:
            return _postgresql(parsed)
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


def _sqlite(url: URL) -> Engine:
    # Without mode=rw, a file that went away would come back empty at the next connection.
    address = f"{Path(str(url.database)).absolute().as_uri()}?mode=rw"
    engine = create_engine(
        URL.create("sqlite", database=url.database, query=url.query),
        connect_args={"timeout": BUSY_TIMEOUT_S, "uri": True},
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: list[Any], _named: Any) -> None:
        arguments[:] = [address]

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


def _postgresql(url: URL) -> Engine:
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        """A connection that gives up on a server which stays silent; psycopg waits forever."""

        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
            return super().wait(self._limited(gen), *args, **options)

        def _limited(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            deadline = time.monotonic() + ANSWER_TIMEOUT_S
            ready = None
            while True:
                try:
                    wanted = gen.send(ready)
                except StopIteration as done:
                    return done.value
                ready = yield wanted  # nothing is ready each time psycopg looked in vain
                if not ready and time.monotonic() > deadline:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer in {ANSWER_TIMEOUT_S:g} s")

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
        connection.commit()

    return engine
