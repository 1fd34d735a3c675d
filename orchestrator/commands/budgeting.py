"""`predict --latency-budget-ms`: calibrate, or read what was, and say how the budget was kept."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands.output import say
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from workers.predict import LatencyBudget, ManyTasks, Predictor
    from workers.predict.latency_budget import Calibration


@dataclass(frozen=True)
class AskedBudget:
    """What the options say.

    Attributes:
        most_dropped: the deepest drop that is allowed; None for all layers but the highest.
        calibration: the file that calibrations are kept in; None to forget them.
    """

    budget_ms: float | None = None
    most_dropped: int | None = None
    calibration: Path | None = None

    def check(self, *, drop_depth: int) -> None:
        """Refuse options that belong to a budget without one, and a depth beside it.

        Raises:
            OrchestratorError: says which.
        """
        if self.budget_ms is not None:
            if drop_depth:
                raise OrchestratorError(
                    "--drop-depth and --latency-budget-ms: the budget chooses the depth; drop one, "
                    "or bound it by --most-dropped"
                )
            return
        for option, value in (
            ("--most-dropped", self.most_dropped),
            ("--calibration", self.calibration),
        ):
            if value is not None:
                raise OrchestratorError(
                    f"{option} belongs to --latency-budget-ms, which is not given; add it"
                )


def budget_for(served: "Predictor | ManyTasks", asked: AskedBudget) -> "LatencyBudget | None":
    """Return the budget of what is served, calibrated for it on this machine; None for no budget.

    Raises:
        WorkerError: the file is none of calibrations, or the budget cannot be.
    """
    if asked.budget_ms is None:
        return None
    from workers.predict import LatencyBudget

    if not served.dropped_in_training:
        say(
            "not every adapter was trained with layers dropped at random (drop mode `robust`), so "
            "answers get worse with every layer that the budget drops"
        )
    budget = LatencyBudget(asked.budget_ms, _calibration(served, asked.calibration))
    if asked.most_dropped is not None:
        budget = LatencyBudget(asked.budget_ms, budget.calibration, deepest=asked.most_dropped)
    assert budget.deepest is not None
    shortest = min(budget.calibration.shapes, key=lambda shape: shape.size)
    if shortest.ms[budget.deepest] > asked.budget_ms:
        say(
            f"with {budget.deepest} layers dropped even {shortest.tokens} tokens take "
            f"{shortest.ms[budget.deepest]:.1f} ms here: the budget of {asked.budget_ms:g} ms "
            "cannot be held; raise it, or ask fewer tasks at once"
        )
    return budget


def _calibration(served: "Predictor | ManyTasks", path: Path | None) -> "Calibration":
    from workers.predict.calibrating import keep_calibration, read_calibration

    key = served.calibration_key
    if path is not None and (known := read_calibration(path, key)) is not None:
        first = known.shapes[0]
        served.calibrate([(first.rows, first.tokens)])  # so that the first request finds all warm
        return known
    started = time.monotonic()
    found = served.calibrate()
    say(f"calibrated {found.depths} depths in {time.monotonic() - started:.1f} s")
    if path is not None:
        keep_calibration(path, key, found)
    return found


def finish(budget: "LatencyBudget | None") -> int:
    """Say how a budget was kept; return the exit code: 1 if it was not."""
    if budget is None or not budget.latencies_ms:
        return 0
    report = budget.report()
    say(str(report))
    return 0 if report.held else 1
