"""Write the study: a page in Markdown, or records for scripts."""

from collections.abc import Iterator, Sequence
from typing import Any

from dashboards.reporting.contents import MISSING, Table
from dashboards.reporting.writing_text import markdown_table, markdown_text
from dashboards.study.claims import Paper, Read
from dashboards.study.estimates import Estimate, Unit, Verdict, shown
from dashboards.study.study import Answer, Study

_ID_DIGITS = 8
_METHOD = (
    "A claim is **confirmed** if the whole 95 % interval of what was measured meets its test, "
    "**not confirmed** if none of it does, and **not decidable here** otherwise: more tasks, seeds "
    "or rows could tell. No correction is made for the number of claims: of twenty intervals, one "
    "misses by chance.",
    "Scores are of validation, paired by task and seed, in points (hundredths of the metric). "
    "Where several configurations were tried, such as learning rates, each side is its best on "
    "validation; adapters that are compared are alike in all that the claim is not about. The "
    "interval is Student's over tasks, each the mean over its seeds; of one task, over its seeds.",
    "Times are of cells that took turns, paired round by round; the interval is Student's over "
    "settings (batch, length), each the mean over its rounds; of one setting, over its rounds. It "
    "says nothing of other machines.",
    "A number of layers of the paper's twelve stands for the same share of the layers here, halves "
    "rounded up: five of twelve are three of six.",
    "The paper's numbers are from its text and tables, unless marked: *quoted* by another text "
    "about it, *digitised* off its figure (half a point more or less), or *computed* from its "
    "tables.",
)


def as_markdown(study: Study, again: Sequence[str] = ()) -> str:
    """Return the study as a page.

    Args:
        again: commands that make it anew.
    """
    parts = ["# The papers' claims, measured again", _summary(study)]
    if again:
        parts.append("```sh\n" + "\n".join(again) + "\n```")
    parts.append("## How a claim is decided")
    parts.append("\n".join(f"- {said}" for said in _METHOD))
    parts += ["## On what", markdown_table(_tasks(study))]
    parts += [f"- Times: {markdown_text(said)}" for said in study.machines]
    for paper in Paper:
        own = [answer for answer in study.answers if answer.claim.paper is paper]
        parts += [f"## {markdown_text(paper.value)}", markdown_table(_table(own))]
    parts += ["## What the papers say otherwise", *_otherwise(study)]
    parts += ["## Traces", _TRACES, *_traces(study)]
    return "\n\n".join(parts) + "\n"


_TRACES = (
    "The trials or measurements behind each number, by how their ids begin; `adaptersweep show` "
    "and the catalog's export have them in full."
)


def _summary(study: Study) -> str:
    counts, number = study.counts, len(study.answers)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"Of {number} claims: {said}."


def _tasks(study: Study) -> Table:
    return Table(
        title="Tasks",
        columns=("task", "metric", "majority class", "finished trials", "rows"),
        rows=[
            (title, metric, shown(majority), f"{trials:,}", fingerprint[:_ID_DIGITS])
            for title, fingerprint, metric, majority, trials in study.tasks
        ],
        numbers=frozenset({"majority class", "finished trials"}),
    )


def _table(answers: Sequence[Answer]) -> Table:
    rows = []
    for answer in answers:
        claim, estimate = answer.claim, answer.estimate
        read = "" if claim.read is Read.PAPER else f" ({claim.read})"
        rows.append(
            (
                claim.says,
                claim.where,
                claim.number + read,
                MISSING if estimate is None else in_words(estimate),
                str(claim.test),
                "" if estimate is None else estimate.basis,
                answer.verdict.value,
            )
        )
    columns = ("claim", "where", "paper", "here (95 % interval)", "test", "over", "verdict")
    return Table(title="", columns=columns, rows=rows)


def in_words(estimate: Estimate) -> str:
    """Return an estimate with its interval and unit."""
    signed = estimate.unit is Unit.POINTS
    value = _number(estimate.value, signed=signed)
    unit = f" {estimate.unit}"
    if estimate.interval is None:
        return value + unit + " (one pair)"
    low, high = (_number(end, signed=signed) for end in estimate.interval)
    return f"{value}{unit} ({low} to {high})" if low != high else value + unit


def _number(value: float, *, signed: bool) -> str:
    text = f"{value:+.1f}" if signed else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text.replace("-", "−")


def _otherwise(study: Study) -> Iterator[str]:
    found = [answer for answer in study.answers if answer.verdict is Verdict.NOT_CONFIRMED]
    if not found:
        yield "No claim was refuted."
    for answer in found:
        claim, estimate = answer.claim, answer.estimate
        assert estimate is not None
        note = f" {markdown_text(f'({claim.measured_as})')}" if claim.measured_as else ""
        yield (
            f"- {markdown_text(claim.says)} Here: {markdown_text(in_words(estimate))}, over "
            f"{estimate.basis}{note}; it would have needed "
            f"{markdown_text(str(claim.test))}."
        )


def _traces(study: Study) -> Iterator[str]:
    for answer in study.answers:
        if answer.estimate is not None:
            ids = " ".join(trace[:_ID_DIGITS] for trace in answer.estimate.traces)
            kind = f"`{answer.claim.key}` ({len(answer.estimate.traces)})"
            yield f"<details><summary>{kind}</summary>\n\n{ids}\n\n</details>"


def as_records(study: Study) -> list[dict[str, Any]]:
    """Return one record for each claim, for scripts."""
    return [
        {
            "key": answer.claim.key,
            "paper": answer.claim.paper.value,
            "where": answer.claim.where,
            "claim": answer.claim.says,
            "number": answer.claim.number,
            "read": answer.claim.read.value,
            "test": str(answer.claim.test),
            "measured_as": answer.claim.measured_as,
            "sweep": answer.claim.sweep,
            "verdict": answer.verdict.value,
            **_estimated(answer.estimate),
        }
        for answer in study.answers
    ]


def _estimated(estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return dict.fromkeys(("value", "low", "high", "unit", "over")) | {"traces": []}
    low, high = estimate.interval or (None, None)
    return {
        "value": estimate.value,
        "low": low,
        "high": high,
        "unit": estimate.unit.value,
        "over": estimate.basis,
        "traces": list(estimate.traces),
    }
