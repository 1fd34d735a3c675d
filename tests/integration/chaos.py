"""Disturb a sweep with faults drawn at random from a seed, and compare what it comes to.

`make chaos` runs the long version and prints a table of it; `test_chaos.py` runs a short one. What
the sweep stands on is made by `chaos_grounds`.
"""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from tests.integration.chaos_grounds import Grounds
from workers.contract.paths import Workspace
from workers.errors import StorageError

COMMAND = [sys.executable, "-m", "orchestrator.command_line"]
INTERRUPTED, UNUSABLE = 130, 2
ENDED = (0, 1, UNUSABLE, INTERRUPTED, -signal.SIGKILL, -signal.SIGTERM)


class How(StrEnum):
    """What a fault does."""

    KILLED = "killed"
    STOPPED = "stopped"  # for a while; a worker for good
    SLOW = "slow"  # stopped for most of every half second
    TERMINATED = "terminated"  # told to end, as by a scheduler
    FULL = "full"


STOPPED_S = (4.0, 12.0)
SLOW_S, SLOW_STOPPED_S, SLOW_RUNNING_S = 4.0, 0.4, 0.1
FULL_S = (2.0, 8.0)
MOVES_WITHIN_S = 60.0
"""For a worker to go on after a fault, before the next one comes nevertheless."""

HURT = (How.KILLED, How.STOPPED, How.SLOW)
FAULTS: dict[str, tuple[How, ...]] = {
    "worker": (*HURT, How.TERMINATED),
    "node": HURT,
    "head": HURT,
    "agent": (How.KILLED,),
    "driver": (*HURT, How.TERMINATED),
    "all of it": (How.TERMINATED,),
    "PostgreSQL": HURT,
    "MLflow": HURT,
    "object storage": HURT,
    "disk": (How.FULL,),
}
"""Who can be hurt, and how."""


@dataclass(frozen=True)
class Fault:
    """Something that happens to a part."""

    who: str
    how: How

    def __str__(self) -> str:
        return f"{self.who} {self.how}"


def possible(grounds: Grounds) -> list[Fault]:
    """Return every kind of fault that can happen on these grounds."""
    absent = {"PostgreSQL", "MLflow", "object storage"} - grounds.servers.keys()
    if grounds.disk is None:
        absent.add("disk")
    return [Fault(who, how) for who, hows in FAULTS.items() if who not in absent for how in hows]


def planned_faults(draw: random.Random, faults: int, kinds: Sequence[Fault]) -> list[Fault]:
    """Return each kind as often as any other, in random order."""
    plan = [kinds[i % len(kinds)] for i in range(faults)]
    draw.shuffle(plan)
    return plan


