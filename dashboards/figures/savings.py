"""What was not computed again: reused trials, frozen prefixes that were found, packs."""

from dataclasses import dataclass
from typing import Any

from dashboards.figures.charts import data, tooltip
from dashboards.figures.figure import Figure, Nothing, Spec
from dashboards.looks import BLUE, GREEN
from dashboards.results import Results
from orchestrator.catalog.records import TrialState

_DONE, _SAVED = "computed", "saved"


@dataclass(frozen=True)
class Savings:
    """What a sweep computed and what it did not have to.

    Attributes:
        trained, reused: finished trials; those had ended before the sweep was first submitted.
        trained_s, reused_s: the seconds that they took.
        computed, found: frozen prefixes, as often as a trial took one up.
        alone, packed: trials with a frozen part, by whether others were in the same pass.
    """

    trained: int
    reused: int
    trained_s: float
    reused_s: float
    computed: int
    found: int
    alone: int
    packed: int


def savings_of(results: Results) -> Savings:
    """Count what was saved."""
    finished = [row for row in results.rows if row.state is TrialState.FINISHED]
    began = results.began_at
    old = [row for row in finished if began and row.ended_at and row.ended_at < began]
    mine = [row for row in finished if row not in old] if old else finished
    records = results.records[results.records["trial_id"].isin([row.trial_id for row in mine])]
    computed = int(records["prefixes_computed"].fillna(0).sum())
    packed = int((records["pack_width"] > 1).sum())
    return Savings(
        trained=len(mine),
        reused=len(old),
        trained_s=sum(row.duration_s or 0.0 for row in mine),
        reused_s=sum(row.duration_s or 0.0 for row in old),
        computed=computed,
        found=max(0, int(records["prefixes"].fillna(0).sum()) - computed),
        alone=len(records) - packed,
        packed=packed,
    )


def _build(results: Results, every: bool) -> Spec | Nothing:
    found = savings_of(results)
    bars = [
        ("trials", found.trained, found.reused, "trained here", "reused"),
        ("seconds of trials", round(found.trained_s), round(found.reused_s), "spent", "not spent"),
        ("frozen prefixes", found.computed, found.found, "computed", "found in the cache"),
        ("trials of this sweep", found.alone, found.packed, "in a pass alone", "in packs"),
    ]
    rows = [row for bar in bars if bar[1] + bar[2] for row in _rows(*bar)]
    share = {"field": "share", "type": "quantitative", "stack": "zero"}
    axis = {"format": ".0%", "grid": False}
    what = {"field": "what", "type": "nominal", "title": None, "sort": [bar[0] for bar in bars]}
    colour = {
        "field": "kind",
        "type": "nominal",
        "title": None,
        "scale": {"domain": [_DONE, _SAVED], "range": [BLUE, GREEN]},
    }
    place = {"x": {**share, "axis": axis, "title": "share"}, "y": what}
    named = {"field": "middle", "type": "quantitative"}
    words = {"x": named, "y": what, "text": {"field": "words", "type": "nominal"}}
    tips = tooltip("words", number=",d", share=".1%")
    bar = {
        "mark": {"type": "bar", "height": 22},
        "encoding": place | {"color": colour, "tooltip": tips},
    }
    text = {"mark": {"type": "text", "color": "white", "fontSize": 10}, "encoding": words}
    shown = {"transform": [{"filter": "datum.share > 0.18"}], **text}
    return {
        "data": data(rows),
        "width": 520,
        "height": 36 * len(rows) // 2 + 20,
        "layer": [bar, shown],
    }


def _rows(what: str, done: int, saved: int, *words: str) -> list[dict[str, Any]]:
    whole, start = done + saved, 0.0
    rows = []
    for kind, number, said in ((_DONE, done, words[0]), (_SAVED, saved, words[1])):
        share = number / whole
        row = {"what": what, "kind": kind, "number": number, "share": share}
        rows.append(row | {"words": f"{number:,} {said}", "middle": start + share / 2})
        start += share
    return rows


SAVINGS = Figure(
    name="savings",
    title="What was not computed again",
    shows=(
        "Trials that had been finished before the sweep was first submitted, and the seconds that "
        "they took then; frozen prefixes that a trial found in the cache; and trials that were "
        "trained together in one pass. Shares of each, with their numbers."
    ),
    needs=frozenset({"trials", "records"}),
    build=_build,
)
