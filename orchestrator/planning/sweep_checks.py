"""What is wrong with a sweep as a whole: names that nobody declares, and keys nothing looks at."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from adapter_lib.config.configuration import Sharing
from orchestrator.planning.grids import (
    RANDOM,
    Grids,
    has_standard,
    merge_drop,
    merged,
    modes_of,
)
from orchestrator.planning.plan import Plan
from orchestrator.planning.ways import given_in, laid_over
from orchestrator.spec.axes import Condition
from orchestrator.spec.blocks import FusionGrid, TrialGrid
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.source import KeyPath, SpecSource
from workers.contract.decision_points import epoch_at
from workers.contract.trial import DropMode, Method, Trial


def check_conditions(
    spec: SweepSpec, grids: Grids, *, bases: Mapping[str, Any], tasks: Mapping[str, Any]
) -> None:
    """Refuse names that the sweep does not declare, and what nothing would ever look at.

    Raises:
        SpecError: the first of these.
    """
    source = grids.source
    for i, condition in enumerate(spec.exclude):
        if not condition.given:
            raise source.error(("exclude", i), "an empty condition excludes everything; remove it")
    for i, kind in enumerate(spec.resources.kinds):
        if not kind.where.given:
            empty = "an empty condition is met by all; say it in `resources` itself"
            raise source.error(("resources", "kinds", i, "where"), empty)
    _check_top(spec, grids)
    for i, rule in enumerate(spec.select):
        grids.declared(rule.tasks, tasks, ("select", i, "tasks"))
    for at, condition in _conditions(spec):
        grids.declared(condition.given.get("task"), tasks, (*at, "task"))
        grids.declared(condition.given.get("base_model"), bases, (*at, "base_model"))


def check_budget(spec: SweepSpec, source: SpecSource) -> None:
    """Refuse budgets that could never be reached.

    Raises:
        SpecError: GPU-hours of workers without GPUs, or a score of a task that is not declared.
    """
    if spec.stop is None:
        return
    kinds = range(len(spec.resources.kinds) + 1)
    gpus = any(spec.resources.of_kind(kind).gpus for kind in kinds)
    if spec.stop.max_gpu_hours is not None and not gpus:
        raise source.error(
            ("stop", "max_gpu_hours"),
            "workers have no GPU, so this is never reached; give resources.gpus, or max_hours",
        )
    for task in spec.stop.targets(spec.tasks):
        if task not in spec.tasks:
            known = ", ".join(sorted(spec.tasks))
            raise source.error(
                ("stop", "target_score", task), f"expected one of the tasks {known}, found {task!r}"
            )


def check_termination(spec: SweepSpec, source: SpecSource, trials: Collection[Trial]) -> None:
    """Refuse a rule of early termination that could never stop anything.

    Raises:
        SpecError: every trial has ended before it is first decided.
    """
    rule = spec.early_termination
    if rule is None:
        return
    first = rule.decision_points.first
    longest = max((t.training.epochs for t in trials), default=1)
    if all(epoch_at(first, t.training.epochs) >= t.training.epochs for t in trials):
        key = "rungs" if rule.rungs is not None else "grace_period"
        raise source.error(
            ("early_termination", key) if key in rule.model_fields_set else ("early_termination",),
            f"nothing is decided before the last epoch, and no trial has more than {longest}; "
            "decide earlier, or drop it",
        )


def check_clauses(spec: SweepSpec, source: SpecSource, held: Collection[KeyPath]) -> None:
    """Refuse conditional axes that no trial has.

    Args:
        held: key paths of the entries of `when` whose condition some trial meets.

    Raises:
        SpecError: no trial meets one.
    """
    for at, condition in _of_clauses(spec):
        if at[:-1] not in held:
            raise source.error(
                at,
                f"no trial of this block meets {_in_words(condition)}, so this says nothing; "
                "correct or drop it",
            )


def check_kinds(plan: Plan, source: SpecSource) -> None:
    """Refuse kinds of workers that no trial is for.

    Raises:
        SpecError: the first of these.
    """
    used = set(plan.kinds().values())
    for i, kind in enumerate(plan.spec.resources.kinds):
        if i + 1 not in used:
            raise source.error(
                ("resources", "kinds", i, "where"),
                f"no trial meets {_in_words(kind.where)} that is not of a kind above; correct or "
                "drop it",
            )


def _in_words(condition: Condition) -> str:
    return ", ".join(f"{k}: {' or '.join(map(str, v))}" for k, v in condition.given.items())


def _conditions(spec: SweepSpec) -> Iterator[tuple[KeyPath, Condition]]:
    for i, condition in enumerate(spec.exclude):
        yield ("exclude", i), condition
    for i, kind in enumerate(spec.resources.kinds):
        yield ("resources", "kinds", i, "where"), kind.where
    for i, fusion in enumerate(spec.fusion):
        yield ("fusion", i, "sources", "where"), fusion.sources.where
    for i, rule in enumerate(spec.select):
        yield ("select", i, "where"), rule.where
    yield from _of_clauses(spec)


def _of_clauses(spec: SweepSpec) -> Iterator[tuple[KeyPath, Condition]]:
    for section, blocks in (("trials", spec.trials), ("fusion", spec.fusion)):
        for i, block in enumerate(blocks):
            assert isinstance(block, TrialGrid | FusionGrid)
            for n, clause in enumerate(block.when):
                yield (section, i, "when", n, "where"), clause.where


def _check_top(spec: SweepSpec, grids: Grids) -> None:
    """Refuse what stands at the top and belongs to something that no block asks for.

    Raises:
        SpecError: the first of these.
    """
    parts = [part for block in spec.trials for part in _parts(block)]
    drops = [merge_drop(spec.drop, part.drop) for part in parts]
    modes = {mode for drop in drops for mode in modes_of(drop)}
    if spec.drop.depth is not None and DropMode.SPECIALISED not in modes:
        raise grids.idle_depth((), sorted(modes))
    if spec.drop.measure is not None and not any(map(has_standard, drops)):
        raise grids.idle_measure(())
    adapters = [merged(spec.adapter, part.adapter) for part in parts]
    shared = {how for adapter in adapters for how in adapter.get("sharing", ())}
    if "group_layers" in spec.adapter.given and Sharing.GROUPS not in shared:
        raise grids.idle_group(())
    starts = {name for adapter in adapters for name in adapter.get("start_from", ())}
    for name in spec.pretraining:
        if name == RANDOM or name not in starts:
            raise grids.source.error(
                ("pretraining", name),
                f"expected a name other than `{RANDOM}` that some `start_from` names; drop it",
            )
    methods = {m for part in parts for m in part.method or spec.method}
    if spec.layers is not None and Method.TOP_LAYERS not in methods:
        raise grids.source.error(
            ("layers",), "`layers` belongs to method `top_layers`, which no block has; drop it"
        )


def _parts(block: TrialGrid) -> Iterator[TrialGrid]:
    """Yield a block, and what it is with each zip, point, sample and conditional axis of it."""
    yield block
    for part in (*block.zip, *block.points, *block.when):
        yield laid_over(block, dict(given_in(part)))
    if block.sample is not None:
        drawn = block.sample.drawn
        yield laid_over(block, {keys: found.choice for keys, found in drawn if found.choice})
