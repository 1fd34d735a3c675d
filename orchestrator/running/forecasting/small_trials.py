"""Trials of a plan made small: a few rows, two epochs, and small trials for what they build on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contract.task_card import BuiltinSource, RowLimits, TaskRef
from workers.contract.trial import FusionSource, Trial
from workers.tasks.load import resolve_task

EPOCHS = 2
"""Of a small trial: with one, what happens once would count for every epoch."""


@dataclass(frozen=True)
class RowsTaken:
    """At most so many rows of each split."""

    train: int
    validation: int
    test: int

    def of(self, limits: RowLimits) -> RowLimits:
        """Return them, as far as a task has so many."""
        taken = {"train": self.train, "validation": self.validation, "test": self.test}
        given = limits.model_dump()
        return RowLimits(**{s: min(n, given[s] or n) for s, n in taken.items()})


class SmallTrials:
    """Makes them, each once."""

    def __init__(self, planned: Mapping[str, Trial]) -> None:
        """Begin.

        Args:
            planned: all trials of the plan, for what one builds on.
        """
        self._planned = planned
        self._tasks: dict[object, TaskRef] = {}
        self.made: dict[str, Trial] = {}

    def small(self, trial: Trial, rows: RowsTaken, *, of_parents: RowsTaken) -> list[Trial]:
        """Return a small one of a trial, after small ones of all that it builds on.

        Of each source of a fusion, the first candidate.

        Raises:
            TaskError: the rows of a task cannot be read.
        """
        made: list[Trial] = []
        changes: dict[str, Any] = {}
        if trial.fusion is not None:
            sources = []
            for source in trial.fusion.sources:
                parent = self._parent(source.candidates[0], of_parents, made)
                sources.append(FusionSource(task=source.task, candidates=(parent,)))
            changes["fusion"] = trial.fusion.model_copy(update={"sources": tuple(sources)})
        if trial.pruning is not None:
            parent = self._parent(trial.pruning.fusion_trial, of_parents, made)
            changes["pruning"] = trial.pruning.model_copy(update={"fusion_trial": parent})
        if trial.removal is not None:
            parent = self._parent(trial.removal.adapter_trial, of_parents, made)
            changes["removal"] = trial.removal.model_copy(update={"adapter_trial": parent})
        if trial.start_from is not None:
            changes["start_from"] = self._parent(trial.start_from, of_parents, made)
        training = trial.training.model_copy(update={"epochs": EPOCHS, "patience": None})
        task = self._task(trial.task, rows)
        own = remade(trial, training=training, task=task, **changes)
        return [*made, own]

    def _parent(self, trial_id: str, rows: RowsTaken, made: list[Trial]) -> str:
        if trial_id not in self.made:
            small = self.small(self._planned[trial_id], rows, of_parents=rows)
            made += small
            self.made[trial_id] = small[-1]
        return self.made[trial_id].trial_id

    def _task(self, task: TaskRef, rows: RowsTaken) -> TaskRef:
        key = task.fingerprint, rows
        if key not in self._tasks:
            self._tasks[key] = resolve_task(
                task.name,
                task.source,
                columns=None if isinstance(task.source, BuiltinSource) else task.card.columns,
                metric=task.card.metric,
                limits=rows.of(task.limits),
                validation_fraction=task.validation_fraction,
                folder_root=Path("/"),
            )
        return self._tasks[key]


def remade(trial: Trial, **changes: Any) -> Trial:
    """Return a trial with other values, and with the id that they give it."""
    return Trial(**{name: getattr(trial, name) for name in Trial.model_fields} | changes)
