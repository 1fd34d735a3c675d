"""A toy sweep under a rule of early termination, and a board and a worker over it without Ray."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import Stop
from orchestrator.running.board import Board
from orchestrator.running.budget import Spending
from orchestrator.running.driver import plan_sweep
from orchestrator.running.early_stopping import EarlyStopping
from orchestrator.running.stopping import Stopping
from orchestrator.running.work_queue import WorkQueue
from orchestrator.stores import Stores
from tests.conftest import write_task
from workers.contract.decision_points import DecisionPoints
from workers.contract.events import EventKind, TrialEvent
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import Epoch, TrialResult, read_result
from workers.contract.trial import Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

RATES = "[1.0e-3, 1.0e-9, 1.0e-2, 2.0e-9, 3.0e-2]"
HALVING = "early_termination: { grace_period: 1, reduction_factor: 2 }\n"
TEXT = """\
name: {name}
base_models:
  toy: {{ source: "folder:{base}" }}
tasks:
{named}
seeds: {seeds}
adapter: {{ bottleneck_size: 8 }}
training: {{ learning_rate: {rates}, batch_size: 8, max_length: 16, epochs: 6 }}
fast_path: {{ checkpoint_share: 0 }}
{more}"""


def write_sweep(
    into: Path,
    base: Path,
    folder: Path,
    *,
    more: str = HALVING,
    name: str = "halved",
    seeds: str = "[0, 1]",
    rates: str = RATES,
    tasks: Sequence[str] = ("one",),
) -> Path:
    """Write a sweep over learning rates; return its path."""
    for seed, task in enumerate(tasks):
        if not (folder / task).exists():
            write_task(folder, task, seed=seed)
    named = "\n".join(f'  {task}: {{ folder: "{folder}/{task}" }}' for task in tasks)
    path = into / f"{name}.yaml"
    text = TEXT.format(name=name, base=base, named=named, seeds=seeds, rates=rates, more=more)
    path.write_text(text)
    return path


def made_stop(best: str) -> Stop:
    """Return a record of a verdict that nobody gave."""
    return Stop(
        sweep="made",
        settings={"rule": "halving"},
        epoch=1,
        score=0.1,
        seeds=1,
        bar=0.2,
        compared=2,
        best=best,
        best_score=0.2,
        message="made for a test",
    )


class ByLearningRate(EarlyStopping):
    """Hears as scores what learning rates say, since tiny tasks leave them to chance."""

    def hear(self, points: Iterable[tuple[str, Epoch]]) -> None:
        super().hear((i, self._scored(self._trials[i], epoch)) for i, epoch in points)

    def _scored(self, trial: Trial, epoch: Epoch) -> Epoch:
        score = trial.training.learning_rate
        values = {"selection_score": score, "metrics": {trial.metric: score}}
        return epoch.model_copy(update=values)


class Driver:
    """What a submission does, with one worker in this process that answers as Ray's would."""

    def __init__(self, sweep: Path, folder: Path, *, pack_width: int = 1) -> None:
        self.plan, self.source = plan_sweep(sweep)
        self.stores = Stores.at(folder)
        self.stores.prepare()
        self.catalog = Catalog.open(self.stores.catalog_url)
        rule = self.plan.spec.early_termination
        self.rule = ByLearningRate(rule, self.plan.trials, sweep=self.plan.spec.name)
        points = rule.decision_points if rule else DecisionPoints()
        path = FastPath(pack_width=pack_width, checkpoint_share=0)
        self.warm = WarmState(torch.device("cpu"), path, decisions=points)
        planned = list(self.plan.trials.values())
        submission = self.catalog.begin_submission(
            self.plan.spec.name, "", planned, stoppable=self.rule.stoppable
        )
        self.submission = submission
        done = self.catalog.finished(self.plan.trials)
        queue = WorkQueue(self.plan.trials, done, turns=self.rule.turns)
        places = queue, self.catalog, self.stores.workspace, submission
        budget, name = self.plan.spec.stop, self.plan.spec.name
        taken = self.catalog.taken(name, before=submission.id)
        spending = Spending(budget, taken, gpus={0: 1.0}, tasks=self.plan.spec.tasks)
        self.board = Board(*places, None, Stopping(self.rule, *places, spending=spending))
        self.board.recall()
        self.told: list[TrialEvent] = []

    def events(self, bundle: Sequence[Trial]) -> Iterator[TrialEvent]:
        attempts = {t.trial_id: self.board.attempts[t.trial_id] for t in bundle}
        workspace = Workspace(self.stores.workspace.root, attempts)
        return run_bundle(list(bundle), workspace, self.warm)

    def run(self, *, size: int = 4, until: Callable[[TrialEvent], bool] | None = None) -> None:
        """Hand out bundles and take what their worker tells, until all is done or an event."""
        while not self.board.over:
            bundle = self.board.next_bundle(size=size, workers=1)
            if not bundle:
                break
            for event in self.events(bundle):
                self.told.append(event)
                self.board.take(event)
                if until is not None and until(event):
                    return

    def result(self, trial_id: str) -> TrialResult | None:
        return read_result(self.stores.workspace.trial(trial_id))

    def epochs(self) -> int:
        return sum(e.kind is EventKind.EPOCH for e in self.told)

    def close(self) -> None:
        self.catalog.close()
