"""`watch`: one sweep as it goes on, from the catalog alone."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialState
from orchestrator.commands import browsing
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.listing import place, state
from orchestrator.commands.output import count, duration, number, table
from orchestrator.commands.watching import follow

SHOWN_RUNNING = 15


def watch(sweep: str | None, workspace: Path, *, catalog: str | None) -> None:
    """Show a sweep, or the table of all, anew every few seconds until Ctrl-C.

    Raises:
        CatalogError: there is no catalog, or no such sweep in it.
    """
    if sweep is None:
        browsing.status(workspace, catalog=catalog, as_json=False, watch=True)
        return
    with open_catalog(workspace, catalog) as opened:
        opened.counts(sweep)  # says so if there is none
        follow(lambda out: draw(out, opened, sweep))


def draw(out: Console, opened: Catalog, sweep: str) -> None:
    """Draw one sweep as it is now: trials by state, who works on it, what runs, the best so far."""
    counts = opened.counts(sweep)
    total = sum(counts.values())
    words = ", ".join(f"{count(n)} {s}" for s, n in counts.items() if n)
    out.print(f"[bold]{escape(sweep)}[/]: {count(total)} trials, {words or 'none'}")
    working = opened.submissions(sweep)
    for submission in working:
        said = f"{state(submission, living=True)}: {place(submission)}"
        out.print(f"{said}, submitted by {submission.submitted_by or '–'}", markup=False)
    progress = opened.progress(sweep).get(sweep) if working else None
    if progress is not None and progress.left_s is not None:
        out.print(f"about {duration(progress.left_s)} left at the pace so far")
    if not working:
        out.print("nobody works on it; submit it again to go on", style="dim")
    _draw_running(out, opened, sweep, counts[TrialState.RUNNING])
    _draw_best(out, opened, sweep)


def _draw_running(out: Console, opened: Catalog, sweep: str, running: int) -> None:
    chosen = TrialFilter(sweep=sweep, state=TrialState.RUNNING)
    found = opened.trials(chosen, "started_at", limit=SHOWN_RUNNING)
    if not found:
        return
    planned = opened.planned(row.trial_id for row in found)
    view = table("running", "what", "epoch", "score", "since", right=("epoch", "score"))
    for row in found:
        curve = opened.epochs(row.trial_id)
        view.add_row(
            row.trial_id[:8],
            row.label,
            f"{len(curve)}/{planned[row.trial_id].training.epochs}",
            number(curve[-1].selection_score if curve else None),
            f"{row.started_at:%H:%M:%S}" if row.started_at else "–",
        )
    out.print(view)
    if running > len(found):
        out.print(f"and {count(running - len(found))} more", style="dim")


def _draw_best(out: Console, opened: Catalog, sweep: str) -> None:
    rows = opened.leaderboard(sweep, limit=1)
    if not rows:
        return
    view = table("best so far", "score", "seeds", "what", right=("score",))
    for row in rows:
        seeds = f"{row.seeds} of {row.planned}"
        view.add_row(row.task, f"{row.metric} {number(row.mean)}", seeds, row.label)
    out.print(view)
