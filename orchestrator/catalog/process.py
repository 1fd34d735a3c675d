"""Which process a submission is, and whether that process still lives."""

import os
import socket
import subprocess
from pathlib import Path

from workers.frozen import Frozen

_PROC = Path("/proc")


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
        """Tell whether it surely ended; of a process on another host nothing is known."""
        if self.host != socket.gethostname() or self.started_at == "unknown":
            return False
        return started_at(self.pid) != self.started_at


def started_at(pid: int) -> str | None:
    """Return when a process of this host started, as an opaque word; None if there is none."""
    if (_PROC / "self" / "stat").exists():
        return _started_at_linux(pid)
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return answer.stdout.strip() or None


def _started_at_linux(pid: int) -> str | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces; state is the first field after it, start the 20th.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else f"{boot}:{fields[19]}"
