"""Means over seeds with their spread, as points, lines and bars: what most figures are made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboards.comparing import Line
from dashboards.figures.figure import Spec
from orchestrator.planning.ranking import over_seeds


def over(line: Line, depth: int | None = None) -> dict[str, Any]:
    """Return mean, standard deviation, and the ends of mean ± deviation of a line at a depth."""
    values = list(line.scores[line.at if depth is None else depth].values())
    return spread(values)


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return the same of any values; a single one has no deviation."""
    mean, std = over_seeds(values)
    reach = std or 0.0
    return {
        "mean": mean,
        "std": std,
        "low": mean - reach,
        "high": mean + reach,
        "seeds": len(values),
    }


def points(
    x: Spec, y: Spec, look: Mapping[str, Spec], *, tips: Sequence[Spec], line: Iterable[str] = ()
) -> list[Spec]:
    """Return layers of points with bars from low to high, joined by lines.

    Args:
        line: fields that tell lines apart, such as `label`; without, points are not joined.
    """
    colour = {"color": look["color"]}
    detail = {"detail": [{"field": name} for name in line]} if line else {}
    ends = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    layers = [{"mark": {"type": "rule", "opacity": 0.6}, "encoding": {**ends, **colour}}]
    if line:
        dash = {"strokeDash": look["strokeDash"]} if "strokeDash" in look else {}
        joined = {"x": x, "y": y, **colour, **dash, **detail}
        layers.append({"mark": {"type": "line"}, "encoding": joined})
    shape = {"shape": look["shape"]} if "shape" in look else {}
    marks = {"x": x, "y": y, **colour, **shape, "tooltip": list(tips)}
    layers.append({"mark": {"type": "point", "filled": True}, "encoding": marks})
    return layers
