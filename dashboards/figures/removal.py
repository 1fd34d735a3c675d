"""Trained adapters without those of some layers, and how much it matters which layers go first.

Every span of layers is Houlsby et al.'s Figure 6 (2019); the lowest first is AdapterDrop.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dashboards.comparing import Chosen, Line, Panel, choose, panels_of
from dashboards.figures.charts import cells, grid, panel, quantity, tooltip, whole
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.spread import points, spread
from dashboards.looks import BLUE, GREY, ORANGE
from dashboards.results import Results
from workers.contract.trial import DropMode, Method

Scores = Mapping[int, float]
"""Seed → score."""

_REMOVED = ("removed_first", "removed_last", "removed_at_random")
_POINTS = 100
LOWEST, HIGHEST, RANDOM = "the lowest", "the highest", "drawn at random"
ORDERS = {LOWEST: (BLUE, [1, 0]), HIGHEST: (ORANGE, [6, 3]), RANDOM: (GREY, [2, 2])}
"""In which layers may lose their adapters; each with the colour and dash of its line."""


class Ablated(NamedTuple):
    """An adapter that was measured without some of its layers.

    Attributes:
        layers: of the base.
        spans: first and last layer → what is left without them.
        at_random: number of layers → likewise.
    """

    chosen: Chosen
    layers: int
    spans: Mapping[tuple[int, int], Scores]
    at_random: Mapping[int, Scores]

    @property
    def whole(self) -> Scores:
        """The scores of the adapter with all of its layers."""
        return self.chosen.line.scores[self.chosen.line.at]

    def without(self, order: str) -> dict[int, Scores]:
        """Return number of layers → scores without so many, in one of `ORDERS`.

        Without the lowest as far as that is a span, and else as drop depths were measured.
        """
        whole = {0: self.whole}
        if order == RANDOM:
            return {**whole, **self.at_random} if self.at_random else {}
        top = self.layers - 1
        if order == LOWEST:
            own = {last + 1: s for (first, last), s in self.spans.items() if first == 0}
            return {**self.chosen.line.scores, **own}
        found = {top - first + 1: s for (first, last), s in self.spans.items() if last == top}
        return {**whole, **found} if found else {}


def ablated(results: Results, each: Panel, *, every: bool = False) -> list[Ablated]:
    """Return the best adapter on validation of which layers were removed, or every such one."""
    removed: dict[str, list[Line]] = defaultdict(list)
    for line in each.of(Method.PRUNED_ADAPTER):
        removed[_adapter_of(line)].append(line)
    whole = [line for line in each.of(Method.ADAPTER) if _adapter_of(line) in removed]
    return [
        Ablated(
            chosen,
            _layers(results, chosen.line),
            dict(_spans(removed[_adapter_of(chosen.line)])),
            dict(_drawn(removed[_adapter_of(chosen.line)])),
        )
        for chosen in choose(whole, every=every)
    ]


def _adapter_of(line: Line) -> str:
    """Name the adapter that a line is, or is a part of, by all of its settings."""
    own = {k: v for k, v in line.settings.items() if k not in (*_REMOVED, "method")}
    return repr(sorted(own.items()))


def _layers(results: Results, line: Line) -> int:
    return results.layers[line.rows[0].base_identity]


def _spans(lines: Sequence[Line]) -> Iterator[tuple[tuple[int, int], Scores]]:
    for line in lines:
        first, last = (line.settings.get(name) for name in _REMOVED[:2])
        if first is not None and last is not None:
            yield (int(first), int(last)), line.scores[line.at]


def _drawn(lines: Sequence[Line]) -> Iterator[tuple[int, Scores]]:
    for line in sorted(lines, key=lambda line: line.settings.get(_REMOVED[2]) or 0):
        if number := line.settings.get(_REMOVED[2]):
            yield int(number), line.scores[line.at]


def _build_spans(results: Results, every: bool) -> Spec | Nothing:
    shown = [
        (each, own, rows)
        for each in panels_of(results)
        for own in ablated(results, each, every=every)
        if (rows := span_rows(own))
    ]
    if not shown:
        return Nothing(
            "no adapter was measured without a span of its layers; `removal: { spans: all }` in a "
            "block of `trials:` asks for it"
        )
    most = max(own.layers for _, own, _ in shown)
    found = [row["points"] for *_, rows in shown for row in rows]
    domain = [min(0.0, *found), max(0.0, *found)]
    panels = [_heat(each, own, rows, domain) for each, own, rows in shown]
    return grid(panels, columns=1 if most > 12 else 2, gap=80)


def span_rows(own: Ablated) -> list[dict[str, Any]]:
    """Return a row for each span: its points against the whole adapter, over the seeds of both."""
    whole = own.whole
    rows = []
    for (first, last), scores in sorted(own.spans.items()):
        gaps = [_POINTS * (score - whole[seed]) for seed, score in scores.items() if seed in whole]
        if gaps:
            found = spread(gaps)
            named = {"first": first, "last": last, "points": found["mean"]}
            rows.append(named | {"std": found["std"], "seeds": found["seeds"]})
    return rows


def _heat(each: Panel, own: Ablated, rows: list[dict[str, Any]], domain: list[float]) -> Spec:
    value = {
        **quantity("points", "points", scale={"scheme": "cividis", "domain": domain}),
        "legend": {"gradientLength": 120, "format": "+.0f", "orient": "top", "tickCount": 3},
    }
    axes = [
        {"field": name, "type": "ordinal", "title": f"{name} layer removed"}
        for name in ("last", "first")
    ]
    x, y = axes[0] | {"axis": {"labelAngle": 0}}, axes[1]
    drawn = cells(rows, f"{each.title}, {each.key.metric}", x=x, y=y, value=value, form="+.1f")
    drawn["title"]["subtitle"] = textwrap.wrap(own.chosen.label, 46)
    return drawn | {"width": 34 * own.layers, "height": 22 * own.layers}


def _build_orders(results: Results, every: bool) -> Spec | Nothing:
    panels = []
    for each in panels_of(results):
        for own in ablated(results, each, every=every):
            if own.chosen.line.mode is DropMode.SPECIALISED:
                continue  # the lowest layers of these never had any
            found = {order: own.without(order) for order in ORDERS}
            if sum(len(by_number) > 1 for by_number in found.values()) > 1:
                panels.append(_orders_panel(each, own, found))
    if not panels:
        return Nothing(
            "no adapter was measured without layers in two orders; `removal: { spans: all, "
            "at_random: [1, 2, 4] }` in a block of `trials:` asks for it"
        )
    return grid(panels)


def _orders_panel(each: Panel, own: Ablated, found: Mapping[str, Mapping[int, Scores]]) -> Spec:
    rows = [
        {"order": order, "removed": number, **spread(list(scores.values()))}
        for order, by_number in found.items()
        for number, scores in sorted(by_number.items())
    ]
    colours, dashes = zip(*ORDERS.values(), strict=True)
    title = {"symbolType": "stroke"}
    look = {
        channel: {
            "field": "order",
            "type": "nominal",
            "title": "layers that go first",
            "legend": title,
            "scale": {"domain": list(ORDERS), "range": list(values)},
        }
        for channel, values in (("color", colours), ("strokeDash", dashes))
    }
    x = whole("removed", "layers without adapter", max(row["removed"] for row in rows))
    y = quantity("mean", each.key.metric)
    tips = tooltip("order", removed="d", mean=".4f", std=".4f", seeds="d")
    layers = points(x, y, look, tips=tips, line=("order",))
    return panel(each.title, rows, layers, notes=[own.chosen.label])


SPANS = Figure(
    name="spans",
    title="Trained adapters without those of a span of layers",
    shows=(
        "Points above or below the whole adapter when those of all layers from the first to the "
        "last are removed, without training again (Houlsby et al. 2019, figure 6); the diagonal "
        "is single layers, the corner all of them. Means over seeds, each against its own whole "
        "adapter."
    ),
    chosen="The best adapter on validation is drawn.",
    needs=frozenset({"trials", "depths"}),
    build=_build_spans,
)
REMOVAL = Figure(
    name="removal",
    title="Which layers lose their adapters first",
    shows=(
        "Scores of a trained adapter by how many layers are without, not trained again: the "
        "lowest as AdapterDrop has it, the highest, and layers drawn at random by the seed as a "
        "control. Means over seeds, bars of one standard deviation."
    ),
    chosen="The best adapter on validation is drawn.",
    needs=frozenset({"trials", "depths"}),
    build=_build_orders,
)
