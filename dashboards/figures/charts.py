"""The building blocks of figures: data, scales by look, panels side by side, heat maps."""

import itertools
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboards.comparing import Chosen
from dashboards.figures.figure import LIMIT_BYTES, Spec, size_bytes
from dashboards.looks import Look

DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))
"""Of lines with one look in one panel, best first."""
MOST_PANELS = 24
"""Panels of one figure; of more, the first ones by title are drawn, and it says so."""
_DIGITS = 6
_NOISE, _SMALL_NUMBER = 1e-12, 1e-4
_SMALL, _LARGE = (232, 168), (460, 280)
_ROW_GAP, _COLUMN_GAP, _NOTE_HEIGHT, _WIDEST_GAP = 66, 58, 13, 280
_NOTE_LETTERS = 46

Row = Mapping[str, Any]


def data(rows: Iterable[Row]) -> Spec:
    """Return rows as inline data, numbers rounded to six decimals, small ones to six digits."""
    return {"values": [{name: _rounded(value) for name, value in row.items()} for row in rows]}


def _rounded(value: Any) -> Any:
    if isinstance(value, float) and _NOISE < abs(value) < _SMALL_NUMBER:
        return float(f"{value:.{_DIGITS}g}")  # on a logarithmic axis 1e-7 is not 0
    return round(value, _DIGITS) if isinstance(value, float) else value


def by_look(looks: Iterable[Look], *marks: str, field: str = "look") -> Spec:
    """Return encodings that tell looks apart, with one legend for all of them.

    Args:
        marks: what to use besides the colour: `dash`, `shape`.
    """
    order = [look for look in Look if look in set(looks)]
    ranges: dict[str, list[Any]] = {"color": [look.style.colour for look in order]}
    if "dash" in marks:
        ranges["strokeDash"] = [list(look.style.dash) for look in order]
    elif "shape" in marks:
        ranges["shape"] = [look.style.shape for look in order]
    legend = {"symbolType": "stroke"} if "dash" in marks else {"symbolOpacity": 1}
    found: Spec = {
        channel: {
            "field": field,
            "type": "nominal",
            "title": None,
            "legend": legend,
            "scale": {"domain": [look.shown for look in order], "range": values},
        }
        for channel, values in ranges.items()
    }
    if {"dash", "shape"} <= set(marks):
        # A scale of shapes would enter the legend, which then could not show dashes.
        found["shape"] = {"value": "circle", "condition": [_if(look, field) for look in order]}
    return found


def by_label(chosen: Iterable[Chosen], more: Iterable[Look] = ()) -> Spec:
    """Return encodings that tell every line of a panel apart, those of one look by dashes.

    Args:
        more: looks that lines without a configuration are drawn as.
    """
    told: dict[str, tuple[str, list[int]]] = {}
    seen: Counter[Look] = Counter()
    for each in chosen:
        style = each.look.style
        own = style.dash != (1, 0)  # of a baseline, which has its dash already
        dash = style.dash if own else DASHES[seen[each.look] % len(DASHES)]
        seen[each.look] += 1
        told.setdefault(each.label, (style.colour, list(dash)))
    for look in more:
        told.setdefault(look.shown, (look.style.colour, list(look.style.dash)))
    legend = {"orient": "bottom", "direction": "vertical", "columns": 1, "labelLimit": 420}
    legend["symbolType"] = "stroke"
    return {
        channel: {
            "field": "label",
            "type": "nominal",
            "title": None,
            "legend": legend,
            "scale": {"domain": list(told), "range": [style[nth] for style in told.values()]},
        }
        for nth, channel in enumerate(("color", "strokeDash"))
    }


def crowded_grid(panels: Sequence[Spec], lines: int) -> Spec:
    """Return panels whose lines each have an entry in a legend of the panel's own, see `by_label`.

    Args:
        lines: of all panels together.
    """
    drawn = grid(panels, columns=2, gap=240)
    drawn["resolve"] = {"scale": dict.fromkeys(("color", "strokeDash"), "independent")}
    drawn["spacing"]["row"] += 15 * lines
    return drawn


