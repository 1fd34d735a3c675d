"""A worker that hangs without dying is ended by a small process beside it, so that it is replaced.

The worker says through a pipe that it lives, several times within the limit. One that was stopped,
or that hangs in code which keeps hold of the interpreter, says nothing, and is killed: to the
scheduler it is a lost worker, whose bundle starts again from its checkpoints. A worker that goes on
for ever says that it lives; that is what a trial's time limit is for.
"""

import os
import select
import subprocess
import sys
import threading
from contextlib import suppress

START_LIMIT_S = 120.0
"""For how long one that starts may be silent: importing torch keeps hold of the interpreter."""
_BEATS_WITHIN_LIMIT = 10
_STARTED = b"s"


class Heartbeat:
    """Beats from a thread for as long as this process lives."""

    def __init__(self, limit_s: float, *, start_limit_s: float = START_LIMIT_S) -> None:
        """Begin.

        Args:
            limit_s: for how long the process may be silent, seconds.
            start_limit_s: until `started`, if that is longer.
        """
        self._limit_s = limit_s
        self._allowed_s = max(limit_s, start_limit_s)
        self._beside = self._start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def started(self) -> None:
        """Say that from now on the process is not to be silent for longer than the limit."""
        self._allowed_s = self._limit_s
        self._say(_STARTED)

    def _start(self) -> "subprocess.Popen[bytes]":
        limits = [str(self._limit_s), str(self._allowed_s)]
        command = [sys.executable, "-P", "-S", __file__, str(os.getpid()), *limits]
        beside = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
        assert beside.stdin is not None
        os.set_blocking(beside.stdin.fileno(), False)
        return beside

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._limit_s / _BEATS_WITHIN_LIMIT):
            self._say(b".")

    def _say(self, word: bytes) -> None:
        assert self._beside.stdin is not None
        try:
            self._beside.stdin.write(word)  # or not, where the pipe is full: nobody listens now
        except BrokenPipeError:
            self._beside.wait()
            self._beside = self._start()


def _listen(worker: int, limit_s: float, allowed_s: float) -> None:
    """Kill the process `worker`, whose child this is, once it says nothing; end when it ends.

    It may say nothing for `allowed_s` seconds, and once it has started for `limit_s`.
    """
    vain, pause_s = 0, limit_s / _BEATS_WITHIN_LIMIT
    while os.getppid() == worker:
        heard, _, _ = select.select([sys.stdin], [], [], pause_s)
        if heard:
            words = os.read(sys.stdin.fileno(), 4096)
            if not words:
                return
            allowed_s = limit_s if _STARTED in words else allowed_s
        # In small steps: where this process was stopped as well, the time meanwhile counts once.
        vain = 0 if heard else vain + 1
        if vain >= round(allowed_s / pause_s):
            said = f"worker {worker} said nothing for {allowed_s:g} s; it is ended and replaced\n"
            sys.stderr.write(said)
            with suppress(ProcessLookupError):
                os.kill(worker, 9)
            return


if __name__ == "__main__":
    import signal

    for each in (signal.SIGTERM, signal.SIGINT):  # meant for the worker, with which this ends
        signal.signal(each, signal.SIG_IGN)
    _listen(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
