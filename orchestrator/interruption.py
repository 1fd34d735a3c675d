"""SIGTERM, by which Kubernetes, Slurm and systemd stop a process, ends it as Ctrl-C does."""

import signal
import threading

INTERRUPTED = 130
"""The exit code of a command that was interrupted, either way."""


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM raise KeyboardInterrupt from now on; only a main thread can say so."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
