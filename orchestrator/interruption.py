"""SIGTERM, by which Kubernetes, Slurm and systemd stop a process, ends it as Ctrl-C does, in time.

Both raise KeyboardInterrupt. Python does so once its main thread comes back from what it is at, and
inside of Ray that can take minutes: a call to a cluster whose head is gone is tried for one.
"""

import logging
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import psutil

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""The exit code of a command that was interrupted, either way."""
INTERRUPTED_SAID = "Interrupted: finished trials are kept; submit again to go on."
END_LIMIT_S = 20.0
"""Kubernetes and Slurm kill 30 seconds after SIGTERM."""
_LAST_WORDS_LIMIT_S = 5.0
_SAME_S = 1.0
"""Who ends a group of processes often tells one of them twice."""
_AGAIN_AFTER_S = 0.05
"""Raised anew at once, it could be lost in the very same call."""

_asked = threading.Event()
_asked_at = -math.inf


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM raise KeyboardInterrupt from now on; only a main thread can say so.

    Where Python would lose one, it is raised again: see `_raise_again`.
    """
    if threading.current_thread() is threading.main_thread():
        if not _is_ours(sys.unraisablehook):
            sys.unraisablehook = partial(_raise_again, sys.unraisablehook, raise_in_main_thread)
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGUSR2, signal.default_int_handler)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    global _asked_at
    before, _asked_at = _asked_at, time.monotonic()
    _asked.set()
    if _asked_at - before > _SAME_S:
        raise KeyboardInterrupt


@contextmanager
def losing_none() -> Iterator[None]:
    """In a program of others, let no Ctrl-C be lost meanwhile: see `_raise_again`."""
    main = threading.current_thread() is threading.main_thread()
    if not main or _is_ours(sys.unraisablehook):
        yield
        return
    before = sys.unraisablehook
    sys.unraisablehook = partial(_raise_again, before, _press_ctrl_c)
    try:
        yield
    finally:
        sys.unraisablehook = before


def _press_ctrl_c() -> None:
    _tell_main_thread(signal.SIGINT)


def _raise_again(
    report: Callable[[Any], object], interrupt: Callable[[], object], lost: Any
) -> None:
    """Raise KeyboardInterrupt, again, for one that came where Python lets exceptions go nowhere.

    It does while it frees an object, in `__del__` or in the callback of a weak reference, and in
    what is called around a fork. Ray's handler of SIGTERM raises SystemExit there instead.

    Args:
        report: what is called for every other exception that goes nowhere.
        interrupt: interrupts the main thread.
        lost: as `sys.unraisablehook` is given it.
    """
    if not issubclass(lost.exc_type, KeyboardInterrupt | SystemExit):
        report(lost)
    elif threading.current_thread() is threading.main_thread():
        again = threading.Timer(_AGAIN_AFTER_S, interrupt)
        again.daemon = True
        again.start()


def _is_ours(hook: object) -> bool:
    return isinstance(hook, partial) and hook.func is _raise_again


def asked() -> bool:
    """Tell whether somebody wants this process to end."""
    return _asked.is_set()


def raise_in_main_thread() -> None:
    """Let the main thread raise KeyboardInterrupt, from any other one, without `asked`."""
    _tell_main_thread(signal.SIGUSR2)


def _tell_main_thread(number: signal.Signals) -> None:
    ident = threading.main_thread().ident
    if ident is not None:
        signal.pthread_kill(ident, number)


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
