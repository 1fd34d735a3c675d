"""The stores of a cluster: a real PostgreSQL for the catalog and a real MLflow server."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool], float, str], None]


@pytest.fixture
def mlflow_server(
    tmp_path: Path, environment: dict[str, str], free_port: Callable[[], int], until: Until
) -> Iterator[str]:
    """An MLflow server with a store of its own; artifacts go through it."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    store, artifacts = tmp_path / "server.sqlite", tmp_path / "server-artifacts"
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{store}"),
                *("--artifacts-destination", artifacts.as_uri()),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )

    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{address}/health", timeout=5).status == 200)
        except (urllib.error.URLError, OSError):
            return False

    try:
        until(answers, 180, "the MLflow server answers")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_a_sweep_on_postgresql_and_an_mlflow_server(
    adaptersweep: Callable[..., Any],
    toy_sweep: Callable[..., Path],
    postgres_database: Callable[[], str],
    mlflow_server: str,
    tmp_path: Path,
) -> None:
    workspace, catalog = tmp_path / "workspace", postgres_database()
    stores = ("-w", workspace, "--catalog", catalog, "--tracking", mlflow_server)
    doctor = adaptersweep("doctor", *stores, "--json")
    assert doctor.code == 0, doctor.out
    done = adaptersweep("submit", toy_sweep(), *stores, "--json")
    assert done.code == 0, done.err
    assert (done.json["trained"], done.json["unpublished"]) == (30, 0)
    assert len(done.json["registered"]) == 3
    assert not list(workspace.glob("*.sqlite")), "everything is in the shared stores"
    best = adaptersweep("best", "-w", workspace, "--catalog", catalog, "--json")
    assert {row["best"]["task"] for row in best.json} == {"one", "two", "three"}
    target = tmp_path / "pulled"
    pulled = adaptersweep("pull", "two@champion", "--tracking", mlflow_server, "--to", target)
    assert pulled.code == 0, pulled.err
    assert adaptersweep("predict", target, "good film").code == 0
