"""Expand a sweep specification over pinned base models and tasks into a plan. Pure and fast.

Pinning (which reads files) is left to `orchestrator.resolve`; what is already finished to the
catalog.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapter_lib.configuration import (
    AdapterConfig,
    FusionConfig,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
    bottleneck_from_reduction,
)
from orchestrator.plan import AXES, Plan, matches
from orchestrator.spec.model import (
    AdapterAxes,
    DropAxes,
    FusionGrid,
    SourceSeed,
    SweepSpec,
    TrainingAxes,
    TrialGrid,
)
from orchestrator.spec.read import KeyPath, SpecSource
from workers.tasks.card import TaskRef
from workers.trial import (
    BaseModelRef,
    Drop,
    DropMode,
    Fusion,
    FusionSource,
    Method,
    Pruning,
    Training,
    Trial,
)

DEFAULT_SOURCE = {"drop_mode": DropMode.NONE, "placement": Placement.PFEIFFER}
"""Which adapters a fusion joins unless `where` says otherwise."""


@dataclass(frozen=True)
class Pinned:
    """Base models and tasks of a sweep with everything that identifies them."""

    base_models: Mapping[str, BaseModelRef]
    tasks: Mapping[str, TaskRef]


def make_plan(spec: SweepSpec, source: SpecSource, pinned: Pinned) -> Plan:
    """Expand every block of the specification.

    Raises:
        SpecError: a name that is not declared, a depth beyond the model, a fusion of fewer than
            two sources, or another combination that cannot be; with its line.
    """
    planner = _Planner(spec, source, pinned)
    planner.check_conditions()
    for index, block in enumerate(spec.trials):
        planner.add_trials(block, ("trials", index))
    for index, fusion in enumerate(spec.fusion):
        planner.add_fusions(fusion, ("fusion", index))
    if not planner.trials:
        raise source.error(("exclude",), "no trial is left; drop a condition of `exclude`")
    return Plan(spec, planner.trials, planner.excluded, planner.repeated)


@dataclass
class _Planner:
    spec: SweepSpec
    source: SpecSource
    pinned: Pinned
    trials: dict[str, Trial] = field(default_factory=dict)
    excluded: int = 0
    repeated: int = 0

    def add(self, trial: Trial) -> str | None:
        """Add a trial unless it is excluded or already there; return its id unless excluded."""
        if any(matches(trial, condition) for condition in self.spec.exclude):
            self.excluded += 1
            return None
        if trial.trial_id in self.trials:
            self.repeated += 1
        self.trials.setdefault(trial.trial_id, trial)
        return trial.trial_id

    def add_trials(self, block: TrialGrid, at: KeyPath) -> None:
        spec = self.spec
        bases = self._declared(block.base_models, self.pinned.base_models, (*at, "base_models"))
        tasks = self._declared(block.tasks, self.pinned.tasks, (*at, "tasks"))
        trainings = list(_trainings(spec.training, block.training))
        seeds = block.seeds or spec.seeds
        for method in block.method or spec.method:
            for base in bases:
                shapes: Sequence[tuple[AdapterConfig | None, Drop]] = [(None, Drop())]
                if method is Method.ADAPTER:
                    shapes = list(self._shapes(block, base, at))
                elif method in (Method.FUSION, Method.PRUNED_FUSION):
                    raise self.source.error(
                        (*at, "method"),
                        f"`{method}` is not trained by itself; describe it in a `fusion:` block",
                    )
                for task, (adapter, drop), training, seed in itertools.product(
                    tasks, shapes, trainings, seeds
                ):
                    self.add(
                        Trial(
                            method=method,
                            base=base,
                            task=task,
                            seed=seed,
                            training=training,
                            adapter=adapter,
                            drop=drop,
                        )
                    )

    def add_fusions(self, block: FusionGrid, at: KeyPath) -> None:
        bases = self._declared(block.base_models, self.pinned.base_models, (*at, "base_models"))
        targets = self._declared(block.targets, self.pinned.tasks, (*at, "targets"))
        trainings = list(_trainings(self.spec.training, block.training))
        adapters = [t for t in self.trials.values() if t.method is Method.ADAPTER]
        for base, target, seed in itertools.product(bases, targets, block.seeds or self.spec.seeds):
            sources = self._sources(block, adapters, at, base=base, target=target, seed=seed)
            drops = list(self._drops(block.drop, base, at))
            for drop, training in itertools.product(drops, trainings):
                trial = Trial(
                    method=Method.FUSION,
                    base=base,
                    task=target,
                    seed=seed,
                    training=training,
                    drop=drop,
                    fusion=Fusion(sources=sources, config=FusionConfig(drop_depth=drop.depth)),
                )
                if self.add(trial) is not None and block.pruning is not None:
                    self._add_pruned(trial, block.pruning.keep, at)

    def _add_pruned(self, fusion: Trial, keeps: Sequence[int], at: KeyPath) -> None:
        assert fusion.fusion is not None
        sources = len(fusion.fusion.sources)
        for keep in keeps:
            if keep >= sources:
                raise self.source.error(
                    (*at, "pruning", "keep"),
                    f"expected 1…{sources - 1} adapters to keep of a fusion of {sources} "
                    f"on {fusion.task.name}, found {keep}",
                )
            self.add(
                Trial(
                    method=Method.PRUNED_FUSION,
                    base=fusion.base,
                    task=fusion.task,
                    seed=fusion.seed,
                    training=fusion.training,
                    drop=fusion.drop,
                    pruning=Pruning(fusion_trial=fusion.trial_id, keep=keep),
                )
            )

    def _sources(
        self,
        block: FusionGrid,
        adapters: Sequence[Trial],
        at: KeyPath,
        *,
        base: BaseModelRef,
        target: TaskRef,
        seed: int,
    ) -> tuple[FusionSource, ...]:
        chosen = block.sources
        wanted = DEFAULT_SOURCE | dict(chosen.where)
        if wanted["placement"] != Placement.PFEIFFER:
            raise self.source.error(
                (*at, "sources", "where", "placement"),
                "AdapterFusion joins adapters of placement `pfeiffer`, "
                f"found `{wanted['placement']}`",
            )
        named = chosen.tasks not in (("all",), ("others",))
        if not named:
            names = [n for n in self.pinned.tasks if chosen.tasks == ("all",) or n != target.name]
        else:
            at_tasks = (*at, "sources", "tasks")
            names = [t.name for t in self._declared(chosen.tasks, self.pinned.tasks, at_tasks)]
        sources = []
        for name in names:
            candidates = [
                t.trial_id
                for t in adapters
                if t.task.name == name
                and t.base == base
                and (chosen.seed is SourceSeed.ANY or t.seed == seed)
                and matches(t, wanted)
            ]
            if candidates:
                sources.append(FusionSource(task=name, candidates=tuple(sorted(candidates))))
            elif named:
                raise self.source.error(
                    (*at, "sources"),
                    f"no adapter trial of this sweep for task {name} on {base.name} with seed "
                    f"{seed} matches {_words(wanted)}; add such a block to `trials` or change "
                    "`where`",
                )
        if len(sources) < 2:
            names_found = ", ".join(s.task for s in sources) or "none"
            raise self.source.error(
                (*at, "sources"),
                f"a fusion needs at least two sources, found {len(sources)} ({names_found}) for "
                f"target {target.name} on {base.name} with seed {seed} where {_words(wanted)}; "
                "name more tasks or train more adapters in `trials`",
            )
        return tuple(sources)

    def _shapes(
        self, block: TrialGrid, base: BaseModelRef, at: KeyPath
    ) -> Iterator[tuple[AdapterConfig, Drop]]:
        top, own = self.spec.adapter, block.adapter
        drops = list(self._drops(_merge_drop(self.spec.drop, block.drop), base, at))
        for placement, size, non_linearity, initialisation, sharing, drop in itertools.product(
            own.placement or top.placement or (Placement.PFEIFFER,),
            _sizes(top, own, base.hidden_size),
            own.non_linearity or top.non_linearity or (NonLinearity.RELU,),
            own.initialisation or top.initialisation or (Initialisation.BERT,),
            own.sharing or top.sharing or (Sharing.NONE,),
            drops,
        ):
            config = AdapterConfig(
                bottleneck_size=size,
                placement=placement,
                non_linearity=non_linearity,
                sharing=sharing,
                initialisation=initialisation,
                drop_depth=drop.depth,
            )
            yield config, drop

    def _drops(self, drop: DropAxes, base: BaseModelRef, at: KeyPath) -> Iterator[Drop]:
        for mode in drop.mode or (DropMode.NONE,):
            if mode is not DropMode.SPECIALISED:
                yield Drop(mode=mode)
                continue
            if drop.depth is None:
                raise self.source.error(
                    (*at, "drop"), "specialised AdapterDrop needs `depth`, a number, list or `all`"
                )
            for depth in range(base.layers) if drop.depth == "all" else drop.depth:
                if depth >= base.layers:
                    raise self.source.error(
                        self._where_depth_stands(at),
                        f"expected a drop depth of 0…{base.layers - 1} for {base.name}, which has "
                        f"{base.layers} layers, found {depth}"
                        + ("; method `head_only` trains no adapter" * (depth == base.layers)),
                    )
                yield Drop(mode=mode, depth=depth) if depth else Drop()

    def _where_depth_stands(self, at: KeyPath) -> KeyPath:
        own = (*at, "drop", "depth")
        return own if self.source.locate(own)[1].endswith("depth") else ("drop", "depth")

    def _declared(
        self, names: Sequence[str] | None, known: Mapping[str, Any], at: KeyPath
    ) -> list[Any]:
        if names is None:
            return list(known.values())
        for name in names:
            if name not in known:
                raise self.source.error(
                    at, f"expected one of {', '.join(known)}, found `{name}`; declare it at the top"
                )
        return [known[name] for name in names]

    def check_conditions(self) -> None:
        """Refuse keys in `exclude` and `where` that no trial has."""
        conditions: list[tuple[KeyPath, Mapping[str, Any]]] = [
            (("exclude", i), c) for i, c in enumerate(self.spec.exclude)
        ]
        conditions += [
            (("fusion", i, "sources", "where"), f.sources.where)
            for i, f in enumerate(self.spec.fusion)
        ]
        conditions += [(("select", i, "where"), s.where) for i, s in enumerate(self.spec.select)]
        for at, condition in conditions:
            if not condition and at[0] == "exclude":
                raise self.source.error(at, "an empty condition excludes everything; remove it")
            for key in condition:
                if key not in AXES:
                    raise self.source.error(
                        (*at, key), f"unknown axis `{key}`; known: {', '.join(AXES)}"
                    )
        for i, rule in enumerate(self.spec.select):
            self._declared(rule.tasks, self.pinned.tasks, ("select", i, "tasks"))


def _merge_drop(top: DropAxes, own: DropAxes) -> DropAxes:
    """Let a block that names modes stand alone: depths of the top belong to the top's modes."""
    return DropAxes(mode=own.mode or top.mode, depth=top.depth if own.depth is None else own.depth)


def _sizes(top: AdapterAxes, own: AdapterAxes, hidden_size: int) -> Sequence[int]:
    for axes in (own, top):
        if axes.bottleneck_size is not None:
            return axes.bottleneck_size
        if axes.reduction_factor is not None:
            return [bottleneck_from_reduction(hidden_size, f) for f in axes.reduction_factor]
    return [bottleneck_from_reduction(hidden_size, 16)]


def _trainings(top: TrainingAxes, own: TrainingAxes) -> Iterator[Training]:
    grid: dict[str, Sequence[Any]] = {}
    for name in TrainingAxes.model_fields:
        chosen = getattr(own, name)
        chosen = getattr(top, name) if chosen is None else chosen
        if chosen is not None:
            grid[name] = chosen
    for values in itertools.product(*grid.values()):
        yield Training(**dict(zip(grid, values, strict=True)))


def _words(condition: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in condition.items())
