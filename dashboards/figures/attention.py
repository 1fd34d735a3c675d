"""What fusions attend to: by layer and source, and from source to target."""

import statistics
import textwrap
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dashboards.comparing import Chosen, choose, panels_of
from dashboards.figures.charts import cells, gap_for, grid, quantity
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.results import Results
from workers.contract.trial import DropMode, Method

Weights = Mapping[tuple[int, str], float]
"""Layer and source → mean weight over seeds."""

_NONE = Nothing("no fusion is finished; `fusion:` in a sweep's YAML asks for some")


def fused(results: Results, *, every: bool = False) -> list[tuple[str, str, Chosen]]:
    """Return panel, way of dropping, and the fusion that stands for it."""
    return [
        (each.title, chosen.look.shown, chosen)
        for each in panels_of(results)
        for mode in DropMode
        for chosen in choose(each.of(Method.FUSION, mode=mode), every=every)
    ]


def weights_of(chosen: Chosen, results: Results) -> Weights:
    """Return the mean weight over seeds of each source in each layer."""
    found: dict[tuple[int, str], list[float]] = defaultdict(list)
    for result in results.results(row.trial_id for row in chosen.line.rows).values():
        for layer, weights in result.attention.items():
            for source, weight in weights.items():
                found[layer, source].append(weight)
    return {key: statistics.fmean(values) for key, values in found.items()}


def _by_layer(results: Results, every: bool) -> Spec | Nothing:
    found = [
        (title, way, chosen, weights)
        for title, way, chosen in fused(results, every=every)
        if (weights := weights_of(chosen, results))
    ]
    if not found:
        return _NONE
    most = max(max(weights.values()) for *_, weights in found)
    gap = gap_for(source for *_, weights in found for _, source in weights)
    return grid([_layers(*each, most=most) for each in found], columns=2, gap=gap)


def _layers(title: str, way: str, chosen: Chosen, weights: Weights, *, most: float) -> Spec:
    rows = [
        {"layer": layer, "source": source, "weight": weight}
        for (layer, source), weight in sorted(weights.items())
    ]
    x = {"field": "layer", "type": "ordinal", "title": "layer", "axis": {"labelAngle": 0}}
    y = {"field": "source", "type": "nominal", "title": None}
    drawn = _heat(rows, title, x, y, most=most)
    words = [way, chosen.words] if chosen.words else [way]
    drawn["title"]["subtitle"] = textwrap.wrap(" · ".join(words), 46)
    layers, sources = ({row[name] for row in rows} for name in ("layer", "source"))
    return drawn | {"width": 28 * max(len(layers), 6), "height": 20 * len(sources)}


def transfer_rows(results: Results) -> dict[str, list[dict[str, Any]]]:
    """Return way of dropping → source, target and the mean weight over layers and seeds."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for title, way, chosen in fused(results):
        by_source: dict[str, list[float]] = defaultdict(list)
        for (_, source), weight in weights_of(chosen, results).items():
            by_source[source].append(weight)
        found[way] += [
            {"target": title, "source": source, "weight": statistics.fmean(values)}
            for source, values in sorted(by_source.items())
        ]
    return {way: rows for way, rows in found.items() if rows}


def _transfer(results: Results, every: bool) -> Spec | Nothing:
    found = transfer_rows(results)
    most = max((row["weight"] for rows in found.values() for row in rows), default=0.0)
    x = {"field": "source", "type": "nominal", "title": "source", "axis": {"labelAngle": -30}}
    y = {"field": "target", "type": "nominal", "title": "target"}
    panels = [
        _heat(rows, way, x, y, most=most) | {"height": 24 * len({row["target"] for row in rows})}
        for way, rows in found.items()
    ]
    gap = gap_for(row["target"] for rows in found.values() for row in rows)
    return grid(panels, columns=2, gap=gap) if panels else _NONE


def _heat(rows: list[dict[str, Any]], title: str, x: Spec, y: Spec, *, most: float) -> Spec:
    legend = {"gradientLength": 120, "format": ".2f", "orient": "top", "tickCount": 3}
    scale = {"scheme": "cividis", "domain": [0, most]}
    colour = {**quantity("weight", "mean weight", scale=scale), "legend": legend}
    return cells(rows, title, x=x, y=y, value=colour, form=".2f")


ATTENTION = Figure(
    name="attention",
    title="Fusion attention by layer and source",
    shows=(
        "Mean fusion weight of each source adapter in each layer over the target's training set, "
        "averaged over seeds; a panel for each target and way of training. Weights of a layer add "
        "up to 1."
    ),
    chosen="The best fusion on validation is drawn.",
    needs=frozenset({"trials", "depths", "attention"}),
    build=_by_layer,
)
TRANSFER = Figure(
    name="transfer",
    title="Which adapters help which task",
    shows=(
        "Mean fusion weight that each target task gives each source adapter, over all layers and "
        "seeds of the best fusion on validation. Weights of a row add up to 1."
    ),
    needs=frozenset({"trials", "depths", "attention"}),
    build=_transfer,
)
