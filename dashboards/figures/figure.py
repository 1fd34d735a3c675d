"""What a figure is: a name, a caption, and a function from results to a Vega-Lite specification."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboards.results import Results
from orchestrator.catalog.records import TrialState

Spec = dict[str, Any]
"""A Vega-Lite specification with its data inside, and without a theme."""

LIMIT_BYTES = 200_000
"""How large a specification may be, so that a page with several opens at once."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


@dataclass(frozen=True)
class Nothing:
    """Why there is nothing to draw, and what to submit so that there is."""

    reason: str


@dataclass(frozen=True)
class Figure:
    """A figure that can be drawn of any sweep.

    Attributes:
        shows: what is drawn, and what its spread is.
        chosen: what is drawn of several, and on what it was chosen, unless every one is.
        needs: the tables of `Results` that it reads; `attention` and `records` read whole records.
        build: see `draw`.
    """

    name: str
    title: str
    shows: str
    needs: frozenset[str]
    build: Callable[[Results, bool], "Spec | Nothing"]
    chosen: str = ""

    def caption(self, *, every: bool = False) -> str:
        """Return what a reader of the figure must know."""
        return self.shows if every or not self.chosen else f"{self.shows} {self.chosen}"

    def draw(self, results: Results, *, every: bool = False) -> Spec | Nothing:
        """Return the specification, or why there is none.

        Args:
            every: draw every configuration where otherwise the best is chosen.
        """
        if not results.rows:
            return Nothing("no trial meets the filter; leave a part of it out")
        if not results.finished:
            stopped = any(row.state is TrialState.STOPPED for row in results.rows)
            return Nothing(
                "no trial is finished: what was stopped has no score; `submit --only stopped` "
                "trains it on"
                if stopped
                else "no trial is finished yet; `adaptersweep status` shows how far the sweep is"
            )
        spec = self.build(results, every)
        if isinstance(spec, Nothing):
            return spec
        return {
            "$schema": SCHEMA,
            "description": f"{self.title}. {self.caption(every=every)}",
            **spec,
        }


def size_bytes(spec: Spec) -> int:
    """Return the length of a specification as JSON."""
    return len(json.dumps(spec, ensure_ascii=False).encode())
