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

_BEATS_WITHIN_LIMIT = 10


class Heartbeat:
    """Beats from a thread for as long as this process lives."""

    def __init__(self, limit_s: float) -> None:
        """Begin.

        Args:
            limit_s: for how long the process may be silent, seconds.
        """
        self._limit_s = limit_s
        self._beside = self._start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", "-S", __file__, str(os.getpid()), str(self._limit_s)]
        beside = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
        assert beside.stdin is not None
        os.set_blocking(beside.stdin.fileno(), False)
        return beside

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._limit_s / _BEATS_WITHIN_LIMIT):
            assert self._beside.stdin is not None
            try:
                self._beside.stdin.write(b".")  # or not, where the pipe is full: nobody listens now
            except BrokenPipeError:
                self._beside.wait()
                self._beside = self._start()


def _listen(worker: int, limit_s: float) -> None:
    """Kill the process `worker`, whose child this is, once it says nothing; end when it ends."""
    vain = 0
    while os.getppid() == worker:
        heard, _, _ = select.select([sys.stdin], [], [], limit_s / _BEATS_WITHIN_LIMIT)
        if heard and not os.read(sys.stdin.fileno(), 4096):
            return
        # In small steps: where this process was stopped as well, the time meanwhile counts once.
        vain = 0 if heard else vain + 1
        if vain >= _BEATS_WITHIN_LIMIT:
            said = f"worker {worker} said nothing for {limit_s:g} s; it is ended and replaced\n"
            sys.stderr.write(said)
            with suppress(ProcessLookupError):
                os.kill(worker, 9)
            return


if __name__ == "__main__":
    import signal

    for each in (signal.SIGTERM, signal.SIGINT):  # meant for the worker, with which this ends
        signal.signal(each, signal.SIG_IGN)
    _listen(int(sys.argv[1]), float(sys.argv[2]))
