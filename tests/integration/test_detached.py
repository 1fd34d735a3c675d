"""What a sweep on a cluster outlives: its laptop, a connection that breaks, and its driver."""

import shlex
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AttemptOutcome, TrialState
from tests.integration.chaos_grounds import SmallDisk
from tests.integration.conftest import COMMAND
from tests.integration.test_jobs import Laptops
from tests.integration.test_jobs import laptops as laptops

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool], float, str], None]
WILD = "{ optimiser: sgd, learning_rate: 3e38, gradient_clip: null }"


class Tunnel:
    """A way to the dashboard, as through ssh, whose connections can be cut."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self._listener, self._port = listener, port
        self._open: list[socket.socket] = []
        self.cut_off = threading.Event()

    def serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            self._open += [near, far]
            if self.cut_off.is_set():  # asked last, so that none slips past the cut
                near.close()
                far.close()
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break what is open, and take nothing new until `cut_off` is cleared."""
        self.cut_off.set()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def tunnel(port: int) -> Iterator[tuple[str, Tunnel]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Tunnel(listener, port)
        threading.Thread(target=made.serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", made


def drivers(workspace: Path) -> list[psutil.Process]:
    """Return the processes on the cluster that run a sweep of this workspace."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if "orchestrator.command_line" in words and str(workspace / "sent") in " ".join(words):
                found.append(process)
    return found


@pytest.mark.timeout(1200)
def test_a_sweep_outlives_its_laptop_a_cut_connection_and_its_driver(
    laptops: Laptops, toy_sweep: Callable[..., Path], until: Until, tmp_path: Path
) -> None:
    sweep = toy_sweep(epochs=48)
    wild = f"  - {{ tasks: one, training: {WILD} }}\nfusion:"
    sweep.write_text(sweep.read_text().replace("fusion:", wild, 1))
    home = tmp_path / "empty"
    home.mkdir()
    unknown = laptops.ask(
        "ada", "submit", sweep, "--cluster", "lab", RAY_AUTH_TOKEN_PATH="", HOME=str(home)
    )
    assert unknown.code == 2
    assert "expected its own authentication token, found none" in unknown.err
    assert "Traceback" not in unknown.err

    profile = laptops.config.read_text()
    dashboard = int(profile.partition("http://127.0.0.1:")[2].partition('"')[0])
    with tunnel(dashboard) as (url, way):
        laptops.config.write_text(profile + f'[clusters.far]\nurl = "{url}"\n')
        far = ("submit", sweep, "--cluster", "far", "-w", laptops.workspace)
        gone = laptops.follow("ada", *far)
        until(lambda: laptops.finished() >= 1, 180, "a trial is finished")
        gone.kill()  # the laptop is closed
        follower = laptops.follow("ada", *far)
        until(lambda: "already, as job toy-" in laptops.seen("ada", 1), 60, "it is followed again")
        (driver,) = drivers(laptops.workspace)
        driver.kill()
        way.cut()
        until(lambda: "trying again" in laptops.seen("ada", 1), 60, "the cut is noticed")
        way.cut_off.clear()
        until(lambda: "it is started again" in laptops.seen("ada", 1), 60, "a driver comes back")

        before = laptops.finished()
        until(lambda: laptops.finished() > before, 120, "it goes on")
        assert laptops.ask("bob", "limit", "toy", "--cluster", "lab", "--priority", "5").code == 0
        until(lambda: failed(laptops), 120, "one has diverged")
        again = laptops.ask("bob", "retry", "toy", "--cluster", "lab")
        assert "1 failed trials of sweep toy are pending again" in again.out, again.err
        assert laptops.ask("bob", "stop", "toy", "--cluster", "lab").code == 0
        assert follower.wait(timeout=120) == 130, laptops.seen("ada", 1)
        assert "bob@laptop asked to stop" in laptops.seen("ada", 1)
    assert drivers(laptops.workspace) == []
    kept = laptops.finished()
    assert kept < 31
    resumed = laptops.ask("ada", "resume", "toy", "--cluster", "lab")
    assert resumed.code == 0, resumed.err
    done = laptops.ask("ada", "submit", sweep, "--cluster", "lab", "--json")
    assert done.json["exit_code"] == 1, "one trial diverges whenever it is tried"
    with Catalog.open(laptops.catalog_url, create=False) as catalog:
        rows = catalog.trials(limit=None)
        outcomes = Counter(a.outcome for r in rows for a in catalog.attempts(r.trial_id))
        states = Counter(row.state for row in rows)
        (diverged,) = (row.trial_id for row in rows if row.state is TrialState.FAILED)
        tries = [a.outcome for a in catalog.attempts(diverged)].count(AttemptOutcome.FAILED)
    assert outcomes[AttemptOutcome.FINISHED] == states[TrialState.FINISHED] > kept
    assert tries >= 2, "retry, and each submission, tried it once more"
    read_from_another_machine(laptops, diverged)


def failed(laptops: Laptops) -> bool:
    with Catalog.open(laptops.catalog_url, create=False) as catalog:
        return bool(catalog.counts("toy")[TrialState.FAILED])


def read_from_another_machine(laptops: Laptops, trial_id: str) -> None:
    """Ask for a log where an empty file system hides the workspace, but not its catalog."""
    if not SmallDisk.can_be_made() or shutil.which("unshare") is None:
        return
    asked = [*COMMAND, "logs", trial_id[:8], "--cluster", "lab"]
    hide = f"mount -t tmpfs none '{laptops.workspace}' && exec {shlex.join(asked)}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide],
        capture_output=True,
        text=True,
        env=laptops.environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "TrialFailedError" in done.stdout
