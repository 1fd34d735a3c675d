"""Expand a sweep specification over pinned base models and tasks into a plan. Pure and fast.

Pinning (which reads files) is left to `orchestrator.planning.resolve`; what is already finished to
the catalog.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapter_lib.config.configuration import Sharing
from orchestrator.planning.fusion_sources import Sources
from orchestrator.planning.grids import (
    Grids,
    has_standard,
    merge_drop,
    merged,
    modes_of,
    product_of,
)
from orchestrator.planning.plan import Plan, matches, misfits
from orchestrator.planning.select_rules import check_rules
from orchestrator.planning.sweep_size import check_size
from orchestrator.spec.axes import Condition, PruningAxes
from orchestrator.spec.model import FusionGrid, SweepSpec, TrialGrid
from orchestrator.spec.read import KeyPath, SpecSource
from workers.contract.task_card import TaskRef
from workers.contract.trial import (
    BaseModelRef,
    DropMode,
    Fusion,
    Method,
    Precision,
    Pruning,
    Trial,
)

RANDOM = "none"
"""The starting point of an adapter that is not pre-trained."""
SAME_TEXTS = "same"


@dataclass(frozen=True)
class Pinned:
    """Base models and tasks of a sweep with everything that identifies them.

    Attributes:
        auto_precision: what `precision: auto` stands for in this plan.
    """

    base_models: Mapping[str, BaseModelRef]
    tasks: Mapping[str, TaskRef]
    auto_precision: Precision = Precision.FLOAT32


def make_plan(spec: SweepSpec, source: SpecSource, pinned: Pinned) -> Plan:
    """Expand every block of the specification.

    Raises:
        SpecError: too many trials, a name that is not declared, a depth beyond the model, a fusion
            of fewer than two sources, or another combination that cannot be; with its line.
    """
    check_size(spec, source, pinned.base_models)
    planner = _Planner(spec, source, pinned, Grids(spec, source, pinned.auto_precision))
    planner.check_conditions()
    for index, block in enumerate(spec.trials):
        planner.add_trials(block, ("trials", index))
    for index, fusion in enumerate(spec.fusion):
        planner.add_fusions(fusion, ("fusion", index))
    if not planner.trials:
        raise source.error(("exclude",), "no trial is left; drop a condition of `exclude`")
    check_rules(spec, source, planner.trials.values())
    return Plan(spec, planner.trials, planner.excluded, planner.repeated)


@dataclass
class _Planner:
    spec: SweepSpec
    source: SpecSource
    pinned: Pinned
    grids: Grids
    trials: dict[str, Trial] = field(default_factory=dict)
    excluded: int = 0
    repeated: int = 0

    def add(self, trial: Trial, at: KeyPath) -> str | None:
        """Add a trial unless it is excluded or already there; return its id unless excluded.

        Raises:
            SpecError: its base model cannot have a setting that the sweep asks for.
        """
        if any(matches(trial, condition) for condition in self.spec.exclude):
            self.excluded += 1
            return None
        for keys, problem in misfits(trial):
            where = self.grids.where_stands(at, *keys)
            if self.source.has(where):  # a default that no example reaches does no harm
                raise self.source.error(where, problem)
        if trial.trial_id in self.trials:
            self.repeated += 1
        self.trials.setdefault(trial.trial_id, trial)
        return trial.trial_id

    def add_trials(self, block: TrialGrid, at: KeyPath) -> None:
        spec = self.spec
        bases = self.grids.declared(
            block.base_models, self.pinned.base_models, (*at, "base_models")
        )
        tasks = self.grids.declared(block.tasks, self.pinned.tasks, (*at, "tasks"))
        trainings = list(self.grids.trainings(block.training))
        seeds = block.seeds or spec.seeds
        self._check_method(block, at)
        for method, base in itertools.product(block.method or spec.method, bases):
            shapes = list(self._shapes(method, block, base, at))
            for task in tasks:
                heads = list(self.grids.heads(block.head, task, at))
                for shape, head, training, seed in itertools.product(
                    shapes, heads, trainings, seeds
                ):
                    common = {"base": base, "task": task, "seed": seed, "training": training}
                    trial = self._trial(method=method, **common, head=head, **shape)
                    for started in self._started(trial, block, at):
                        self.add(started, at)

    def _trial(self, **fields: Any) -> Trial:
        return Trial(**fields, fast_path=self.spec.fast_path.enabled)

    def _started(self, trial: Trial, block: TrialGrid, at: KeyPath) -> Iterator[Trial]:
        """Yield the trial once for each of its starting points, which are added before it."""
        starts = block.adapter.start_from or self.spec.adapter.start_from or (RANDOM,)
        for name in starts if trial.method is Method.ADAPTER else (RANDOM,):
            if name == RANDOM:
                yield trial
                continue
            if name not in self.spec.pretraining:
                raise self.source.error(
                    self.grids.where_stands(at, "adapter", "start_from"),
                    f"expected one of {', '.join([RANDOM, *self.spec.pretraining])}, found "
                    f"`{name}`; correct it or describe it under `pretraining`",
                )
            for parent in self._pretrainings(trial, name):
                if (parent_id := self.add(parent, ("pretraining", name))) is not None:
                    # Not a copy: it would bring the id along that this one has cached.
                    fields = {field: getattr(trial, field) for field in Trial.model_fields}
                    yield Trial(**fields | {"start_from": parent_id})

    def _pretrainings(self, trial: Trial, name: str) -> Iterator[Trial]:
        """Yield what pre-trains a trial's adapter in all layers, once for all its drop depths."""
        assert trial.adapter is not None
        chosen, task = self.spec.pretraining[name], trial.task
        if chosen.texts != SAME_TEXTS:
            (task,) = self.grids.declared(
                (chosen.texts,), self.pinned.tasks, ("pretraining", name, "texts")
            )
        # A name of its own: what is scored on masked tokens is not ranked with the task's trials.
        texts = task.model_copy(update={"name": f"{task.name}/texts"})
        for training in self.grids.trainings(chosen.training):
            yield self._trial(
                method=Method.PRETRAINING,
                base=trial.base,
                task=texts,
                seed=trial.seed,
                training=training,
                adapter=replace(trial.adapter, drop_depth=0),
                reduction_factor=trial.reduction_factor,
            )

    def _shapes(
        self, method: Method, block: TrialGrid, base: BaseModelRef, at: KeyPath
    ) -> Iterator[dict[str, Any]]:
        """Yield what of a trial belongs to its method alone."""
        if method is Method.ADAPTER:
            drops = list(self.grids.drops(merge_drop(self.spec.drop, block.drop), base, at))
            for (adapter, factor), drop in itertools.product(
                self.grids.adapters(block.adapter, base, at), drops
            ):
                sized = {
                    "adapter": replace(adapter, drop_depth=drop.depth),
                    "reduction_factor": factor,
                }
                yield sized | {"drop": drop}
        elif method is Method.TOP_LAYERS:
            for layers in block.layers or self.spec.layers or ():
                if layers > base.layers:
                    raise self.source.error(
                        self.grids.where_stands(at, "layers"),
                        f"expected 1…{base.layers} layers of {base.name}, found {layers}",
                    )
                yield {"top_layers": layers}
        else:
            yield {}

    def _check_method(self, block: TrialGrid, at: KeyPath) -> None:
        """Refuse methods that no block trains, and keys that its methods would ignore."""
        methods = block.method or self.spec.method
        for method in methods:
            if method is Method.PRETRAINING:
                raise self.source.error(
                    self.grids.where_stands(at, "method"),
                    "`pretraining` is no method of a block; describe it under `pretraining:` and "
                    "name it in `start_from` of `adapter`",
                )
            if method in (Method.FUSION, Method.PRUNED_FUSION):
                raise self.source.error(
                    self.grids.where_stands(at, "method"),
                    f"`{method}` is not trained by itself; describe it in a `fusion:` block",
                )
        if (Method.TOP_LAYERS in methods) != (block.layers is not None) and (
            block.layers is not None or self.spec.layers is None
        ):
            raise self.source.error(
                self.grids.where_stands(at, "method" if block.layers is None else "layers"),
                "method `top_layers` and `layers`, how many of the highest are trained, belong "
                f"together; found method {', '.join(methods)}",
            )
        for key in ("adapter", "drop"):
            if Method.ADAPTER not in methods and getattr(block, key).model_fields_set:
                raise self.source.error(
                    (*at, key), f"a block of method {', '.join(methods)} has no adapter; drop it"
                )

    def add_fusions(self, block: FusionGrid, at: KeyPath) -> None:
        bases = self.grids.declared(
            block.base_models, self.pinned.base_models, (*at, "base_models")
        )
        targets = self.grids.declared(block.targets, self.pinned.tasks, (*at, "targets"))
        trainings = list(self.grids.trainings(block.training))
        adapters = [t for t in self.trials.values() if t.method is Method.ADAPTER]
        chooser = Sources(self.grids, self.pinned.tasks, adapters)
        for base, target, seed in itertools.product(bases, targets, block.seeds or self.spec.seeds):
            sources = chooser.choose(block, at, base=base, target=target, seed=seed)
            drops = list(self.grids.drops(block.drop, base, at))
            heads = list(self.grids.heads(block.head, target, at))
            configs = self.grids.fusions(block.config, at)
            for config, drop, head, training in itertools.product(configs, drops, heads, trainings):
                trial = self._trial(
                    method=Method.FUSION,
                    base=base,
                    task=target,
                    seed=seed,
                    training=training,
                    drop=drop,
                    head=head,
                    fusion=Fusion(sources=sources, config=replace(config, drop_depth=drop.depth)),
                )
                if self.add(trial, at) is not None and block.pruning is not None:
                    self._add_pruned(trial, block.pruning, at)

    def _add_pruned(self, fusion: Trial, pruning: PruningAxes, at: KeyPath) -> None:
        assert fusion.fusion is not None
        sources = len(fusion.fusion.sources)
        for chosen in product_of(pruning.given):
            if chosen["keep"] >= sources:
                raise self.source.error(
                    (*at, "pruning", "keep"),
                    f"expected fewer to keep than the {sources} adapters of the fusion on "
                    f"{fusion.task.name}, found {chosen['keep']}",
                )
            pruned = self._trial(
                method=Method.PRUNED_FUSION,
                base=fusion.base,
                task=fusion.task,
                seed=fusion.seed,
                training=fusion.training,
                drop=fusion.drop,
                head=fusion.head,
                pruning=Pruning(fusion_trial=fusion.trial_id, **chosen),
            )
            self.add(pruned, at)

    def check_conditions(self) -> None:
        """Refuse names that the sweep does not declare, and what nothing would ever look at."""
        spec, tasks = self.spec, self.pinned.tasks
        conditions: list[tuple[KeyPath, Condition]] = []
        for i, condition in enumerate(spec.exclude):
            if not condition.given:
                raise self.source.error(
                    ("exclude", i), "an empty condition excludes everything; remove it"
                )
            conditions.append((("exclude", i), condition))
        drops = [merge_drop(spec.drop, block.drop) for block in spec.trials]
        modes = {mode for drop in drops for mode in modes_of(drop)}
        if spec.drop.depth is not None and DropMode.SPECIALISED not in modes:
            raise self.grids.idle_depth((), sorted(modes))
        if spec.drop.measure is not None and not any(map(has_standard, drops)):
            raise self.grids.idle_measure(())
        adapters = [merged(spec.adapter, block.adapter) for block in spec.trials]
        shared = {how for adapter in adapters for how in adapter.get("sharing", ())}
        if "group_layers" in spec.adapter.given and Sharing.GROUPS not in shared:
            raise self.grids.idle_group(())
        starts = {name for adapter in adapters for name in adapter.get("start_from", ())}
        for name in spec.pretraining:
            if name == RANDOM or name not in starts:
                raise self.source.error(
                    ("pretraining", name),
                    f"expected a name other than `{RANDOM}` that some `start_from` names; drop it",
                )
        methods = {m for b in spec.trials for m in b.method or spec.method}
        if spec.layers is not None and Method.TOP_LAYERS not in methods:
            raise self.source.error(
                ("layers",), "`layers` belongs to method `top_layers`, which no block has; drop it"
            )
        for i, fusion in enumerate(spec.fusion):
            conditions.append((("fusion", i, "sources", "where"), fusion.sources.where))
        for i, rule in enumerate(spec.select):
            self.grids.declared(rule.tasks, tasks, ("select", i, "tasks"))
            conditions.append((("select", i, "where"), rule.where))
        for at, condition in conditions:
            self.grids.declared(condition.given.get("task"), tasks, (*at, "task"))
            bases = condition.given.get("base_model")
            self.grids.declared(bases, self.pinned.base_models, (*at, "base_model"))
