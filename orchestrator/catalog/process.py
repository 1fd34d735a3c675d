"""Which process a submission is, whether that process still lives, and whose it is."""

import getpass
import os
import socket
import sys
from pathlib import Path

import psutil

from workers.contract.frozen import Frozen

_BETWEEN = ":"
_SLACK_S = 2.0
"""By how much the start of a process may be seen otherwise, after a clock was set."""


class ProcessIdentity(Frozen):
    """A process id means nothing without its host, and little without the time it started.

    Attributes:
        started_at: what the process was seen from, and how long after the system it started.
    """

    host: str
    pid: int
    started_at: str

    @classmethod
    def current(cls) -> "ProcessIdentity":
        me = psutil.Process()
        started_at = f"{_here()}{_BETWEEN}{_start_s(me):.2f}"
        return cls(host=socket.gethostname(), pid=me.pid, started_at=started_at)

    @property
    def known_dead(self) -> bool:
        """Tell whether it surely ended; of a process that cannot be seen from here, nothing is.

        Containers often share a host's name and not its process ids, and a name may be given to
        another machine; so the process must also have been seen from this boot and this
        namespace of process ids.
        """
        seen_from, _, start_s = self.started_at.partition(_BETWEEN)
        if self.host != socket.gethostname() or seen_from != _here():
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return True
            return abs(_start_s(process) - float(start_s)) > _SLACK_S
        except psutil.NoSuchProcess:
            return not _exists(self.pid)
        except psutil.AccessDenied:
            return False


PERSON_VARIABLE = "ADAPTERSWEEP_PERSON"
JOB_VARIABLE = "ADAPTERSWEEP_JOB"


def person() -> str:
    """Return who runs this process, as user@host, or on whose behalf, where that was sent along."""
    if sent := os.environ.get(PERSON_VARIABLE):
        return sent
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def job() -> str | None:
    """Return the id by which Ray's Jobs API knows this process; None where it is no such job."""
    return os.environ.get(JOB_VARIABLE)


def _here() -> str:
    """Name this boot of the system and what process ids count in; that, psutil does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return sys.platform


def _start_s(process: psutil.Process) -> float:
    """Return how long after the system a process started: setting the clock moves both."""
    return float(process.create_time() - psutil.boot_time())


def _exists(pid: int) -> bool:
    """Tell whether there is such a process, also one of another user that /proc hides."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
