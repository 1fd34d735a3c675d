"""Turn specifications into pictures and pages, with one theme and without any network."""

import copy
import html
import json
from enum import StrEnum
from string import Template
from typing import Any

from dashboards.errors import DashboardError
from dashboards.figures.figure import Spec

VEGA_LITE = "6.4"
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_INK = "#010203"
"""Stands for the colour of the text around a picture until it is drawn."""


class Theme(StrEnum):
    """Colours of everything but the data, which has the same in all of them."""

    LIGHT = "light"
    DARK = "dark"
    PAGE = "page"  # of an SVG inside a page: transparent, in the colour of the text around it


_COLOURS = {
    Theme.LIGHT: ("#1f2328", "#ffffff"),
    Theme.DARK: ("#e6e8ea", "#15181c"),
    Theme.PAGE: (_INK, "transparent"),
}


def themed(spec: Spec, theme: Theme = Theme.LIGHT) -> Spec:
    """Return the specification in a theme, ready for Vega-Embed."""
    ink, background = _COLOURS[theme]
    return {**copy.copy(spec), "background": background, "config": _config(ink)}


def _config(ink: str) -> Spec:
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 11, "titleFontSize": 11}
    axis = {
        **text,
        "titleFontWeight": "normal",
        "domainColor": ink,
        "domainOpacity": 0.35,
        "tickColor": ink,
        "tickOpacity": 0.35,
        "gridColor": ink,
        "gridOpacity": 0.1,
        "labelLimit": 260,
        "labelOverlap": "greedy",
        "labelSeparation": 8,
    }
    legend = {"orient": "top", "symbolSize": 70, "symbolStrokeWidth": 2, "labelLimit": 300}
    title = {
        "color": ink,
        "subtitleColor": ink,
        "anchor": "start",
        "frame": "group",
        "fontSize": 12,
    }
    subtitle = {"subtitleFontSize": 10, "subtitlePadding": 3, "limit": 460}
    return {
        "font": _FONT,
        "view": {"stroke": None},
        "axis": axis,
        "legend": {**text, **legend},
        "title": title | subtitle,
        "line": {"strokeWidth": 2},
        "point": {"size": 45, "opacity": 1},
        "rule": {"strokeWidth": 1.4},
        "text": {"color": ink},
        "range": {"heatmap": {"scheme": "cividis"}, "ramp": {"scheme": "cividis"}},
    }


def as_svg(spec: Spec, theme: Theme = Theme.LIGHT) -> str:
    """Return a picture as SVG text.

    Raises:
        DashboardError: the specification cannot be drawn.
    """
    text = str(_drawn("vegalite_to_svg", spec, theme))
    return text.replace(_INK, "currentColor")


def as_png(spec: Spec, theme: Theme = Theme.LIGHT, *, scale: float = 2.0) -> bytes:
    """Return a picture as PNG, `scale` pixels for each of its points.

    Raises:
        DashboardError: the specification cannot be drawn.
    """
    return bytes(_drawn("vegalite_to_png", spec, theme, scale=scale))


def svg_as_png(svg: str, *, scale: float = 2.0) -> bytes:
    """Return the SVG of a page, as `as_svg` draws it, as PNG in the light theme.

    Raises:
        DashboardError: it cannot be drawn.
    """
    ink, background = _COLOURS[Theme.LIGHT]
    start = svg.index(">", svg.index("<svg")) + 1
    sheet = f'<rect width="100%" height="100%" fill="{background}"/>'
    text = (svg[:start] + sheet + svg[start:]).replace("currentColor", ink)
    return bytes(_called("svg_to_png", text, scale=scale))


def as_pdf(spec: Spec, theme: Theme = Theme.LIGHT) -> bytes:
    """Return a picture as PDF, for papers.

    Raises:
        DashboardError: the specification cannot be drawn.
    """
    return bytes(_drawn("vegalite_to_pdf", spec, theme))


def as_html(spec: Spec, theme: Theme = Theme.LIGHT) -> str:
    """Return a page that draws it and answers to the pointer; all of it is in the one file."""
    import vl_convert

    # No text of a specification may end the script that it stands in.
    content = json.dumps(themed(spec, theme)).replace("<", "\\u003c")
    usual = "window.vegaEmbed = vegaEmbed;"
    bundle = vl_convert.javascript_bundle(usual, VEGA_LITE).replace("</script", "<\\/script")
    return _PAGE.substitute(
        bundle=bundle,
        spec=content,
        title=html.escape(str(spec.get("description", "Figure")).partition(". ")[0]),
        background=_COLOURS[theme][1],
    )


_PAGE = Template(
    """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:">
<title>$title</title>
<style>body { margin: 2rem; background: $background; }</style>
<script>$bundle</script>
</head>
<body>
<div id="figure"></div>
<script>
vegaEmbed("#figure", $spec, {renderer: "svg", actions: {export: true, source: false, \
compiled: false, editor: false}});
</script>
</body>
</html>
"""
)


def _drawn(function: str, spec: Spec, theme: Theme, **options: Any) -> Any:
    # Data are inside; nothing is fetched.
    return _called(function, themed(spec, theme), VEGA_LITE, allowed_base_urls=[], **options)


def _called(function: str, *given: Any, **options: Any) -> Any:
    import vl_convert  # of 80 MB, and half a second at first use

    try:
        return getattr(vl_convert, function)(*given, **options)
    except (ValueError, RuntimeError) as error:
        raise DashboardError(f"a figure cannot be drawn: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust, which derives from no Exception
            raise
        raise DashboardError(f"a figure cannot be drawn: {error}") from error
