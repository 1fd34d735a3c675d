"""Say every few seconds that a submission lives, and take in what people ask of it meanwhile.

What is asked is obeyed by the board, which hands out what is next; only a cancelled submission is
ended from here.
"""

import logging
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Control, Request, Submission
from orchestrator.errors import CatalogError, SubmissionOverError

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
"""So soon is obeyed what people ask; silent for two minutes, a submission counts as dead."""


class Heartbeat:
    """The thread that beats while a submission is entered as a context.

    Attributes:
        control: what is to be obeyed, as the catalog said at the last beat.
        wants_workers: whether there is more to run than workers; whoever knows sets it.
        listeners: are called, from this thread, when something else is to be obeyed than before.
    """

    def __init__(self, catalog: Catalog, submission: Submission) -> None:
        self.control = Control()
        self.wants_workers = False
        self.listeners: list[Callable[[], None]] = []
        self._catalog = catalog
        self._submission = submission
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
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
            self._submission.id, wants_workers=self.wants_workers
        )
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
