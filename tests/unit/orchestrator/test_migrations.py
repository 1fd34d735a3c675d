"""A catalog of an earlier schema keeps what was in it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import orchestrator
from orchestrator.catalog import Catalog, MoveKind, engines, store
from orchestrator.catalog.alias_moves import named_before
from orchestrator.errors import CatalogUnavailableError


@pytest.fixture
def old_catalog(catalog_url: str) -> str:
    """A catalog of the schema that kept registrations, with two moves of an alias in it."""
    engine = create_engine(catalog_url)
    config = Config()
    folder = Path(orchestrator.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    moment = "2026-01-02 03:04:05"
    trial = (
        "INSERT INTO trials (trial_id, configuration, method, base_name, base_identity, task, "
        "drop_mode, drop_depth, seed, learning_rate, label, config, state, created_at) VALUES "
        f"('ab', 'c', 'adapter', 'minilm', 'b', 'rte', 'none', 0, 1, 0.1, 'l', '{{}}', 'pending', "
        f"'{moment}')"
    )
    runs = [
        ("http://ada:secret@host:5000", "'ab'", "r1"),
        ("http://bob:secret@host:5000", "'ab'", "r2"),
        ("http://ada:secret@host:5000", "NULL", "r3"),
        ("sqlite:////a@b/mlflow.sqlite", "NULL", "r4"),
    ]
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO sweeps (name, created_at) VALUES ('s', '{moment}')"))
        connection.execute(text(trial))
        for version, score in (("1", 0.6), ("2", 0.7)):
            connection.execute(
                text(
                    "INSERT INTO registrations (name, version, alias, trial_id, score, digest, "
                    f"registered_at) VALUES ('rte--minilm', '{version}', 'champion', 'ab', {score},"
                    f" 'd', '{moment}')"
                )
            )
        for address, trial_id, run in runs:
            connection.exec_driver_sql(
                "INSERT INTO mlflow_runs (sweep, trial_id, tracking_uri, run_id) VALUES "
                f"('s', {trial_id}, '{address}', '{run}')"
            )
    engine.dispose()
    return catalog_url


def slow_upgrade(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the database itself take so long over one statement of the upgrade."""
    upgrade = command.upgrade

    def slowly(config: Config, revision: str) -> None:
        config.attributes["connection"].exec_driver_sql(f"SELECT pg_sleep({seconds})")
        upgrade(config, revision)

    monkeypatch.setattr(command, "upgrade", slowly)


def test_an_upgrade_may_take_longer_than_any_other_answer(
    old_catalog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old_catalog.startswith("sqlite"):
        pytest.skip("SQLite answers from this process, without a limit")
    monkeypatch.setattr(engines, "ANSWER_TIMEOUT_S", 1)
    slow_upgrade(monkeypatch, 2.5)
    with closing(Catalog.open(old_catalog)) as catalog:
        assert len(catalog.alias_moves(task="rte")) == 2
        for _ in range(2):  # whichever connection it gets
            with (
                pytest.raises(CatalogUnavailableError, match=r"timeout|no answer"),
                catalog._reading() as connection,
            ):
                connection.exec_driver_sql("SELECT pg_sleep(2.5)")


def test_who_comes_during_an_upgrade_is_told_to_come_later(
    old_catalog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (engines, store):
        monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 1)
    first = Catalog(engines.engine_at(old_catalog))
    refused = pytest.raises(CatalogUnavailableError, match=r"has schema 0002, .*try again later")
    with closing(first), first._writing(), refused:
        Catalog.open(old_catalog)
    Catalog.open(old_catalog).close()


def test_the_history_of_aliases_is_taken_over_and_users_are_forgotten(old_catalog: str) -> None:
    with closing(Catalog.open(old_catalog)) as catalog:
        moves = catalog.alias_moves(task="rte", alias="champion")
        assert [(m.from_version, m.to_version, m.score) for m in moves] == [
            (None, "1", 0.6),
            ("1", "2", 0.7),
        ]
        assert {(m.base, m.trial_id, m.kind) for m in moves} == {
            ("minilm", "ab", MoveKind.REGISTERED)
        }
        assert moves[0].moved_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert named_before(moves) == ["1", "2"]
        assert catalog.mlflow_runs("s", "http://host:5000") == {"ab": "r1", None: "r3"}
        assert catalog.mlflow_runs("s", "sqlite:////a@b/mlflow.sqlite") == {None: "r4"}
