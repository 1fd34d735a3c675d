"""Difference to full fine-tuning against trained parameters (Houlsby et al. 2019, Figures 3–5)."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dashboards.comparing import Chosen, Line, Panel, choose, choose_each, panels_of
from dashboards.figures.charts import by_look, grid, panel, quantity, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.spread import over, points
from dashboards.looks import Look
from dashboards.results import Results
from workers.contract.trial import DropMode, Method

PERCENTILES = (20, 50, 80)
"""As the paper draws them."""


class Family(NamedTuple):
    """What stands at one place of the horizontal axis in every task: a look and a size."""

    look: Look
    size: int


def families(each: Panel) -> dict[Family, Chosen]:
    """Return what a task has besides full fine-tuning, the best configuration of each."""
    adapters = each.of(Method.ADAPTER, mode=DropMode.NONE)
    found: dict[Family, Chosen] = {}
    for look in (Look.STANDARD, Look.SHARED):
        alike = [line for line in adapters if line.look is look]
        for (size,), chosen in choose_each(alike, "bottleneck_size").items():
            found[Family(look, int(str(size)))] = chosen[0]
    for (layers,), chosen in choose_each(each.of(Method.TOP_LAYERS), "layers").items():
        found[Family(Look.TOP_LAYERS, int(str(layers)))] = chosen[0]
    for method, look in ((Method.LAYER_NORM, Look.LAYER_NORM), (Method.HEAD_ONLY, Look.HEAD_ONLY)):
        found |= {Family(look, 0): chosen for chosen in choose(each.of(method))}
    return found


def trained(line: Line) -> int:
    """Return how many parameters received gradients."""
    return next(row.trained_parameters for row in line.rows if row.trained_parameters is not None)


def _build(results: Results, every: bool) -> Spec | Nothing:
    compared = [
        (each, full[0], found)
        for each in panels_of(results)
        if (full := choose(each.of(Method.FULL_FINE_TUNING))) and (found := families(each))
    ]
    if not compared:
        return Nothing(
            "no task has full fine-tuning to compare with; `method: full_fine_tuning` in a block "
            "of `trials:` asks for it"
        )
    looks = {family.look for _, _, found in compared for family in found}
    panels = [_panel(*each, looks) for each in compared]
    if len(compared) > 1:
        panels.insert(0, _percentiles(compared, looks))
    return grid(panels)


def differences(full: Chosen, found: Mapping[Family, Chosen]) -> list[dict[str, Any]]:
    """Return a row for each family: its points above or below full fine-tuning's mean."""
    level = full.line.mean(0)
    rows = []
    for family, chosen in found.items():
        row = over(chosen.line, 0)
        shifted = {name: 100 * (row[name] - level) for name in ("mean", "low", "high")}
        row |= shifted | {"std": None if row["std"] is None else 100 * row["std"]}
        names = {"look": family.look.shown, "label": chosen.label, "size": family.size}
        rows.append(names | row | {"trained": trained(chosen.line)})
    return rows


def _panel(
    each: Panel, full: Chosen, found: Mapping[Family, Chosen], looks: Iterable[Look]
) -> Spec:
    tips = tooltip("label", trained=",d", mean="+.2f", std=".2f", seeds="d")
    y = quantity("mean", f"points of {each.key.metric}")
    layers = [_zero(), *points(_across(), y, by_look(looks, "shape"), tips=tips, line=("look",))]
    return panel(each.title, differences(full, found), layers)


def _percentiles(
    compared: Sequence[tuple[Panel, Chosen, Mapping[Family, Chosen]]], looks: Iterable[Look]
) -> Spec:
    """Draw percentiles over tasks, of the families that every task has."""
    common = set.intersection(*(set(found) for _, _, found in compared))
    at: dict[Family, list[dict[str, Any]]] = defaultdict(list)
    for _, full, found in compared:
        kept = {family: chosen for family, chosen in found.items() if family in common}
        for family, row in zip(kept, differences(full, kept), strict=True):
            at[family].append(row)
    rows = []
    for family, alike in sorted(at.items()):
        low, middle, high = np.percentile([row["mean"] for row in alike], PERCENTILES)
        where = statistics.median(row["trained"] for row in alike)
        ends = {"low": float(low), "mean": float(middle), "high": float(high)}
        rows.append({"look": family.look.shown, "trained": where, "tasks": len(alike), **ends})
    y = quantity("mean", "points, 20th 50th 80th percentile")
    look = by_look(looks, "shape")
    colour = {"color": look["color"]}
    band = {"x": _across(), "y": {**y, "field": "low"}, "y2": {"field": "high"}, **colour}
    tips = tooltip("look", trained=",d", low="+.2f", mean="+.2f", high="+.2f", tasks="d")
    layers = [
        _zero(),
        {"mark": {"type": "area", "opacity": 0.16, "line": False}, "encoding": band},
        *points(_across(), y, look, tips=tips, line=("look",)),
    ]
    return panel(f"all {len(compared)} panels", rows, layers)


def _zero() -> Spec:
    style = Look.FULL_FINE_TUNING.style
    mark = {"type": "rule", "strokeDash": list(style.dash), "color": style.colour}
    return {"mark": mark, "encoding": {"y": {"datum": 0}}}


def _across() -> Spec:
    x = quantity("trained", "trained parameters", scale={"type": "log", "padding": 12})
    return x | {"axis": {"format": ".2~s", "tickCount": 4, "grid": False}}


HOULSBY = Figure(
    name="houlsby",
    title="Difference to full fine-tuning against trained parameters",
    shows=(
        "Points above or below full fine-tuning (the dashed line) by how many parameters are "
        "trained (Houlsby et al. 2019, figures 3 to 5). Means over seeds, bars of one standard "
        "deviation; the first panel has the 20th, 50th and 80th percentile over tasks, of what "
        "all tasks have. Of each size the best configuration on validation is drawn."
    ),
    needs=frozenset({"trials", "depths"}),
    build=_build,
)
