"""Which trials are ready, and which of them go together into the next bundle. Pure.

Every call costs the same however many trials there are, apart from what it hands out and the number
of groups, in each of which are the trials of one base model, one task and one kind of workers.
Claiming trials, running them and recording what came out are left to `orchestrator.running.board`.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import count

from workers.contract.trial import Trial


class WorkState(StrEnum):
    WAITING = "waiting"  # for a parent
    READY = "ready"
    RUNNING = "running"
    ELSEWHERE = "elsewhere"  # another submission is running it
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"  # by the sweep's rule of early termination, or a parent was
    BLOCKED = "blocked"  # a parent failed or is blocked
    LEFT_OUT = "left out"  # this submission does not run it


USUAL = 0
"""The kind of workers that runs what no other kind is named for."""

_HOPELESS = (WorkState.FAILED, WorkState.STOPPED, WorkState.BLOCKED)
_OPEN = (WorkState.WAITING, WorkState.READY, WorkState.RUNNING, WorkState.ELSEWHERE)

_Group = tuple[int, str, str, int]


class WorkQueue:
    """The graph of one submission's trials and how far each has come."""

    def __init__(
        self,
        trials: Mapping[str, Trial],
        finished: Iterable[str] = (),
        kinds: Mapping[str, int] | None = None,
        turns: Mapping[str, int] | None = None,
    ) -> None:
        """Begin with what is finished.

        Args:
            kinds: which trials are not for the usual workers, and for whom.
            turns: which trials do not come first, but after all of one base model and task that
                have a lower turn; without one it is 0.
        """
        self.trials = trials
        self._kinds = kinds or {}
        self._turns = turns or {}
        self._ready: Counter[int] = Counter()
        self.states: dict[str, WorkState] = {}
        self._having: dict[WorkState, dict[str, None]] = {state: {} for state in WorkState}
        self._children: dict[str, list[str]] = defaultdict(list)
        for trial_id, trial in trials.items():
            for parent in trial.parents:
                self._children[parent].append(trial_id)
        self._height = self._heights()
        self._lines: dict[_Group, _Line] = defaultdict(_Line)
        done = set(finished)
        self._missing: dict[str, int] = {}
        for trial_id, trial in trials.items():
            missing = sum(p not in done for p in trial.parents)
            if trial_id in done:
                self._move(trial_id, WorkState.FINISHED)
            else:
                self._missing[trial_id] = missing
                self._move(trial_id, WorkState.WAITING if missing else WorkState.READY)

    def _heights(self) -> dict[str, int]:
        """Return for each trial how long the longest chain is that begins with it."""
        height: dict[str, int] = {}
        for trial_id in reversed(list(self.trials)):  # children stand after their parents
            height[trial_id] = 1 + max((height[c] for c in self._children[trial_id]), default=0)
        return height

    def _move(self, trial_id: str, state: WorkState) -> None:
        before = self.states.get(trial_id)
        if before is not None:
            del self._having[before][trial_id]
        self.states[trial_id] = state
        self._having[state][trial_id] = None
        if WorkState.READY in (before, state):
            line = self._lines[self._group(trial_id)]
            if state is WorkState.READY:
                line.join(trial_id, self._height[trial_id], self._turns.get(trial_id, 0))
                self._ready[self._kinds.get(trial_id, USUAL)] += 1
            else:
                line.leave(trial_id)
                self._ready[self._kinds.get(trial_id, USUAL)] -= 1

    def _group(self, trial_id: str) -> _Group:
        trial = self.trials[trial_id]
        kind = self._kinds.get(trial_id, USUAL)
        return kind, trial.base.identity, trial.task.fingerprint, trial.training.max_length

    def ready(self, kind: int = USUAL) -> int:
        """Count the ready trials that workers of a kind run."""
        return self._ready[kind]

    def next_bundle(self, *, size: int, workers: int, kind: int = USUAL) -> list[Trial]:
        """Take up to `size` ready trials of one base model and task; they count as running.

        Args:
            workers: how many of this kind there are.

        Trials with the longest chain behind them come first, so that fusions do not wait for the
        end. Near the end bundles get smaller, so that all workers stay busy.
        """
        ready = self.ready(kind)
        if not ready:
            return []
        lines = (line for group, line in self._lines.items() if group[0] == kind)
        longest = max(lines, key=lambda line: (line.height, len(line)))
        fair = math.ceil(ready / max(1, workers))
        bundle = longest.first(max(1, min(size, fair)))
        for trial_id in bundle:
            self._move(trial_id, WorkState.RUNNING)
        return [self.trials[i] for i in bundle]

    def put_back(self, trial_id: str) -> None:
        """Make a running or deferred trial ready again."""
        if self.states[trial_id] in (WorkState.RUNNING, WorkState.ELSEWHERE):
            self._move(trial_id, WorkState.READY)

    def defer(self, trial_id: str) -> None:
        """Note that another submission is running this trial."""
        if self.states[trial_id] in _OPEN:
            self._move(trial_id, WorkState.ELSEWHERE)

    def finish(self, trial_id: str) -> None:
        """Note a committed result; children without other missing parents become ready."""
        if self.states[trial_id] is WorkState.FINISHED:
            return
        self._move(trial_id, WorkState.FINISHED)
        for child in self._children[trial_id]:
            if child not in self._missing:
                continue
            self._missing[child] -= 1
            if not self._missing[child] and self.states[child] is WorkState.WAITING:
                self._move(child, WorkState.READY)

    def fail(self, trial_id: str) -> list[str]:
        """Note a failure; return the descendants that are blocked by it."""
        return self._end(trial_id, WorkState.FAILED, below=WorkState.BLOCKED)

    def stop(self, trial_id: str) -> list[str]:
        """Note that a trial is not trained on; return what waits for it, which is stopped too."""
        return self._end(trial_id, WorkState.STOPPED, below=WorkState.STOPPED)

    def _end(self, trial_id: str, state: WorkState, *, below: WorkState) -> list[str]:
        self._move(trial_id, state)
        blocked: list[str] = []
        front = [trial_id]
        while front:
            for child in self._children[front.pop()]:
                if self.states[child] is WorkState.WAITING:
                    self._move(child, below)
                    blocked.append(child)
                    front.append(child)
        return blocked

    def retry(self, trial_id: str) -> list[str]:
        """Make a failed trial ready again; return the descendants that it alone blocked."""
        self._move(trial_id, WorkState.READY)
        released = []
        for child in self._below(trial_id):
            bad = (self.states[p] in _HOPELESS for p in self.trials[child].parents)
            if self.states[child] is WorkState.BLOCKED and not any(bad):
                self._move(child, WorkState.WAITING)
                released.append(child)
        return released

    def _below(self, trial_id: str) -> list[str]:
        """Return all that is built on a trial, parents before their children."""
        found, front = set[str](), [trial_id]
        while front:
            new = set(self._children[front.pop()]) - found
            found |= new
            front += new
        return sorted(found, key=lambda i: -self._height[i])

    def leave_out(self, trial_ids: Iterable[str]) -> None:
        """Let trials that are still to run wait for another submission."""
        for trial_id in trial_ids:
            if self.states[trial_id] in (WorkState.WAITING, WorkState.READY, WorkState.ELSEWHERE):
                self._move(trial_id, WorkState.LEFT_OUT)

    def having(self, state: WorkState) -> Sequence[str]:
        return list(self._having[state])

    def number(self, state: WorkState) -> int:
        return len(self._having[state])

    def is_finished(self, trial_id: str) -> bool:
        return self.states[trial_id] is WorkState.FINISHED

    def counts(self) -> Counter[WorkState]:
        return Counter({state: len(ids) for state, ids in self._having.items() if ids})

    @property
    def ended(self) -> bool:
        return not any(self._having[state] for state in _OPEN)


class _Line:
    """The ready trials of one group: the longest chain first, then by turn, then who came first."""

    _arrivals = count()

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, str]] = []  # who left stays until it is first
        self._arrived: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._arrived)

    @property
    def height(self) -> int:
        """Return the longest chain that begins with one of these; 0 where there is none."""
        while self._heap and not self._is_here(self._heap[0]):
            heapq.heappop(self._heap)
        return -self._heap[0][0] if self._heap else 0

    def join(self, trial_id: str, height: int, turn: int) -> None:
        self._arrived[trial_id] = next(self._arrivals)
        heapq.heappush(self._heap, (-height, turn, self._arrived[trial_id], trial_id))

    def leave(self, trial_id: str) -> None:
        del self._arrived[trial_id]

    def first(self, number: int) -> list[str]:
        """Return up to `number` of these in their order. Who is returned must leave."""
        found: list[str] = []
        while len(found) < number and self._heap:
            entry = heapq.heappop(self._heap)
            if self._is_here(entry):
                found.append(entry[3])
        return found

    def _is_here(self, entry: tuple[int, int, int, str]) -> bool:
        return self._arrived.get(entry[3]) == entry[2]
