"""Which worker runs which bundle, when a further worker is wanted, and what follows a lost one.

Knows no Ray: `orchestrator.running.scheduling` tells it what workers say and what became of them.
What is ready, claimed and recorded is left to `orchestrator.running.board`.
"""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.running.board import Board
from orchestrator.running.work_queue import USUAL
from workers.contract.events import EventKind, TrialEvent
from workers.contract.results import FailureReason

log = logging.getLogger(__name__)

IDLE_LIMIT_S = 60.0
"""A worker without work for so long gives its place back; a new one needs seconds to start."""
STALLED_LIMIT_S = 60.0
"""With nothing under way and nothing to hand out, the run ends after so long."""
STALLED_POLL_S = 1.0
ROOM_LIMIT_S = 20.0
"""Where a called worker waits longer for room, idle ones of other kinds leave theirs to it."""
CLOSE_AGAIN_S = 5.0
STILLBORN_LIMIT = 4
"""So many workers in a row that end before they say a word, and none is started any more."""


@dataclass
class Bundle:
    """Trials that one worker is given at once.

    Attributes:
        attempts: trial → the attempt under which it runs.
        kind: of the workers that may run it.
        losses: how many workers were lost at it.
    """

    attempts: dict[str, int]
    kind: int = USUAL
    losses: int = 0


