"""Every seed of the best configurations: how much of a difference is luck."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from dashboards.comparing import Configuration, Panel, panels_of
from dashboards.figures.charts import by_look, grid, panel, quantity, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.looks import Look
from dashboards.results import Results

MOST, MOST_OF_ALL = 8, 40
_ROW_HEIGHT, _GAP = 17, 330


def _build(results: Results, every: bool) -> Spec | Nothing:
    shown = [(each, _shown(each, MOST_OF_ALL if every else MOST)) for each in panels_of(results)]
    if not any(len(c.scores) > 1 for _, found in shown for c in found):
        return Nothing("no configuration has two finished seeds; give `seeds: [0, 1, 2]`")
    looks = {c.look for _, found in shown for c in found}
    return grid([_panel(each, found, looks) for each, found in shown], columns=2, gap=_GAP)


def _shown(each: Panel, most: int) -> list[Configuration]:
    return each.configurations[:most]


def _panel(each: Panel, found: list[Configuration], looks: set[Look]) -> Spec:
    order = told_apart(found)
    rows = [row for c, label in zip(found, order, strict=True) for row in _rows(c, label)]
    y = {
        "field": "label",
        "type": "nominal",
        "title": None,
        "sort": order,
        "axis": {"grid": True, "ticks": False, "domain": False, "labelLimit": 310},
    }
    x = quantity("score", each.key.metric)
    look = by_look(looks, "shape")
    seeds = {"x": x, "y": y, **look, "tooltip": tooltip("label", seed="d", score=".4f")}
    mean = {"x": {**x, "aggregate": "mean"}, "y": y}
    layers: list[Spec] = [
        {"mark": {"type": "tick", "thickness": 2, "size": 13}, "encoding": mean},
        {"mark": {"type": "point", "filled": True, "opacity": 0.8}, "encoding": seeds},
    ]
    drawn = panel(each.title, rows, layers)
    return drawn | {"height": _ROW_HEIGHT * len(order) + 10}


def told_apart(found: Sequence[Configuration]) -> list[str]:
    """Return labels without what all configurations of their kind say."""
    alike: dict[Look, list[set[str]]] = defaultdict(list)
    for each in found:
        alike[each.look].append(set(each.label.split(" · ")))
    said = {look: set.intersection(*parts) for look, parts in alike.items()}
    short = [
        [part for part in each.label.split(" · ") if part not in said[each.look]] for each in found
    ]
    labels = [_said(each, parts) for each, parts in zip(found, short, strict=True)]
    repeated = Counter(labels)
    return [
        label if repeated[label] == 1 else f"{label} · {each.rows[0].configuration[:6]}"
        for each, label in zip(found, labels, strict=True)
    ]


def _said(each: Configuration, own: Sequence[str]) -> str:
    """Return a letter and what it is where it has one, otherwise what tells it from its kind."""
    if each.letter:
        return f"{each.letter} · {each.look.shown}"
    return f"{each.look.shown}: {' · '.join(own)}" if own else each.look.shown


def _rows(configuration: Configuration, label: str) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "look": configuration.look.shown,
            "seed": seed,
            "score": score,
        }
        for seed, score in sorted(configuration.scores.items())
    ]


SEEDS = Figure(
    name="seeds",
    title="Every seed of the best configurations",
    shows=(
        "Scores on validation, a mark for each seed and a bar at their mean; the best "
        "configurations of each task by that mean. What lies within the spread of seeds is no "
        "difference between configurations."
    ),
    needs=frozenset({"trials", "depths"}),
    build=_build,
)
