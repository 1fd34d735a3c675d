"""Plot score against the number of dropped layers, a panel per task (AdapterDrop, Figure 2).

`python -m dashboards.drop_curves --workspace workspace --sweep quickstart --to curves.png`
"""

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dashboards.errors import DashboardError
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialRow, TrialState
from orchestrator.errors import OrchestratorError
from orchestrator.stores import Stores
from workers.results import TrialResult
from workers.trial import DropMode, Method

STYLES = {
    DropMode.NONE: ("standard", "#4c72b0", "o"),
    DropMode.SPECIALISED: ("specialised", "#dd8452", "s"),
    DropMode.ROBUST: ("robust", "#55a868", "^"),
}
BASELINES = {Method.FULL_FINE_TUNING: "full fine-tuning", Method.HEAD_ONLY: "head only"}


@dataclass(frozen=True)
class Curves:
    """What is drawn for one task; scores are the primary metric on validation.

    Attributes:
        lines: way of dropping → depth → scores, one per seed.
        baselines: method → scores, one per seed.
        majority: the score of always predicting the majority class.
    """

    task: str
    metric: str
    lines: dict[DropMode, dict[int, list[float]]]
    baselines: dict[Method, list[float]]
    majority: float


def read_curves(catalog: Catalog, sweep: str) -> list[Curves]:
    """Collect the curves of each task of a sweep, from the shape of adapter that most trials have.

    Raises:
        DashboardError: the sweep has no finished adapter trial.
    """
    chosen = TrialFilter(sweep=sweep, state=TrialState.FINISHED)
    rows = catalog.trials(chosen, "task", limit=None)
    results = catalog.results(r.trial_id for r in rows)
    tasks = dict.fromkeys(r.task for r in rows)
    curves = [_of_task([r for r in rows if r.task == task], results) for task in tasks]
    found = [c for c in curves if c is not None]
    if not found:
        raise DashboardError(
            f"expected finished adapter trials in sweep {sweep}, found none; "
            "`adaptersweep status` shows how far it is"
        )
    return found


def draw(curves: Sequence[Curves]) -> Figure:
    """Draw a panel per task: lines are means over seeds, bands reach from the least to the best."""
    columns = min(4, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, curve in zip(panels, curves, strict=False):
        _draw_panel(panel, curve)
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    return figure


def _of_task(rows: Sequence[TrialRow], results: dict[str, TrialResult]) -> Curves | None:
    adapters = [r for r in rows if r.method is Method.ADAPTER]
    if not adapters:
        return None
    shapes = [(r.placement, r.bottleneck_size, r.sharing, r.non_linearity) for r in adapters]
    usual = statistics.mode(shapes)
    lines: dict[DropMode, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row, shape in zip(adapters, shapes, strict=True):
        if shape == usual:
            for depth, score in results[row.trial_id].by_depth.items():
                lines[row.drop_mode][depth].append(score)
    baselines: dict[Method, list[float]] = defaultdict(list)
    for row in rows:
        if row.method in BASELINES:
            baselines[row.method].append(results[row.trial_id].score)
    first = results[adapters[0].trial_id]
    return Curves(adapters[0].task, first.metric, lines, baselines, first.majority)


def _draw_panel(panel: Axes, curve: Curves) -> None:
    for mode, (label, colour, marker) in STYLES.items():
        points = sorted(curve.lines.get(mode, {}).items())
        if not points:
            continue
        depths = [d for d, _ in points]
        means = [statistics.fmean(scores) for _, scores in points]
        panel.plot(depths, means, color=colour, marker=marker, label=label, linewidth=1.6)
        low, high = [min(s) for _, s in points], [max(s) for _, s in points]
        panel.fill_between(depths, low, high, color=colour, alpha=0.15, linewidth=0)
    for (method, label), style in zip(BASELINES.items(), ("--", ":"), strict=True):
        if curve.baselines.get(method):
            mean = statistics.fmean(curve.baselines[method])
            panel.axhline(mean, color="#555555", linestyle=style, linewidth=1.2, label=label)
    panel.axhline(curve.majority, color="#bbbbbb", linewidth=1.0, label="majority")
    panel.set_title(curve.task)
    panel.set_xlabel("adapters dropped from the lowest layers")
    panel.set_ylabel(curve.metric)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.spines[["top", "right"]].set_visible(False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the options, write the picture, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.drop_curves", description=__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--catalog", help="catalog database; by default the workspace's")
    parser.add_argument("--sweep", required=True)
    parser.add_argument("--to", type=Path, required=True, help="picture: .png, .svg or .pdf")
    given = parser.parse_args(arguments)
    try:
        stores = Stores.at(given.workspace, catalog=given.catalog)
        if given.catalog is None and not (stores.workspace.root / "catalog.sqlite").exists():
            raise DashboardError(f"no catalog in {stores.workspace.root}; submit a sweep first")
        with Catalog.open(stores.catalog_url, create=False) as catalog:
            draw(read_curves(catalog, given.sweep)).savefig(given.to, dpi=130)
    except (DashboardError, OrchestratorError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
