"""A workspace in object storage: SeaweedFS behind a proxy with faults, PostgreSQL and Ray."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.object_storage import KEYS, Fault, FaultyProxy, seaweedfs
from workers.contract.storage.object_storage import ObjectStorage

pytestmark = pytest.mark.slow

URL = "s3://sweeps/group/one"
TRIALS = 30
STATES = re.compile(r"trials/[0-9a-f]{2}/[0-9a-f]{20}/(?P<kind>[a-z]+)")


@pytest.fixture
def proxy(
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FaultyProxy]:
    with seaweedfs(tmp_path / "seaweedfs") as address:
        made = FaultyProxy(address, seed=7)
        for name, value in (KEYS | {"AWS_ENDPOINT_URL": made.url}).items():
            environment[name] = value
            monkeypatch.setenv(name, value)
        environment["TMPDIR"] = str(tmp_path / "temporary")
        (tmp_path / "temporary").mkdir()
        yield made
        made.close()


@pytest.fixture
def stores(tmp_path: Path, postgres_database: Callable[[], str]) -> tuple[str, ...]:
    tracking = f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.sqlite'}"
    (tmp_path / "mlflow").mkdir()
    return ("-w", URL, "--catalog", postgres_database(), "--tracking", tracking)


def kinds_in(storage: ObjectStorage) -> set[str]:
    return {found["kind"] for found in map(STATES.match, storage.names("trials")) if found}


def test_a_sweep_under_faults_is_complete_and_every_command_works_with_it(
    adaptersweep: Callable[..., Any],
    toy_sweep: Callable[..., Path],
    proxy: FaultyProxy,
    stores: tuple[str, ...],
    tmp_path: Path,
) -> None:
    storage, sweep = ObjectStorage.open(URL), toy_sweep()
    assert adaptersweep("doctor", *stores, "--json").code == 0
    proxy.share = 0.1
    first = adaptersweep("submit", sweep, *stores, "--json", limit_s=500)
    met = {fault: proxy.seen[fault] for fault in Fault}
    proxy.share = 0.0
    assert first.code == 0, first.err
    assert (first.json["trained"], first.json["failed"]) == (TRIALS, [])
    assert (first.json["unpublished"], len(first.json["registered"])) == (0, 3)
    assert all(met.values()), f"every kind of fault was met: {met}"
    assert kinds_in(storage) == {"claim", "trial", "result", "adapter", "kept", "logs"}
    assert any(name.startswith("driver.log/") for name in storage.names())

    shutil.rmtree(tmp_path / "tasks")  # they were sent
    more = toy_sweep()
    second = adaptersweep("submit", more, *stores, "--json")
    assert (second.json["trained"], second.json["reused"]) == (0, TRIALS), second.err

    trial = adaptersweep("trials", *stores[:4], "--task", "one", "--json").json[0]["trial_id"]
    logs = adaptersweep("logs", trial[:10], *stores[:4])
    assert "start: one" in logs.out, logs.err
    assert "finished: accuracy" in logs.out
    shown = adaptersweep("show", trial, *stores[:4], "--json")
    assert shown.json["log"].startswith(f"{URL}/trials/")

    target = tmp_path / "pulled"
    pulled = adaptersweep("pull", "one@champion", "-w", URL, *stores[4:], "--to", target)
    assert pulled.code == 0, pulled.err
    answer = adaptersweep("predict", "two@champion", "good film", "-w", URL, *stores[4:])
    assert answer.code == 0, answer.err

    assert adaptersweep("repair", *stores, "--dry-run", "--json").json["found"] == []
    (weights, *_) = (n for n in storage.names("trials") if n.endswith("adapter.safetensors"))
    damaged = weights.split("/")[2]
    storage.write(weights, b"not what was trained")
    mended = adaptersweep("repair", *stores, "--json")
    assert next(row["trials"] for row in mended.json["found"]) == [damaged], mended.err
    again = adaptersweep("submit", more, *stores, "--json")
    assert again.code == 0, again.err
    assert (again.json["trained"], again.json["reused"]) == (1, TRIALS - 1)

    shown = adaptersweep("prune", *stores[:4], "--json").json
    assert shown["finished"], "losers whose adapters nothing needs"
    assert shown["size_bytes"] > 0
    proxy.share = 0.1
    pruned = adaptersweep("prune", *stores[:4], "--yes", "--json")
    proxy.share = 0.0
    assert pruned.code == 0, pruned.err
    assert pruned.json["pruned"] == len(shown["finished"])
    with_adapter = {n.split("/")[2] for n in storage.names("trials") if "/adapter/" in n}
    assert with_adapter.isdisjoint(shown["finished"])
    assert adaptersweep("repair", *stores, "--dry-run", "--json").json["found"] == []

    removed = adaptersweep("remove", "toy", *stores[:4], "--yes")
    assert removed.code == 0, removed.err
    left = {name.split("/")[2] for name in storage.names("trials")}
    kept = json.loads(adaptersweep("trials", *stores[:4], "--json").out)
    assert left == {row["trial_id"] for row in kept}, "the registered ones and their sources stay"
    assert len(left) < TRIALS
    assert list((tmp_path / "temporary").glob("adaptersweep-*/*")) == [], "nothing stays locally"


def test_a_storage_that_is_down_for_a_while_delays_a_sweep(
    background: Callable[..., Any],
    toy_sweep: Callable[..., Path],
    proxy: FaultyProxy,
    stores: tuple[str, ...],
    until: Callable[[Callable[[], bool], float, str], None],
) -> None:
    storage = ObjectStorage.open(URL)
    storage.write("makes the bucket", b"")
    process = background("submit", toy_sweep(), *stores)

    def committed() -> int:
        return sum(name.endswith("/result.json") for name in storage.names("trials"))

    until(lambda: committed() > 2, 240, "some trials are done")
    proxy.down = True
    time.sleep(20)
    proxy.down = False
    assert process.wait(300) == 0
    assert committed() == TRIALS


def test_sqlite_in_object_storage_is_refused(
    adaptersweep: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    refused = adaptersweep("submit", toy_sweep(), "-w", URL)
    assert refused.code == 2
    assert "--catalog: expected an address such as postgresql" in refused.err
    tracking = adaptersweep(
        "submit", toy_sweep(), "-w", URL, "--catalog", f"sqlite:///{tmp_path}/c"
    )
    assert "--tracking: expected an address such as http" in tracking.err
    other = adaptersweep("status", "-w", "ftp://host/sweeps")
    assert "expected a folder that every node sees, or the URL of object storage" in other.err
    process = adaptersweep("submit", toy_sweep(), "-w", "memory://x")
    assert "lives in one process, workers are others" in process.err
    assert not any("Traceback" in said.err for said in (refused, tracking, other, process))
