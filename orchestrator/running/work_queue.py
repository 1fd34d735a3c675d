"""Which trials are ready, and which of them go together into the next bundle. Pure.

Claiming trials, running them and recording what came out are left to `orchestrator.running.board`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from workers.contract.trial import Trial


class WorkState(StrEnum):
    WAITING = "waiting"  # for a parent
    READY = "ready"
    RUNNING = "running"
    ELSEWHERE = "elsewhere"  # another submission is running it
    FINISHED = "finished"
    FAILED = "failed"
    BLOCKED = "blocked"  # a parent failed or is blocked


_HOPELESS = (WorkState.FAILED, WorkState.BLOCKED)
_ENDED = (WorkState.FINISHED, *_HOPELESS)


class WorkQueue:
    """The graph of one submission's trials and how far each has come."""

    def __init__(self, trials: Mapping[str, Trial], finished: Iterable[str] = ()) -> None:
        self.trials = trials
        self.states = dict.fromkeys(trials, WorkState.WAITING)
        for trial_id in finished:
            self.states[trial_id] = WorkState.FINISHED
        self._children: dict[str, list[str]] = defaultdict(list)
        self._missing: dict[str, int] = {}
        for trial_id, trial in trials.items():
            for parent in trial.parents:
                self._children[parent].append(trial_id)
            if self.states[trial_id] is WorkState.WAITING:
                missing = sum(self.states[p] is not WorkState.FINISHED for p in trial.parents)
                self._missing[trial_id] = missing
                if not missing:
                    self.states[trial_id] = WorkState.READY
        self._height: dict[str, int] = {}
        for trial_id in reversed(list(trials)):  # children stand after their parents
            self._height[trial_id] = 1 + max(
                (self._height[c] for c in self._children[trial_id]), default=0
            )
        self._ready = [t for t, s in self.states.items() if s is WorkState.READY]

    def next_bundle(self, *, size: int, workers: int) -> list[Trial]:
        """Take up to `size` ready trials of one base model and task; they count as running.

        Trials with the longest chain behind them come first, so that fusions do not wait for the
        end. Near the end bundles get smaller, so that all workers stay busy.
        """
        if not self._ready:
            return []
        groups: dict[tuple[str, str, int], list[str]] = defaultdict(list)
        for trial_id in self._ready:
            trial = self.trials[trial_id]
            key = (trial.base.identity, trial.task.fingerprint, trial.training.max_length)
            groups[key].append(trial_id)
        chosen = max(groups.values(), key=lambda ids: (max(self._height[i] for i in ids), len(ids)))
        chosen.sort(key=lambda i: -self._height[i])
        fair = math.ceil(len(self._ready) / max(1, workers))
        bundle = chosen[: max(1, min(size, fair))]
        taken = set(bundle)
        self._ready = [i for i in self._ready if i not in taken]
        for trial_id in bundle:
            self.states[trial_id] = WorkState.RUNNING
        return [self.trials[i] for i in bundle]

    def put_back(self, trial_id: str) -> None:
        """Make a running or deferred trial ready again."""
        if self.states[trial_id] in (WorkState.RUNNING, WorkState.ELSEWHERE):
            self.states[trial_id] = WorkState.READY
            self._ready.append(trial_id)

    def defer(self, trial_id: str) -> None:
        """Note that another submission is running this trial."""
        if self.states[trial_id] not in _ENDED:
            self.states[trial_id] = WorkState.ELSEWHERE

    def finish(self, trial_id: str) -> None:
        """Note a committed result; children without other missing parents become ready."""
        if self.states[trial_id] is WorkState.FINISHED:
            return
        if self.states[trial_id] is WorkState.READY:
            self._ready.remove(trial_id)
        self.states[trial_id] = WorkState.FINISHED
        for child in self._children[trial_id]:
            self._missing[child] -= 1
            if not self._missing[child] and self.states[child] is WorkState.WAITING:
                self.states[child] = WorkState.READY
                self._ready.append(child)

    def fail(self, trial_id: str) -> list[str]:
        """Note a failure; return the descendants that are blocked by it."""
        if self.states[trial_id] is WorkState.READY:
            self._ready.remove(trial_id)
        self.states[trial_id] = WorkState.FAILED
        blocked: list[str] = []
        front = [trial_id]
        while front:
            for child in self._children[front.pop()]:
                if self.states[child] is WorkState.WAITING:
                    self.states[child] = WorkState.BLOCKED
                    blocked.append(child)
                    front.append(child)
        return blocked

    def retry(self, trial_id: str) -> list[str]:
        """Make a failed trial ready again; return the descendants that it alone blocked."""
        self.states[trial_id] = WorkState.READY
        self._ready.append(trial_id)
        released = []
        for child in self._below(trial_id):
            bad = (self.states[p] in _HOPELESS for p in self.trials[child].parents)
            if self.states[child] is WorkState.BLOCKED and not any(bad):
                self.states[child] = WorkState.WAITING
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

    def having(self, state: WorkState) -> Sequence[str]:
        return [i for i, s in self.states.items() if s is state]

    def counts(self) -> Counter[WorkState]:
        return Counter(self.states.values())

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    @property
    def ended(self) -> bool:
        return all(state in _ENDED for state in self.states.values())
