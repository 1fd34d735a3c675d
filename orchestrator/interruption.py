"""SIGTERM, by which Kubernetes, Slurm and systemd stop a process, ends it as Ctrl-C does, in time.

Both raise KeyboardInterrupt. Python does so once its main thread comes back from what it is at, and
inside of Ray that can take minutes: a call to a cluster whose head is gone is tried for one.
"""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import psutil

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""The exit code of a command that was interrupted, either way."""
INTERRUPTED_SAID = "Interrupted: finished trials are kept; submit again to go on."
END_LIMIT_S = 20.0
"""Kubernetes and Slurm kill 30 seconds after SIGTERM."""
_LAST_WORDS_LIMIT_S = 5.0

_asked = threading.Event()


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM raise KeyboardInterrupt from now on; only a main thread can say so."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGUSR2, signal.default_int_handler)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _asked.set()
    raise KeyboardInterrupt


def asked() -> bool:
    """Tell whether somebody wants this process to end."""
    return _asked.is_set()


def raise_in_main_thread() -> None:
    """Let the main thread raise KeyboardInterrupt, from any other one, without `asked`."""
    ident = threading.main_thread().ident
    if ident is not None:
        signal.pthread_kill(ident, signal.SIGUSR2)


@contextmanager
def ending_in_time(
    last_words: Callable[[], object] | None = None, limit_s: float = END_LIMIT_S
) -> Iterator[None]:
    """End this process and all below it if an interruption has not got out of here in time.

    Only a main thread is interrupted; in others this does nothing.

    Args:
        last_words: called before such an end, in another thread, for at most five seconds.
        limit_s: seconds from the interruption on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    left = threading.Event()
    watched = (heard, left, last_words, limit_s)
    thread = threading.Thread(target=_see_it_end, args=watched, name="interruption", daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        left.set()
        os.close(wakeup)
        thread.join()
        os.close(heard)


def _see_it_end(
    heard: int, left: threading.Event, last_words: Callable[[], object] | None, limit_s: float
) -> None:
    while received := os.read(heard, 1):
        if received[0] in (signal.SIGINT, signal.SIGTERM):
            _asked.set()  # Python's handler may not have been called yet
            if not left.wait(limit_s):
                _end_now(last_words)
            return


def _end_now(last_words: Callable[[], object] | None) -> NoReturn:
    end_at_once(INTERRUPTED_SAID, INTERRUPTED, last_words)


def end_at_once(why: str, code: int, last_words: Callable[[], object] | None = None) -> NoReturn:
    """End what this process started, and itself; the log says what every thread was doing."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames().items()
    stacks = (f"{names.get(i)}:\n{''.join(traceback.format_stack(f))}" for i, f in frames)
    log.critical("what is to be left hangs; ending all processes\n%s", "\n".join(stacks))
    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue  # it ended in between
    if last_words is not None:
        speaking = threading.Thread(target=last_words, daemon=True)
        speaking.start()
        speaking.join(_LAST_WORDS_LIMIT_S)
    sys.stderr.write(f"\n{why}\n")
    sys.stderr.flush()
    os._exit(code)
