"""`adaptersweep figure`: draw one figure of a sweep into a file."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from dashboards.errors import DashboardError
from dashboards.figures import FIGURES
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.figures.rendering import Theme, as_html, as_pdf, as_png, as_svg, themed
from dashboards.results import read_results
from orchestrator.catalog.catalog import Catalog
from orchestrator.spec.axes import Condition


def _as_json(spec: Spec, theme: Theme) -> str:
    return json.dumps(themed(spec, theme), ensure_ascii=False) + "\n"


WRITERS: Mapping[str, Callable[[Spec, Theme], str | bytes]] = {
    ".svg": as_svg,
    ".png": as_png,
    ".pdf": as_pdf,
    ".html": as_html,
    ".json": _as_json,
}
"""Ending of a file → what makes its content."""


def draw(
    catalog: Catalog,
    name: str,
    target: Path,
    *,
    sweep: str | None = None,
    where: Sequence[str] = (),
    every: bool = False,
    theme: str = "light",
) -> None:
    """Draw a figure into a file whose ending decides its format.

    Args:
        where: `AXIS=VALUE` each; what does not meet all of them is left out.
        every: draw every configuration where otherwise the best is chosen.

    Raises:
        DashboardError: there is no such figure, format or folder, or nothing to draw.
    """
    condition = condition_of(where)
    results = read_results(catalog, sweep, where=condition)
    spec = figure_named(name).draw(results, every=every)
    if isinstance(spec, Nothing):
        like = " of the trials that meet --where" if where else ""
        raise DashboardError(f"nothing to draw{like}: {spec.reason}")
    write_figure(spec, target, theme=theme)


def write_figure(spec: Spec, target: Path, *, theme: str = "light") -> None:
    """Write a specification's figure into a file whose ending decides its format.

    Raises:
        DashboardError: the file cannot be written.
    """
    content = WRITERS[target.suffix.lower()](spec, Theme(theme))
    try:
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise DashboardError(
            f"{target} cannot be written: {error.strerror}; give another place"
        ) from error


def figure_named(name: str) -> Figure:
    """Return a figure.

    Raises:
        DashboardError: there is none of that name.
    """
    if name not in FIGURES:
        raise DashboardError(f"expected one of {', '.join(FIGURES)}; found {name!r}")
    return FIGURES[name]


def check_target(target: Path, endings: Sequence[str]) -> None:
    """Refuse what cannot be written, before anything is read.

    Raises:
        DashboardError: nothing has this ending, or the folder is not there.
    """
    if target.suffix.lower() not in endings:
        known = ", ".join(endings)
        raise DashboardError(f"--to: expected a file that ends with one of {known}, found {target}")
    if not target.absolute().parent.is_dir():
        raise DashboardError(
            f"--to: there is no folder {target.absolute().parent}; create it first"
        )


def condition_of(pairs: Sequence[str]) -> Condition | None:
    """Return what `--where` asks for, None where nothing.

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
        return Condition.model_validate(values) if values else None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DashboardError(
            f"--where: {place}: {first['msg']}, found {first['input']!r}"
        ) from error
