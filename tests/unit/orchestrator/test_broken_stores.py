"""Stores that are damaged, foreign, silent or gone: a message, and they stay as they are."""

import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from orchestrator.catalog import Catalog, engines
from orchestrator.errors import (
    CatalogError,
    CatalogMissingError,
    CatalogUnavailableError,
    TrackingError,
)
from orchestrator.mlflow.runs import connect, prepare_store, translated


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def zero_a_page(path: Path, page: int) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * page : 4096 * (page + 1)] = bytes(4096)
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda p: p.write_text("a text, not a database\n" * 500), "is damaged"),
    "cut in half": (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "is damaged"),
    "cut to a page": (lambda p: p.write_bytes(p.read_bytes()[:4096]), "is damaged"),
    "cut to a piece": (lambda p: p.write_bytes(p.read_bytes()[:70]), "is damaged"),
    "its first page zeroed": (lambda p: zero_a_page(p, 0), "is damaged"),
}
OF_CATALOGS = DAMAGE | {
    "without a table": (lambda p: change(p, "DROP TABLE outbox"), "tables are missing: outbox"),
    "without its version": (
        lambda p: change(p, "DROP TABLE alembic_version"),
        "of another program, with the tables",
    ),
    "of another version": (
        lambda p: change(p, "UPDATE alembic_version SET version_num = '0731'"),
        "schema 0731",
    ),
    "of MLflow": (
        lambda p: change(p, "UPDATE alembic_version SET version_num = '1b5f0d9ad7c1'"),
        "of another program",
    ),
    "of another program": (
        lambda p: (p.unlink(), change(p, "CREATE TABLE songs (title TEXT)")),
        "of another program, with the tables songs",
    ),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), "found a folder"),
}


