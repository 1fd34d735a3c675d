"""Try a few small trials of a plan on this machine, and keep what they took for its forecast.

They run through the code that runs real ones, in a temporary workspace, with a prefix cache of
their own. Which kinds are tried is left to `calibration_kinds`.
"""

import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import OrchestratorError
from orchestrator.planning.forecasting.calibration_kinds import kinds
from orchestrator.planning.forecasting.observations import Observation, observe
from orchestrator.planning.forecasting.trial_work import (
    Machine,
    SizeKey,
    Sizes,
    SplitSize,
    measuring_work,
    size_key,
    training_work,
)
from orchestrator.planning.plan import Plan
from orchestrator.running.forecasting.forecast_values import Workers
from orchestrator.running.forecasting.small_trials import EPOCHS, RowsTaken, SmallTrials, remade
from workers.contract.paths import Workspace
from workers.contract.results import read_failure, read_result
from workers.contract.spending import Phase, Spent, Stopwatch
from workers.contract.task_card import Split
from workers.contract.trial import Trial
from workers.errors import WorkerError

if TYPE_CHECKING:
    from workers.running.warm_state import WarmState

log = logging.getLogger(__name__)

LIMIT_S = 240.0
"""No further kind is begun after so long."""
_TRAIN_S, _MEASURE_S = 3.0, 1.5
"""For how long a small trial is to be trained and measured."""
_FEWEST_BATCHES, _MOST_BATCHES = 6, 400
_FEWEST_ROWS, _MOST_ROWS = 32, 2000
_FIRST = RowsTaken(train=8, validation=_FEWEST_ROWS, test=_FEWEST_ROWS)
_READ_ROWS = 2000
"""Of a split, so many rows are tokenised to see what that takes."""


@dataclass
class Calibrated:
    """What a calibration came to.

    Attributes:
        tried: labels of what was run.
        left_out: label → why it was not.
        took_s: by the clock.
    """

    observations: list[Observation] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    took_s: float = 0.0


def calibrate(
    plan: Plan,
    done: Collection[str],
    workers: Workers,
    *,
    limit_s: float = LIMIT_S,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibrated:
    """Run small trials of what is left of a plan, as one worker would.

    Args:
        tell: is told what is being done, a line each.

    Raises:
        OrchestratorError: this machine has no such device as workers need.
    """
    import torch

    if workers.gpus and not torch.cuda.is_available():
        raise OrchestratorError(
            "--calibrate: workers of this sweep need a GPU, and this machine has none; run it "
            "where a worker would run, with the same --workspace"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, int(workers.cpus)))
    try:
        with tempfile.TemporaryDirectory(prefix="adaptersweep-calibration-") as folder:
            run = _Calibration(plan, done, workers, Path(folder), tell)
            return run.all(limit_s)
    finally:
        torch.set_num_threads(threads)


