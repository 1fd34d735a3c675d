"""No user and no password is shown, logged or kept."""

import logging
import sys
from types import SimpleNamespace

import pytest

from orchestrator import command_line
from orchestrator.addresses import holds_password, redacted
from orchestrator.catalog import Catalog
from orchestrator.catalog.engines import engine_at
from orchestrator.errors import CatalogError, OrchestratorError, TrackingError
from orchestrator.mlflow.runs import connect, translated
from workers.contract.log_lines import RedactingFormatter


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ada:secret@host:5000/x", "http://***@host:5000/x"),
        ("http://secret@host", "http://***@host"),
        ("MLflow at https://ada:sec/r@et@h: gone", "MLflow at https://***@h: gone"),
        (
            "postgresql+psycopg://ada@h/db?password=secret&sslmode=require",
            "postgresql+psycopg://***@h/db?password=***&sslmode=require",
        ),
        ("postgresql://h/db?sslpassword=secret", "postgresql://h/db?sslpassword=***"),
        ("ada:secret@host/db", "***@host/db"),
        ("postgresql:/ada:secret@host/db", "postgresql:/***@host/db"),
        ("host=h user=ada password=secret", "host=h user=ada password=***"),
        ("found 'http://ada:secret@h'", "found 'http://***@h'"),
        ("postgresql+psycopg://ada:my secret@h/db", "postgresql+psycopg://***@h/db"),
        ("postgresql://h/db?pass%77ord=secret&x=1", "postgresql://h/db?pass%77ord=***&x=1"),
        ("password='my secret' host=h", "password=*** host=h"),
        ("sqlite://ada:secret@h/x", "sqlite://***@h/x"),
        ("s3://AKIA:secret@bucket/x", "s3://***@bucket/x"),
        ("https://h/c?sv=1&sig=secret", "https://h/c?sv=1&sig=***"),
        (
            "https://b/k?X-Amz-Signature=secret&X-Amz-Security-Token=secret&n=1",
            "https://b/k?X-Amz-Signature=***&X-Amz-Security-Token=***&n=1",
        ),
        ("{'password': 'secret', 'n': 1}", "{'password': ***, 'n': 1}"),
        ('{"auth_token": "secret"}', '{"auth_token": ***}'),
        ("Authorization: Bearer secret", "Authorization: Bearer ***"),
        ("aws_access_key_id=secret", "aws_access_key_id=***"),
    ],
)
def test_secrets_are_left_out(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "rte@champion names version 3",
        "moved by ada@host, sweep s",
        "sqlite:////home/ada@work/catalog.sqlite",
        "file:///home/ada@work/mlflow-artifacts",
        "models:/rte--minilm@champion",
        "trial 12: expected 3 tokens, found 4",
        "read_one_token: true, tokens: 128",
        'FATAL: password authentication failed for user "ada"',
        "basic training of a secretary",
    ],
)
def test_the_rest_stays_readable(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@host/db",
        "postgresql+psycopg:/ada:secret@host/db",
        "postgresql+psycopg://ada:secret@host:port/db",
        "ada:secret@host/db",
        "mysql://ada:my secret@host/db",
        "mysql://host/db?password=secret",
        "postgresql+psycopg://host/db?password=secret&nonsense=1",
        "postgresql+psycopg://ada:secret@127.0.0.1:1/db?password=secret",
    ],
)
def test_a_catalog_that_cannot_be_opened_is_named_without_its_password(url):
    pytest.importorskip("psycopg")
    with pytest.raises(CatalogError) as caught:
        Catalog.open(url)
    assert "secret" not in str(caught.value)


def test_what_mlflow_says_is_redacted():
    address = "http://ada:secret@127.0.0.1:1"
    with pytest.raises(TrackingError, match=r"http://\*\*\*@127") as caught, translated(address):
        raise OSError(f"cannot reach {address}/api")
    assert "secret" not in str(caught.value)


