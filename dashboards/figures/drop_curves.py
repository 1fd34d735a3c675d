"""Score against dropped layers: of adapters (AdapterDrop, Figure 2) and of fusions (Figure 4).

A panel for each task, base model and state of the task's data; lines are means over the seeds of
one configuration, bands reach from the least seed to the best. By default each panel has the best
one of each way of dropping, among those whose other settings were tried with the most ways; which
one that is, is chosen on validation and said where several were tried.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.comparing import Chosen, Line, Panel, choose, panels_of
from dashboards.figures.charts import (
    by_label,
    by_look,
    crowded_grid,
    grid,
    panel,
    quantity,
    tooltip,
    whole,
)
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.looks import Look
from dashboards.results import Results
from workers.contract.trial import DropMode, Method

BASELINES = (Method.FULL_FINE_TUNING, Method.HEAD_ONLY)
MOST_OF_A_WAY = 10
"""Lines of one way of dropping in one panel: more cannot be told apart."""


@dataclass(frozen=True)
class DropPanel:
    """What one panel shows.

    Attributes:
        curves, baselines: of each way of dropping and each method, the best first.
        levels: lines without a depth, by look.
    """

    panel: Panel
    curves: Sequence[Chosen]
    baselines: Sequence[Chosen]
    levels: Mapping[Look, float]


def adapter_panels(results: Results, *, every: bool = False) -> list[DropPanel]:
    """Collect what figure 2 shows: adapters by how they were dropped, beside baselines."""
    found = []
    for each in panels_of(results):
        curves = _by_mode(each, Method.ADAPTER, every=every)
        if curves:
            baselines = [c for m in BASELINES for c in choose(each.of(m), every=every)]
            found.append(DropPanel(each, curves, baselines, {Look.MAJORITY: each.majority}))
    return found


def fusion_panels(results: Results, *, every: bool = False) -> list[DropPanel]:
    """Collect what figure 4 shows: fusions with and without AdapterDrop, beside one adapter."""
    found = []
    for each in panels_of(results):
        curves = _by_mode(each, Method.FUSION, every=every)
        if curves:
            single = choose(each.of(Method.ADAPTER, mode=DropMode.NONE), every=False)
            control = choose(each.of(Method.FUSION, mode=DropMode.NONE, random_sources=True))
            found.append(DropPanel(each, curves, [*single, *control], {}))
    return found


def _by_mode(each: Panel, method: Method, *, every: bool) -> list[Chosen]:
    lines = each.of(method) if every else _compared_most(each.of(method))
    found: list[Chosen] = []
    for mode in DropMode:
        own, tried = [line for line in lines if line.mode is mode], each.of(method, mode=mode)
        chosen = choose(own, every=every, look=Look.of(method, mode), tried=tried)
        found += chosen[:MOST_OF_A_WAY]
    return found


def _compared_most(lines: Sequence[Line]) -> list[Line]:
    """Return the lines whose other settings were tried with the most ways of dropping.

    A robust adapter of one size beside the best standard one of ten sizes would show the size.
    """
    rests = [
        repr({name: v for name, v in line.settings.items() if not name.startswith("drop_")})
        for line in lines
    ]
    modes: dict[str, set[DropMode]] = defaultdict(set)
    for line, rest in zip(lines, rests, strict=True):
        modes[rest].add(line.mode)
    most = max(map(len, modes.values()), default=0)
    return [line for line, rest in zip(lines, rests, strict=True) if len(modes[rest]) == most]


def _adapters(results: Results, every: bool) -> Spec | Nothing:
    found = adapter_panels(results, every=every)
    if not found:
        return Nothing("no adapter trial is finished; a sweep trains them by default")
    return _drawn(found, "adapters dropped from the lowest layers", every=every)


def _fusions(results: Results, every: bool) -> Spec | Nothing:
    found = fusion_panels(results, every=every)
    if not found:
        return Nothing("no fusion is finished; `fusion:` in a sweep's YAML asks for some")
    return _drawn(found, "lowest layers without fusion", every=every)


def _drawn(found: Sequence[DropPanel], across: str, *, every: bool) -> Spec:
    shown = [chosen for each in found for chosen in (*each.curves, *each.baselines)]
    looks = {chosen.look for chosen in shown} | {k for each in found for k in each.levels}
    crowded = any(c.among > 1 or c.line.letters for c in shown) and every
    panels = [_panel(each, across, looks, crowded=crowded) for each in found]
    if not crowded:
        return grid(panels)
    return crowded_grid(panels, max(len(e.curves) + len(e.baselines) + 1 for e in found))


def _panel(each: DropPanel, across: str, looks: Iterable[Look], *, crowded: bool) -> Spec:
    highest = max(depth for chosen in each.curves for depth in chosen.line.scores)
    rows = [row for chosen in each.curves for row in curve_rows(chosen)]
    rows += [_level_row(c.look, c.line.mean(0), highest, c.label) for c in each.baselines]
    rows += [_level_row(k, level, highest, k.shown) for k, level in each.levels.items()]
    told = (*each.curves, *each.baselines)
    look = by_label(told, each.levels) if crowded else by_look(looks, "dash", "shape")
    x, colour = whole("depth", across, highest), {"color": look["color"]}
    dash = {"strokeDash": look["strokeDash"]}
    shape = {"shape": look["shape"]} if "shape" in look else {}
    y = quantity("mean", each.panel.key.metric)
    of_curves, of_levels = (
        {"filter": "datum.kind === 'curve'"},
        {"filter": "datum.kind === 'level'"},
    )
    band = {"x": x, "y": quantity("low", each.panel.key.metric), "y2": {"field": "high"}, **colour}
    tips = tooltip("label", depth="d", mean=".4f", low=".4f", high=".4f", seeds="d")
    layers = [
        {"transform": [of_levels], "mark": "rule", "encoding": {"y": y, **colour, **dash}},
        {
            "transform": [of_curves],
            "mark": {"type": "area", "opacity": 0.16, "line": False},
            "encoding": band | {"detail": {"field": "label"}},
        },
        {
            "transform": [of_curves],
            "mark": {"type": "line"},
            "encoding": {"x": x, "y": y, **colour, **dash, "detail": {"field": "label"}},
        },
        {
            "transform": [of_curves],
            "mark": {"type": "point", "filled": True},
            "encoding": {"x": x, "y": y, **colour, **shape, "tooltip": tips},
        },
    ]
    notes = _best_alone(each) if crowded else chosen_notes([*each.curves, *each.baselines])
    return panel(each.panel.title, rows, layers, notes=notes)


def curve_rows(chosen: Chosen) -> list[dict[str, Any]]:
    """Return a row for each depth of a line: its mean over seeds, the least and the best seed."""
    line = chosen.line
    return [
        {
            "kind": "curve",
            "look": chosen.look.shown,
            "label": chosen.label,
            "depth": depth,
            "mean": statistics.fmean(line.scores[depth].values()),
            "low": min(line.scores[depth].values()),
            "high": max(line.scores[depth].values()),
            "seeds": len(line.scores[depth]),
        }
        for depth in sorted(line.scores)
    ]


def chosen_notes(chosen: Sequence[Chosen]) -> list[str]:
    """Say of which of several configurations a panel's lines are, and where seeds are missing."""
    return [c.label for c in chosen if c.label != c.look.shown]


