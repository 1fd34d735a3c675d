"""Expand a sweep specification over pinned base models and tasks into a plan. Pure and fast.

Pinning (which reads files) is left to `orchestrator.planning.resolve`; what is already finished to
the catalog.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from adapter_lib.config.configuration import AdapterConfig
from orchestrator.errors import SpecError
from orchestrator.planning.fusion_sources import Sources
from orchestrator.planning.grids import RANDOM, Grids, merge_drop, product_of
from orchestrator.planning.plan import Origin, Plan, matches, misfits
from orchestrator.planning.select_rules import check_rules
from orchestrator.planning.sweep_checks import (
    check_budget,
    check_clauses,
    check_conditions,
    check_kinds,
    check_termination,
)
from orchestrator.planning.sweep_size import check_size
from orchestrator.planning.variants import Variant, Variants
from orchestrator.spec.axes import PruningAxes
from orchestrator.spec.blocks import FusionGrid, TrialGrid
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.source import KeyPath, SpecSource
from workers.contract.removal import Removal
from workers.contract.task_card import TaskRef
from workers.contract.trial import BaseModelRef, Fusion, Method, Precision, Pruning, Trial

N = TypeVar("N", BaseModelRef, TaskRef)

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
    grids = Grids(spec, source, pinned.auto_precision)
    check_conditions(spec, grids, bases=pinned.base_models, tasks=pinned.tasks)
    found = _Found()
    variants = Variants(spec, source, tuple(pinned.base_models))
    for trials in variants.of_trials():
        _Planner(spec, pinned, grids.standing_in(trials.source), trials, found).add_trials(trials)
    found.check_used()
    chooser = Sources(grids, pinned.tasks, found.adapters())
    for fusions in variants.of_fusions():
        planner = _Planner(spec, pinned, grids.standing_in(fusions.source), fusions, found)
        planner.add_fusions(fusions, chooser)
    check_clauses(spec, source, found.held)
    if not found.trials:
        raise source.error(("exclude",), "no trial is left; drop a condition of `exclude`")
    check_rules(spec, source, found.trials.values())
    check_termination(spec, source, found.trials.values())
    check_budget(spec, source)
    plan = Plan(spec, found.trials, found.excluded, found.repeated, found.origins)
    check_kinds(plan, source)
    return plan


@dataclass
class _Found:
    """What all blocks have come to so far.

    Attributes:
        held: key paths of the entries of `when` that held for a trial.
        used: key paths of what is for some methods alone, and is for one of its block.
        idle: by key path, the error of what is for no method that it stands beside.
    """

    trials: dict[str, Trial] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    excluded: int = 0
    repeated: int = 0
    held: set[KeyPath] = field(default_factory=set)
    used: set[KeyPath] = field(default_factory=set)
    idle: dict[KeyPath, SpecError] = field(default_factory=dict)

    def adapters(self) -> list[Trial]:
        return [t for t in self.trials.values() if t.method is Method.ADAPTER]

    def check_used(self) -> None:
        """Refuse a key that is for no method of what it stands in.

        Raises:
            SpecError: the first such key.
        """
        for place, error in self.idle.items():
            if place not in self.used:
                raise error


@dataclass(frozen=True)
class _Planner:
    """Adds the trials of one plain grid."""

    spec: SweepSpec
    pinned: Pinned
    grids: Grids
    variant: Variant[Any]
    found: _Found

    @property
    def source(self) -> SpecSource:
        return self.grids.source

    def add(self, trial: Trial, at: KeyPath) -> str | None:
        """Add a trial unless it is excluded or already there; return its id unless excluded.

        Raises:
            SpecError: its base model cannot have a setting that the sweep asks for.
        """
        found = self.found
        if any(matches(trial, condition) for condition in self.spec.exclude):
            found.excluded += 1
            return None
        for keys, problem in misfits(trial):
            where = self.grids.where_stands(at, *keys)
            if self.source.has(where):  # a default that no example reaches does no harm
                raise self.source.error(where, problem)
        if trial.trial_id in found.trials:
            found.repeated += 1
        found.trials.setdefault(trial.trial_id, trial)
        found.origins.setdefault(trial.trial_id, self.variant.origin)
        return trial.trial_id

    def _takes(self, trial: Trial) -> bool:
        """Tell whether a trial meets the variant's conditions, and remember that one does."""
        variant = self.variant
        if not (variant.holding or variant.failing):
            return True
        taken = variant.takes(trial)
        if taken:
            self.found.held.update((*variant.at, "when", n) for n in variant.clauses)
        return taken

    def add_trials(self, variant: Variant[TrialGrid]) -> None:
        block, at, spec = variant.block, variant.at, self.spec
        bases = self.grids.declared(
            block.base_models, self.pinned.base_models, (*at, "base_models")
        )
        tasks = self.grids.declared(block.tasks, self.pinned.tasks, (*at, "tasks"))
        trainings = list(self.grids.trainings(block.training))
        seeds = variant.allowed("seed", block.seeds or spec.seeds)
        methods = variant.allowed("method", block.method or spec.method)
        self._check_method(block, at, methods)
        for method, base in itertools.product(methods, self._allowed("base_model", bases)):
            shapes = list(self._shapes(method, block, base, at))
            for task in self._allowed("task", tasks):
                heads = list(self.grids.heads(block.head, task, at))
                for shape, head, training, seed in itertools.product(
                    shapes, heads, trainings, seeds
                ):
                    common = {"base": base, "task": task, "seed": seed, "training": training}
                    trial = self._trial(method=method, **common, head=head, **shape)
                    self._add_started(trial, block, at)

    def _allowed(self, axis: str, named: Sequence[N]) -> list[N]:
        """Return those base models or tasks that the variant's conditions leave."""
        names = set(self.variant.allowed(axis, [each.name for each in named]))
        return [each for each in named if each.name in names]

    def _trial(self, **fields: Any) -> Trial:
        return Trial(**fields, fast_path=self.spec.fast_path.enabled)

    def _add_started(self, trial: Trial, block: TrialGrid, at: KeyPath) -> None:
        """Add the trial once for each of its starting points, each after what it starts from."""
        starts = block.adapter.start_from or self.spec.adapter.start_from or (RANDOM,)
        for name in starts if trial.method is Method.ADAPTER else (RANDOM,):
            if name == RANDOM:
                if self._takes(trial) and self.add(trial, at) is not None:
                    self._add_removals(trial, block, at)
                continue
            if name not in self.spec.pretraining:
                raise self.source.error(
                    self.grids.where_stands(at, "adapter", "start_from"),
                    f"expected one of {', '.join([RANDOM, *self.spec.pretraining])}, found "
                    f"`{name}`; correct it or describe it under `pretraining`",
                )
            for parent in self._pretrainings(trial, name):
                # Not a copy: it would bring the id along that this one has cached.
                fields = {field: getattr(trial, field) for field in Trial.model_fields}
                started = Trial(**fields | {"start_from": parent.trial_id})
                if (
                    self._takes(started)
                    and self.add(parent, ("pretraining", name)) is not None
                    and self.add(started, at) is not None
                ):
                    self._add_removals(started, block, at)

    def _add_removals(self, adapter: Trial, block: TrialGrid, at: KeyPath) -> None:
        """Add what a finished adapter is measured without."""
        if block.removal is None or adapter.adapter is None:
            return
        adapted = adapter.adapter.layers_of(adapter.base.layers)
        for chosen in block.removal.of(adapter.base.layers):
            last, number = chosen.get("last", 0), chosen.get("at_random", 0)
            if last >= adapter.base.layers:
                raise self.source.error(
                    (*at, "removal", "spans"),
                    f"expected layers 0…{adapter.base.layers - 1} of {adapter.base.name}, found "
                    f"{last}",
                )
            if number > len(adapted):
                raise self.source.error(
                    (*at, "removal", "at_random"),
                    f"expected at most {len(adapted)}, as many layers as have an adapter on "
                    f"{adapter.base.name}, found {number}",
                )
            if "first" in chosen and not any(chosen["first"] <= i <= last for i in adapted):
                continue
            fields = {field: getattr(adapter, field) for field in Trial.model_fields}
            fields |= {"method": Method.PRUNED_ADAPTER, "start_from": None}
            removal = Removal(adapter_trial=adapter.trial_id, **chosen)
            self.add(Trial(**fields | {"removal": removal}), at)

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
                    "adapter": _at_depth(adapter, drop.depth),
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

    def _check_method(self, block: TrialGrid, at: KeyPath, allowed: Sequence[Method]) -> None:
        """Refuse methods that no block trains, and keys that its methods would ignore.

        Args:
            allowed: those of its methods that conditions leave.
        """
        methods = block.method or self.spec.method
        for method in methods:
            if method is Method.PRETRAINING:
                raise self.source.error(
                    self.grids.where_stands(at, "method"),
                    "`pretraining` is no method of a block; describe it under `pretraining:` and "
                    "name it in `start_from` of `adapter`",
                )
            if method in (Method.FUSION, Method.PRUNED_FUSION, Method.PRUNED_ADAPTER):
                pruned = method is Method.PRUNED_ADAPTER
                where = (
                    "under `removal:` of a block of adapters" if pruned else "in a `fusion:` block"
                )
                raise self.source.error(
                    self.grids.where_stands(at, "method"),
                    f"`{method}` is not trained by itself; describe it {where}",
                )
        if Method.TOP_LAYERS in allowed and block.layers is None and self.spec.layers is None:
            raise self._layers_alone(at, "method", methods)
        if block.layers is not None:
            error = self._layers_alone(at, "layers", methods)
            self._note(Method.TOP_LAYERS in methods, (*at, "layers"), error)
        for key in ("adapter", "drop", "removal"):
            for name in getattr(block, key).given if getattr(block, key) else ():
                place = tuple(self.source.standing((*at, key, name)))[:-1]
                problem = f"a block of method {', '.join(methods)} has no adapter; drop it"
                error = self.source.moving({}).error(place, problem)
                self._note(Method.ADAPTER in methods, place, error)

    def _layers_alone(self, at: KeyPath, key: str, methods: Sequence[Method]) -> SpecError:
        return self.source.error(
            self.grids.where_stands(at, key),
            "method `top_layers` and `layers`, how many of the highest are trained, belong "
            f"together; found method {', '.join(methods)}",
        )

    def _note(self, used: bool, place: KeyPath, error: SpecError) -> None:
        """Remember whether a trial has what a key says, or the error if none has."""
        if used:
            self.found.used.add(place)
        else:
            self.found.idle.setdefault(place, error)

    def add_fusions(self, variant: Variant[FusionGrid], chooser: Sources) -> None:
        block, at = variant.block, variant.at
        bases = self.grids.declared(
            block.base_models, self.pinned.base_models, (*at, "base_models")
        )
        targets = self.grids.declared(block.targets, self.pinned.tasks, (*at, "targets"))
        trainings = list(self.grids.trainings(block.training))
        seeds = variant.allowed("seed", block.seeds or self.spec.seeds)
        for base, target, seed in itertools.product(
            self._allowed("base_model", bases), self._allowed("task", targets), seeds
        ):
            sources = chooser.choose(block, at, base=base, target=target, seed=seed)
            drops = list(self.grids.drops(block.drop, base, at))
            heads = list(self.grids.heads(block.head, target, at))
            configs = self.grids.fusions(block.config, at)
            for random, config, drop, head, training in itertools.product(
                block.sources.random, configs, drops, heads, trainings
            ):
                trial = self._trial(
                    method=Method.FUSION,
                    base=base,
                    task=target,
                    seed=seed,
                    training=training,
                    drop=drop,
                    head=head,
                    fusion=Fusion(
                        sources=sources,
                        config=replace(config, drop_depth=drop.depth),
                        random_sources=random,
                    ),
                )
                if not self._takes(trial):
                    continue
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


def _at_depth(adapter: AdapterConfig, depth: int) -> AdapterConfig:
    return adapter if adapter.drop_depth == depth else replace(adapter, drop_depth=depth)