@dataclass
class Chaos:
    """A sweep under faults.

    Attributes:
        sweep: its YAML; `grow` adds trials to it where all are finished and faults are left.
        options: of every command: where the stores are.
        address: option of `submit`, where the cluster is not its own.
        done: what was done how often.
        codes: how submissions ended.
        seen: every process that a submission has started.
    """

    sweep: Path
    workspace: Workspace
    options: list[str]
    grounds: Grounds
    draw: random.Random
    grow: Callable[[], object]
    address: Sequence[str] = ()
    pause_s: tuple[float, float] = (0.5, 3.0)
    say: Callable[[str], object] = lambda _: None
    done: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    submissions: int = 0
    seen: set[psutil.Process] = field(default_factory=set)
    driver: "subprocess.Popen[bytes] | None" = None
    _hurt_at: float = 0.0
    _there_then: frozenset[str] = frozenset()

    def run(self, plan: Sequence[Fault], limit_s: float) -> None:
        """Do what is planned, one after another; then let the sweep end."""
        deadline = time.monotonic() + limit_s
        for fault in plan:
            while not self._happens(fault, deadline):
                pass
        while self._wait_for_driver(deadline) != 0:
            self._submit()

    @property
    def stores(self) -> list[str]:
        return ["-w", self.workspace.address, *self.options]

    @property
    def log(self) -> Path:
        return self.grounds.folder / f"submission-{self.submissions}.log"

    def _submit(self) -> None:
        self.submissions += 1
        with self.log.open("wb") as log:
            self.driver = subprocess.Popen(
                [*COMMAND, "submit", str(self.sweep), *self.stores, *self.address],
                stdout=log,
                stderr=log,
                env=self.grounds.environment,
                start_new_session=True,
            )

    def _wait_for_driver(self, deadline: float) -> int:
        assert self.driver is not None
        try:
            code = self.driver.wait(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.driver.kill()
            raise AssertionError(f"it does not end: {self.log.read_text()[-3000:]}") from None
        return self._note_end(code)

    def _note_end(self, code: int) -> int:
        said = self.log.read_text(errors="replace")
        assert code in ENDED, f"{code}: {said[-3000:]}"
        assert "Traceback" not in said, said[-6000:]
        if code in (1, UNUSABLE):  # it says why
            self.say(f"submission {self.submissions} ended with {code}: {said.strip()[-400:]}")
        self.codes[code] += 1
        return code

    def _be_under_way(self, deadline: float) -> None:
        """Wait until a worker works, submitting again where the driver has ended."""
        while True:
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            if self.driver is None:
                self._submit()
            elif (code := self.driver.poll()) is not None:
                if self._note_end(code) == 0:
                    self.grow()
                elif code == UNUSABLE:
                    time.sleep(1)
                self._submit()
            if self._workers() and self._has_moved():
                return
            time.sleep(0.3)

    def _has_moved(self) -> bool:
        """Tell whether a worker wrote something since the last fault; or it is too long ago."""
        if time.time() - self._hurt_at > MOVES_WITHIN_S:
            return True
        if self.workspace.storage is not None:
            return not self._objects() <= self._there_then
        with suppress(FileNotFoundError):
            found = self.workspace.trials.glob("*/*/*")
            return any(path.stat().st_mtime > self._hurt_at for path in found)
        return False

    def _objects(self) -> frozenset[str]:
        """Return the names of the objects that are there; none while storage does not answer."""
        assert self.workspace.storage is not None
        with suppress(StorageError):
            return frozenset(self.workspace.storage.names("trials"))
        return frozenset()

    def _happens(self, fault: Fault, deadline: float) -> bool:
        """Let a fault happen while a worker works; tell whether it could."""
        self._be_under_way(deadline)
        time.sleep(self.draw.uniform(*self.pause_s))
        assert self.driver is not None
        self._started()
        if self.driver.poll() is not None:
            return False
        if fault.who == "disk":
            self._fill_disk()
        else:
            hit = self._victims(fault)
            if not hit:
                return False
            self._hurt(hit, fault)
        self._hurt_at = time.time()
        if self.workspace.storage is not None:
            self._there_then = self._objects()
        self.done[str(fault)] += 1
        self.say(f"{self.done.total()}: {fault}")
        return True

    def _fill_disk(self) -> None:
        assert self.grounds.disk is not None
        self.grounds.disk.fill()
        time.sleep(self.draw.uniform(*FULL_S))
        self.grounds.disk.free()

    def _hurt(self, hit: list[psutil.Process], fault: Fault) -> None:
        """Send signals; what is stopped or slow goes on after a while, but for a worker."""
        send = self.grounds.signal
        if fault.how is How.KILLED:
            send(hit, signal.SIGKILL)
        elif fault.how is How.TERMINATED:
            send(hit, signal.SIGTERM)
        elif fault.how is How.STOPPED:
            send(hit, signal.SIGSTOP)
            if fault.who != "worker":
                time.sleep(self.draw.uniform(*STOPPED_S))
                send(hit, signal.SIGCONT)
        else:
            until = time.monotonic() + SLOW_S
            while time.monotonic() < until:
                send(hit, signal.SIGSTOP)
                time.sleep(SLOW_STOPPED_S)
                send(hit, signal.SIGCONT)
                time.sleep(SLOW_RUNNING_S)

    def _victims(self, fault: Fault) -> list[psutil.Process]:
        if (server := self.grounds.servers.get(fault.who)) is not None and fault.who != "head":
            return server.processes()
        assert self.driver is not None
        driver = psutil.Process(self.driver.pid)
        if fault.who == "driver":
            return [driver]
        if fault.who == "all of it":
            return [driver, *self._started()]
        found = {
            "worker": self._workers,
            "node": lambda: self._named("raylet/raylet", but="head"),
            "head": lambda: self._named("gcs/gcs_server"),
            "agent": lambda: self._named("agent"),
        }[fault.who]()
        return [self.draw.choice(found)] if found else []

    def _workers(self) -> list[psutil.Process]:
        return [
            p for p in self._of_ray() if (w := words(p)).startswith("ray::") and "Trainable" in w
        ]

    def _named(self, name: str, *, but: str = "") -> list[psutil.Process]:
        spared = self.grounds.servers[but].processes() if but in self.grounds.servers else []
        return [p for p in self._of_ray() if name in words(p)[:200].lower() and p not in spared]

    def _of_ray(self) -> list[psutil.Process]:
        """Return the processes of the cluster, whoever started it."""
        nodes = [s for name, s in self.grounds.servers.items() if name.startswith(("head", "node"))]
        return [p for s in nodes for p in s.processes()] or self._started()

    def _started(self) -> list[psutil.Process]:
        """Return what the driver has started, and note it, and its workers, for the end."""
        assert self.driver is not None
        found: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.driver.pid).children(recursive=True)
        self.seen.update(found)
        return found

    def left_over(self, limit_s: float = 60.0) -> list[str]:
        """Return what is left after a minute of all that submissions ever started."""
        _, left = psutil.wait_procs(self.seen, timeout=limit_s)
        return [words(process)[:100] for process in left]


def words(process: psutil.Process) -> str:
    """Return the command line of a process, empty where it is gone."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(process.cmdline()) or str(process.name())
    return ""