@dataclass(frozen=True)
class WorkerKind:
    """Workers that take the same of a node.

    Attributes:
        bundle_size: how many trials one is given at once at most.
        room: tells how many the cluster holds at the moment, if it holds no others.
    """

    bundle_size: int
    room: Callable[[], int]


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
        kind: what it takes, and so which trials it can run.
        called_at: since when there is to be such a worker.
        give: sends it a bundle; None until it was heard of. What is sent arrives, or it is lost.
        given: how many bundles it was sent.
        bundle: the one that it is at.
        going: whether it was sent home.
    """

    kind: int = USUAL
    called_at: float = 0.0
    give: Callable[[dict[str, int]], None] | None = None
    given: int = 0
    bundle: Bundle | None = None
    idle_since: float = 0.0
    going: bool = False


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
        kinds: Mapping[int, WorkerKind],
        max_retries: int,
        most_workers: int | None,
    ) -> None:
        """Begin without workers."""
        self.most_workers = most_workers
        self.broken: str | None = None
        self._board = board
        self._kinds = kinds
        self._max_retries = max_retries
        self._workers: dict[str, _Worker] = {}
        self._idle: dict[str, _Worker] = {}
        self._at_work: Counter[int] = Counter()
        self._staying: Counter[int] = Counter()
        self._had_workers = False
        self._again: deque[Bundle] = deque()
        self._unclosed: deque[tuple[Bundle, str]] = deque()
        self._closed_at = 0.0
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
        return self.ending and not self._at_work.total()

    @property
    def deserted(self) -> bool:
        """Tell whether all workers have gone.

        Ray Tune then waits for the next one to be wanted, and keeps the last one's room meanwhile.
        So the run is to end: the next one begins without any.
        """
        return self._had_workers and not self._workers

    def _limit(self, kind: int) -> int:
        """Return how many workers of a kind there may be now.

        There are a few more than the cluster has room for: they take new room at once, and are
        what an autoscaler sees.
        """
        room = self._kinds[kind].room()
        return room + max(1, room // 4)

    @property
    def _spare(self) -> float:
        """Return how many workers there may be beyond those that stay, of all kinds together."""
        return self._most - self._staying.total()

    @property
    def _most(self) -> float:
        most = self._board.worker_limit(self.most_workers)
        return math.inf if most is None else most

    def wanted(self) -> int | None:
        """Return of which kind a worker should be called, beyond those that are there or called."""
        self.pump()
        if self.ending or self._board.held is not None or self._spare < 1:
            return None
        short = [
            kind
            for kind in self._kinds
            if self._staying[kind] < self._limit(kind)
            and self._ready(kind) > self._staying[kind] - self._at_work[kind]
        ]
        return min(short, key=lambda kind: self._staying[kind], default=None)

    def _ready(self, kind: int) -> int:
        """Count what a worker could begin at once."""
        return self._board.queue.ready(kind) + sum(b.kind == kind for b in self._again)

    def call(self, worker_id: str, kind: int = USUAL) -> None:
        """Note that a worker was asked for. It may take long until there is room for it."""
        self._workers[worker_id] = _Worker(kind, called_at=time.monotonic())
        self._staying[kind] += 1
        self._had_workers = True

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
            self._at_work[worker.kind] -= 1
            self._rest(worker_id)
        self.pump()

    def _rest(self, worker_id: str) -> None:
        worker = self._idle[worker_id] = self._workers[worker_id]
        worker.bundle, worker.idle_since = None, time.monotonic()

    def leave(self, worker_id: str) -> None:
        """Note that a worker has ended as it was told to, by us or with its node.

        What it was sent in the meantime, another one gets.
        """
        worker = self._dismiss(worker_id)
        if worker.bundle is not None:
            self._again.append(worker.bundle)
            self._board.retries[EventKind.PREEMPTED] += len(worker.bundle.attempts)
        self.pump()

    def lose(self, worker_id: str, cause: str) -> None:
        """Note that a worker is gone. What it was at is given to another one, a few times."""
        worker = self._dismiss(worker_id)
        log.warning("worker %s was lost: %s", worker_id, cause)
        if worker.bundle is not None:
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

    def _dismiss(self, worker_id: str) -> _Worker:
        """Strike a worker off that has ended."""
        self._idle.pop(worker_id, None)
        worker = self._workers.pop(worker_id, None)
        if worker is None:
            return _Worker()
        self._staying[worker.kind] -= not worker.going
        self._at_work[worker.kind] -= worker.bundle is not None
        return worker

    def _close(self, bundle: Bundle, why: str) -> None:
        """Note that nobody runs a bundle any more; what it has not committed has failed."""
        self._unclosed.append((bundle, why))
        self._close_all()

    def _close_all(self) -> None:
        """Do so; where the catalog does not take it now, it is tried again some seconds later."""
        self._closed_at = time.monotonic()
        with guarded("closing a bundle"):
            while self._unclosed:
                bundle, why = self._unclosed[0]
                self._board.lose(list(bundle.attempts), why)
                self._unclosed.popleft()

    def pump(self) -> None:
        """Give work to who has none; send home who has had none for long, or is not to get any."""
        there = (worker.kind for worker in self._workers.values() if worker.give is not None)
        self._board.hold(Counter(there))
        with guarded("seeing what is asked"):
            self._board.heed()
        if self._unclosed and time.monotonic() - self._closed_at >= CLOSE_AGAIN_S:
            self._close_all()
        for worker_id in self._surplus():
            self._send(worker_id, None)
        for worker_id, worker in list(self._idle.items()):
            bundle = self._next_bundle(worker.kind)
            if bundle is not None:
                self._send(worker_id, bundle)
        moment = time.monotonic()
        crowded = self._crowded(moment)
        for worker_id, worker in list(self._idle.items()):
            in_the_way = crowded - {worker.kind}
            if in_the_way or moment - worker.idle_since > IDLE_LIMIT_S:
                self._send(worker_id, None)
        # Others are to leave workers to this sweep while it has more to run than it has of them.
        self._board.heartbeat.wants_workers = (
            any(
                self._ready(kind) and self._at_work[kind] < self._kinds[kind].room()
                for kind in self._kinds
            )
            and self._at_work.total() < self._most
        )
        self._watch_for_a_stall(moment)

    def _surplus(self) -> list[str]:
        """Return idle workers that are to leave, since there are more than there may be."""
        if self._board.held is not None:
            return list(self._idle)
        leaving: list[str] = []
        for kind in self._kinds:
            idle = [i for i, worker in self._idle.items() if worker.kind == kind]
            leaving += idle[: max(0, self._staying[kind] - self._limit(kind))]
        others = [worker_id for worker_id in self._idle if worker_id not in leaving]
        more = max(0, self._staying.total() - len(leaving) - self._most)
        return leaving + others[: int(more)]

    def _crowded(self, moment: float) -> set[int]:
        """Return the kinds that could do more if workers of other kinds left them their places."""
        if len(self._kinds) == 1:
            return set()
        late = {
            worker.kind
            for worker in self._workers.values()
            if worker.give is None and moment - worker.called_at > ROOM_LIMIT_S
        }
        return {
            kind
            for kind in self._kinds
            if self._ready(kind) > 0
            and self._at_work[kind] < self._kinds[kind].room()
            and (kind in late or self._spare < 1)
        }

    def _next_bundle(self, kind: int) -> Bundle | None:
        if self.ending or self._board.held is not None or not self._ready(kind):
            return None
        for bundle in self._again:
            if bundle.kind == kind:
                self._again.remove(bundle)
                return bundle
        room = max(1, self._kinds[kind].room())
        with guarded("handing out a bundle"):
            trials = self._board.next_bundle(
                size=self._kinds[kind].bundle_size,
                workers=round(min(room, self._limit(kind), self._most)),
                kind=kind,
            )
            if trials:
                return Bundle({t.trial_id: self._board.attempts[t.trial_id] for t in trials}, kind)
        return None

    def _send(self, worker_id: str, bundle: Bundle | None) -> None:
        """Send an idle worker a bundle, or home."""
        worker = self._idle.pop(worker_id)
        assert worker.give is not None
        with guarded("sending a bundle"):  # to a worker that is just being lost
            worker.give(bundle.attempts if bundle else {})
        worker.given += 1
        worker.bundle = bundle
        worker.going = bundle is None
        self._at_work[worker.kind] += bundle is not None
        self._staying[worker.kind] -= worker.going

    def _watch_for_a_stall(self, moment: float) -> None:
        """Give up where waiting is in vain: nobody is at work, and nothing can be handed out."""
        ready = any(map(self._ready, self._kinds))
        awaited = self._at_work.total() or (ready and self._workers) or self._board.waits
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
