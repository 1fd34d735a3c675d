"""What a forecast is made from, and what it says: plain values.

Making one is left to `plan_forecast`, saying it to people to `orchestrator.commands`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.planning.forecasting.estimates import Range
from orchestrator.planning.forecasting.observations import Observation
from orchestrator.planning.forecasting.storage_needs import StorageNeeds
from orchestrator.planning.forecasting.trial_work import SizeKey, Sizes
from orchestrator.running.node_room import Node
from orchestrator.running.work_queue import USUAL


@dataclass(frozen=True)
class Pool:
    """The workers of one kind.

    Attributes:
        count: how many there are at once, where there are no others.
        cpus, gpus: that each takes.
    """

    count: int
    cpus: float = 1.0
    gpus: float = 0.0
    bundle_size: int = 4


@dataclass(frozen=True)
class Workers(Pool):
    """How many there are at once, and what each takes.

    Attributes:
        why: how their number was found.
        others: kind → the workers of `resources.kinds`, as far as trials are for them.
        node: what all of them share; None where those of each kind have nodes of their own.
        most: how many there may be of all kinds together; None for as many as fit.
    """

    why: str = ""
    others: Mapping[int, Pool] = field(default_factory=dict)
    node: Node | None = None
    most: int | None = None

    @property
    def pools(self) -> Mapping[int, Pool]:
        """Return the workers of each kind."""
        return {USUAL: self, **self.others}

    @property
    def in_words(self) -> str:
        """Say how many there are, such as `4 workers and 1 of resources.kinds[0]`."""
        usual = "1 worker" if self.count == 1 else f"{self.count:,} workers"
        more = (f" and {p.count:,} of resources.kinds[{k - 1}]" for k, p in self.others.items())
        return "".join([usual, *more])


@dataclass(frozen=True)
class Known:
    """What was measured.

    Attributes:
        calibrated: those of a calibration; `observations` holds them too.
        sizes: of tasks.
        starts, ends: seconds that submissions took before their first and after their last trial.
    """

    observations: Sequence[Observation] = ()
    calibrated: int = 0
    sizes: Mapping[SizeKey, Sizes] = field(default_factory=dict)
    starts: Sequence[float] = ()
    ends: Sequence[float] = ()


@dataclass(frozen=True)
class Stage:
    """The trials of one method.

    Attributes:
        trials: that are to run.
        unknown: those of them whose costs are not known.
        worker_s: for how long workers are at them; `cpu_s` of processors.
    """

    name: str
    trials: int
    unknown: int
    worker_s: Range
    cpu_s: Range

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.name,
            "to_run": self.trials,
            "unknown": self.unknown,
            "worker_s": self.worker_s.as_json(),
            "cpu_s": self.cpu_s.as_json(),
        }


@dataclass(frozen=True)
class PlanForecast:
    """What running the rest of a plan will take.

    Attributes:
        shared: starting workers, loading bases and tasks, computing frozen prefixes.
        wall_s: from submitting to the end, of what is known.
        gpu_s: for how long workers are at trials, times the GPUs that each holds; None without any.
        unknown: why costs are not known → of how many trials.
        from_trials, calibrated: how many were measured for it, and how many of them to calibrate.
        guessed: of how many trials the method was never measured on their base.
        costs: trial → expected seconds of its worker, of those that are known.
        may_end_sooner: keys of the YAML by which trials may be stopped, which is not counted.
    """

    stages: Sequence[Stage]
    shared: Stage
    workers: Workers
    wall_s: Range
    worker_s: Range
    cpu_s: Range
    gpu_s: Range | None
    storage: StorageNeeds
    storage_bytes: Range
    unknown: Mapping[str, int]
    from_trials: int
    calibrated: int
    guessed: int
    costs: Mapping[str, float]
    may_end_sooner: Sequence[str] = ()

    @property
    def to_run(self) -> int:
        return sum(stage.trials for stage in self.stages)

    @property
    def known(self) -> bool:
        """Tell whether anything of what is to run is known."""
        return sum(self.unknown.values()) < self.to_run

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts; nulls where nothing is known."""
        hour = 1 / 3600

        def hours(found: Range | None) -> dict[str, float] | None:
            return found.times(hour).as_json() if found is not None and self.known else None

        return {
            "interval": "80%",
            "workers": self.workers.count,
            "workers_of_kinds": {
                f"resources.kinds[{kind - 1}]": pool.count
                for kind, pool in self.workers.others.items()
            },
            "hours": hours(self.wall_s),
            "cpu_hours": hours(self.cpu_s),
            "gpu_hours": hours(self.gpu_s),
            "storage_bytes": self.storage_bytes.as_json() | {"parts": self.storage.as_json()},
            "stages": [s.as_json() for s in (*self.stages, self.shared)] if self.known else [],
            "unknown": dict(self.unknown),
            "may_end_sooner": list(self.may_end_sooner),
            "measured_trials": self.from_trials,
            "calibrated_trials": self.calibrated,
            "guessed_from_other_methods": self.guessed,
        }
