"""A password of a store is found nowhere, and nothing listens to the network."""

import contextlib
import ipaddress
import json
import os
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import write_task

pytestmark = pytest.mark.slow

SECRET = "hunter2-correct-horse"
SWEEP = """\
name: small
base_models: {{ toy: {{ source: "folder:{base}" }} }}
tasks: {{ one: {{ folder: "{tasks}/one" }} }}
seeds: [0, 1]
adapter: {{ bottleneck_size: 8 }}
training: {{ learning_rate: [1e-2, 1.0e+30], batch_size: 8, max_length: 16, epochs: 1 }}
trials: [ {{ method: adapter }} ]
"""


class Watched:
    """What a process and all that it starts show to other users of the machine."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.seen: set[str] = set()
        self.words: set[str] = set()
        self.interfaces: dict[str, str] = {}

    def look(self) -> None:
        try:
            family = [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            try:
                self.seen.add(process.name())
                self.words.update(process.cmdline())
                for found in process.net_connections(kind="inet"):
                    if found.status == psutil.CONN_LISTEN:
                        self.interfaces[f"{process.name()}:{found.laddr.port}"] = found.laddr.ip
            except psutil.Error:
                continue

    def check(self) -> None:
        assert not [w for w in self.words if SECRET in w]
        for who, address in self.interfaces.items():
            plain = ipaddress.ip_address(address.removeprefix("::ffff:"))
            assert plain.is_loopback, f"{who} listens on {address}"


def in_tables(url: str) -> list[str]:
    """Return the tables of a database in which the secret stands."""
    import psycopg

    found = []
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        assert len(names) > 5
        for (name,) in names:
            query = f"SELECT count(*) FROM {name} AS t WHERE t::text LIKE '%{SECRET}%'"
            if connection.execute(query.encode()).fetchone() != (0,):
                found.append(name)
    return found


def check_what_was_told(heard: Path, figures: str, workspace: Path) -> None:
    """Figures of driver and worker were served, notices came, and logs are JSON."""
    assert 'adaptersweep_trials{state="finished",sweep="small"} 2.0' in figures
    assert 'adaptersweep_failures_total{reason="diverged",sweep="small"} 2.0' in figures
    assert "adaptersweep_outbox_lag_seconds" in figures
    assert re.search(r"adaptersweep_worker_memory_bytes{.*} [1-9]", figures)
    told = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [(n["event"], n.get("outcome")) for n in told] == [
        ("new_champion", None),
        ("ended", "failed"),
    ]
    for path in (workspace / "driver.log", *workspace.glob("trials/*/*/worker.log")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert lines, path


def in_files(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if SECRET.encode() in path.read_bytes()]


def test_a_password_is_found_nowhere(
    background: Callable[..., Any],
    adaptersweep: Callable[..., Any],
    environment: dict[str, str],
    postgres_database: Callable[[], str],
    toy_base: Path,
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    catalog, tracking = postgres_database(), postgres_database()
    by_user = catalog.replace("sweep@", f"sweep:{SECRET}@")
    by_parameter = f"{tracking}?password={SECRET}"
    environment["ADAPTERSWEEP_CATALOG"] = by_user
    environment["MLFLOW_TRACKING_URI"] = by_parameter
    write_task(tmp_path / "tasks", "one", seed=0)
    sweep, workspace = tmp_path / "sweep.yaml", tmp_path / "workspace"
    sweep.write_text(SWEEP.format(base=toy_base, tasks=tmp_path / "tasks"))

    hook, heard, figures = tmp_path / "hook.py", tmp_path / "heard", ""
    hook.write_text(f"import sys; open({str(heard)!r}, 'a').write(sys.stdin.read())")
    metrics = free_port()
    asked = ("--metrics", str(metrics), "--notify", f"{sys.executable} {hook}")
    process = background("submit", sweep, "-w", workspace, *asked, "--log-format", "json")
    watched = Watched(process.pid)
    while process.poll() is None:
        watched.look()
        with contextlib.suppress(OSError):
            address = f"http://127.0.0.1:{metrics}/metrics"
            figures = urllib.request.urlopen(address, timeout=5).read().decode()
        time.sleep(0.5)
    written = (tmp_path / "background-0.log").read_text()
    assert process.returncode == 1, written
    assert "2 trials finished now, 0 before, 2 failed" in written
    assert {"raylet", "gcs_server"} <= watched.seen, "Ray was looked at"
    assert len(watched.interfaces) >= 5
    watched.check()
    assert in_tables(catalog) == []
    assert in_tables(tracking) == []
    check_what_was_told(heard, figures, workspace)

    port = free_port()
    pages = background("mlflow", "-w", workspace, "--port", str(port))
    watched = Watched(pages.pid)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        watched.look()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
            break
        except OSError:
            time.sleep(0.2)
    watched.look()
    assert len(watched.seen) >= 1
    assert watched.interfaces
    os.killpg(pages.pid, signal.SIGTERM)
    pages.wait(60)
    watched.check()

    doctor = adaptersweep("doctor", "-w", workspace, "--json")
    assert "***" in doctor.out
    environment["ADAPTERSWEEP_CATALOG"] = by_user.rpartition(":")[0] + ":1/gone"
    # MLflow tries a database that is gone for two minutes, and a server once.
    environment["MLFLOW_TRACKING_URI"] = f"http://ada:{SECRET}@127.0.0.1:1"
    for words in (["status"], ["doctor"], ["pull", "one@champion"]):
        done = adaptersweep(*words, "-w", workspace)
        assert SECRET not in done.out + done.err, words
        assert done.code in (1, 2), words
    assert SECRET not in doctor.out + doctor.err + written
    assert in_files(tmp_path) == []
