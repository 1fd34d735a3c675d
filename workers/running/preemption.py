"""A node that is taken away says so with SIGTERM: what is trained is saved at once, and given back.

Schedulers and clouds send it some seconds to minutes before they kill. Trials that are cut short
so have not failed: whoever is there trains them on.
"""

import os
import signal
import threading
from types import FrameType

from workers.errors import PreemptedError

SAVE_LIMIT_S = 20.0
"""From the announcement to the end of the process, at most."""

_announced = threading.Event()


def expect_preemption() -> None:
    """Take SIGTERM as its announcement from now on; to be called in the main thread."""
    signal.signal(signal.SIGTERM, _announce)


def _announce(_number: int, _frame: FrameType | None) -> None:
    if not _announced.is_set():
        _announced.set()
        ending = threading.Timer(SAVE_LIMIT_S, os._exit, (0,))
        ending.daemon = True
        ending.start()


def is_preempted() -> bool:
    """Tell whether this process was told to end."""
    return _announced.is_set()


def announcement() -> threading.Event:
    """Return what is set once this process was told to end."""
    return _announced


def check_preemption() -> None:
    """Return unless this process was told to end.

    Raises:
        PreemptedError: it was; the trial is to be given back.
    """
    if is_preempted():
        raise PreemptedError("this node is being taken away; the trial goes on elsewhere")
