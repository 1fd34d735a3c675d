"""Which worker runs which bundle, when a further worker is wanted, and what follows a lost one.

Knows no Ray: `orchestrator.running.scheduling` tells it what workers say and what became of them.
What is ready, claimed and recorded is left to `orchestrator.running.board`.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.running.board import Board
from orchestrator.running.work_queue import WorkState
from workers.contract.events import TrialEvent
from workers.contract.results import FailureReason

log = logging.getLogger(__name__)

IDLE_LIMIT_S = 60.0
"""A worker without work for so long gives its place back; a new one needs seconds to start."""
STALLED_LIMIT_S = 60.0
"""With nothing under way and nothing to hand out, the run ends after so long."""
STALLED_POLL_S = 1.0
STILLBORN_LIMIT = 4
"""So many workers in a row that end before they say a word, and none is started any more."""


@dataclass
class Bundle:
    """Trials that one worker is given at once.

    Attributes:
        attempts: trial → the attempt under which it runs.
        losses: how many workers were lost at it.
    """

    attempts: dict[str, int]
    losses: int = 0


@dataclass(frozen=True)
class Report:
    """What a worker says after a while: the events since its last report, in order.

    Attributes:
        done: how many bundles it was given and has ended.
    """

    events: Sequence[TrialEvent]
    done: int


@dataclass
class _Worker:
    """One worker, as its driver sees it.

    Attributes:
        give: sends it a bundle; None until it was heard of. What is sent arrives, or it is lost.
        given: how many bundles it was sent.
        bundle: the one that it is at.
    """

    give: Callable[[dict[str, int]], None] | None = None
    given: int = 0
    bundle: Bundle | None = None
    idle_since: float = 0.0


class Dispatch:
    """The workers of one run.

    Every call is guarded, since an exception would end the run: what a guarded call misses is found
    again in storage by `Board.reconcile`.

    Attributes:
        most_workers: how many there may be at most, unless people have said another number.
        broken: why no worker can be started, None while they can.
    """

    def __init__(
        self,
        board: Board,
        *,
        bundle_size: int,
        max_retries: int,
        most_workers: int | None,
        room: Callable[[], int],
    ) -> None:
        """Begin without workers; `room` tells how many the cluster holds at the moment."""
        self.most_workers = most_workers
        self.broken: str | None = None
        self._board = board
        self._bundle_size = bundle_size
        self._max_retries = max_retries
        self._room = room
        self._workers: dict[str, _Worker] = {}
        self._idle: dict[str, _Worker] = {}
        self._at_work = 0
        self._again: deque[Bundle] = deque()
        self._stillborn = 0
        self._stalled_since: float | None = None
        self._polled_at = 0.0
        self._gave_up = False

    @property
    def ending(self) -> bool:
        """Tell whether nothing is handed out any more."""
        return self._board.over or self._gave_up or self.broken is not None

    @property
    def over(self) -> bool:
        """Tell whether all workers may go."""
        return self.ending and not self._at_work

    @property
    def limit(self) -> int:
        """Return how many workers there may be now.

        There are a few more than the cluster has room for: they take new room at once, and are
        what an autoscaler sees.
        """
        room = self._room()
        hopeful = room + max(1, room // 4)
        most = self._board.worker_limit(self.most_workers)
        return hopeful if most is None else min(hopeful, most)

    def wants_worker(self) -> bool:
        """Tell whether a worker should be called, beyond those that are there or called."""
        self.pump()
        if self.ending or self._board.held is not None or len(self._workers) >= self.limit:
            return False
        return self._ready > len(self._workers) - self._at_work

    @property
    def _ready(self) -> int:
        """Count what a worker could begin at once."""
        return self._board.queue.number(WorkState.READY) + len(self._again)

    def call(self, worker_id: str) -> None:
        """Note that a worker was asked for. It may take long until there is room for it."""
        self._workers[worker_id] = _Worker()

    def meet(self, worker_id: str, give: Callable[[dict[str, int]], None]) -> None:
        """Note that a worker has started, and how it is sent a bundle; an empty one ends it."""
        self._stillborn = 0
        self._workers[worker_id].give = give
        self._rest(worker_id)

    def hear(self, worker_id: str, report: Report) -> None:
        """Record what a worker says; give it the next bundle when it has ended its own."""
        if report.events:
            with guarded("recording what a worker told"):
                self._board.take(*report.events)
        worker = self._workers[worker_id]
        if worker.bundle is not None and report.done == worker.given:
            self._close(worker.bundle, "it ended without a word")
            self._at_work -= 1
            self._rest(worker_id)
        self.pump()

    def _rest(self, worker_id: str) -> None:
        worker = self._idle[worker_id] = self._workers[worker_id]
        worker.bundle, worker.idle_since = None, time.monotonic()

    def leave(self, worker_id: str) -> None:
        """Note that a worker has ended as it was told to, by us or with its node.

        What it was sent in the meantime, another one gets.
        """
        worker = self._workers.pop(worker_id, _Worker())
        self._idle.pop(worker_id, None)
        if worker.bundle is not None:
            self._at_work -= 1
            self._again.append(worker.bundle)
        self.pump()

    def lose(self, worker_id: str, cause: str) -> None:
        """Note that a worker is gone. What it was at is given to another one, a few times."""
        worker = self._workers.pop(worker_id, _Worker())
        self._idle.pop(worker_id, None)
        log.warning("worker %s was lost: %s", worker_id, cause)
        if worker.bundle is not None:
            self._at_work -= 1
            worker.bundle.losses += 1
            if worker.bundle.losses > self._max_retries:
                times = worker.bundle.losses
                why = f"its worker was lost {times} times, at last so: {cause}; see `ray status`"
                self._close(worker.bundle, why)
            else:
                self._again.append(worker.bundle)
                memory = "OutOfMemory" in cause  # Ray's own word for what it ended
                reason = FailureReason.OUT_OF_MEMORY if memory else FailureReason.WORKER_LOST
                self._board.retries[reason] += len(worker.bundle.attempts)
        elif worker.give is None:
            self._stillborn += 1
            if self._stillborn >= STILLBORN_LIMIT:
                self.broken = f"{STILLBORN_LIMIT} workers in a row did not start: {cause}"
        self.pump()

    def _close(self, bundle: Bundle, why: str) -> None:
        """Note that nobody runs a bundle any more; what it has not committed has failed."""
        with guarded("closing a bundle"):
            self._board.lose(list(bundle.attempts), why)

    def pump(self) -> None:
        """Give work to who has none; send home who has had none for long, or is not to get any."""
        with guarded("seeing what is asked"):
            self._board.heed()
        surplus = len(self._workers) - self.limit
        if self._board.held is not None:
            surplus = len(self._idle)
        for worker_id in list(self._idle)[: max(0, surplus)]:
            self._send(worker_id, None)
        for worker_id in list(self._idle):
            bundle = self._next_bundle()
            if bundle is None:
                break
            self._send(worker_id, bundle)
        moment = time.monotonic()
        for worker_id, worker in list(self._idle.items()):
            if moment - worker.idle_since > IDLE_LIMIT_S:
                self._send(worker_id, None)
        # Others are to leave workers to this sweep while it has more to run than it has of them.
        most = min(self._room(), self.limit)
        self._board.heartbeat.wants_workers = self._ready > 0 and self._at_work < most
        self._watch_for_a_stall(moment)

    def _next_bundle(self) -> Bundle | None:
        if self.ending or self._board.held is not None:
            return None
        if self._again:
            return self._again.popleft()
        with guarded("handing out a bundle"):
            trials = self._board.next_bundle(
                size=self._bundle_size, workers=min(self.limit, max(1, self._room()))
            )
            if trials:
                return Bundle({t.trial_id: self._board.attempts[t.trial_id] for t in trials})
        return None

    def _send(self, worker_id: str, bundle: Bundle | None) -> None:
        """Send an idle worker a bundle, or home."""
        worker = self._idle.pop(worker_id)
        assert worker.give is not None
        with guarded("sending a bundle"):  # to a worker that is just being lost
            worker.give(bundle.attempts if bundle else {})
        worker.given += 1
        worker.bundle = bundle
        self._at_work += bundle is not None

    def _watch_for_a_stall(self, moment: float) -> None:
        """Give up where waiting is in vain: nobody is at work, and nothing can be handed out."""
        awaited = self._at_work or (self._ready and self._workers) or self._board.waits
        if self.ending or awaited:
            self._stalled_since = None
            return
        self._stalled_since = self._stalled_since or moment
        if moment - self._polled_at >= STALLED_POLL_S:
            self._polled_at = moment
            with guarded("reconciling"):
                self._board.reconcile()
        self._gave_up = moment - self._stalled_since > STALLED_LIMIT_S


@contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Log what goes wrong, and go on."""
    try:
        yield
    except Exception:  # would end the experiment; reconcile mends it
        log.exception("%s failed; the driver goes on", doing)
