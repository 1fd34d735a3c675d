"""What a sweep has taken of the budget that its YAML gives it, and whether that is reached.

What follows from that is left to `orchestrator.running.board`.
"""

import time
from collections.abc import Collection, Mapping

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.early_stops import Taken
from orchestrator.catalog.records import Submission
from orchestrator.planning.plan import Plan
from orchestrator.running.best_so_far import Best
from orchestrator.running.worker_shapes import shapes_of
from orchestrator.spec.termination import Budget

_HOUR_S = 3600.0


class Spending:
    """One submission's share of a sweep's budget, on top of what earlier ones took.

    Attributes:
        gpu_s: for how long this submission's workers have held GPUs, times how many.
        given: the trials that workers of the sweep were ever given.
        cuts_short: whether reaching it stops what runs.
    """

    def __init__(
        self,
        budget: Budget | None,
        before: Taken,
        *,
        gpus: Mapping[int, float],
        tasks: Collection[str],
    ) -> None:
        """Start the clock.

        Args:
            before: what earlier submissions took.
            gpus: of one worker, for each kind of them.
            tasks: of the sweep, that are to reach a target score.
        """
        self.gpu_s = 0.0
        self.given = set(before.trials)
        self.cuts_short = budget is not None and budget.cuts_short
        self._budget, self._before, self._gpus = budget, before, gpus
        self._targets = budget.targets(tasks) if budget else {}
        self._started = self._counted_at = time.monotonic()

    @classmethod
    def of(cls, plan: Plan, catalog: Catalog, submission: Submission) -> "Spending":
        """Return it for a submission that has just begun."""
        taken = catalog.taken(submission.sweep, before=submission.id)
        tasks = {trial.task.name for trial in plan.trials.values()}
        gpus = {kind: shape.gpus for kind, shape in shapes_of(plan).items()}
        return cls(plan.spec.stop, taken, gpus=gpus, tasks=tasks)

    @classmethod
    def unlimited(cls) -> "Spending":
        return cls(None, Taken(), gpus={}, tasks=())

    def hold(self, workers: Mapping[int, int]) -> float:
        """Note how many workers of each kind held their GPUs since then; return `gpu_s`."""
        moment = time.monotonic()
        gpus = sum(number * self._gpus.get(kind, 0.0) for kind, number in workers.items())
        self.gpu_s += gpus * (moment - self._counted_at)
        self._counted_at = moment
        return self.gpu_s

    @property
    def trials_left(self) -> float:
        """Return how many trials may be given to workers that never were."""
        most = self._budget.max_trials if self._budget else None
        return float("inf") if most is None else max(0, most - len(self.given))

    def reached(self, best: Mapping[str, Best]) -> str | None:
        """Say which budget that stops what runs is reached, None while none is."""
        budget = self._budget
        if budget is None:
            return None
        hours = (self._before.wall_s + time.monotonic() - self._started) / _HOUR_S
        gpu_hours = (self._before.gpu_s + self.gpu_s) / _HOUR_S
        for name, taken, most in (
            ("max_hours", hours, budget.max_hours),
            ("max_gpu_hours", gpu_hours, budget.max_gpu_hours),
        ):
            if most is not None and taken >= most:
                return f"stop.{name}: {taken:.4g} of {most:g} hours are taken"
        if self._targets and all(
            task in best and best[task].score >= score for task, score in self._targets.items()
        ):
            found = ", ".join(f"{task} {best[task].score:.4f}" for task in sorted(self._targets))
            return f"stop.target_score: reached by {found}"
        return None

    def none_left(self) -> str:
        """Say that no further trial may be given."""
        assert self._budget is not None
        return f"stop.max_trials: {len(self.given)} of {self._budget.max_trials} trials are taken"