@pytest.fixture
def catalog_file(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite"
    with Catalog.open(f"sqlite:///{path}") as made, made._writing() as connection:
        connection.execute(text("PRAGMA user_version"))
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode=DELETE")
    return path


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("case", OF_CATALOGS)
def test_a_broken_catalog_is_refused_and_kept(case: str, create: bool, catalog_file: Path) -> None:
    damage, said = OF_CATALOGS[case]
    damage(catalog_file)
    before = catalog_file.read_bytes() if catalog_file.is_file() else None
    with pytest.raises(CatalogError, match=said) as caught:
        Catalog.open(f"sqlite:///{catalog_file}", create=create)
    assert str(catalog_file) in str(caught.value)
    assert not isinstance(caught.value, CatalogMissingError)
    assert (catalog_file.read_bytes() if catalog_file.is_file() else None) == before


def test_rows_that_cannot_be_read_are_an_error_of_ours(catalog_file: Path, samples) -> None:
    trial = samples.trial()
    url = f"sqlite:///{catalog_file}"
    with Catalog.open(url) as catalog:
        catalog.begin_submission("s", "", [trial])
        catalog.record_result("s", samples.result(trial))
    for column, value in (
        ("result", "'{\"trial_id\": 3}'"),
        ("config", "'{'"),
        ("method", "'sorcery'"),
        ("created_at", "'yesterday'"),
    ):
        copy = catalog_file.with_name(f"{column}.sqlite")
        with closing(sqlite3.connect(catalog_file)) as source, closing(sqlite3.connect(copy)) as to:
            source.backup(to)
        change(copy, f"UPDATE trials SET {column} = {value}")
        with Catalog.open(f"sqlite:///{copy}", create=False) as catalog:
            ask = {
                "result": lambda c: c.results([trial.trial_id]),
                "config": lambda c: c.planned([trial.trial_id]),
            }.get(column, Catalog.trials)
            with pytest.raises(CatalogError, match=rf"{column}\.sqlite is damaged"):
                ask(catalog)


SCRAMBLED: dict[str, tuple[str, Callable[[Catalog, str], object]]] = {
    "a setting that is no JSON": (
        "UPDATE trials SET unsaid = '{', unsaid_hash = 'other' WHERE score < 0.7",
        lambda c, _: c.leaderboard(limit=1),
    ),
    "a score that is a word": ("UPDATE trials SET score = 'good'", lambda c, _: c.leaderboard()),
    "a test score that is a word": (
        "UPDATE trials SET test_score = 'good'",
        lambda c, _: c.leaderboard(),
    ),
    "a sweep without a name": ("UPDATE sweeps SET name = x'ff'", lambda c, _: c.sweeps()),
    "a time that is a number": ("UPDATE sweeps SET created_at = 7", lambda c, _: c.sweeps()),
    "a failure that is no word": (
        "UPDATE trials SET state = 'failed', result = NULL, failure_reason = 'fate'",
        lambda c, _: c.failures("s"),
    ),
    "a trial that is gone": ("DELETE FROM trials", lambda c, trial_id: c.settings([trial_id])),
}
"""Damage that SQLite itself cannot see, and who meets it."""


@pytest.mark.parametrize("case", SCRAMBLED)
def test_values_that_were_never_written_are_an_error_of_ours(
    case: str, catalog_file: Path, samples
) -> None:
    damage, ask = SCRAMBLED[case]
    trials = [samples.trial(depth=depth) for depth in (0, 1)]
    with Catalog.open(f"sqlite:///{catalog_file}") as catalog:
        catalog.begin_submission("s", "", trials)
        for trial, score in zip(trials, (0.8, 0.6), strict=True):
            catalog.record_result("s", samples.result(trial, score))
        ask(catalog, trials[0].trial_id)
    change(catalog_file, damage)
    with (
        Catalog.open(f"sqlite:///{catalog_file}", create=False) as catalog,
        pytest.raises(CatalogError, match="is damaged"),
    ):
        ask(catalog, trials[0].trial_id)


def test_what_is_not_there_is_not_made_by_reading(tmp_path: Path, postgres_database) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    for url in (
        f"sqlite:///{tmp_path / 'deep' / 'none.sqlite'}",
        f"sqlite:///{empty}",
        postgres_database(),
    ):
        for _ in range(2):
            with pytest.raises(CatalogMissingError, match=r"no catalog in .* submit a sweep first"):
                Catalog.open(url, create=False)
    assert empty.read_bytes() == b""
    assert [p.name for p in tmp_path.iterdir()] == ["empty.sqlite"]
    with Catalog.open(f"sqlite:///{empty}") as made:  # as a submission killed at its start left it
        assert made.sweeps() == []


def test_a_database_of_others_on_postgresql_is_left_alone(postgres_database) -> None:
    import psycopg

    url = postgres_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
        with Catalog.open(url) as shared:  # one database may serve several programs
            assert shared.sweeps() == []
        other = postgres_database()
    with psycopg.connect(other.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE trials (title TEXT)")
    with pytest.raises(CatalogError, match="of another program, with the tables trials"):
        Catalog.open(other)


def test_a_catalog_that_stays_locked_is_an_error(
    catalog_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.2)
    with (
        Catalog.open(f"sqlite:///{catalog_file}") as catalog,
        closing(sqlite3.connect(catalog_file)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogUnavailableError, match="locked"):
            catalog.begin_submission("s", "", [])


def test_a_catalog_that_was_moved_away_does_not_come_back_empty(catalog_file: Path) -> None:
    with Catalog.open(f"sqlite:///{catalog_file}") as catalog:
        catalog._engine.dispose()  # as if the next thread needed a connection of its own
        catalog_file.rename(catalog_file.with_name("elsewhere"))
        with pytest.raises(CatalogUnavailableError, match="unable to open"):
            catalog.sweeps()
    assert not catalog_file.exists()


def test_a_server_that_accepts_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr(engines, "CONNECT_TIMEOUT_S", 2)  # psycopg's least
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(CatalogUnavailableError, match=r"does not answer: .*timeout"):
            Catalog.open(f"postgresql+psycopg://ada@127.0.0.1:{port}/x")
    assert time.monotonic() - began < 20


def test_a_server_that_falls_silent_later_is_given_up(
    postgres_database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between us and a real server stands a wire that stops to carry anything."""
    url = postgres_database()
    port = int(url.rpartition(":")[2].partition("/")[0])
    wire = Wire(port)
    with Catalog.open(url.replace(f":{port}/", f":{wire.port}/")) as catalog:
        assert catalog.sweeps() == []
        monkeypatch.setattr(engines, "ANSWER_TIMEOUT_S", 1)
        monkeypatch.setattr(engines, "CONNECT_TIMEOUT_S", 2)
        wire.cut.set()
        began = time.monotonic()
        with pytest.raises(CatalogUnavailableError, match="does not answer"):
            catalog.sweeps()
        assert time.monotonic() - began < 30
        wire.cut.clear()
    wire.close()


class Wire:
    """Carries bytes between a port of its own and a server's, until it is cut."""

    def __init__(self, to_port: int) -> None:
        self.cut = threading.Event()
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to_port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                while self.cut.is_set():
                    time.sleep(0.05)
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()


def test_one_statement_may_not_take_forever(
    postgres_database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "ANSWER_TIMEOUT_S", 0.5)
    with (
        Catalog.open(postgres_database()) as catalog,
        pytest.raises(CatalogUnavailableError, match=r"statement timeout|no answer in"),
        catalog._reading() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(30)"))


OF_MLFLOW = DAMAGE | {
    "of another program": (
        lambda p: (p.unlink(), change(p, "CREATE TABLE songs (title TEXT)")),
        "of another program, with songs",
    ),
    "of another version": (
        lambda p: change(p, "UPDATE alembic_version SET version_num = 'ffff'"),
        "out-of-date database schema",
    ),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), "found a folder"),
}


@pytest.mark.parametrize("opening", [prepare_store, lambda uri: ask(uri)])
@pytest.mark.parametrize("case", OF_MLFLOW)
def test_a_broken_mlflow_store_is_refused_and_kept(
    case: str, opening: Callable[[str], object], tmp_path: Path, empty_mlflow: Path
) -> None:
    damage, said = OF_MLFLOW[case]
    path = tmp_path / "mlflow.sqlite"
    shutil.copy(empty_mlflow, path)
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(TrackingError, match=said) as caught:
        opening(f"sqlite:///{path}")
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def ask(uri: str) -> None:
    client = connect(uri)
    with translated(uri):
        client.search_registered_models()


def test_damage_deep_inside_an_mlflow_store_is_an_error(tmp_path: Path, empty_mlflow: Path) -> None:
    path = tmp_path / "mlflow.sqlite"
    shutil.copy(empty_mlflow, path)
    for page in range(3, path.stat().st_size // 4096):
        zero_a_page(path, page)
    with pytest.raises(TrackingError, match="malformed"):
        ask(f"sqlite:///{path}")


def test_an_mlflow_store_that_is_gone_is_not_made_by_asking(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sqlite", tmp_path / "empty.sqlite"):
        (tmp_path / "empty.sqlite").touch()
        with pytest.raises(TrackingError, match="no MLflow store in"):
            connect(f"sqlite:///{path}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.sqlite"]
