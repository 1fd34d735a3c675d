"""`doctor` looks and touches nothing; `mlflow` says at once what it cannot do, and no secret."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.catalog import Catalog
from orchestrator.commands import installation
from orchestrator.errors import OrchestratorError


def findings(capsys: pytest.CaptureFixture[str], **stores: Any) -> dict[str, str]:
    import json

    options = {"catalog": None, "tracking": None, "address": None} | stores
    installation.doctor(as_json=True, **options)
    return {f["what"]: f["found"] for f in json.loads(capsys.readouterr().out)}


def test_the_doctor_creates_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres_database: Callable[[], str]
) -> None:
    from sqlalchemy import create_engine, inspect

    found = findings(capsys, workspace=tmp_path / "deep" / "workspace")
    for part in ("workspace", "catalog", "mlflow store"):
        assert "there yet; `submit` makes it" in found[part]
    assert list(tmp_path.iterdir()) == []
    url = postgres_database()
    assert "nothing there yet" in findings(capsys, workspace=tmp_path, catalog=url)["catalog"]
    assert list(tmp_path.iterdir()) == []
    engine = create_engine(url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_the_doctor_shows_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = findings(
        capsys,
        workspace=tmp_path,
        catalog="postgresql+psycopg://ada:secret@127.0.0.1:1/x?password=secret",
        tracking="http://ada:secret@127.0.0.1:1",
    )
    assert "127.0.0.1:1" in found["catalog"]
    assert "127.0.0.1:1" in found["mlflow store"]
    assert "secret" not in str(found)


def test_a_workspace_that_cannot_be_made_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    found = findings(capsys, workspace=tmp_path / "file" / "workspace")
    assert "is no folder" in found["workspace"]


@pytest.fixture
def served(stores: Any) -> dict[str, Any]:
    return {"workspace": stores.workspace.root, "tracking": None, "host": "127.0.0.1"}


def test_a_port_in_use_is_said_at_once(served: dict[str, Any]) -> None:
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OrchestratorError, match=f"port {port} of 127.0.0.1: .*--port"):
            installation.mlflow(port=port, **served)
    with pytest.raises(OrchestratorError, match="cannot listen on port 5000 of no-such-host"):
        installation.mlflow(port=5000, **served | {"host": "no-such-host.invalid"})
    assert time.monotonic() - began < 20


def test_the_store_is_no_argument_of_the_server(
    served: dict[str, Any], stores: Any, free_port: Callable[[], int], monkeypatch: Any
) -> None:
    """Arguments of a process can be read by everybody on the machine."""
    started = []

    class Process:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            started.append((command, env))

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    assert installation.mlflow(port=free_port(), **served) == 0
    ((command, environment),) = started
    assert command[0] == sys.executable
    assert not [word for word in command if stores.tracking_uri in word]
    assert environment["MLFLOW_BACKEND_STORE_URI"] == stores.tracking_uri


def test_a_store_of_something_else_is_not_served(
    served: dict[str, Any], stores: Any, free_port: Callable[[], int]
) -> None:
    with Catalog.open(stores.catalog_url):
        pass
    with pytest.raises(OrchestratorError, match="of another program"):
        installation.mlflow(port=free_port(), **served | {"tracking": stores.catalog_url})
