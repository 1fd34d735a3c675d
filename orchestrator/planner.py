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
from orchestrator.errors import SpecError
from orchestrator.plan import Plan, matches
from orchestrator.spec.model import (
    AdapterAxes,
    Condition,
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
    Precision,
    Pruning,
    Training,
    Trial,
)

DEFAULT_SOURCE = Condition(drop_mode=(DropMode.NONE,), placement=(Placement.PFEIFFER,))
"""Which adapters a fusion joins unless `where` says otherwise."""


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
        trainings = list(self._trainings(block.training))
        seeds = block.seeds or spec.seeds
        self._check_method(block, at)
        for method in block.method or spec.method:
            for base in bases:
                shapes: Sequence[tuple[AdapterConfig | None, Drop]] = [(None, Drop())]
                if method is Method.ADAPTER:
                    shapes = list(self._shapes(block, base, at))
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

    def _trainings(self, own: TrainingAxes) -> Iterator[Training]:
        """Expand a block's training settings; `precision: auto` becomes what was pinned."""
        grid: dict[str, Sequence[Any]] = {}
        for name in TrainingAxes.model_fields:
            chosen = getattr(own, name)
            chosen = getattr(self.spec.training, name) if chosen is None else chosen
            if chosen is not None:
                grid[name] = chosen
        if "precision" in grid:
            auto = self.pinned.auto_precision
            grid["precision"] = [auto if p == "auto" else p for p in grid["precision"]]
        for values in itertools.product(*grid.values()):
            yield Training(**dict(zip(grid, values, strict=True)))

    def _check_method(self, block: TrialGrid, at: KeyPath) -> None:
        """Refuse methods that no block trains, and keys that its methods would ignore."""
        methods = block.method or self.spec.method
        for method in methods:
            if method in (Method.FUSION, Method.PRUNED_FUSION):
                raise self.source.error(
                    self._where_stands(at, "method"),
                    f"`{method}` is not trained by itself; describe it in a `fusion:` block",
                )
        for key in ("adapter", "drop"):
            if Method.ADAPTER not in methods and getattr(block, key).model_fields_set:
                raise self.source.error(
                    (*at, key), f"a block of method {', '.join(methods)} has no adapter; drop it"
                )

    def add_fusions(self, block: FusionGrid, at: KeyPath) -> None:
        bases = self._declared(block.base_models, self.pinned.base_models, (*at, "base_models"))
        targets = self._declared(block.targets, self.pinned.tasks, (*at, "targets"))
        trainings = list(self._trainings(block.training))
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
                    f"expected fewer to keep than the {sources} adapters of the fusion on "
                    f"{fusion.task.name}, found {keep}",
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
        wanted = Condition(**{**DEFAULT_SOURCE.given, **chosen.where.given})
        if wanted.placement != (Placement.PFEIFFER,):
            raise self.source.error(
                (*at, "sources", "where", "placement"),
                "AdapterFusion joins adapters of placement `pfeiffer`, found "
                + ", ".join(f"`{placement}`" for placement in wanted.placement),
            )
        named = chosen.tasks not in (("all",), ("others",))
        if not named:
            names = [n for n in self.pinned.tasks if chosen.tasks == ("all",) or n != target.name]
        else:
            at_tasks = (*at, "sources", "tasks")
            names = [t.name for t in self._declared(chosen.tasks, self.pinned.tasks, at_tasks)]
        sources = []
        for name in sorted(names):  # the order in the YAML is no part of a fusion's identity
            candidates = [
                t.trial_id
                for t in adapters
                if t.task.name == name
                and t.base.identity == base.identity
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
        modes = drop.mode or (DropMode.NONE,)
        if DropMode.SPECIALISED not in modes and self.source.has((*at, "drop", "depth")):
            raise self._idle_depth(at, modes)
        for mode in modes:
            if mode is not DropMode.SPECIALISED:
                yield Drop(mode=mode)
                continue
            if drop.depth is None:
                raise self.source.error(
                    self._where_stands(at, "drop", "mode"),
                    "mode `specialised` needs `depth`, a number, a list of numbers or `all`",
                )
            for depth in range(base.layers) if drop.depth == "all" else drop.depth:
                if depth >= base.layers:
                    raise self.source.error(
                        self._where_stands(at, "drop", "depth"),
                        f"expected a drop depth of 0…{base.layers - 1} for {base.name}, which has "
                        f"{base.layers} layers, found {depth}"
                        + ("; method `head_only` trains no adapter" * (depth == base.layers)),
                    )
                yield Drop(mode=mode, depth=depth) if depth else Drop()

    def _idle_depth(self, at: KeyPath, modes: Sequence[DropMode]) -> SpecError:
        return self.source.error(
            (*at, "drop", "depth"),
            f"`depth` belongs to mode `specialised`, found mode {', '.join(modes)}; drop one",
        )

    def _where_stands(self, at: KeyPath, *keys: str) -> KeyPath:
        """Return the path of `keys` in the block at `at`, or at the top if it stands only there."""
        return (*at, *keys) if self.source.has((*at, *keys)) else keys

    def _declared(
        self, names: Sequence[str] | None, known: Mapping[str, Any], at: KeyPath
    ) -> list[Any]:
        if names is None:
            return list(known.values())
        for i, name in enumerate(names):
            if name not in known:
                raise self.source.error(
                    (*at, i),
                    f"expected one of {', '.join(known)}, found `{name}`; correct it or declare "
                    "it at the top",
                )
        return [known[name] for name in names]

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
        modes = {m for b in spec.trials for m in b.drop.mode or spec.drop.mode or (DropMode.NONE,)}
        if spec.drop.depth is not None and DropMode.SPECIALISED not in modes:
            raise self._idle_depth((), sorted(modes))
        for i, fusion in enumerate(spec.fusion):
            conditions.append((("fusion", i, "sources", "where"), fusion.sources.where))
        for i, rule in enumerate(spec.select):
            self._declared(rule.tasks, tasks, ("select", i, "tasks"))
            conditions.append((("select", i, "where"), rule.where))
        for at, condition in conditions:
            self._declared(condition.task or None, tasks, (*at, "task"))
            bases = condition.base_model or None
            self._declared(bases, self.pinned.base_models, (*at, "base_model"))


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


def _words(condition: Condition) -> str:
    return ", ".join(f"{k}: {' or '.join(map(str, v))}" for k, v in condition.given.items())
