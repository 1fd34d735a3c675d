"""Score against the scale of initial weights (Houlsby et al. 2019, Figure 6, right)."""

from collections.abc import Sequence

from dashboards.comparing import Line, Panel, panels_of
from dashboards.figures.charts import by_look, grid, panel, quantity, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.spread import over, points
from dashboards.figures.training import varied
from dashboards.looks import Look
from dashboards.results import Results
from workers.contract.trial import Method

_USUAL = {"bert": 0.02, "houlsby": 0.01}


def scale_of(line: Line) -> float | None:
    """Return the standard deviation that initial weights of an adapter were drawn with."""
    if line.method is not Method.ADAPTER:
        return None
    usual = _USUAL.get(str(line.settings.get("initialisation")))
    given = line.settings.get("initial_std")
    return usual if given is None else float(given)


def _build(results: Results, every: bool) -> Spec | Nothing:
    shown = [
        (each, groups)
        for each in panels_of(results)
        if (groups := varied(each, "initial_std", scale_of))
    ]
    if not shown:
        return Nothing(
            "no adapters differ by the scale of their initial weights alone; give "
            "`initial_std: [1e-4, 1e-2, 1]` in `adapter:`"
        )
    looks = {group[0].look for _, groups in shown for group in groups}
    return grid([_panel(each, groups, looks) for each, groups in shown])


def _panel(each: Panel, groups: Sequence[Sequence[Line]], looks: set[Look]) -> Spec:
    rows = [
        {"look": line.look.shown, "scale": scale_of(line), **over(line)}
        for group in groups
        for line in group
    ]
    x = quantity(
        "scale", "standard deviation of initial weights", scale={"type": "log", "padding": 12}
    )
    marks = sorted({row["scale"] for row in rows})
    x["axis"] = {"format": ".0e", "grid": False, "values": marks, "labelOverlap": True}
    tips = tooltip("look", scale=".1e", mean=".4f", std=".4f", seeds="d")
    y, look = quantity("mean", each.key.metric), by_look(looks, "dash", "shape")
    return panel(each.title, rows, points(x, y, look, tips=tips, line=("look",)))


INITIALISATION = Figure(
    name="initialisation",
    title="Score against the scale of initial weights",
    shows=(
        "Adapters that differ by the standard deviation of their initial weights alone (Houlsby "
        "et al. 2019, figure 6); of each kind the group with the most scales and the best score "
        "on validation. Means over seeds, bars of one standard deviation."
    ),
    needs=frozenset({"trials", "depths"}),
    build=_build,
)
