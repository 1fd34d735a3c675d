"""Sweeps that are sent to a real Ray head with dashboard and token, and steered from elsewhere."""

import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AttemptOutcome, TrialState
from tests.integration.conftest import COMMAND, Finished
from tests.integration.test_cluster import Cluster
from workers.contract.paths import Workspace

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool], float, str], None]
ROOT = Path(__file__).parents[2]


class Laptops:
    """People who send sweeps to one cluster; each command is a process of its own."""

    def __init__(self, cluster: Cluster, url: str, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.config = folder / "config.toml"
        self.config.write_text(f'[clusters.lab]\nurl = "{url}"\nworkspace = "{self.workspace}"\n')
        self._environment = cluster.environment | {"ADAPTERSWEEP_CONFIG": str(self.config)}
        self._folder = folder
        self._followers: list[subprocess.Popen[str]] = []

    def ask(self, person: str, *arguments: str | Path, **environment: str) -> Finished:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=240,
            env=self._environment | {"ADAPTERSWEEP_PERSON": f"{person}@laptop"} | environment,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def follow(self, person: str, *arguments: str | Path) -> subprocess.Popen[str]:
        with (self._folder / f"{person}-{len(self._followers)}.log").open("w") as log:
            process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=self._environment | {"ADAPTERSWEEP_PERSON": f"{person}@laptop"},
            )
        self._followers.append(process)
        return process

    def seen(self, person: str, number: int) -> str:
        return (self._folder / f"{person}-{number}.log").read_text()

    def finished(self) -> int:
        return len(list(self.workspace.glob("trials/*/*/result.json")))

    def close(self) -> None:
        for process in self._followers:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def laptops(
    tmp_path: Path, environment: dict[str, str], free_port: Callable[[], int], until: Until
) -> Iterator[Laptops]:
    port, dashboard = free_port(), free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    made = Cluster(tmp_path, environment | {"PATH": path, "PYTHONPATH": str(ROOT)}, port)
    made.add(
        *("--head", "--port", str(port), "--num-cpus", "2", "--include-dashboard", "1"),
        *("--dashboard-port", str(dashboard), "--dashboard-agent-listen-port", str(free_port())),
        *("--min-worker-port", "0", "--max-worker-port", "0"),
    )
    people = Laptops(made, f"http://127.0.0.1:{dashboard}", tmp_path)
    try:
        log = tmp_path / "node-0.log"
        until(lambda: "Ray runtime started" in log.read_text(), 120, "the head node has started")
        yield people
    finally:
        people.close()
        for node in made.nodes:
            if node.poll() is None:
                made.kill(node)


def test_two_people_share_a_cluster_and_steer_their_sweeps(
    laptops: Laptops, toy_sweep: Callable[..., Path], until: Until, tmp_path: Path
) -> None:
    mine, theirs = toy_sweep(epochs=18), toy_sweep(epochs=18, name="theirs.yaml")
    theirs.write_text(theirs.read_text().replace("name: toy", "name: theirs"))
    submit = ("submit", mine, "--cluster", "lab")

    wrong = tmp_path / "wrong-token"
    wrong.write_text(secrets.token_hex(16))
    refused = laptops.ask("ada", *submit, RAY_AUTH_TOKEN_PATH=str(wrong))
    assert refused.code == 2
    assert f"expected its own authentication token, found the one in {wrong}" in refused.err
    assert "ray get-auth-token" in refused.err
    assert "Traceback" not in refused.err

    sent = laptops.ask("ada", *submit, "--detach")
    assert sent.code == 0, sent.err
    assert "as job toy-" in sent.err
    follower = laptops.follow("ada", *submit)
    until(lambda: laptops.finished() >= 2, 120, "two trials are finished")
    (row,) = laptops.ask("bob", "list", "--cluster", "lab", "--json").json
    assert (row["sweep"], row["submitted_by"]) == ("toy", "ada@laptop")
    assert row["job"].startswith("toy-")

    assert laptops.ask("ada", "pause", "toy", "--cluster", "lab").code == 0
    catalog = Catalog.open(Workspace(laptops.workspace).catalog_url, create=False)

    def rests() -> bool:
        asked = catalog.submissions("toy")[0].request == "pause"
        return asked and not catalog.counts("toy")[TrialState.RUNNING]

    with catalog:
        until(rests, 60, "nothing runs any more")
        paused_at = laptops.finished()
        assert paused_at < 30
        limited = laptops.ask("ada", "limit", "toy", "--cluster", "lab", "--max-workers", "1")
        assert "workers at most 1" in limited.out
        assert laptops.ask("ada", "resume", "toy", "--cluster", "lab").code == 0
        until(lambda: laptops.finished() > paused_at, 60, "it goes on")
        assert laptops.ask("ada", "cancel", "toy", "--cluster", "lab").code == 0
        assert follower.wait(timeout=60) == 130
        assert "paused by ada@laptop" in laptops.seen("ada", 0)
        assert "ada@laptop asked to cancel" in laptops.seen("ada", 0)
        assert laptops.finished() < 30
        other = laptops.follow("bob", "submit", theirs, "--cluster", "lab")
        again = laptops.ask("ada", "resume", "toy", "--cluster", "lab")
        assert again.code == 0, again.err
        done = laptops.ask("ada", *submit, "--json")
        assert done.code == 0, done.err
        assert done.json["exit_code"] == 0
        assert other.wait(timeout=120) == 0, laptops.seen("bob", 1)

        ids = [row.trial_id for row in catalog.trials(limit=None)]
        outcomes = Counter(a.outcome for i in ids for a in catalog.attempts(i))
        assert len(ids) == outcomes[AttemptOutcome.FINISHED] == 30
        sources = {t.task.source.path for t in catalog.planned(ids).values()}  # type: ignore[union-attr]
    assert all(Path(s).is_relative_to(laptops.workspace / "sent") for s in sources)
    listed = laptops.ask("bob", "list", "--all", "--cluster", "lab", "--json").json
    assert Counter(s["submitted_by"] for s in listed)["ada@laptop"] >= 2
    assert json.dumps(listed).count('"living": true') == 0
