"""The role of PostgreSQL that docs/security.md makes for those who only read."""

import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.comparing import panels_of
from dashboards.results import read_results
from orchestrator import command_line
from orchestrator.catalog import Catalog
from orchestrator.errors import CatalogError

PAGE = Path(__file__).parents[3] / "docs" / "security.md"


@pytest.fixture
def roles(postgres_database: Callable[[], str], samples) -> tuple[str, str]:
    """A catalog with a sweep in it: its address for its owner, and for who only reads."""
    import psycopg

    url = postgres_database()
    mark = uuid.uuid4().hex[:8]
    database, owner, reader = url.rpartition("/")[2], f"sweeps_{mark}", f"sweeps_{mark}_reader"
    (sql,) = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    sql = sql.replace("DATABASE sweeps ", f"DATABASE {database} ")
    sql = re.sub(r"\bsweeps(_reader)?\b", rf"sweeps_{mark}\1", sql)

    def as_superuser(statements: str) -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statements.encode())

    as_superuser(f"CREATE ROLE {owner} LOGIN; ALTER SCHEMA public OWNER TO {owner}")
    as_superuser(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    as_superuser(f"GRANT ALL ON DATABASE {database} TO {owner}")
    owner_url, reader_url = (url.replace("sweep@", f"{role}@") for role in (owner, reader))
    with Catalog.open(owner_url) as catalog:
        trials = [samples.trial(seed=seed) for seed in (1, 2, 3)]
        catalog.begin_submission("s", "", trials)
        for trial in trials[:2]:
            catalog.record_result("s", samples.result(trial))
    as_superuser(sql)
    return owner_url, reader_url


def test_the_reader_reads_and_does_nothing_else(roles, samples, monkeypatch, tmp_path, capsys):
    import psycopg

    _, reader_url = roles
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADAPTERSWEEP_CATALOG", reader_url)
    trial = samples.trial(seed=1)
    for words in (
        ["status"],
        ["trials"],
        ["best"],
        ["show", trial.trial_id[:8]],
        ["compare", trial.trial_id, samples.trial(seed=2).trial_id],
    ):
        monkeypatch.setattr(sys, "argv", ["adaptersweep", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        assert not ended.value.code, (words, capsys.readouterr().err)
    with Catalog.open(reader_url, create=False) as catalog:
        assert panels_of(read_results(catalog, "s"))
        for write in (
            lambda: catalog.begin_submission("t", "", [trial]),
            lambda: catalog.archive("s", undo=False),
            lambda: catalog.record_result("s", samples.result(samples.trial(seed=3))),
        ):
            with pytest.raises(CatalogError, match="may not be written as this user"):
                write()
    with psycopg.connect(reader_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")  # anybody may say so
        for statement in (
            "DELETE FROM trials",
            "CREATE TABLE mine (x int)",
            "UPDATE alembic_version SET version_num = '0001'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_reader_cannot_upgrade_and_sees_what_an_upgrade_adds(roles):
    owner_url, reader_url = roles
    with Catalog.open(owner_url) as catalog, catalog._writing() as connection:
        connection.exec_driver_sql("CREATE TABLE added_later (x int)")
    with Catalog.open(reader_url, create=False) as catalog, catalog._reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM added_later").scalar() == 0
    with Catalog.open(owner_url) as catalog, catalog._writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    with pytest.raises(CatalogError, match=r"may not be written as this user.*docs/security\.md"):
        Catalog.open(reader_url, create=False)
