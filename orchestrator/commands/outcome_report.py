"""What a submission came to, for people and as JSON: scores, failures, what is registered."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.leaderboard_tables import print_leaderboard
from orchestrator.commands.output import number, table
from orchestrator.commands.warnings import missing_words, print_warnings, reading_warnings
from orchestrator.interruption import INTERRUPTED_SAID
from orchestrator.running.driver import Outcome
from orchestrator.stores import Stores
from workers.contract.storage.addresses import workspace_address
from workers.contract.storage.trial_files import LOG

LEADERBOARD_ROWS = 5


def show_outcome(out: Console, outcome: Outcome, stores: Stores, workspace: Path) -> None:
    """Print for people how a submission ended, and what they can do next."""
    if outcome.reused == len(outcome.plan.trials) and outcome.complete:
        out.print(f"\nNothing to train: all {outcome.reused} trials were finished before.")
    else:
        out.print(
            f"\n{outcome.trained} trials finished now, {outcome.reused} before, "
            + f"{outcome.taken} by other submissions, " * (outcome.taken > 0)
            + f"{len(outcome.failed)} failed, {len(outcome.blocked)} blocked."
        )
    if outcome.stopped_early:
        out.print(
            f"{outcome.stopped_early} trials are stopped, as early_termination asks; "
            "`submit --only stopped`, or submitting without it, trains them on."
        )
    if outcome.ended_by:
        out.print(
            f"Ended by its budget, {outcome.ended_by}; {outcome.left_out} trials are left: submit "
            "with a larger one to go on."
        )
    elif outcome.left_out:
        out.print(
            f"{outcome.left_out} trials were left out, as --only asked; winners are registered "
            "when none is to come."
        )
    with Catalog.open(stores.catalog_url, create=False) as catalog:
        print_leaderboard(out, catalog, outcome.plan.spec.name, limit=LEADERBOARD_ROWS)
        print_warnings(out, reading_warnings(outcome.plan, catalog))
        print_failures(out, catalog, stores, outcome.plan.spec.name)
    if outcome.missing:
        out.print(missing_words(outcome.missing))
    if outcome.stopped:
        out.print(f"\n[red]Stopped:[/] {escape(outcome.stopped)}", soft_wrap=True)
    elif outcome.interrupted:
        out.print(f"\n{INTERRUPTED_SAID}")
    if outcome.unpublished:
        out.print(
            f"\n{outcome.unpublished} entries wait for MLflow at {stores.shown_tracking}; "
            "the next submission sends them."
        )
    for problem in outcome.unregistered:
        out.print(f"[red]not registered[/] {escape(problem)}; submit again to try again")
    if outcome.registered:
        _show_registry(out, outcome, stores, workspace)
    for entry in outcome.stayed:
        out.print(f"\n[yellow]not moved[/] {escape(entry.message)}", soft_wrap=True)


def print_failures(out: Console, catalog: Catalog, stores: Stores, sweep: str) -> None:
    """Print why trials of a sweep failed or are blocked, and where each one's log is."""
    for row in catalog.failures(sweep):
        reason = row.reason.value if row.reason else row.state.value
        out.print(f"[red]{reason}[/] {escape(row.label)}: {escape(row.message)}")
        paths = stores.workspace.trial(row.trial_id)
        if paths.files.has_log():  # a blocked trial never started
            out.print(f"  log: {paths.place(LOG)}", soft_wrap=True)


def _show_registry(out: Console, outcome: Outcome, stores: Stores, workspace: Path) -> None:
    view = table(
        "alias",
        "model",
        "version",
        "score",
        "drop depth",
        "size",
        title="\nRegistry",
        right=("version", "score", "drop depth", "size"),
    )
    for winner, entry in outcome.registered:
        files = winner.standing.result.adapter
        view.add_row(
            f"{winner.standing.best.task.name}@{winner.alias}",
            entry.name,
            str(entry.version),
            number(winner.standing.score),
            str(winner.standing.result.depth),
            f"{files.size_bytes / 1024:,.0f} KiB" if files else "–",
        )
    out.print(view)
    out.print(f"held by MLflow at {stores.shown_tracking}", soft_wrap=True)
    first = outcome.registered[0][0]
    name = f"{first.standing.best.task.name}@{first.alias}"
    where = ""
    if workspace != Path("workspace"):
        where = f" --workspace {shlex.quote(workspace_address(workspace))}"
    out.print(f"\nFetch one:      adaptersweep pull {name}{where}", soft_wrap=True)
    out.print(
        f"Predict:        adaptersweep predict {name}{where} TEXT", soft_wrap=True, markup=False
    )
    out.print(f"Open MLflow:    adaptersweep mlflow{where}", soft_wrap=True)


def outcome_as_json(outcome: Outcome) -> dict[str, object]:
    """Return the same for scripts."""
    return {
        "sweep": outcome.plan.spec.name,
        "trials": len(outcome.plan.trials),
        "reused": outcome.reused,
        "trained": outcome.trained,
        "by_others": outcome.taken,
        "failed": list(outcome.failed),
        "blocked": list(outcome.blocked),
        "interrupted": outcome.interrupted,
        "stopped": outcome.stopped,
        "missing_files": outcome.missing,
        "left_out": outcome.left_out,
        "stopped_early": outcome.stopped_early,
        "ended_by": outcome.ended_by,
        "unregistered": list(outcome.unregistered),
        "unpublished": outcome.unpublished,
        "stayed": [
            {
                "reference": f"{s.winner.standing.best.task.name}@{s.winner.alias}",
                "version": s.version,
                "refused_trial_id": s.winner.standing.best.trial_id,
                "why": s.why,
            }
            for s in outcome.stayed
        ],
        "registered": [
            {
                "reference": f"{w.standing.best.task.name}@{w.alias}",
                "name": entry.name,
                "version": entry.version,
                "trial_id": w.standing.best.trial_id,
                "score": w.standing.score,
            }
            for w, entry in outcome.registered
        ],
    }
