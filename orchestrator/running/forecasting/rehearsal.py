"""When trials would run: the work queue of a submission, gone through without running anything.

What each takes is given; the order, bundles and dependencies are those of a real one.
"""

import heapq
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.running.forecasting.forecast_values import Pool, Workers
from orchestrator.running.work_queue import WorkQueue
from workers.contract.trial import Trial

_KEPT_TASKS = 16
"""As `workers.running.warm_state` keeps."""

_ROUNDING = 1e-6
"""Parts of a processor or a GPU add up to one but for this."""

TaskKey = tuple[str, str, int]


@dataclass(frozen=True)
class Times:
    """Seconds on one worker.

    Attributes:
        trial: trial → what it takes itself.
        base: identity of a base → what loading it takes.
        task: fingerprint, base and length → what reading a task takes.
    """

    trial: Mapping[str, float]
    base: Callable[[str], float] = lambda _: 0.0
    task: Callable[[TaskKey], float] = lambda _: 0.0


@dataclass
class Rehearsed:
    """How it went.

    Attributes:
        wall_s: from the first bundle to the last result.
        workers: that were given anything.
        base_loads, task_reads: how often each was loaded, over all workers.
    """

    wall_s: float = 0.0
    workers: int = 0
    base_loads: Counter[str] = field(default_factory=Counter)
    task_reads: Counter[TaskKey] = field(default_factory=Counter)


@dataclass
class _Worker:
    """What one is for, and has in memory."""

    kind: int
    base: str | None = None
    tasks: OrderedDict[TaskKey, None] = field(default_factory=OrderedDict)
    used: bool = False


def rehearse(
    trials: Mapping[str, Trial],
    finished: Iterable[str],
    times: Times,
    *,
    workers: Workers,
    kinds: Mapping[str, int] | None = None,
) -> Rehearsed:
    """Go through all that is to run, with these workers.

    Args:
        kinds: which trials are not for the usual ones.
    """
    return _Rehearsal(trials, finished, times, workers, kinds).run()


class _Rehearsal:
    def __init__(
        self,
        trials: Mapping[str, Trial],
        finished: Iterable[str],
        times: Times,
        workers: Workers,
        kinds: Mapping[str, int] | None,
    ) -> None:
        self._pools = workers.pools
        known = {i: kind for i, kind in (kinds or {}).items() if kind in self._pools}
        self._queue = WorkQueue(trials, finished, known)
        self._times, self._there = times, workers
        self._workers = [
            _Worker(kind) for kind, pool in self._pools.items() for _ in range(max(1, pool.count))
        ]
        self._idle: dict[int, list[int]] = defaultdict(list)
        for number in reversed(range(len(self._workers))):
            self._idle[self._workers[number].kind].append(number)
        self._at_work: Counter[int] = Counter()
        self._events: list[tuple[float, int, str, bool]] = []
        self._found = Rehearsed()

    def run(self) -> Rehearsed:
        now = 0.0
        self._hand_out(now)
        while self._events:
            now, number, trial_id, last = heapq.heappop(self._events)
            self._queue.finish(trial_id)
            if last:
                kind = self._workers[number].kind
                self._idle[kind].append(number)
                self._at_work[kind] -= 1
            self._hand_out(now)
        self._found.wall_s = now
        self._found.workers = sum(worker.used for worker in self._workers)
        return self._found

    def _hand_out(self, now: float) -> None:
        """Give bundles to who has none, first to the kind of which the fewest are at work."""
        open_ = set(self._pools)
        while open_:
            kind = min(open_, key=lambda each: (self._at_work[each], each))
            pool = self._pools[kind]
            bundle = None
            if self._has_room(kind, pool):
                workers = max(1, pool.count)
                bundle = self._queue.next_bundle(size=pool.bundle_size, workers=workers, kind=kind)
            if not bundle:
                open_.discard(kind)
                continue
            self._at_work[kind] += 1
            self._give(self._idle[kind].pop(), bundle, now)

    def _has_room(self, kind: int, pool: Pool) -> bool:
        """Tell whether a further worker of a kind may be at work."""
        if not self._idle[kind]:
            return False
        there, node = self._there, self._there.node
        if not self._at_work.total():
            return True
        if there.most is not None and self._at_work.total() >= there.most:
            return False
        if node is None:
            return True
        at_work = [(self._pools[k], n) for k, n in self._at_work.items()]
        cpus = pool.cpus + sum(p.cpus * n for p, n in at_work)
        gpus = pool.gpus + sum(p.gpus * n for p, n in at_work)
        return cpus <= node.cpus + _ROUNDING and gpus <= node.gpus + _ROUNDING

    def _give(self, number: int, bundle: list[Trial], now: float) -> None:
        worker = self._workers[number]
        worker.used = True
        for trial in bundle:
            now += self._load(worker, trial) + self._times.trial[trial.trial_id]
            last = trial is bundle[-1]
            heapq.heappush(self._events, (now, number, trial.trial_id, last))

    def _load(self, worker: _Worker, trial: Trial) -> float:
        """Return what a worker takes to have a trial's base and task, and note that it has."""
        took, base = 0.0, trial.base.identity
        key = trial.task.fingerprint, base, trial.training.max_length
        if worker.base != base:
            worker.base = base
            self._found.base_loads[base] += 1
            took += self._times.base(base)
        if key not in worker.tasks:
            worker.tasks[key] = None
            self._found.task_reads[key] += 1
            took += self._times.task(key)
        worker.tasks.move_to_end(key)
        while len(worker.tasks) > _KEPT_TASKS:
            worker.tasks.popitem(last=False)
        return took
