"""SIGTERM, by which Kubernetes, Slurm and systemd stop a process, ends it as Ctrl-C does, in time.

Python raises KeyboardInterrupt wherever the main thread happens to be. Where that is swallowed, it
is raised again; where what is to be closed hangs, such as a cluster whose processes were sent the
signal too, the process ends what it started, and itself.
"""

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
import traceback
from types import FrameType
from typing import NoReturn

import psutil

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""The exit code of a command that was interrupted, either way."""
AGAIN_AFTER_S = 5.0
END_LIMIT_S = 25.0
"""From the signal to the end, at most; who sends SIGTERM often kills half a minute later."""
_LAST_RESORT_S = 3.0

_asked = threading.Event()
_heard = threading.Event()


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM raise KeyboardInterrupt from now on; only a main thread can say so."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGUSR2, signal.default_int_handler)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            signal.signal(signal.SIGINT, _interrupt)


def asked() -> bool:
    """Tell whether somebody wants this process to end."""
    return _asked.is_set()


def heard() -> None:
    """Note that the KeyboardInterrupt has arrived, so that it need not be raised again."""
    _heard.set()


def raise_in_main_thread() -> None:
    """Let the main thread raise KeyboardInterrupt, from any other one, whatever it waits for."""
    ident = threading.main_thread().ident
    if ident is not None:
        signal.pthread_kill(ident, signal.SIGUSR2)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    if not _asked.is_set():
        _asked.set()
        # It needs no Python, should something keep hold of the interpreter for good.
        faulthandler.dump_traceback_later(END_LIMIT_S + _LAST_RESORT_S, exit=True)
        threading.Thread(target=_see_to_it, name="interruption", daemon=True).start()
    raise KeyboardInterrupt


def _see_to_it() -> None:
    began = time.monotonic()
    if not _heard.wait(AGAIN_AFTER_S):
        log.warning("the interruption was not heard; raising it again")
        raise_in_main_thread()
    time.sleep(END_LIMIT_S - (time.monotonic() - began))  # a process that ends does not wait for it
    end_at_once(
        "Interrupted, and what is to be closed hangs: ended all the same. Finished trials "
        "are kept; submit again to go on.",
        INTERRUPTED,
    )


def end_at_once(why: str, code: int) -> NoReturn:
    """End what this process started, and itself; the log says what every thread was doing."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames().items()
    stacks = (f"{names.get(i)}:\n{''.join(traceback.format_stack(f))}" for i, f in frames)
    log.critical("%s\n%s", why, "\n".join(stacks))
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(code)