class _Calibration:
    def __init__(
        self,
        plan: Plan,
        done: Collection[str],
        workers: Workers,
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        fast_path = plan.spec.fast_path.settings
        device = "cuda" if workers.gpus else "cpu"
        elsewhere = plan.kinds()  # for workers of another kind, which this one is not
        left = [t for i, t in plan.trials.items() if i not in done and i not in elsewhere]
        self._kinds = kinds(left, device)
        self._machine = Machine(
            device,
            max(1, int(workers.cpus)),
            keeps_prefixes=fast_path.enabled and fast_path.cache_gib > 0,
        )
        self._workspace = Workspace(folder / "workspace")
        self._fast_path = fast_path.model_copy(update={"cache_folder": str(folder / "prefix")})
        self._small = SmallTrials(plan.trials)
        self._keep_predictions = plan.spec.keep_predictions
        self._sizes: dict[SizeKey, Sizes] = {}
        self._unit_s: dict[str, float] = {}
        self._tell = tell
        self._found = Calibrated()

    def all(self, limit_s: float) -> Calibrated:
        began = time.monotonic()
        warm = self._warm_state()
        for trial in self._kinds:
            if time.monotonic() - began > limit_s:
                self._found.left_out[trial.label] = f"{limit_s:g} s were over"
                continue
            self._tell(f"trying {trial.label}")
            try:
                self._try(trial, warm)
            except WorkerError as error:
                self._found.left_out[trial.label] = str(error)
                continue
        self._found.took_s = time.monotonic() - began
        return self._found

    def _warm_state(self) -> "WarmState":
        import torch

        from workers.running.warm_state import WarmState

        return WarmState(
            torch.device(self._machine.device),
            self._fast_path,
            keep_predictions=self._keep_predictions,
        )

    def _try(self, trial: Trial, warm: "WarmState") -> None:
        """Run a small one of a trial, and note what it took.

        Raises:
            WorkerError: the base or the task cannot be read, or it failed.
        """
        if trial.base.identity not in self._unit_s:
            self._meet(trial, warm)
        sizes = self._read(trial)
        rows = self._rows(trial, sizes)
        parents = RowsTaken(
            train=trial.training.batch_size, validation=_FEWEST_ROWS, test=_FEWEST_ROWS
        )
        small = self._small.small(trial, rows, of_parents=parents)
        self._run(small, warm)
        self._note(trial, small[-1])
        self._found.tried.append(trial.label)

    def _meet(self, trial: Trial, warm: "WarmState") -> None:
        """Load a base, and run a first small trial on it, of which no more than its pace is kept.

        What happens once in a process must not count as what every trial takes.
        """
        stopwatch = Stopwatch()
        if not self._unit_s:
            stopwatch.add(Phase.START, _start_of_a_worker())
        with stopwatch.during(Phase.BASE):
            warm.backbone(trial.base)
        sizes = self._read(trial, stopwatch)
        batches = min(4 * trial.training.batch_size, sizes[Split.TRAIN].rows)
        rows = RowsTaken(train=batches, validation=_FEWEST_ROWS, test=_FEWEST_ROWS)
        small = self._small.small(trial, rows, of_parents=_FIRST)
        small[-1] = remade(small[-1], seed=small[-1].seed + 1)
        self._run(small, warm)
        result = read_result(self._workspace.trial(small[-1].trial_id))
        assert result is not None
        seen = observe(small[-1], result)
        assert seen is not None
        spent = seen.spent.get(Phase.TRAINING) or seen.spent[Phase.MEASURING]
        work = seen.training_work if result.curve else seen.measuring_work
        self._unit_s[trial.base.identity] = spent.wall_s / max(1.0, work.token_layers)

    def _read(self, trial: Trial, stopwatch: Stopwatch | None = None) -> Sizes:
        """Return how large a task is; on first sight, note what reading it takes."""
        key = size_key(trial)
        if key not in self._sizes:
            spent, sizes = _read_task(trial)
            self._sizes[key] = sizes
            taken = stopwatch or Stopwatch()
            taken.add(Phase.TASK, spent)
            self._found.observations.append(
                Observation(
                    trial=remade(trial, seed=0),
                    sizes=dict(sizes),
                    machine=self._machine,
                    epochs=0,
                    spent=taken.spent,
                )
            )
        return self._sizes[key]

    def _rows(self, trial: Trial, sizes: Sizes) -> RowsTaken:
        """Return as many rows as take some seconds, by the pace of the first small trial."""
        unit_s = self._unit_s[trial.base.identity]
        batch = trial.training.batch_size
        training = training_work(trial, sizes, self._machine).token_layers
        batches = sizes[Split.TRAIN].rows / batch
        per_batch_s = max(1e-6, unit_s * training / max(1.0, batches))
        trained = int(_TRAIN_S / EPOCHS / per_batch_s)
        trained = max(_FEWEST_BATCHES, min(_MOST_BATCHES, trained))
        measured = measuring_work(trial, sizes, self._machine, EPOCHS).token_layers
        rows = sum(size.rows for split, size in sizes.items() if split is not Split.TRAIN)
        per_row_s = max(1e-7, unit_s * measured / rows)
        held_out = max(_FEWEST_ROWS, min(_MOST_ROWS, int(_MEASURE_S / per_row_s)))
        return RowsTaken(train=trained * batch, validation=held_out, test=held_out)

    def _run(self, trials: list[Trial], warm: "WarmState") -> None:
        """Run trials one after another.

        Raises:
            WorkerError: the last one failed.
        """
        from workers.running.bundle import run_bundle

        for trial in trials:
            for _ in run_bundle([trial], self._workspace, warm):
                pass
        paths = self._workspace.trial(trials[-1].trial_id)
        if read_result(paths) is None:
            failure = read_failure(paths)
            raise WorkerError(failure.message if failure else "it left no result")

    def _note(self, trial: Trial, small: Trial) -> None:
        """Keep what a small trial took, as of the trial that it stands for."""
        result = read_result(self._workspace.trial(small.trial_id))
        assert result is not None
        seen = observe(small, result)
        if seen is None:
            return
        training = trial.training.model_copy(update={"patience": None})
        spent = {p: s for p, s in seen.spent.items() if p not in (Phase.TASK, Phase.BASE)}
        changes = {"trial": remade(trial, training=training), "spent": spent, "whole": False}
        self._found.observations.append(seen.model_copy(update=changes))


def _read_task(trial: Trial) -> tuple[Spent, Sizes]:
    """Read a task's rows and tokenise some; return what all of it takes, and how large it is.

    Raises:
        WorkerError: they cannot be read.
    """
    from workers.bases.base_models import base_model_folder
    from workers.batches.tokens import tokenizer_for
    from workers.objectives import objective_of
    from workers.tasks.load import load_task

    reading = Stopwatch()
    with reading.during(Phase.TASK):
        data = load_task(trial.task)
    tokenizer = tokenizer_for(base_model_folder(trial.base))
    objective = objective_of(trial)
    spent, sizes = reading.spent[Phase.TASK], {}
    for split, rows in data.splits.items():
        taken = rows.take(range(0, len(rows), max(1, -(-len(rows) // _READ_ROWS))))
        encoding = Stopwatch()
        with encoding.during(Phase.TASK):
            examples = objective.encode(tokenizer, taken, max_length=trial.training.max_length)
            found = objective.reading(examples)
        times = len(rows) / len(taken)
        spent += encoding.spent[Phase.TASK] * times
        sizes[split] = SplitSize(
            len(rows), round(found.sequences * times), found.tokens * times, counted=times == 1
        )
    return spent, sizes


def _start_of_a_worker() -> Spent:
    """Return what a process takes that imports all that a worker does."""
    script = "import orchestrator.running.bundle_trainable, workers.running.warm_state"
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall_s=time.monotonic() - began, cpu_s=max(0.0, cpu_s))
