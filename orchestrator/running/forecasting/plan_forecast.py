"""What a plan will take: hours, hours of processors or GPUs, and bytes, with how sure that is.

Costs of trials are `orchestrator.planning.forecasting`'s, the order they run in is `rehearsal`'s.
Here both are put together; what was measured is brought by whoever asks.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence

from orchestrator.planning.forecasting.cost_model import Clock, CostModel, TrialCost
from orchestrator.planning.forecasting.estimates import Estimate, Range, Total
from orchestrator.planning.forecasting.observations import family_of, kind_of
from orchestrator.planning.forecasting.storage_needs import (
    StorageNeeds,
    storage_needs,
    storage_range,
)
from orchestrator.planning.forecasting.trial_work import (
    Machine,
    prefix_needs,
    size_key,
)
from orchestrator.planning.plan import Plan
from orchestrator.running.forecasting.forecast_values import Known, PlanForecast, Stage, Workers
from orchestrator.running.forecasting.rehearsal import Rehearsed, Times, rehearse
from orchestrator.running.work_queue import USUAL
from workers.contract.task_card import Split
from workers.contract.trial import Method, Trial

Models = Mapping[int, CostModel]
"""Kind of workers → what trials take on them."""

_ENDING = ("early_termination", "stop")

SIZES_SAMPLED = 0.04
"""Doubt of tokens that were counted of some rows alone."""
_USUAL_START, _USUAL_END = Estimate(9.0, 0.5), Estimate(4.0, 0.5)
"""Of a submission on one machine, until one was measured: Ray and MLflow begin and end."""


def forecast_plan(
    plan: Plan, done: Collection[str], known: Known, workers: Workers
) -> PlanForecast:
    """Forecast what is left of a plan.

    Args:
        done: trials that are finished, which cost nothing.
    """
    return _Forecasting(plan, done, known, workers).run()


class _Forecasting:
    def __init__(self, plan: Plan, done: Collection[str], known: Known, workers: Workers) -> None:
        fast_path = plan.spec.fast_path
        self._plan, self._done, self._known, self._workers = plan, set(done), known, workers
        self._left = {i: t for i, t in plan.trials.items() if i not in self._done}
        self._shapes = plan.kinds()
        self._gpus = {USUAL: workers.gpus}
        self._machines = {}
        for shape in {USUAL, *self._shapes.values()}:
            wanted = plan.spec.resources.of_kind(shape) if shape != USUAL else workers
            self._gpus[shape] = wanted.gpus
            self._machines[shape] = Machine(
                "cuda" if wanted.gpus else "cpu",
                max(1, int(wanted.cpus)),
                keeps_prefixes=fast_path.enabled and fast_path.cache_gib > 0,
            )
        self._kinds: dict[Hashable, list[str]] = defaultdict(list)
        for trial_id, trial in self._left.items():
            self._kinds[self._shape(trial_id), kind_of(trial)].append(trial_id)
        self._unknown: Counter[str] = Counter()

    def _shape(self, trial_id: str) -> int:
        """Return which kind of workers a trial is for."""
        return self._shapes.get(trial_id, USUAL)

    def _machine(self, trial_id: str) -> Machine:
        return self._machines[self._shape(trial_id)]

    def run(self) -> PlanForecast:
        seen = self._known.observations
        models: Mapping[Clock, Models] = {
            clock: {shape: CostModel(seen, m, clock) for shape, m in self._machines.items()}
            for clock in Clock
        }
        wall = models[Clock.WALL]
        costs = self._costs(wall)
        prefixes = self._prefixes(costs)
        rehearsed = self._rehearse(wall, costs, prefixes)
        sums = {
            clock: self._sums(costs if clock is Clock.WALL else self._costs(of))
            for clock, of in models.items()
        }
        shared = {clock: self._shared(of, rehearsed, prefixes) for clock, of in models.items()}
        together = {clock: _together([*sums[clock].values(), shared[clock]]) for clock in Clock}
        storage = self._storage()
        return PlanForecast(
            stages=self._stages(costs, sums),
            shared=Stage(
                "starting, loading, frozen prefixes",
                trials=0,
                unknown=0,
                worker_s=shared[Clock.WALL].range,
                cpu_s=shared[Clock.CPU].range,
            ),
            workers=self._workers,
            wall_s=self._wall(rehearsed, together[Clock.WALL]),
            worker_s=together[Clock.WALL].range,
            cpu_s=together[Clock.CPU].range,
            gpu_s=self._gpu_s(costs, shared[Clock.WALL]),
            storage=storage,
            storage_bytes=storage_range(storage, exact=len(costs) == len(self._left)),
            unknown=dict(self._unknown),
            from_trials=len(wall[USUAL].observations),
            calibrated=self._known.calibrated,
            guessed=sum(
                len(ids)
                for ids in self._kinds.values()
                if ids[0] in costs and not wall[self._shape(ids[0])].knows(self._left[ids[0]])
            ),
            costs={i: cost.seconds for i, cost in costs.items()},
            may_end_sooner=[k for k in _ENDING if getattr(self._plan.spec, k) is not None],
        )

    def _stages(
        self, costs: Collection[str], sums: Mapping[Clock, Mapping[Method, Total]]
    ) -> list[Stage]:
        return [
            Stage(
                method.value.replace("_", " "),
                trials=len(ids),
                unknown=sum(i not in costs for i in ids),
                worker_s=sums[Clock.WALL][method].range,
                cpu_s=sums[Clock.CPU][method].range,
            )
            for method, ids in self._by_method().items()
        ]

    def _by_method(self) -> Mapping[Method, list[str]]:
        found: dict[Method, list[str]] = defaultdict(list)
        for trial_id, trial in self._left.items():
            found[trial.method].append(trial_id)
        return {method: found[method] for method in Method if method in found}

    def _costs(self, models: Models) -> dict[str, TrialCost]:
        """Return what trials take, of those that are known."""
        self._unknown.clear()
        found: dict[str, TrialCost] = {}
        for ids in self._kinds.values():
            trial = self._left[ids[0]]
            sizes = self._known.sizes.get(size_key(trial))
            model = models[self._shape(ids[0])]
            cost = None if sizes is None else model.cost(trial, sizes)
            if cost is not None:
                found |= dict.fromkeys(ids, cost)
            else:
                why = self._unread if sizes is None else self._unmeasured
                self._unknown[why(trial, model.machine)] += len(ids)
        return found

    def _unread(self, trial: Trial, machine: Machine) -> str:
        if all(o.trial.base.identity != trial.base.identity for o in self._known.observations):
            return self._unmeasured(trial, machine)
        return f"how many tokens {trial.task.name} has"

    def _unmeasured(self, trial: Trial, machine: Machine) -> str:
        what = "" if trial.fast_path else ", without fast path"
        precision = trial.training.precision.value
        return f"how fast {trial.base.name} is here ({machine.device}, {precision}{what})"

    def _gpu_s(self, costs: Mapping[str, TrialCost], shared: Total) -> Range | None:
        """Return seconds of GPUs; what is shared counts for workers as `resources` says."""
        if not any(self._gpus.values()):
            return None
        found = Total()
        for ids in self._kinds.values():
            gpus = self._gpus[self._shape(ids[0])]
            for part in costs[ids[0]].parts if ids[0] in costs else ():
                found.add(part.times(gpus), len(ids))
        if self._gpus[USUAL]:
            found.add(Estimate(shared.value * self._gpus[USUAL], shared.doubt))
        return found.range

    def _sums(self, costs: Mapping[str, TrialCost]) -> Mapping[Method, Total]:
        found: dict[Method, Total] = defaultdict(Total)
        for ids in self._kinds.values():
            cost, trial = costs.get(ids[0]), self._left[ids[0]]
            if cost is None:
                continue
            sizes = self._known.sizes[size_key(trial)]
            doubt = 0.0 if all(s.counted for s in sizes.values()) else SIZES_SAMPLED
            for part in cost.parts:
                found[trial.method].add(part.times(1, shared=doubt), len(ids))
        return {method: found[method] for method in self._by_method()}

    def _prefixes(self, costs: Collection[str]) -> dict[str, float]:
        """Return trial → layers × tokens that it computes for the cache, as the first to want it.

        What an earlier sweep left there is not known, and saves that.
        """
        stored: dict[object, set[float]] = defaultdict(set)
        found: dict[str, float] = {}
        for trial_id, *_ in self._kinds.values():  # of one kind, the first finds the rest there
            if trial_id not in costs:
                continue
            trial = self._left[trial_id]
            sizes = self._known.sizes[size_key(trial)]
            for split, needs in prefix_needs(trial, sizes, self._machine(trial_id)).items():
                there = stored[self._stored_under(trial, split)]
                missing = {need.height for need in needs} - there
                if missing:
                    below = max((h for h in there if h < min(missing)), default=0.0)
                    run = (max(missing) - below) * sizes[split].tokens
                    found[trial_id] = found.get(trial_id, 0.0) + run
                    there |= missing
        return found

    def _stored_under(self, trial: Trial, split: Split) -> object:
        training = trial.training
        return size_key(trial), training.precision, training.cache_dtype, split

    def _prefix(self, models: Models, trial_id: str, token_layers: float) -> Estimate:
        model = models[self._shape(trial_id)]
        return model.prefix(token_layers, family_of(self._left[trial_id], model.machine.device))

    def _rehearse(
        self, models: Models, costs: Mapping[str, TrialCost], prefixes: Mapping[str, float]
    ) -> Rehearsed:
        model = models[USUAL]
        seconds = dict.fromkeys(self._left, 0.0) | {i: c.seconds for i, c in costs.items()}
        for trial_id, token_layers in prefixes.items():
            seconds[trial_id] += self._prefix(models, trial_id, token_layers).value
        sizes = self._known.sizes
        bases = {t.base.identity for t in self._left.values()}
        loads = {base: model.load_base(base).value for base in bases}
        reads = {
            key: model.read_task(sizes[key]).value if key in sizes else 0.0
            for key in {size_key(t) for t in self._left.values()}
        }
        times = Times(seconds, loads.__getitem__, reads.__getitem__)
        return rehearse(
            self._plan.trials,
            self._done,
            times,
            workers=self._workers,
            kinds=self._shapes,
        )

    def _shared(self, models: Models, rehearsed: Rehearsed, prefixes: Mapping[str, float]) -> Total:
        """Add up what trials share: in whatever order they run, about so often."""
        found, model = Total(), models[USUAL]
        found.add(model.start(), rehearsed.workers)
        for base, times in rehearsed.base_loads.items():
            found.add(model.load_base(base), times)
        for key, times in rehearsed.task_reads.items():
            if key in self._known.sizes:
                found.add(model.read_task(self._known.sizes[key]), times)
        for trial_id, token_layers in prefixes.items():
            found.add(self._prefix(models, trial_id, token_layers))
        return found

    def _wall(self, rehearsed: Rehearsed, together: Total) -> Range:
        """Return from submitting to the end: as doubtful as the sum of what workers do."""
        found = Total()
        if not self._left:
            return found.range
        found.add(Estimate(rehearsed.wall_s, together.doubt))
        found.add(_overhead(self._known.starts, _USUAL_START))
        found.add(_overhead(self._known.ends, _USUAL_END))
        return found.range

    def _storage(self) -> StorageNeeds:
        fast_path = self._plan.spec.fast_path
        compared = {(trial.task.name, trial.base.identity) for trial in self._left.values()}
        return storage_needs(
            [(self._left[ids[0]], len(ids)) for ids in self._kinds.values()],
            self._known.sizes,
            self._known.observations,
            machine=self._machines[USUAL],
            workers=sum(pool.count for pool in self._workers.pools.values()),
            cache_bytes=fast_path.cache_gib * 2**30,
            keep_predictions=self._plan.spec.keep_predictions,
            winners=len(self._plan.spec.select) * len(compared),
        )


def _together(totals: Sequence[Total]) -> Total:
    found = Total()
    for total in totals:
        found.add_total(total)
    return found


def _overhead(measured: Sequence[float], usual: Estimate) -> Estimate:
    """Return the median of what submissions took beside their trials."""
    if not measured:
        return usual
    middle = max(0.1, statistics.median(measured))
    logs = [math.log(max(x, 0.1) / middle) for x in measured]
    return Estimate(middle, max(0.15, statistics.pstdev(logs)))
