"""Plot score against the number of dropped layers (AdapterDrop, Figure 2).

A panel for each task, base model and state of the task's data; lines are means over the seeds of
one configuration. By default each panel has the best one of each way of dropping; which one that
is, is chosen on validation and said where several were tried.

`python -m dashboards.drop_curves --workspace workspace --sweep quickstart --to curves.png`
"""

import argparse
import os
import statistics
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from pydantic import ValidationError

from dashboards.curves import Curve, Panel, read_panels
from dashboards.errors import DashboardError
from orchestrator.addresses import holds_password
from orchestrator.catalog.catalog import Catalog
from orchestrator.errors import OrchestratorError
from orchestrator.spec.axes import Condition
from orchestrator.stores import Stores
from workers.contract.trial import DropMode, Method

STYLES = {
    DropMode.NONE: ("standard", "#4c72b0", "o"),
    DropMode.SPECIALISED: ("specialised", "#dd8452", "s"),
    DropMode.ROBUST: ("robust", "#55a868", "^"),
}
NAMES = {Method.FULL_FINE_TUNING: ("full fine-tuning", "--"), Method.HEAD_ONLY: ("head only", ":")}
LINE_STYLES = ("-", "--", "-.", ":")
_LEGEND_LETTERS, _LEGEND_INCHES = 48, 1.5
"""Width of a panel's own legend, and the height that it takes."""


def draw(panels: Sequence[Panel]) -> Figure:
    """Draw the panels: lines are means over seeds, bands reach from the least to the best."""
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, panel in zip(axes, panels, strict=False):
        _draw_panel(place, panel)
    for place in axes[len(panels) :]:
        place.set_axis_off()
    _add_legends(figure, list(axes[: len(panels)]))
    return figure


def _add_legends(figure: Figure, places: Sequence[Axes]) -> None:
    """Explain all lines once, or in each panel where one look stands for different settings."""
    found: dict[str, Line2D] = {}
    for place in places:
        for line in place.lines:
            found.setdefault(str(line.get_label()), line)
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in found.values()}
    if len(looks) < len(found):
        for place in places:
            handles, labels = place.get_legend_handles_labels()
            place.legend(
                handles,
                [textwrap.fill(label, _LEGEND_LETTERS) for label in labels],
                loc="upper center",
                bbox_to_anchor=(0.5, -0.2),  # below the axis and its name
                fontsize="x-small",
                frameon=False,
            )
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + _LEGEND_INCHES)
        return
    across = 6 if max(map(len, found)) < 20 else 2
    figure.legend(
        found.values(), found.keys(), loc="outside lower center", ncols=across, frameon=False
    )


def _draw_panel(place: Axes, panel: Panel) -> None:
    drawn: dict[DropMode, int] = {}
    for curve in panel.curves:
        nth = drawn[curve.mode] = drawn.get(curve.mode, -1) + 1
        _draw_curve(place, curve, LINE_STYLES[nth % len(LINE_STYLES)])
    for curve in panel.baselines:
        name, style = NAMES[curve.method]
        mean = statistics.fmean(curve.scores[0])
        label = curve.label(name)
        place.axhline(mean, color="#555555", linestyle=style, linewidth=1.2, label=label)
    place.axhline(panel.majority, color="#bbbbbb", linewidth=1.0, label="majority")
    place.set_title(panel.title)
    place.set_xlabel("adapters dropped from the lowest layers")
    place.set_ylabel(panel.metric)
    place.xaxis.set_major_locator(MaxNLocator(integer=True))
    place.spines[["top", "right"]].set_visible(False)


def _draw_curve(place: Axes, curve: Curve, line_style: str) -> None:
    name, colour, marker = STYLES[curve.mode]
    depths = sorted(curve.scores)
    means = [statistics.fmean(curve.scores[depth]) for depth in depths]
    place.plot(
        depths,
        means,
        color=colour,
        marker=marker,
        linestyle=line_style,
        label=curve.label(name),
        linewidth=1.6,
    )
    low = [min(curve.scores[depth]) for depth in depths]
    high = [max(curve.scores[depth]) for depth in depths]
    place.fill_between(depths, low, high, color=colour, alpha=0.15, linewidth=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the options, write the picture, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.drop_curves", description=__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument(
        "--catalog", help="catalog database; by default ADAPTERSWEEP_CATALOG or the workspace's"
    )
    parser.add_argument("--sweep", required=True)
    parser.add_argument("--to", type=Path, required=True, help="picture: .png, .svg or .pdf")
    parser.add_argument(
        "--all", action="store_true", help="every configuration, not the best of each way alone"
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="AXIS=VALUE",
        help="only these, such as learning_rate=1e-4; keys are those of a condition",
    )
    given = parser.parse_args(arguments)
    try:
        _check_target(given.to)
        where = _condition(given.where)
        if given.catalog is not None and holds_password(given.catalog):
            raise DashboardError(
                "--catalog: found a password, and every user of this machine can read the "
                "arguments of a command; give the address in ADAPTERSWEEP_CATALOG"
            )
        catalog_url = given.catalog or os.environ.get("ADAPTERSWEEP_CATALOG")
        stores = Stores.at(given.workspace, catalog=catalog_url)
        with Catalog.open(stores.catalog_url, create=False) as catalog:
            panels = read_panels(catalog, given.sweep, where=where, every=given.all)
        draw(panels).savefig(given.to, dpi=130)
    except (DashboardError, OrchestratorError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{given.to} cannot be written: {error.strerror}; give another place\n")
        return 2
    return 0


def _check_target(target: Path) -> None:
    """Refuse what cannot be written, before anything is read.

    Raises:
        DashboardError: no picture has this ending, or the folder is not there.
    """
    endings: Mapping[str, str] = Figure().canvas.get_supported_filetypes()
    if target.suffix.lower().removeprefix(".") not in endings:
        known = ", ".join(f".{ending}" for ending in sorted(endings))
        raise DashboardError(f"--to: expected a file that ends with one of {known}, found {target}")
    if not target.absolute().parent.is_dir():
        raise DashboardError(
            f"--to: there is no folder {target.absolute().parent}; create it first"
        )


def _condition(pairs: Sequence[str]) -> Condition:
    """Return what `--where` asks for.

    Raises:
        DashboardError: an axis or a value that no condition has.
    """
    values: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in Condition.model_fields:
            known = ", ".join(Condition.model_fields)
            raise DashboardError(
                f"--where: expected AXIS=VALUE with one of {known}, found {pair!r}"
            )
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise DashboardError(f"--where: {text!r} is no value; write it as in YAML") from error
    try:
        return Condition.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DashboardError(
            f"--where: {place}: {first['msg']}, found {first['input']!r}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
