"""Measure a command with everything it starts: wall time, CPU time and memory of the whole tree.

Ray's daemons and workers are not children that anyone waits for, and its raylet has the kernel
discard their times, so what `wait4` reports is too little. Here a small process becomes the reaper
of every orphan below it and reads `/proc` several times a second; of a process that its own parent
reaps, at most what it used since the last reading is missed, of all others nothing. Linux only, and
the standard library only: it also runs in the peer's environment.

    python -m tests.benchmarks.accounting USAGE_JSON LIMIT_S COMMAND [ARGUMENT …]
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

INTERVAL_S = 0.05
STRAGGLERS_LIMIT_S = 15.0
"""So long daemons may take to end after the command did; then they are ended and named."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PROC = Path("/proc")
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Usage:
    """What a process tree used from its start to the end of its last process.

    Attributes:
        wall_s: until the command itself ended.
        cpu_s: user and system time of every process of the tree.
        cpu_s_by_name: the same, by the name that each process had last.
        peak_bytes: the most memory at one moment: what each process has to itself, and the largest
            part that any of them shares with files and others.
        peak_bytes_by_name: the most that one process of a name had to itself.
        mapped_bytes_by_name: the most that one of them had of files and of memory it shares.
        machine_busy_s: what everything on this machine used meanwhile: on an otherwise idle machine
            a check on `cpu_s` from above.
        stragglers: names of processes that had to be ended.
    """

    wall_s: float
    cpu_s: float
    cpu_s_by_name: dict[str, float]
    peak_bytes: int
    peak_bytes_by_name: dict[str, int]
    mapped_bytes_by_name: dict[str, int]
    processes: int
    machine_busy_s: float
    exit_code: int
    timed_out: bool
    stragglers: list[str] = field(default_factory=list)


def measure(
    command: Sequence[str],
    *,
    folder: Path = _REPOSITORY,
    environment: Mapping[str, str] | None = None,
    limit_s: float = 7200.0,
    log: Path | None = None,
) -> Usage:
    """Run `command` in `folder` and return what it and all its descendants used.

    Args:
        environment: added to this process's own.
        log: where its output goes; nowhere if None.

    Raises:
        RuntimeError: the measuring process itself failed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "usage.json"
        runner = [sys.executable, str(Path(__file__).resolve()), str(result), str(limit_s)]
        with (log or Path(os.devnull)).open("ab") as stream:
            subprocess.run(
                [*runner, *command],
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if not result.exists():
            raise RuntimeError(f"no usage was measured for {' '.join(command)}; see {log}")
        return Usage(**json.loads(result.read_text(encoding="utf-8")))


@dataclass
class _Process:
    name: str
    ticks: int


class _Tree:
    """Every process that was ever seen below this one, with its latest times."""

    def __init__(self) -> None:
        self.alive: dict[int, _Process] = {}
        self.ended: list[_Process] = []
        self.peak_bytes = 0
        self.peak_bytes_by_name: dict[str, int] = defaultdict(int)
        self.mapped_bytes_by_name: dict[str, int] = defaultdict(int)
        self._foreign: set[int] = set()

    def read(self) -> None:
        """Read the times of all descendants, zombies too; call it before reaping any."""
        numbers = {int(name) for name in os.listdir(_PROC) if name.isdigit()}  # noqa: PTH208
        self._foreign &= numbers
        found: dict[int, tuple[int, _Process]] = {}
        for pid in numbers - self._foreign:
            if (process := _read(pid)) is not None:
                found[pid] = process
        ours = {os.getpid()}
        waiting = sorted(found)
        while True:  # a child may have a lower number than its parent
            added = [pid for pid in waiting if found[pid][0] in ours]
            if not added:
                break
            ours.update(added)
            waiting = [pid for pid in waiting if pid not in ours]
        self._foreign |= {pid for pid in waiting if pid not in self.alive}
        ours.discard(os.getpid())
        for pid in self.alive.keys() - ours:
            self.ended.append(self.alive.pop(pid))
        for pid in ours:
            self.alive[pid] = found[pid][1]
        self._read_memory()

    def _read_memory(self) -> None:
        total, most_shared = 0, 0
        for pid, process in self.alive.items():
            private, shared = _memory_bytes(pid)
            total, most_shared = total + private, max(most_shared, shared)
            for most, now in (
                (self.peak_bytes_by_name, private),
                (self.mapped_bytes_by_name, shared),
            ):
                most[process.name] = max(most[process.name], now)
        self.peak_bytes = max(self.peak_bytes, total + most_shared)

    def seconds_by_name(self) -> dict[str, float]:
        total: dict[str, int] = defaultdict(int)
        for process in (*self.ended, *self.alive.values()):
            total[process.name] += process.ticks
        return {n: t / _TICKS for n, t in sorted(total.items(), key=lambda item: -item[1])}


def _read(pid: int) -> tuple[int, _Process] | None:
    """Return a process's parent and figures, or None once it is gone; see proc_pid_stat(5)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return int(fields[1]), _Process(name, int(fields[11]) + int(fields[12]))


def _memory_bytes(pid: int) -> tuple[int, int]:
    """Return what a process has to itself, and what it shares; zeros once it is gone."""
    try:
        fields = (_PROC / str(pid) / "statm").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    resident, shared = int(fields[1]) * _PAGE, int(fields[2]) * _PAGE
    return resident - shared, shared


def machine_busy_s() -> float:
    """Return the seconds that all processors have worked since the machine started."""
    user, nice, system, _idle, _wait, *interrupts = map(
        int, (_PROC / "stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + sum(interrupts)) / _TICKS


def _run(command: Sequence[str], limit_s: float) -> Usage:
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    tree, busy, started = _Tree(), machine_busy_s(), time.monotonic()
    main = subprocess.Popen(command).pid
    exit_code: int | None = None
    timed_out, wall_s = False, 0.0
    stragglers: list[str] = []
    while True:
        tree.read()
        if (status := _reap(main)) is not None:
            exit_code, wall_s = status, time.monotonic() - started
        elapsed = time.monotonic() - started
        if exit_code is None and elapsed > limit_s and not timed_out:
            timed_out = True
            _end(tree)
        if exit_code is not None:
            tree.read()
            if not tree.alive:
                break
            if elapsed - wall_s > STRAGGLERS_LIMIT_S:
                stragglers = stragglers or [p.name for p in tree.alive.values()]
                _end(tree)
        time.sleep(INTERVAL_S)
    by_name = tree.seconds_by_name()
    return Usage(
        wall_s=wall_s,
        cpu_s=sum(by_name.values()),
        cpu_s_by_name=by_name,
        peak_bytes=tree.peak_bytes,
        peak_bytes_by_name=dict(tree.peak_bytes_by_name),
        mapped_bytes_by_name=dict(tree.mapped_bytes_by_name),
        processes=len(tree.ended),
        machine_busy_s=machine_busy_s() - busy,
        exit_code=exit_code,
        timed_out=timed_out,
        stragglers=stragglers,
    )


def _reap(main: int) -> int | None:
    """Reap everything that ended; return the exit code of `main` if it was among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == main:
            code = os.waitstatus_to_exitcode(status)


def _end(tree: _Tree) -> None:
    for pid in tree.alive:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    usage = _run(sys.argv[3:], float(sys.argv[2]))
    Path(sys.argv[1]).write_text(json.dumps(asdict(usage)), encoding="utf-8")
    sys.exit(usage.exit_code)
