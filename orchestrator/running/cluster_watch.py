"""Notice that a cluster is gone, or answers no more, which Ray itself waits for without an end.

What a cluster is asked, and what follows when it is lost, is left to the callers.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestrator.interruption import asked, end_at_once, raise_in_main_thread

log = logging.getLogger(__name__)

PROBE_EVERY_S = 2.0
ANSWER_LIMIT_S = 45.0
"""A cluster that says nothing for so long is lost; a busy one answers within a few seconds."""
LEAVE_LIMIT_S = 20.0
"""For the main thread to leave what it waits for, once it is told that the cluster is lost."""

Probe = Callable[[], str | None]
"""Returns what is wrong with the cluster, None while it works."""


@dataclass
class ClusterWatch:
    """What is known of the cluster.

    Attributes:
        lost: what is wrong with it for good, None while it works.
        left: whether nobody waits for it any more.
        silent_s: for how long this process has listened since the last answer.
    """

    lost: str | None = None
    left: threading.Event = field(default_factory=threading.Event)
    silent_s: float = 0.0

    def listen(self) -> None:
        """Wait a moment, and take a cluster that was silent for too long for lost.

        A process that was stopped, or whose machine slept, did not listen meanwhile.
        """
        began = time.monotonic()
        if self.left.wait(PROBE_EVERY_S / 2):
            return
        self.silent_s += min(time.monotonic() - began, PROBE_EVERY_S)
        if self.silent_s > ANSWER_LIMIT_S:
            self.lost = f"it has not answered for {ANSWER_LIMIT_S:g} s"


@contextmanager
def watching(
    probe: Probe, watch: ClusterWatch, last_words: Callable[[], object] | None = None
) -> Iterator[None]:
    """Ask a cluster every few seconds; when it is lost, the main thread gets a KeyboardInterrupt.

    Should that not arrive, or not leave this block within `LEAVE_LIMIT_S`, the process is ended.

    Args:
        watch: of this block alone; it says afterwards whether the cluster was lost.
        last_words: called before such an end, see `end_at_once`.
    """

    def ask() -> None:
        while not watch.left.is_set():
            try:
                found = probe()
            except Exception as error:  # an answer too, though not the one that was hoped for
                log.warning("the cluster cannot be asked", exc_info=True)
                found = f"it cannot be asked: {error}"
            watch.silent_s = 0.0
            if found is not None:
                watch.lost = found
                return
            watch.left.wait(PROBE_EVERY_S)

    def see() -> None:
        while watch.lost is None:
            watch.listen()
            if watch.left.is_set():
                return
        if asked():
            return  # who is interrupted ends the cluster; that this ends is `ending_in_time`'s
        log.error("the cluster is lost: %s", watch.lost)
        raise_in_main_thread()
        if not watch.left.wait(LEAVE_LIMIT_S) and not asked():
            why = f"The Ray cluster is lost: {watch.lost}. Finished trials are kept; submit again."
            end_at_once(why, 1, last_words)

    asking = threading.Thread(target=ask, name="cluster-ask", daemon=True)
    for thread in (asking, threading.Thread(target=see, name="cluster-see", daemon=True)):
        thread.start()
    try:
        yield
    finally:
        watch.left.set()
        asking.join(PROBE_EVERY_S)  # nobody asks a cluster that is being left
