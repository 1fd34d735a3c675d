"""A sweep that was submitted from Python: it runs in a process of its own, and is followed here.

Of its own, because a driver handles signals, and ends its process when a cluster hangs: a notebook
must outlive that. What the process does is left to `driver_process`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console

import adapter_lib.errors
import orchestrator.errors
import workers.errors
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.python_api.driver_process import BAD_INPUT, Order
from orchestrator.commands.sweep_view import draw
from orchestrator.commands.watching import as_html, follow
from orchestrator.errors import CatalogError, OrchestratorError
from orchestrator.interruption import END_LIMIT_S, INTERRUPTED, losing_none

_GRACE_S = 15.0
_TAIL_BYTES = 4000


class Outcome(BaseModel):
    """How a submission ended, as `adaptersweep submit --json` says it.

    Attributes:
        trained, reused, by_others: trials that it finished, that were finished before, and that
            other submissions finished meanwhile.
        failed, blocked: ids of trials.
        stopped: why it ended before all was done, None where a person ended it or all is done.
        registered, stayed: the winners that became versions, and those that were no better.
        unregistered: why a winner is not in the registry, a line each.
        unpublished: entries that MLflow has not taken yet.
        warnings: about the rows of the tasks.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    sweep: str
    trials: int
    reused: int
    trained: int
    by_others: int
    failed: list[str]
    blocked: list[str]
    interrupted: bool
    stopped: str | None
    unregistered: list[str]
    unpublished: int
    registered: list[dict[str, Any]]
    stayed: list[dict[str, Any]]
    warnings: list[str]

    @property
    def complete(self) -> bool:
        """Whether every trial is finished and every winner registered."""
        return not (self.interrupted or self.failed or self.blocked or self.unregistered)


class Submission:
    """A submission of one sweep on this machine.

    It goes on when this object is gone, and when the notebook is: `Sweeps.watch` shows it then, and
    `adaptersweep stop` or `cancel` ends it.
    """

    def __init__(
        self, sweep: str, order: Order, opened: Callable[[], Catalog], cleanup: Callable[[], None]
    ) -> None:
        """Start it.

        Args:
            sweep: its name.
            opened: gives the catalog, which may not be there yet.
            cleanup: called once it has ended.
        """
        self.sweep = sweep
        self._opened = opened
        self._cleanup = cleanup
        self._out, self._err = _Written(), _Written()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.commands.python_api.driver_process"],
            stdin=subprocess.PIPE,
            stdout=self._out.file,
            stderr=self._err.file,
            start_new_session=True,  # Ctrl-C is for this process, which passes it on
        )
        assert self._process.stdin is not None
        with self._process.stdin as stream:
            stream.write(order.model_dump_json().encode())
        self._outcome: Outcome | None = None

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self._process.pid

    @property
    def outcome(self) -> Outcome | None:
        """Return how it ended; None while it runs.

        Raises:
            OrchestratorError: it could not run, with the message of `adaptersweep submit`.
        """
        if self._process.poll() is None:
            return None
        if self._outcome is None:
            self._cleanup()
            self._outcome = self._read_outcome(self._process.returncode)
        return self._outcome

    def follow(self) -> Outcome:
        """Show it until it has ended: in a notebook in the cell, else as `adaptersweep watch` does.

        Raises:
            KeyboardInterrupt: Ctrl-C, or the notebook's button, which ends the submission as on
                the command line: finished trials are kept, and submitting again goes on.
            OrchestratorError: it could not run.
        """
        try:
            with losing_none():
                follow(self._draw, lambda: self._process.poll() is not None)
        except KeyboardInterrupt:
            self.interrupt()
            raise
        return self.wait()

    def wait(self) -> Outcome:
        """Wait until it has ended, without showing anything; what it raises is as for `follow`."""
        try:
            self._process.wait()
        except KeyboardInterrupt:
            self.interrupt()
            raise
        found = self.outcome
        assert found is not None
        return found

    def interrupt(self) -> None:
        """End it as Ctrl-C does, and wait for that: half a minute at most."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_LIMIT_S + _GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._cleanup()

    def _draw(self, out: Console) -> None:
        if self._process.poll() is None:
            out.print(f"{self._last_said() or 'starting'}", markup=False, style="dim")
        try:
            draw(out, self._opened(), self.sweep)
        except CatalogError:
            out.print(f"{self.sweep}: nothing is recorded yet", markup=False)

    def _last_said(self) -> str:
        lines = self._err.tail().splitlines()
        return lines[-1] if lines else ""

    def _read_outcome(self, code: int) -> Outcome:
        text = self._out.text()
        if code == BAD_INPUT:
            raise _as_raised(text)
        try:
            return Outcome.model_validate_json(text)
        except ValidationError as error:
            how = f"ended with {code}"
            if code in (INTERRUPTED, -signal.SIGINT):
                how = "was interrupted before it had begun"
            raise OrchestratorError(
                f"sweep {self.sweep}: its driver {how}; finished trials are kept, submit again to "
                f"go on. It said: {self._err.tail() or 'nothing'}"
            ) from error

    def _repr_html_(self) -> str:
        return as_html(self._draw)


class _Written:
    """A file without a name that a process writes to, read without moving where it writes."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody asks any more
        weakref.finalize(self, self.file.close)

    def text(self) -> str:
        return self._from(0)

    def tail(self) -> str:
        """Return the last lines."""
        return self._from(max(0, self._size() - _TAIL_BYTES)).strip()

    def _size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def _from(self, start: int) -> str:
        return os.pread(self.file.fileno(), self._size() - start, start).decode("utf-8", "replace")


class _Refused(BaseModel):
    error: str
    message: str


def _as_raised(text: str) -> Exception:
    """Return the error that the process raised, of the same class where it is one of ours."""
    try:
        refused = _Refused.model_validate_json(text)
    except ValidationError:
        return OrchestratorError(f"the driver refused, and said: {text}")
    for module in (orchestrator.errors, workers.errors, adapter_lib.errors):
        kind = getattr(module, refused.error, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            error: Exception = kind.__new__(kind)
            error.args = (refused.message,)
            return error
    return OrchestratorError(refused.message)