def _if(look: Look, field: str) -> Spec:
    return {"test": {"field": field, "equal": look.shown}, "value": look.style.shape}


def quantity(field: str, title: str | None, **more: Any) -> Spec:
    """Return the encoding of a number whose axis does not begin at zero."""
    given = more.pop("scale", {})
    scale = {"zero": False, "nice": given.get("type") != "log"} | given
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, **more}


def whole(field: str, title: str, highest: int) -> Spec:
    """Return the encoding of a whole number, such as a depth."""
    step = 1 if highest <= 12 else 2 if highest <= 24 else 4
    axis = {"values": list(range(0, highest + 1, step)), "format": "d", "grid": False}
    scale = {"domain": [0, max(highest, 1)], "nice": False, "zero": False, "padding": 6}
    return {"field": field, "type": "quantitative", "title": title, "axis": axis, "scale": scale}


def tooltip(*fields: str, **numbers: str) -> list[Spec]:
    """Return what is shown at the pointer: texts, and numbers with their formats."""
    return [{"field": name, "type": "nominal"} for name in fields] + [
        {"field": name, "type": "quantitative", "format": form} for name, form in numbers.items()
    ]


def panel(
    title: str, rows: Iterable[Row], layers: Sequence[Spec], *, notes: Sequence[str] = ()
) -> Spec:
    """Return layers over the same rows under a title; notes stand below it."""
    head: Spec = {"text": title}
    if notes:
        head["subtitle"] = [line for note in notes for line in textwrap.wrap(note, _NOTE_LETTERS)]
    return {"title": head, "data": data(rows), "layer": list(layers)}


def grid(panels: Sequence[Spec], *, columns: int | None = None, gap: int = _COLUMN_GAP) -> Spec:
    """Return panels side by side, each with axes of its own, and one legend for all of them.

    Args:
        columns: at most; by default 3, but two by two for four.
        gap: points between columns, for the labels of vertical axes.
    """
    drawn = _that_fit(panels)
    columns = columns or (2 if len(panels) == 4 else 3)
    width, height = _LARGE if len(panels) == 1 else _SMALL
    sized = [{"width": width, "height": height, **each} for each in drawn]
    notes = max(len(each["title"].get("subtitle", ())) for each in drawn)
    spec: Spec = {"concat": sized, "columns": min(columns, len(drawn)), "bounds": "flush"}
    spec["spacing"] = {"row": _ROW_GAP + _NOTE_HEIGHT * notes, "column": gap}
    if len(panels) > len(drawn):
        more = f"The first {len(drawn)} of {len(panels)} panels; choose others with --where."
        spec["title"] = {"text": more, "fontWeight": "normal"}
    return spec


def gap_for(labels: Iterable[str]) -> int:
    """Return the gap between columns whose vertical axes have these labels."""
    longest = max(map(len, labels), default=0)
    return min(_COLUMN_GAP + 6 * longest, _WIDEST_GAP)


def _that_fit(panels: Sequence[Spec]) -> Sequence[Spec]:
    """Return the first panels, as many as a specification has room for; one in any case."""
    sizes = itertools.accumulate(size_bytes(each) for each in panels[:MOST_PANELS])
    room = sum(1 for size in sizes if size < LIMIT_BYTES * 0.9)
    return panels[: max(1, room)]


def cells(rows: Iterable[Row], title: str, *, x: Spec, y: Spec, value: Spec, form: str) -> Spec:
    """Return a heat map with its numbers in the cells.

    Args:
        value: the encoding of what is shown, with the domain of its scale.
    """
    low, high = value["scale"]["domain"]
    above = {"test": f"datum['{value['field']}'] > {(low + high) / 2}", "value": "black"}
    text = {"field": value["field"], "type": "quantitative", "format": form}
    ink = {"condition": above, "value": "white"}
    return {
        "title": {"text": title},
        "data": data(rows),
        "encoding": {"x": x, "y": y},
        "layer": [
            {"mark": {"type": "rect", "tooltip": True}, "encoding": {"fill": value}},
            {"mark": {"type": "text", "fontSize": 9}, "encoding": {"text": text, "color": ink}},
        ],
    }
