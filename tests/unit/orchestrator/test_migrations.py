"""A catalog of an earlier schema keeps what was in it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import orchestrator
from orchestrator.catalog import Catalog, MoveKind
from orchestrator.catalog.alias_moves import named_before


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
