"""`list`: who works on what."""

from pathlib import Path

from rich.markup import escape

from orchestrator.catalog.records import Request, Submission, SweepRow
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, print_json, table

_ASKED = {
    Request.RUN: "running",
    Request.PAUSE: "paused by {}",
    Request.STOP: "stopping, asked by {}",
    Request.CANCEL: "cancelled by {}",
}


def list_submissions(workspace: Path, *, catalog: str | None, ended: bool, as_json: bool) -> None:
    """Print the submissions that run, or every one, the latest first."""
    with open_catalog(workspace, catalog) as opened:
        found = opened.submissions(ended=ended)
        living = {s.id for s in (opened.submissions() if ended else found)}
        sweeps = {s.name: s for s in opened.sweeps()}
    if as_json:
        print_json([_as_json(s, sweeps[s.sweep], s.id in living) for s in found])
        return
    view = table(
        *("sweep", "submitted by", "where", "since (UTC)", "state", "priority", "max workers"),
        right=("priority", "max workers"),
    )
    for submission in found:
        sweep = sweeps[submission.sweep]
        view.add_row(
            escape(submission.sweep),
            escape(submission.submitted_by or "–"),
            escape(place(submission)),
            f"{submission.submitted_at:%Y-%m-%d %H:%M}",
            escape(state(submission, living=submission.id in living)),
            str(sweep.priority),
            str(sweep.max_workers or "–"),
        )
    console().print(view)
    if not found:
        console().print(
            "nobody works on any sweep" if not ended else "nothing was submitted yet", style="dim"
        )


def place(submission: Submission) -> str:
    """Say which process works on it, and as which job of a cluster."""
    where = f"process {submission.pid} on {submission.host}"
    return f"job {submission.job}, {where}" if submission.job else where


def state(submission: Submission, *, living: bool) -> str:
    """Say how a submission ended, or what is asked of it."""
    asked = _ASKED[submission.request].format(submission.requested_by)
    if submission.outcome is not None:
        why = f", {asked}" if submission.request in (Request.STOP, Request.CANCEL) else ""
        return f"{submission.outcome.value}{why}"
    return asked if living else f"gone since {submission.heartbeat_at:%H:%M}"


def _as_json(submission: Submission, sweep: SweepRow, living: bool) -> dict[str, object]:
    limits = {"priority": sweep.priority, "max_workers": sweep.max_workers}
    return submission.model_dump(mode="json") | limits | {"living": living}
