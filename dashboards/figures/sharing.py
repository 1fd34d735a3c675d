"""Sharing across layers: what fewer adapter parameters cost (AdapterDrop, Table 5)."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboards.comparing import Chosen, Panel, choose_each, panels_of
from dashboards.figures.charts import by_look, grid, panel, quantity, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.spread import over, points
from dashboards.looks import Look
from dashboards.results import Results
from workers.contract.trial import DropMode, Method

SHARING = ("sharing", "group_layers", "bottleneck_size")


def shared_lines(each: Panel) -> dict[tuple[object, ...], Chosen]:
    """Return sharing, layers of a group and size → the best configuration, largest first."""
    found = choose_each(each.of(Method.ADAPTER, mode=DropMode.NONE), *SHARING)
    return {key: chosen[0] for key, chosen in found.items()}


def adapter_parameters(chosen: Iterable[Chosen], results: Results) -> dict[int, int]:
    """Return the parameters of adapters alone, by `id` of the choice."""
    first = {id(c): c.line.rows for c in chosen}
    wanted = {
        key: next(row.trial_id for row in rows if row.score is not None)
        for key, rows in first.items()
    }
    known = results.results(wanted.values())
    return {key: known[trial_id].parameters.adapter for key, trial_id in wanted.items()}


def shares(found: Mapping[tuple[object, ...], Chosen]) -> bool:
    """Tell whether there is something shared, and something to compare it with."""
    return len({key[0] for key in found}) > 1


def _build(results: Results, every: bool) -> Spec | Nothing:
    compared = [(each, shared_lines(each)) for each in panels_of(results)]
    compared = [(each, found) for each, found in compared if shares(found)]
    if not compared:
        return Nothing(
            "no task has finished adapters with and without sharing; give `adapter: { sharing: "
            "[none, all_layers] }` in a sweep's YAML"
        )
    counted = adapter_parameters((c for _, found in compared for c in found.values()), results)
    rows = {id(each): _rows(found, counted) for each, found in compared}
    panels = [_panel(each.title, each.key.metric, rows[id(each)]) for each, _ in compared]
    if len(compared) > 1:
        panels.insert(0, _average(list(rows.values())))
    return grid(panels)


def _rows(found: Mapping[tuple[object, ...], Chosen], counted: Mapping[int, int]) -> list[Any]:
    return [
        {
            "look": chosen.look.shown,
            "size": size,
            "group": "" if group is None else f"by {group}",
            "parameters": counted[id(chosen)],
            "label": chosen.label,
            **over(chosen.line, 0),
        }
        for (_, group, size), chosen in found.items()
    ]


def _average(panels: Sequence[Sequence[Mapping[str, Any]]]) -> Spec:
    """Draw means over tasks, of what all tasks have."""

    def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return row["look"], row["size"], row["group"]

    common = set.intersection(*({key(row) for row in rows} for rows in panels))
    found = [
        {
            **{name: same[0][name] for name in ("look", "size", "group")},
            "parameters": statistics.median(row["parameters"] for row in same),
            "label": f"mean over {len(panels)} tasks",
            "mean": (mean := statistics.fmean(row["mean"] for row in same)),
            "std": None,
            "low": mean,
            "high": mean,
            "seeds": min(row["seeds"] for row in same),
        }
        for wanted in sorted(common, key=str)
        for same in [[row for rows in panels for row in rows if key(row) == wanted]]
    ]
    return _panel(f"mean over {len(panels)} tasks", "mean of primary metrics", found)


def _panel(title: str, metric: str, rows: Sequence[Mapping[str, Any]]) -> Spec:
    x = quantity("parameters", "adapter parameters", scale={"type": "log", "padding": 14})
    x["axis"] = {"format": ".2~s", "tickCount": 4, "grid": False}
    tips = tooltip("look", "label", parameters=",d", mean=".4f", std=".4f", seeds="d")
    looks = by_look([Look.STANDARD, Look.SHARED], "shape")
    layers = points(x, quantity("mean", metric), looks, tips=tips, line=("look", "group"))
    text = {"field": "size", "type": "quantitative"}
    layers.append(
        {
            "mark": {"type": "text", "dy": -9, "fontSize": 9},
            "encoding": {"x": x, "y": quantity("mean", metric), "text": text},
        }
    )
    return panel(title, rows, layers)


SHARING_FIGURE = Figure(
    name="sharing",
    title="Sharing adapters across layers: parameters against score",
    shows=(
        "One adapter for several layers against one for each, by the parameters of the adapters "
        "(AdapterDrop, table 5); numbers are bottleneck sizes. Means over seeds, bars of one "
        "standard deviation. Of each size the best configuration on validation is drawn. The first "
        "panel is the mean over tasks, of what all tasks have."
    ),
    needs=frozenset({"trials", "depths", "records"}),
    build=_build,
)
