"""Score against what it costs: parameters, bytes, seconds; and what nothing beats."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dashboards.comparing import Configuration, Panel, panels_of
from dashboards.figures.charts import by_look, grid, panel, quantity, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.latencies import latencies_of
from dashboards.looks import Look
from dashboards.results import Results

MOST, MOST_OF_ALL = 30, 150
"""Configurations of a panel besides those of the front: the best ones."""

Costs = Mapping[str, float | None]
"""Trial → what it costs."""

_NO_LATENCY = (
    "no measured time fits a trial: `adaptersweep measure` times passes of models with a base's "
    "sizes, and with the reduction factors and placements that its YAML names"
)


@dataclass(frozen=True)
class Cost:
    """What a configuration takes, as a mean over its seeds.

    Attributes:
        notes: what stands below a panel's title.
        missing: why there is nothing to draw, where that is not just that nobody knows.
    """

    title: str
    read: Callable[[Results], Costs]
    notes: Callable[[Results, Panel], Sequence[str]] = lambda _results, _panel: ()
    missing: str = ""


def front(costs: Sequence[tuple[float, float]]) -> list[int]:
    """Return which of (cost, score) nothing beats: no other is as good for less, or better."""
    order = sorted(range(len(costs)), key=lambda i: (costs[i][0], -costs[i][1]))
    best, found = float("-inf"), []
    for index in order:
        if costs[index][1] > best:
            best = costs[index][1]
            found.append(index)
    return found


def _build(cost: Cost, results: Results, every: bool) -> Spec | Nothing:
    costs = cost.read(results)
    shown = [(each, rows) for each in panels_of(results) if (rows := _rows(each, costs, every))]
    if not shown:
        return Nothing(cost.missing or f"no finished configuration has {cost.title}")
    looks = {
        look for look in Look for _, rows in shown for row in rows if row["look"] == look.shown
    }
    return grid(
        [_panel(each, rows, cost, looks, cost.notes(results, each)) for each, rows in shown]
    )


def _rows(each: Panel, costs: Costs, every: bool) -> list[dict[str, Any]]:
    priced = [(c, price) for c in each.configurations if (price := _price(c, costs)) is not None]
    on_front = set(front([(price, c.mean) for c, price in priced]))
    most = MOST_OF_ALL if every else MOST
    return [
        {
            "look": c.look.shown,
            "label": c.label,
            "cost": price,
            "score": c.mean,
            "seeds": len(c.scores),
            "front": index in on_front,
        }
        for index, (c, price) in enumerate(priced)
        if index < most or index in on_front
    ]


def _price(configuration: Configuration, costs: Costs) -> float | None:
    found = [costs.get(row.trial_id) for row in configuration.rows if row.score is not None]
    known = [cost for cost in found if cost]
    return statistics.fmean(known) if known else None


def _panel(
    each: Panel, rows: Sequence[Any], cost: Cost, looks: set[Look], notes: Sequence[str]
) -> Spec:
    x = quantity("cost", cost.title, scale={"type": "log", "padding": 10})
    # Digits enough for ticks that lie close together; those that are not needed are left out.
    x["axis"] = {"format": ".4~s", "tickCount": 4, "grid": False}
    y = quantity("score", each.key.metric)
    tips = tooltip("label", cost=",.4~s", score=".4f", seeds="d")
    look = by_look(looks, "shape")
    best: Spec = {"transform": [{"filter": "datum.front"}]}
    step = {"type": "line", "interpolate": "step-after", "strokeWidth": 1, "opacity": 0.5}
    of_all = {"x": x, "y": y, **look, "opacity": {"field": "front", "type": "nominal"}}
    of_all["opacity"] |= {"scale": {"domain": [True, False], "range": [1, 0.35]}, "legend": None}
    layers: list[Spec] = [
        {
            **best,
            "mark": {**step, "color": Look.FULL_FINE_TUNING.style.colour},
            "encoding": {"x": x, "y": y},
        },
        {"mark": {"type": "point", "filled": True}, "encoding": of_all | {"tooltip": tips}},
    ]
    return panel(each.title, rows, layers, notes=notes)


def _column(name: str, results: Results) -> Costs:
    return {row.trial_id: getattr(row, name) for row in results.rows}


def _bytes(results: Results) -> Costs:
    known = results.records[["trial_id", "size_bytes"]].dropna()
    return dict(known.itertuples(index=False, name=None))


def _latencies(results: Results) -> Costs:
    found = latencies_of(results).values()
    return {trial_id: 1e3 * took for each in found for trial_id, took in each.seconds.items()}


def _measured_on(results: Results, each: Panel) -> Sequence[str]:
    return [latencies_of(results)[each.key.base_identity].measured]


_SHOWS = (
    "Means over seeds on validation. Full colour and the stepped line: what nothing beats, because "
    "no other configuration is as good for less; of the others the best by score. "
)


def _figure(name: str, title: str, about: str, cost: Cost, *needs: str) -> Figure:
    needed = frozenset({"trials", "depths", *needs})
    return Figure(name, f"Score against {title}", _SHOWS + about, needed, partial(_build, cost))


PARETO = _figure(
    "pareto",
    "trained parameters",
    "Parameters that received gradients, the head's included.",
    Cost("trained parameters", partial(_column, "trained_parameters")),
)
PARETO_BYTES = _figure(
    "pareto_bytes",
    "bytes of the adapter",
    "Bytes of the adapter's folder; full fine-tuning leaves none and is not drawn.",
    Cost("bytes of the adapter", _bytes),
    "records",
)
PARETO_TIME = _figure(
    "pareto_time",
    "training time",
    "Seconds that a trial took, on whatever machine and beside whatever else it ran; of a "
    "pruned fusion its measuring alone. What a pass takes when it answers is another figure.",
    Cost("seconds of a trial", partial(_column, "duration_s")),
)
PARETO_LATENCY = _figure(
    "pareto_latency",
    "measured latency",
    "Median milliseconds of one pass over a batch, as `adaptersweep measure` timed a model of the "
    "same sizes, method, placement, reduction factor and drop depth on the machine that is named; "
    "all of one base model in one run.",
    Cost("milliseconds of a pass", _latencies, _measured_on, _NO_LATENCY),
)
