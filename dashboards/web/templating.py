"""How pages become HTML: Jinja2 with everything escaped, and the few words that templates use."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from dashboards.web.static_files import address
from dashboards.web.tables import Kind, duration, plain, written
from dashboards.web.twins import FORMS


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("dashboards.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(static=address, Kind=Kind, forms=tuple(FORMS), at=_at)
    made.filters.update(written=lambda v, kind: written(kind, v), duration=duration, plain=plain)
    return made


def _at(value: float, span: tuple[float, float]) -> str:
    """Return where a value lies in a drawing that is 100 wide."""
    low, high = span
    return f"{min(100.0, max(0.0, 100 * (value - low) / (high - low))):.2f}"


def rendered(template: str, **values: Any) -> HTMLResponse:
    """Return a page."""
    text = _environment().get_template(f"{template}.html").render(**values)
    return HTMLResponse(text, headers={"Cache-Control": "no-cache"})
