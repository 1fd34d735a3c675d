"""Measured speeds and savings, each with its spread, and the paper's values as marks beside."""

import textwrap
from collections.abc import Iterator, Sequence

from dashboards.efficiency import SAVING, Measured, baseline_name
from dashboards.figures.charts import Row, grid, panel, quantity, tooltip
from dashboards.figures.figure import SCHEMA, Nothing, Spec
from dashboards.looks import BLUE, ORANGE
from dashboards.paper_values import PaperValue, Quantity, paper_value
from orchestrator.planning.measure_plan import MeasurePlan
from orchestrator.spec.measure_model import Against

_OURS, _PAPER = "measured here", "the paper"
_ROW_HEIGHT = 17
_TITLE_LETTERS = 50
_LABELS = 150
"""Points beside a panel, for what its rows are."""


def speeds_figure(plan: MeasurePlan, measured: Sequence[Measured]) -> Spec | Nothing:
    """Return a panel for each block and baseline: a row for each cell, ours and the paper's."""
    panels = []
    for number, block in enumerate(plan.spec.measure):
        own = [each for each in measured if each.comparison.block == number]
        for against in block.against:
            rows = [row for each in own for row in _rows(each, against)]
            if rows:
                panels.append(_panel(block.title or f"measure[{number}]", against, rows))
    if not panels:
        return Nothing("nothing was measured yet; run `adaptersweep measure` without --dry-run")
    shows = (
        "Medians of the ratios of rounds in turns, with the lowest and the highest; diamonds and "
        "bands are the paper's values."
    )
    return {"$schema": SCHEMA, "description": f"{plan.spec.name}. {shows}"} | grid(
        panels, columns=2, gap=2 * _LABELS
    )


def _rows(each: Measured, against: Against) -> Iterator[Row]:
    if against not in each.against:
        return
    cell = each.cell
    what = f"{cell.action}, {cell.label}, {cell.batch_size} × {cell.length}"
    found = each.saved(against) if against in SAVING else each.speed(against)
    ends = {"value": found.median, "low": found.low, "high": found.high}
    yield {"what": what, "of": _OURS, **ends, "id": each.row.measurement_id}
    value = paper_value(cell, against)
    if value is not None:
        low, high = _bounds(value, cell.drop_depth)
        middle = high if value.low is None else (low + high) / 2
        yield {"what": what, "of": _PAPER, "value": middle, "low": low, "high": high} | {
            "id": value.source
        }


def _bounds(value: PaperValue, depth: int | str) -> tuple[float, float]:
    """Return a value's bounds as a whole saving where it is told for each layer."""
    times = depth if value.quantity is Quantity.SAVED_A_LAYER and isinstance(depth, int) else 1
    high = value.high * times
    return high if value.low is None else value.low * times, high


def _panel(title: str, against: Against, rows: Sequence[Row]) -> Spec:
    order = list(dict.fromkeys(str(row["what"]) for row in rows))
    saving = against in SAVING
    name = baseline_name(against)
    axis = f"time saved against {name}" if saving else f"speed, {name} = 1"
    y: Spec = {"field": "what", "type": "nominal", "title": None, "sort": order}
    y["axis"] = {"labelOverlap": False, "labelLimit": 2 * _LABELS}
    x = quantity("value", axis, axis={"format": ".0%" if saving else ".2~f"})
    of = {"domain": [_OURS, _PAPER], "range": [BLUE, ORANGE]}
    colour = {"field": "of", "type": "nominal", "title": None, "scale": of}
    shape = {"field": "of", "type": "nominal", "title": None}
    shape["scale"] = {"domain": of["domain"], "range": ["circle", "diamond"]}  # type: ignore[assignment]
    form = ".1%" if saving else ".2f"
    tips = tooltip("what", "of", "id", value=form, low=form, high=form)
    ends = {"x": {**x, "field": "low"}, "x2": {"field": "high"}}
    layers: list[Spec] = [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": {"y": y, **ends, "color": colour}},
        {
            "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
            "encoding": {"y": y, "x": x, "color": colour, "shape": shape, "tooltip": tips},
        },
    ]
    made = panel(title, rows, layers)
    made["title"]["text"] = textwrap.wrap(title, _TITLE_LETTERS)
    return made | {"height": _ROW_HEIGHT * len(order)}
