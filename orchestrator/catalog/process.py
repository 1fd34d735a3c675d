"""Which process a submission is, whether that process still lives, and whose it is."""

import getpass
import os
import socket
import subprocess
from pathlib import Path

from workers.contract.frozen import Frozen

_PROC = Path("/proc")
_BETWEEN = ":"


class ProcessIdentity(Frozen):
    """A process id means nothing without its host, and little without the time it started."""

    host: str
    pid: int
    started_at: str

    @classmethod
    def current(cls) -> "ProcessIdentity":
        pid = os.getpid()
        return cls(host=socket.gethostname(), pid=pid, started_at=started_at(pid) or "unknown")

    @property
    def known_dead(self) -> bool:
        """Tell whether it surely ended; of a process that cannot be seen from here, nothing is.

        Containers often share a host's name and not its process ids, and a name may be given to
        another machine; so the process must also have been seen from this boot and this
        namespace of process ids.
        """
        here = started_at(os.getpid())
        if here is None or self.host != socket.gethostname():
            return False
        if _where(self.started_at) != _where(here):
            return False
        now = started_at(self.pid)
        return now != self.started_at and not (now is None and _exists(self.pid))


def person() -> str:
    """Return who runs this process, as user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def started_at(pid: int) -> str | None:
    """Return when a process that can be seen from here started; None if there is none.

    It is an opaque word, that begins with what it was seen from.
    """
    if (_PROC / "self" / "stat").exists():
        return _started_at_linux(pid)
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    found = answer.stdout.strip()
    return f"ps{_BETWEEN}{found}" if found else None


def _started_at_linux(pid: int) -> str | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (_PROC / "self/ns/pid").stat().st_ino
    except OSError:  # there is none, or it is another user's
        return None
    # The name in parentheses may hold spaces; state is the first field after it, start the 20th.
    fields = text.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return "ended"
    return _BETWEEN.join((f"{boot}/{namespace}", fields[19]))


def _where(started: str) -> str:
    """Return what a process was seen from."""
    return started.partition(_BETWEEN)[0]


def _exists(pid: int) -> bool:
    """Tell whether there is such a process, also one of another user that /proc may hide."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
