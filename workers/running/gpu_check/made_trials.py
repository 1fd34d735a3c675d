"""The trials of a check: every kind there is, or many of one kind, over a base and tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter_lib.config.configuration import AdapterConfig, Placement, Sharing
from workers.bases.base_models import pin_base_model
from workers.contract.task_card import FolderSource, RowLimits, TaskRef
from workers.contract.trial import (
    BaseModelRef,
    Drop,
    DropMode,
    Fusion,
    FusionSource,
    Method,
    Precision,
    Pruning,
    PruningOrder,
    Training,
    Trial,
)
from workers.tasks.load import resolve_task


def pinned(base: str, *tasks: Path) -> tuple[BaseModelRef, list[TaskRef]]:
    """Return a base model, by its source, and tasks, by their folders, as trials name them.

    Raises:
        WorkerError: there is no such base.
    """
    named = [
        resolve_task(
            folder.name,
            FolderSource(path=str(folder)),
            columns=None,
            metric=None,
            limits=RowLimits(),
            validation_fraction=None,
            folder_root=folder.parent,
        )
        for folder in tasks
    ]
    return pin_base_model("checked", base), named


def of_one_kind(
    base: BaseModelRef, task: TaskRef, training: Training, *, count: int, depth: int = 0
) -> list[Trial]:
    """Return trials that differ in their seed alone, of a Pfeiffer adapter."""
    mode = DropMode.SPECIALISED if depth else DropMode.NONE
    return [
        Trial(
            method=Method.ADAPTER,
            base=base,
            task=task,
            seed=seed,
            training=training,
            adapter=AdapterConfig(max(4, base.hidden_size // 16), drop_depth=depth),
            drop=Drop(mode=mode, depth=depth, measure="own"),
        )
        for seed in range(count)
    ]


def of_every_kind(base: BaseModelRef, tasks: Sequence[TaskRef], training: Training) -> list[Trial]:
    """Return one trial of each kind on the first task, and what it needs on the others before."""
    task, size = tasks[0], max(4, base.hidden_size // 16)

    def trial(method: Method = Method.ADAPTER, on: TaskRef = task, **parts: object) -> Trial:
        given: dict[str, object] = {"training": training, "seed": 0} | parts
        return Trial.model_validate({"method": method, "base": base, "task": on} | given)

    def adapted(on: TaskRef = task, drop: Drop | None = None, **config: object) -> Trial:
        depth = 0 if drop is None else drop.depth
        made = AdapterConfig(size, drop_depth=depth, **config)  # type: ignore[arg-type]
        return trial(on=on, adapter=made, drop=drop or Drop())

    specialised = [
        adapted(drop=Drop(mode=DropMode.SPECIALISED, depth=n)) for n in range(1, base.layers)
    ]
    sources = [adapted(on=each) for each in tasks]
    fused = Fusion(
        sources=tuple(FusionSource(task=s.task.name, candidates=(s.trial_id,)) for s in sources)
    )
    fusion = trial(Method.FUSION, fusion=fused)
    masked = trial(Method.PRETRAINING, adapter=AdapterConfig(size))
    found = [
        *sources,
        *specialised,
        adapted(drop=Drop(mode=DropMode.ROBUST)),
        adapted(sharing=Sharing.ALL_LAYERS),
        adapted(placement=Placement.HOULSBY),
        adapted(placement=Placement.PARALLEL),
        fusion,
        trial(Method.FUSION, fusion=fused, drop=Drop(mode=DropMode.ROBUST)),
        trial(Method.PRUNED_FUSION, pruning=Pruning(fusion_trial=fusion.trial_id, keep=1)),
        masked,
        trial(adapter=AdapterConfig(size), start_from=masked.trial_id),
        trial(Method.HEAD_ONLY),
        trial(Method.FULL_FINE_TUNING),
        trial(Method.TOP_LAYERS, top_layers=1),
    ]
    if base.norms_follow_blocks:
        found += [
            adapted(placement=Placement.HOULSBY, trained_norm=True),
            trial(Method.LAYER_NORM),
        ]
    if len(tasks) > 2:
        one_by_one = Pruning(fusion_trial=fusion.trial_id, keep=1, order=PruningOrder.ONE_BY_ONE)
        found.append(trial(Method.PRUNED_FUSION, pruning=one_by_one))
    return found


@dataclass(frozen=True)
class Load:
    """What time and memory are measured with; rows of the task have `tokens` at most."""

    base: BaseModelRef
    task: TaskRef
    batch_size: int
    tokens: int

    def trials(self, precision: Precision, *, count: int, epochs: int = 1000) -> list[Trial]:
        """Return trials of an adapter in every layer that differ in their seed alone."""
        training = training_of(
            precision,
            epochs=epochs,
            batch_size=self.batch_size,
            max_length=max(8, self.tokens),
        )
        return of_one_kind(self.base, self.task, training, count=count)


def training_of(
    precision: Precision, *, epochs: int, batch_size: int = 8, **settings: object
) -> Training:
    """Return how the trials of a check are trained."""
    given = {"precision": precision, "epochs": epochs, "batch_size": batch_size} | settings
    return Training.model_validate(given)