def _best_alone(each: DropPanel) -> list[str]:
    """Say of which ways of dropping there are more than are drawn."""
    tried = {chosen.look.shown: chosen.among for chosen in each.curves}
    return [
        f"{name}: the best {MOST_OF_A_WAY} of {among}"
        for name, among in tried.items()
        if among > MOST_OF_A_WAY
    ]


def _level_row(look: Look, level: float, highest: int, label: str) -> dict[str, Any]:
    return {"kind": "level", "look": look.shown, "label": label, "mean": level, "depth": highest}


DROP_CURVES = Figure(
    name="drop_curves",
    title="Score against dropped layers",
    shows=(
        "Adapters without dropping in training (standard), trained for one depth (specialised) and "
        "for all (robust), by how many of the lowest layers go without (AdapterDrop, figure 2). "
        "Lines are means over seeds, bands reach from the least seed to the best."
    ),
    chosen=(
        "Of each way the best configuration on validation is drawn, among settings that were tried "
        "in the most ways, and named where several were."
    ),
    needs=frozenset({"trials", "depths"}),
    build=_adapters,
)
FUSION_DROP = Figure(
    name="fusion_drop",
    title="Fusion with and without AdapterDrop",
    shows=(
        "Fusions trained with and without AdapterDrop, by how many of the lowest layers go "
        "without, against the target's own best adapter in every layer (AdapterDrop, figure 4). "
        "Lines are means over seeds, bands reach from the least seed to the best."
    ),
    chosen="The best configuration on validation is drawn.",
    needs=frozenset({"trials", "depths"}),
    build=_fusions,
)
