"""How long a running submission has still to go, by the model of the forecast.

It begins with what the catalog knew, and is fitted anew to what this submission measures, as often
as that costs little. Until anything is known, nothing is said.
"""

import math
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.planning.forecasting.estimates import Range
from orchestrator.planning.forecasting.observations import Observation, observe
from orchestrator.planning.plan import Plan
from orchestrator.running.forecasting.forecast_values import Known, PlanForecast, Workers
from orchestrator.running.forecasting.plan_forecast import forecast_plan
from orchestrator.running.forecasting.rehearsal import Times, rehearse
from orchestrator.running.forecasting.task_lengths import known_sizes
from orchestrator.running.work_queue import USUAL, WorkState
from orchestrator.running.worker_shapes import WorkerRoom
from workers.contract.results import Epoch, TrialResult
from workers.contract.trial import Method, Trial

_SHARE = 0.01
"""Of the time since the start, what fitting may take."""
_MOST_OBSERVED = 400
_REHEARSED = 2000
"""Up to so many open trials their order is gone through; of more, the sum is shared out."""
_RECENT = 400
"""So many results tell the pace; of workers, 20 results each do."""
_DRIVER_S = 1.0
"""A driver takes less for a trial; results that are further apart do not wait for it."""
_OPEN = (WorkState.WAITING, WorkState.READY, WorkState.RUNNING)
_UNFITTED_DOUBT = 0.4
"""Of means over trials that the model knows nothing of."""


class TimeLeft:
    """Of one submission; told of every result that comes."""

    def __init__(self, plan: Plan, known: Known, workers: Workers) -> None:
        """Begin with what is known; `workers` may be other than fit this machine."""
        self._plan, self._known, self._workers = plan, known, workers
        self._kinds = plan.kinds()
        self._began, self._fitting_s = time.monotonic(), 0.0
        self._seen: list[Observation] = []
        self._fitted = 0
        self._durations: dict[Method, list[float]] = defaultdict(list)
        self._recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        self._stretch = 1.0
        self._forecast: PlanForecast | None = None
        if known.observations:
            self._fit()

    @property
    def forecast(self) -> PlanForecast | None:
        """Return the latest forecast of all the plan; None while nothing is known."""
        return self._forecast

    def note(self, trial: Trial, result: TrialResult) -> None:
        """Learn from a result, at once or with a later one."""
        self._durations[trial.method].append(result.duration_s)
        self._recent.append((time.monotonic(), result.duration_s))
        seen = observe(trial, result)
        if seen is not None and len(self._seen) < _MOST_OBSERVED:
            self._seen.append(seen)
        enough = len(self._seen) >= max(1, 1.5 * self._fitted)
        spare = _SHARE * (time.monotonic() - self._began)
        if enough and (not self._fitted or self._fitting_s <= spare):
            self._fit()

    def _fit(self) -> None:
        started = time.monotonic()
        known = replace(
            self._known,
            observations=[*self._known.observations, *self._seen],
            sizes={**self._known.sizes, **known_sizes(self._seen)},
        )
        found = forecast_plan(self._plan, (), known, self._workers)
        if found.known:
            self._forecast = found
        self._fitted = len(self._seen)
        self._fitting_s += time.monotonic() - started

    def left(
        self,
        states: Mapping[str, WorkState],
        epochs: Mapping[str, Epoch | None],
        room: WorkerRoom,
    ) -> Range | None:
        """Return seconds until the last trial has ended; None while nothing is known.

        Args:
            states: of all trials.
            epochs: of those that run, the last one that ended.
            room: how many workers there are at once.
        """
        costs = {i: self._cost(i) for i in self._plan.trials if states.get(i) in _OPEN}
        if not costs:
            return Range(0.0, 0.0, 0.0)
        known = {i: cost for i, cost in costs.items() if cost is not None}
        if not known:
            return None
        usual = statistics.fmean(known.values())
        seconds = {i: usual if cost is None else cost for i, cost in costs.items()}
        for trial_id, epoch in epochs.items():
            if epoch is not None and trial_id in seconds:
                most = self._plan.trials[trial_id].training.epochs
                seconds[trial_id] *= max(0.0, 1 - epoch.epoch / most)
        factor = math.exp(self._doubt() * 1.2816)
        if list(states.values()).count(WorkState.READY) >= room.total:
            self._stretch = self._stretched(room.total)
        wall = self._wall(seconds, self._workers_in(room)) * self._stretch
        return Range(wall / factor, wall, wall * factor)

    def _stretched(self, workers: int) -> float:
        """Return how many times longer it takes than workers that never wait would need.

        They wait where one driver hands out, records and publishes trials that take less time
        than that; nothing else is counted, such as a pause. Ask while all have enough to do.
        """
        if len(self._recent) < min(_RECENT, 20 * workers):
            return 1.0
        (began, _), *later = self._recent
        passed_s = later[-1][0] - began
        busy_s = sum(took for _, took in later)
        if not busy_s or passed_s > _DRIVER_S * len(later):
            return 1.0
        return max(1.0, workers * passed_s / busy_s)

    def _cost(self, trial_id: str) -> float | None:
        if self._forecast is not None and trial_id in self._forecast.costs:
            return self._forecast.costs[trial_id]
        own = self._durations.get(self._plan.trials[trial_id].method)
        return statistics.fmean(own) if own else None

    def _doubt(self) -> float:
        found = self._forecast
        if found is None or not found.worker_s.likely:
            return _UNFITTED_DOUBT
        return math.log(found.worker_s.high / found.worker_s.likely) / 1.2816

    def _workers_in(self, room: WorkerRoom) -> Workers:
        """Return the workers as there are of each kind where this runs."""
        own = self._workers
        others = {
            kind: replace(pool, count=room.of_kind.get(kind, pool.count))
            for kind, pool in own.others.items()
        }
        count = room.of_kind.get(USUAL, room.total)
        return replace(own, count=count, others=others, node=None, most=room.total)

    def _wall(self, seconds: Mapping[str, float], workers: Workers) -> float:
        if len(seconds) > _REHEARSED:
            of_kind: dict[int, float] = defaultdict(float)
            for trial_id, took_s in seconds.items():
                of_kind[self._kinds.get(trial_id, USUAL)] += took_s
            pools = workers.pools
            alone = (s / max(1, pools.get(kind, workers).count) for kind, s in of_kind.items())
            together = sum(of_kind.values()) / max(1, workers.most or 1)
            return max(together, *alone)
        open_ = {i: self._plan.trials[i] for i in seconds}
        done = {p for trial in open_.values() for p in trial.parents if p not in open_}
        trials = {i: self._plan.trials[i] for i in self._plan.trials if i in open_ or i in done}
        found = rehearse(
            trials,
            done,
            Times(seconds),
            workers=workers,
            kinds=self._kinds,
        )
        return found.wall_s
