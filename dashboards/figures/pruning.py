"""Score against adapters kept in a fusion (AdapterDrop, Figure 5), and in what order they leave."""

from collections import Counter, defaultdict
from typing import Any

from dashboards.comparing import Chosen, Line, Panel, choose, choose_each, panels_of
from dashboards.figures.charts import cells, data, gap_for, grid, panel, quantity, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.spread import over, points
from dashboards.looks import Look
from dashboards.results import Results
from workers.contract.trial import DropMode, Method

_WIDE_GAP = 150
_KEPT = "adapters kept in each layer"
_FUSED = {DropMode.NONE: Look.FUSION, DropMode.ROBUST: Look.ROBUST_FUSION}
ORDERS = {"at_once": "at once", "one_by_one": "one by one", "random": "at random"}
_DASHES = {"at_once": [1, 0], "one_by_one": [5, 3], "random": [2, 2]}

Kept = dict[tuple[DropMode, str], dict[int, Chosen]]
"""Way of dropping and of pruning → adapters kept → the best configuration."""


def kept_lines(each: Panel, *, random_sources: bool = False) -> Kept:
    """Return what there is of pruned fusions.

    The fusion itself stands at its number of sources, under either way of pruning.

    Args:
        random_sources: those of the control, see `Panel.of`.
    """
    found: Kept = defaultdict(dict)
    for mode in DropMode:
        lines = each.of(Method.PRUNED_FUSION, mode=mode, random_sources=random_sources)
        pruned = choose_each(lines, "pruning_order", "keep")
        for (order, keep), chosen in pruned.items():
            found[mode, str(order)][int(str(keep))] = chosen[0]
        for whole in choose(each.of(Method.FUSION, mode=mode, random_sources=random_sources)):
            for (other, _), by_keep in found.items():
                if other is mode:
                    by_keep[sources_of(whole.line)] = whole
    return dict(found)


def sources_of(line: Line) -> int:
    """Return how many adapters a fusion has."""
    return int(line.settings["sources"])


def _build(results: Results, every: bool) -> Spec | Nothing:
    panels = []
    for each in panels_of(results):
        if lines := kept_lines(each):
            panels += [_score_panel(each, lines), _order_panel(each, lines, results)]
    if not panels:
        return Nothing(
            "no pruned fusion is finished; `pruning:` below `fusion:` in a sweep's YAML asks "
            "for some"
        )
    gap = gap_for(row["source"] for p in panels[1::2] for row in p["data"]["values"])
    return grid(panels, columns=2 if gap > _WIDE_GAP or len(panels) == 2 else 4, gap=gap)


def _score_panel(each: Panel, lines: Kept) -> Spec:
    control = kept_lines(each, random_sources=True)
    rows = [
        {
            "look": look or _FUSED.get(mode, Look.FUSION).shown,
            "order": ORDERS.get(order, order),
            "kept": keep,
            "label": chosen.label,
            **over(chosen.line),
        }
        for found, look in ((lines, None), (control, Look.RANDOM_FUSION.shown))
        for (mode, order), by_keep in found.items()
        if look is None or mode is DropMode.NONE
        for keep, chosen in by_keep.items()
    ]
    highest = max(row["kept"] for row in rows)
    tips = tooltip("look", "order", "label", kept="d", mean=".4f", std=".4f", seeds="d")
    y = quantity("mean", each.key.metric)
    layers = points(_kept_axis(highest), y, _look(), tips=tips, line=("look", "order"))
    single = choose(each.of(Method.ADAPTER, mode=DropMode.NONE))
    notes = [f"blue, dashed: {single[0].label}"] if single else []
    if single:
        layers.append(_level(single[0], each.key.metric))
    return panel(each.title, rows, layers, notes=notes)


def _level(chosen: Chosen, metric: str) -> Spec:
    style = Look.STANDARD.style
    return {
        "data": data([{"mean": chosen.line.mean(0)}]),
        "mark": {"type": "rule", "strokeDash": [6, 3], "color": style.colour},
        "encoding": {"y": quantity("mean", metric)},
    }


def _look() -> dict[str, Spec]:
    looks = [*_FUSED.values(), Look.RANDOM_FUSION]
    colours = {"domain": [k.shown for k in looks], "range": [k.style.colour for k in looks]}
    dashes = {"domain": list(ORDERS.values()), "range": list(_DASHES.values())}
    legend = {"symbolType": "stroke"}
    return {
        "color": _nominal("look", colours, {**legend, "title": None}),
        "strokeDash": _nominal("order", dashes, {**legend, "title": "pruned"}),
    }


def _nominal(field: str, scale: Spec, legend: Spec) -> Spec:
    return {"field": field, "type": "nominal", "scale": scale, "legend": legend}


def _kept_axis(highest: int) -> Spec:
    values = list(range(1, highest + 1))
    scale = {"domain": [1, highest], "nice": False, "zero": False, "padding": 10}
    axis = {"values": values, "format": "d", "grid": False}
    return {"field": "kept", "type": "quantitative", "title": _KEPT, "axis": axis, "scale": scale}


def _order_panel(each: Panel, lines: Kept, results: Results) -> Spec:
    """Draw which sources stay: the share of layers that keep each, as fewer are kept."""
    (mode, order), by_keep = next(iter(lines.items()))
    rows = [
        {"source": source, "kept": keep, "share": share}
        for keep, chosen in by_keep.items()
        for source, share in _shares(chosen, results).items()
    ]
    first = f"{_FUSED.get(mode, Look.FUSION).shown}, pruned {ORDERS.get(order, order)}"
    share = {
        **quantity("share", "layers that keep it", scale={"domain": [0, 1], "scheme": "cividis"}),
        "legend": {"format": ".0%", "gradientLength": 120, "orient": "top"},
    }
    source = {"field": "source", "type": "nominal", "title": None, "sort": _staying(rows)}
    kept = {"field": "kept", "type": "ordinal", "title": _KEPT, "axis": {"labelAngle": 0}}
    title = f"{each.title}: which stay"
    drawn = cells(rows, title, x=kept, y=source, value=share, form=".0%")
    drawn["title"]["subtitle"] = [first]
    return drawn


def _shares(chosen: Chosen, results: Results) -> dict[str, float]:
    """Return source → the share of layers and seeds that keep it."""
    kept: Counter[str] = Counter()
    layers = 0
    for result in results.results(row.trial_id for row in chosen.line.rows).values():
        by_layer = result.kept or {k: list(weights) for k, weights in result.attention.items()}
        layers += len(by_layer)
        kept.update(source for sources in by_layer.values() for source in sources)
    return {source: times / layers for source, times in kept.items()}


def _staying(rows: list[dict[str, Any]]) -> list[str]:
    """Return sources, the one that stays longest first."""
    total: dict[str, float] = defaultdict(float)
    for row in rows:
        total[row["source"]] += row["share"]
    return sorted(total, key=lambda source: (-total[source], source))


PRUNING = Figure(
    name="pruning",
    title="Score against adapters kept in a fusion",
    shows=(
        "Fusions of which the least attended adapters were removed from every layer, without "
        "training again (AdapterDrop, figure 5): mean over seeds, bars of one standard deviation; "
        "dashed: the target's own best adapter. As controls, adapters that are removed at random "
        "and fusions of random adapters, where the sweep has them. Beside it which adapters stay, "
        "as the share of layers that keep each. The best configuration on validation is drawn."
    ),
    needs=frozenset({"trials", "depths", "attention"}),
    build=_build,
)
