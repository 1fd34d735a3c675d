"""Opening: a fresh catalog, an old one, one from the future, and two processes at once."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import orchestrator
from orchestrator.catalog import Catalog, tables
from orchestrator.errors import CatalogError, CatalogUnavailableError

OPEN = "import sys; from orchestrator.catalog import Catalog; Catalog.open(sys.argv[1]).close()"


def test_the_migrations_make_what_the_tables_say(catalog):
    with catalog._reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_newest_migration_is_the_one_the_code_expects():
    config = Config()
    folder = Path(orchestrator.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_heads() == [tables.SCHEMA_REVISION]


def test_processes_may_open_a_fresh_catalog_together(catalog_url):
    opening = [
        subprocess.Popen([sys.executable, "-c", OPEN, catalog_url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [(p.communicate(timeout=60)[1].decode(), p.returncode) for p in opening]
    assert errors == [("", 0)] * 4


def test_a_catalog_from_the_future_is_refused(catalog, catalog_url):
    with catalog._writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        CatalogError, match=rf"schema 9999.*up to {tables.SCHEMA_REVISION}.*upgrade adaptersweep"
    ):
        Catalog.open(catalog_url)


def test_sqlite_keeps_a_log_and_checks_foreign_keys(sqlite_catalog):
    with sqlite_catalog._reading() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA busy_timeout")) == 30_000


@pytest.mark.parametrize(
    "url", ["", "catalog.db", "sqlite://", "sqlite:///:memory:", "mysql://h/d"]
)
def test_other_urls_are_refused(url):
    with pytest.raises(CatalogError, match="a catalog is sqlite:///PATH or postgresql"):
        Catalog.open(url)


def test_a_database_that_does_not_answer_is_an_error_without_its_password(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(CatalogUnavailableError, match="does not answer") as caught:
        Catalog.open("postgresql+psycopg://sweep:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)
    (tmp_path / "catalog.sqlite").mkdir()
    with pytest.raises(CatalogError, match="found a folder"):
        Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}")


def test_importing_the_catalog_imports_neither_torch_nor_mlflow_nor_alembic():
    heavy = "{'torch', 'mlflow', 'ray', 'alembic', 'transformers'}"
    code = f"import sys, orchestrator.catalog; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"
