"""No user and no password is shown, logged or kept."""

import logging

import pytest

from orchestrator.addresses import redacted
from orchestrator.catalog import Catalog
from orchestrator.catalog.engines import engine_at
from orchestrator.commands.submitting import RedactingFormatter
from orchestrator.errors import CatalogError, OrchestratorError, TrackingError
from orchestrator.mlflow.runs import translated


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
