"""Sweeps that two people send to the cluster of `make cluster`, and steer from elsewhere."""

import json
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AttemptOutcome, TrialState
from tests.integration.conftest import COMMAND, Finished
from tests.integration.local_cluster import ROOT, LocalCluster

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool], float, str], None]
SEND = """
from orchestrator import Sweeps
lab = Sweeps(cluster="lab")
print("sent, not followed:", lab.send({sweep!r}, follow=False))
print("followed to its end:", lab.send({sweep!r}))
"""


class Laptops:
    """People who send sweeps to one cluster; each command is a process of its own."""

    def __init__(self, cluster: LocalCluster, folder: Path) -> None:
        users = cluster.environment()
        self.workspace = Path(users.pop("ADAPTERSWEEP_WORKSPACE"))
        catalog = make_url(users["ADAPTERSWEEP_CATALOG"]).set(password=users["PGPASSWORD"])
        self.catalog_url = catalog.render_as_string(hide_password=False)
        self.config = folder / "config.toml"
        url = users.pop("RAY_API_SERVER_ADDRESS")
        self.config.write_text(f'[clusters.lab]\nurl = "{url}"\nworkspace = "{self.workspace}"\n')
        added = {"ADAPTERSWEEP_CONFIG": str(self.config), "PYTHONPATH": str(ROOT)}
        self.environment = users | added | {"PYTHONWARNINGS": "ignore"}
        self._folder = folder
        self._followers: list[subprocess.Popen[str]] = []

    def ask(self, person: str, *arguments: str | Path, **environment: str) -> Finished:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=240,
            env=self.environment | {"ADAPTERSWEEP_PERSON": f"{person}@laptop"} | environment,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def follow(self, person: str, *arguments: str | Path) -> subprocess.Popen[str]:
        return self._start(person, [*COMMAND, *map(str, arguments)])

    def program(self, person: str, text: str) -> subprocess.Popen[str]:
        """Start a Python program that uses the library."""
        return self._start(person, [sys.executable, "-c", text])

    def _start(self, person: str, command: list[str]) -> subprocess.Popen[str]:
        with (self._folder / f"{person}-{len(self._followers)}.log").open("w") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=self.environment | {"ADAPTERSWEEP_PERSON": f"{person}@laptop"},
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
def laptops(local_cluster: LocalCluster, tmp_path: Path) -> Iterator[Laptops]:
    people = Laptops(local_cluster, tmp_path)
    try:
        yield people
    finally:
        people.close()


@pytest.mark.timeout(1200)
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
    gone = laptops.follow("ada", *submit)
    until(lambda: laptops.finished() >= 1, 240, "a trial is finished")
    gone.kill()
    assert gone.wait() == -signal.SIGKILL
    follower = laptops.follow("ada", *submit)
    until(lambda: laptops.finished() >= 2, 240, "two trials are finished")
    (row,) = laptops.ask("bob", "list", "--cluster", "lab", "--json").json
    assert (row["sweep"], row["submitted_by"]) == ("toy", "ada@laptop")
    assert row["job"].startswith("toy-")

    assert laptops.ask("ada", "pause", "toy", "--cluster", "lab").code == 0
    catalog = Catalog.open(laptops.catalog_url, create=False)

    def rests() -> bool:
        asked = catalog.submissions("toy")[0].request == "pause"
        return asked and not catalog.counts("toy")[TrialState.RUNNING]

    with catalog:
        until(rests, 120, "nothing runs any more")
        paused_at = laptops.finished()
        assert paused_at < 30
        limited = laptops.ask("ada", "limit", "toy", "--cluster", "lab", "--max-workers", "1")
        assert "workers at most 1" in limited.out
        assert laptops.ask("ada", "resume", "toy", "--cluster", "lab").code == 0
        until(lambda: laptops.finished() > paused_at, 120, "it goes on")
        assert laptops.ask("ada", "cancel", "toy", "--cluster", "lab").code == 0
        assert follower.wait(timeout=120) == 130
        assert "paused by ada@laptop" in laptops.seen("ada", 1)
        assert "ada@laptop asked to cancel" in laptops.seen("ada", 1)
        assert laptops.finished() < 30
        other = laptops.program("bob", SEND.format(sweep=str(theirs)))
        again = laptops.ask("ada", "resume", "toy", "--cluster", "lab")
        assert again.code == 0, again.err
        done = laptops.ask("ada", *submit, "--json")
        assert done.code == 0, done.err
        assert done.json["exit_code"] == 0
        assert other.wait(timeout=240) == 0, laptops.seen("bob", 2)
        assert "sent, not followed: None" in laptops.seen("bob", 2)
        assert "followed to its end: 0" in laptops.seen("bob", 2)

        ids = [row.trial_id for row in catalog.trials(limit=None)]
        outcomes = Counter(a.outcome for i in ids for a in catalog.attempts(i))
        assert len(ids) == outcomes[AttemptOutcome.FINISHED] == 30
        sources = {t.task.source.path for t in catalog.planned(ids).values()}  # type: ignore[union-attr]
    assert all(Path(s).is_relative_to(laptops.workspace / "sent") for s in sources)
    listed = laptops.ask("bob", "list", "--all", "--cluster", "lab", "--json").json
    assert Counter(s["submitted_by"] for s in listed)["ada@laptop"] >= 2
    assert json.dumps(listed).count('"living": true') == 0
