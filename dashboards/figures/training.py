"""How training went: learning curves, and how much the learning rate matters."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
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
from dashboards.figures.spread import over, points, spread
from dashboards.looks import Look
from dashboards.results import Results
from workers.contract.trial import Method

Curves = Mapping[str, Mapping[int, float]]
"""Trial → epoch → what selection compared."""

MOST_LINES = 24
_UNTRAINED = (Method.PRUNED_FUSION, Method.PRUNED_ADAPTER, Method.PRETRAINING)


def _learning_curves(results: Results, every: bool) -> Spec | Nothing:
    told = results.epochs[["trial_id", "epoch", "selection_score"]]
    curves: Curves = {
        trial_id: {epoch: score for _, epoch, score in group}
        for trial_id, group in groupby(told.itertuples(index=False, name=None), key=lambda r: r[0])
    }
    shown = [
        (each, [c for c in _of_each_look(each, every=every) if _rows(c, curves)])
        for each in panels_of(results)
    ]
    shown = [(each, chosen) for each, chosen in shown if chosen]
    if not shown:
        return Nothing("no trial has told an epoch yet")
    lines = [c for _, chosen in shown for c in chosen]
    if every and any(c.among > 1 or c.line.letters for c in lines):
        panels = [_curve_panel(each, chosen, curves, by_label(chosen)) for each, chosen in shown]
        return crowded_grid(panels, max(len(chosen) for _, chosen in shown))
    look = by_look({c.look for c in lines}, "dash", "shape")
    return grid([_curve_panel(each, chosen, curves, look) for each, chosen in shown])


def _of_each_look(each: Panel, *, every: bool) -> list[Chosen]:
    """Return the best line of each look, or the best lines of all."""
    trained = [line for line in each.lines if line.method not in _UNTRAINED]
    return [
        chosen
        for look in Look
        for chosen in choose([line for line in trained if line.look is look], every=every)
    ][:MOST_LINES]


def _rows(chosen: Chosen, curves: Curves) -> list[dict[str, Any]]:
    """Return a row for each epoch that every seed has reached, at the depth that stands for it."""
    line = chosen.line
    seeds = [
        curves[row.trial_id]
        for row in line.rows
        if row.drop_depth == line.at and row.trial_id in curves
    ]
    common = set.intersection(*(set(curve) for curve in seeds)) if seeds else set()
    return [
        {
            "look": chosen.look.shown,
            "label": chosen.label,
            "epoch": epoch,
            **spread([curve[epoch] for curve in seeds]),
        }
        for epoch in sorted(common)
    ]


def _curve_panel(each: Panel, chosen: Sequence[Chosen], curves: Curves, look: Spec) -> Spec:
    rows = [row for c in chosen for row in _rows(c, curves)]
    last = max(row["epoch"] for row in rows)
    x, y = whole("epoch", "epoch", last), quantity("mean", each.key.metric)
    x["scale"] = {**x["scale"], "domain": [1, max(last, 2)]}
    tips = tooltip("label", epoch="d", mean=".4f", std=".4f", seeds="d")
    return panel(each.title, rows, points(x, y, look, tips=tips, line=("label",)))


def rate_groups(each: Panel) -> list[list[Line]]:
    """Return lines that differ by their learning rate alone, the best such group of each look."""
    return varied(each, "learning_rate", lambda line: float(line.settings["learning_rate"]))


def varied(each: Panel, axis: str, value_of: Callable[[Line], float | None]) -> list[list[Line]]:
    """Return lines that differ by one axis alone, the best such group of each look, ascending.

    Where the usual value is also given as a number, the line that gives it is taken.

    Args:
        axis: what its name ends with, so that a parent's goes with it.
        value_of: where a line stands on it; None for a line that has no such axis.
    """
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in each.lines:
        if line.method not in _UNTRAINED and value_of(line) is not None:
            rest = {k: v for k, v in line.settings.items() if not k.endswith(axis)}
            groups[repr(rest)].append(line)
    best: dict[Look, list[Line]] = {}
    for every in groups.values():
        given = {value_of(line) for line in every if axis in line.settings}
        group = [x for x in every if axis in x.settings or value_of(x) not in given]
        if len({value_of(line) for line in group}) == len(group) > 1:
            look, held = group[0].look, best.get(group[0].look)
            if held is None or _top(group) > _top(held):
                best[look] = group
    return [
        sorted(best[look], key=lambda line: value_of(line) or 0.0) for look in Look if look in best
    ]


def _top(group: Sequence[Line]) -> tuple[int, float]:
    return len(group), max(line.mean(line.at) for line in group)


def _rates(results: Results, every: bool) -> Spec | Nothing:
    shown = [(each, groups) for each in panels_of(results) if (groups := rate_groups(each))]
    if not shown:
        return Nothing(
            "no configurations differ by their learning rate alone; give "
            "`learning_rate: [1e-4, 1e-3]`"
        )
    looks = {group[0].look for _, groups in shown for group in groups}
    return grid([_rate_panel(each, groups, looks) for each, groups in shown])


def _rate_panel(each: Panel, groups: Sequence[Sequence[Line]], looks: set[Look]) -> Spec:
    rows = [
        {
            "look": line.look.shown,
            "rate": float(line.settings["learning_rate"]),
            **over(line),
        }
        for group in groups
        for line in group
    ]
    x = quantity("rate", "learning rate", scale={"type": "log", "padding": 14})
    x["axis"] = {"format": ".0e", "grid": False, "values": sorted({row["rate"] for row in rows})}
    look = by_look(looks, "dash", "shape")
    tips = tooltip("look", rate=".1e", mean=".4f", std=".4f", seeds="d")
    y = quantity("mean", each.key.metric)
    return panel(each.title, rows, points(x, y, look, tips=tips, line=("look",)))


LEARNING_CURVES = Figure(
    name="learning_curves",
    title="Learning curves",
    shows=(
        "What early stopping compared after each epoch: the primary metric on validation, of "
        "robust AdapterDrop its mean over all depths. Means over seeds, bars of one standard "
        "deviation, as far as every seed went."
    ),
    chosen="Of each kind the best configuration on validation is drawn.",
    needs=frozenset({"trials", "depths", "epochs"}),
    build=_learning_curves,
)
LEARNING_RATES = Figure(
    name="learning_rates",
    title="Score against learning rate",
    shows=(
        "Configurations that differ by their learning rate alone; of each kind the group with "
        "the most rates and the best score on validation. Means over seeds, bars of one standard "
        "deviation."
    ),
    needs=frozenset({"trials", "depths"}),
    build=_rates,
)