def test_the_log_hides_what_a_traceback_quotes(tmp_path):
    handler = logging.FileHandler(tmp_path / "log")
    handler.setFormatter(RedactingFormatter("%(message)s"))
    record = logging.LogRecord("x", logging.ERROR, "", 1, "failed", (), None)
    try:
        raise OrchestratorError("http://ada:secret@host is down")
    except OrchestratorError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    handler.emit(record)
    handler.close()
    text = (tmp_path / "log").read_text()
    assert "http://***@host is down" in text
    assert "raise OrchestratorError" in text, "the traceback stays"


@pytest.mark.parametrize(
    "url", ["postgres//me:geheim@x", "me:geheim@x", "://me:gehe@im:geheim@x/y"]
)
def test_a_catalog_address_that_is_none_keeps_its_password(url: str) -> None:
    with pytest.raises(CatalogError) as refused:
        engine_at(url)
    assert "geheim" not in str(refused.value)
    assert "@x" in str(refused.value)


@pytest.mark.parametrize("name", ["PGPASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY"])
def test_what_the_environment_keeps_secret_is_left_out_wherever_it_stands(name, monkeypatch):
    monkeypatch.setenv(name, "correct horse")
    assert redacted("cannot resolve 'correct horse@h'") == "cannot resolve '***@h'"
    monkeypatch.setenv(name, "true")  # a word of ours
    assert redacted("enabled: true") == "enabled: true"


@pytest.mark.parametrize(
    ("address", "holds"),
    [
        ("postgresql+psycopg://ada:secret@h/db", True),
        ("postgresql+psycopg://ada@h/db?password=secret", True),
        ("postgresql+psycopg://ada@h/db?pass%77ord=secret", True),
        ("ada:secret@h/db", True),
        ("http://ada:secret@h:5000", True),
        ("postgresql+psycopg://ada@h:5432/db?sslmode=require", False),
        ("postgresql+psycopg://h:5432/db", False),
        ("http://h:5000", False),
        ("sqlite:////home/ada@work/a:b/catalog.sqlite", False),
        ("/home/ada/catalog", False),
    ],
)
def test_addresses_with_a_password_are_told_from_others(address, holds):
    assert holds_password(address) is holds


@pytest.mark.parametrize("option", ["--catalog", "--tracking"])
def test_a_password_is_taken_from_the_environment_and_refused_as_an_argument(
    option, monkeypatch, capsys, tmp_path
):
    pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    address = "postgresql+psycopg://ada:secret@127.0.0.1:1/db"

    def said(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["adaptersweep", "doctor", "--json", *arguments])
        with pytest.raises(SystemExit):
            command_line.main()
        written = capsys.readouterr()
        assert "secret" not in written.out + written.err
        return written.out + written.err

    assert "found a password in postgresql+psycopg://***@127" in said(option, address)
    variable = {"--catalog": "ADAPTERSWEEP_CATALOG", "--tracking": "MLFLOW_TRACKING_URI"}[option]
    monkeypatch.setenv(variable, address)
    assert "found a password" not in said()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("postgresql+psycopg://ada:secret@127.0.0.1:1/db", "port 1 failed"),
        ("postgresql+psycopg://ada:secret@127.0.0.1:port/db", "'port'"),
        ("postgresql+nodriver://ada:secret@127.0.0.1/db", "postgresql.nodriver"),
        ("mysql+nodriver://ada:secret@127.0.0.1/db", "mysql.nodriver"),
    ],
)
def test_a_tracking_database_that_cannot_be_used_is_one_plain_error(
    address: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    from mlflow.store.db import utils

    sleeping = SimpleNamespace(sleep=lambda _: pytest.fail("MLflow tries for 100 seconds"))
    monkeypatch.setattr(utils, "time", sleeping)
    with pytest.raises(TrackingError, match=why) as refused:
        connect(address)
    assert "secret" not in str(refused.value)
