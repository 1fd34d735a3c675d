"""Say every few seconds that a submission lives, and take in what people ask of it meanwhile.

What is asked is obeyed by the board, which hands out what is next; only a cancelled submission is
ended from here.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Control, Request, Submission
from orchestrator.errors import CatalogError, SubmissionOverError

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
"""So soon is obeyed what people ask; silent for two minutes, a submission counts as dead."""
OUTAGE_S = 30.0
"""After so long without the catalog, people are told, and idle workers are given back."""
OUTAGE_LIMIT_S = 1800.0
"""For how long a submission waits for a catalog that does not answer."""


class Heartbeat:
    """The thread that beats while a submission is entered as a context.

    Attributes:
        control: what is to be obeyed, as the catalog said at the last beat.
        wants_workers: whether there is more to run than workers; whoever knows sets it.
        gpu_s: for how long workers have held GPUs, times how many; likewise.
        listeners: are called, from this thread, when something else is to be obeyed than before.
    """

    def __init__(self, catalog: Catalog, submission: Submission) -> None:
        self.control = Control()
        self.wants_workers = False
        self.gpu_s = 0.0
        self.listeners: list[Callable[[], None]] = []
        self._catalog = catalog
        self._submission = submission
        self._answered_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    @property
    def outage(self) -> str | None:
        """Say that the catalog does not answer, once that lasts; None while it does."""
        silent_s = time.monotonic() - self._answered_at
        if not self._thread.is_alive() or silent_s < OUTAGE_S:
            return None
        return f"the catalog has not answered for {silent_s:.0f} s; what runs goes on meanwhile"

    @property
    def given_up(self) -> str | None:
        """Say that it did not answer for too long; None while it did."""
        if self.outage is None or time.monotonic() - self._answered_at < OUTAGE_LIMIT_S:
            return None
        return (
            f"the catalog has not answered for {OUTAGE_LIMIT_S / 60:g} minutes; what is finished "
            "is in the workspace: submit again once the catalog is back"
        )

    def __enter__(self) -> Self:
        self._answered_at = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def beat(self) -> None:
        """Say that the submission lives, and end it if that is asked.

        Raises:
            SubmissionOverError: it has ended, or its trials were taken over.
        """
        before = self.control
        self.control = self._catalog.heartbeat(
            self._submission.id, wants_workers=self.wants_workers, gpu_s=self.gpu_s
        )
        self._answered_at = time.monotonic()
        if self.control == before:
            return
        log.info("to be obeyed from now on: %s", self.control)
        for listener in self.listeners:
            listener()
        if Request.CANCEL is self.control.request is not before.request:
            # As by SIGTERM, which the main thread takes for Ctrl-C.
            signal.pthread_kill(_main_thread(), signal.SIGTERM)

    def _run(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            try:
                self.beat()
            except SubmissionOverError:
                log.warning("no more heartbeats: submission %d is over", self._submission.id)
                return
            except CatalogError:
                log.exception("missed a heartbeat; trying again")


def _main_thread() -> int:
    found = threading.main_thread().ident
    assert found is not None, "it has started, since this runs"
    return found
