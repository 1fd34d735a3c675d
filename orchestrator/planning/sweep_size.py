"""How many trials a sweep names, counted from its lists before any trial is made."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapter_lib.config.configuration import Sharing
from orchestrator.planning.grids import (
    COUNTED_APART,
    DROPS_APART,
    merge_drop,
    merged,
    modes_of,
)
from orchestrator.planning.variants import MOST_VARIANTS, Variant, Variants
from orchestrator.spec.axes import SIZES, AdapterAxes, DropAxes
from orchestrator.spec.blocks import FusionGrid, TrialGrid
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.source import SpecSource
from workers.contract.trial import BaseModelRef, DropMode, Method

MOST_TRIALS = 1_000_000
MOST_COMPARISONS = 100_000_000
"""Trials times conditions of `exclude` and of kinds of workers, which are held against each."""

Factors = Mapping[str, int]
"""What a block multiplies, such as seeds, and how many of it there are."""


def check_size(spec: SweepSpec, source: SpecSource, bases: Mapping[str, BaseModelRef]) -> int:
    """Return how many combinations the sweep names, repeated and excluded ones among them.

    Raises:
        SpecError: more than can be planned; with the block and the lists that make it so large.
    """
    total = compared = 0
    variants = Variants(spec, source, tuple(bases))
    variants.check()
    for number, (variant, factors) in enumerate(_counted(variants, spec, bases)):
        at = variant.at
        if number > MOST_VARIANTS:
            raise variants.too_many(number, at)
        size = math.prod(factors.values())
        total += size
        compared += size * len(variant.holding + variant.failing)
        if total > MOST_TRIALS:
            words = " × ".join(f"{n:,} {what}" for what, n in factors.items() if n > 1)
            raise source.error(
                at,
                f"expected at most {MOST_TRIALS:,} trials in a sweep, found {total:,} up to this "
                f"block, which names {size:,} ({words or 'one'}); shorten a list or split the "
                "sweep",
            )
    conditions = len(spec.exclude) + len(spec.resources.kinds)
    if total * conditions + compared > MOST_COMPARISONS:
        raise source.error(
            ("exclude",) if spec.exclude else ("trials",),
            f"expected at most {MOST_COMPARISONS:,} comparisons of trials with conditions, found "
            f"{total:,} trials × {conditions:,} conditions"
            + (f" and {compared:,} of `when`" if compared else "")
            + "; write them as lists in fewer conditions or split the sweep",
        )
    return total


def _counted(
    variants: Variants, spec: SweepSpec, bases: Mapping[str, BaseModelRef]
) -> Iterator[tuple[Variant[Any], Factors]]:
    for trials in variants.of_trials():
        for method in trials.allowed("method", trials.block.method or spec.method):
            yield trials, _of_trials(spec, trials, method, bases)
    for fusions in variants.of_fusions():
        yield fusions, _of_fusion(spec, fusions, bases)


def _of_trials(
    spec: SweepSpec, variant: Variant[TrialGrid], method: Method, bases: Mapping[str, BaseModelRef]
) -> Factors:
    block = variant.block
    factors = _places(spec, variant, bases) | {
        "heads": _product(merged(spec.head, block.head)),
        "training settings": _product(merged(spec.training, block.training)),
    }
    if method is Method.TOP_LAYERS:
        factors["numbers of layers"] = len(block.layers or spec.layers or ())
    if method is Method.ADAPTER:
        starts = block.adapter.start_from or spec.adapter.start_from
        factors["adapters"] = _adapters(spec.adapter, block.adapter)
        factors["drops"] = _drops(merge_drop(spec.drop, block.drop), block.base_models, bases)
        if starts:
            own = (spec.pretraining.get(name) for name in starts)
            factors["starting points"] = sum(
                2 * _product(merged(spec.training, p.training)) if p else 1 for p in own
            )  # and what each of them starts from is a trial too
        if block.removal is not None:
            used = [bases[name] for name in block.base_models or bases if name in bases]
            counts = [sum(1 for _ in block.removal.of(base.layers)) for base in used]
            factors["removals and the adapter itself"] = 1 + max(counts, default=0)
    return factors


def _of_fusion(
    spec: SweepSpec, variant: Variant[FusionGrid], bases: Mapping[str, BaseModelRef]
) -> Factors:
    block = variant.block
    pruned = _product(block.pruning.given) if block.pruning else 0
    return _places(spec, variant, bases) | {
        "fusions": _product(block.config.given),
        "kinds of sources": len(block.sources.random),
        "drops": _drops(block.drop, block.base_models, bases),
        "heads": _product(merged(spec.head, block.head)),
        "training settings": _product(merged(spec.training, block.training)),
        "prunings and the fusion itself": 1 + pruned,
    }


def _places(
    spec: SweepSpec, variant: Variant[Any], bases: Mapping[str, BaseModelRef]
) -> dict[str, int]:
    """Count what trials differ in but their configuration, as far as conditions leave it."""
    block = variant.block
    fusion = isinstance(block, FusionGrid)
    tasks = (block.targets if fusion else block.tasks) or tuple(spec.tasks)
    return {
        "base models": len(variant.allowed("base_model", block.base_models or tuple(bases))),
        "targets" if fusion else "tasks": len(variant.allowed("task", tasks)),
        "seeds": len(variant.allowed("seed", block.seeds or spec.seeds)),
    }


def _adapters(top: AdapterAxes, own: AdapterAxes) -> int:
    axes = merged(top, own)
    given = [part.given[size] for part in (own, top) for size in SIZES if size in part.given]
    sharings = axes.get("sharing", (Sharing.NONE,))
    groups = len(axes.get("group_layers", ()))
    shared = sum(groups if sharing is Sharing.GROUPS else 1 for sharing in sharings)
    others = {k: v for k, v in axes.items() if k not in COUNTED_APART}
    return len(given[0] if given else (1,)) * shared * _product(others)


def _drops(drop: DropAxes, names: Sequence[str] | None, bases: Mapping[str, BaseModelRef]) -> int:
    """Count drop settings, for the deepest base where they are as many as it has layers."""
    used = [bases[name] for name in names or bases if name in bases]
    deepest = max((base.layers for base in used), default=0)
    depths = deepest if drop.depth == "all" else len(drop.depth or ())
    others = _product({k: v for k, v in drop.given.items() if k not in DROPS_APART})
    return others * sum(depths if m is DropMode.SPECIALISED else 1 for m in modes_of(drop))


def _product(grid: Mapping[str, Any]) -> int:
    return math.prod(len(values) for values in grid.values())
