"""`status`, `trials` and `best`: what the catalog knows."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.plain_rows import (
    LEADERBOARD_COLUMNS,
    TRIAL_COLUMNS,
    flat_leaderboard,
    flat_trials,
    leaderboard_rows,
    trial_rows,
)
from orchestrator.catalog.reading import SORTED_BY
from orchestrator.catalog.records import SweepRow, TrialFilter, TrialRow, TrialState
from orchestrator.commands.leaderboard_tables import print_leaderboard, with_doubts
from orchestrator.commands.outcome_report import print_failures
from orchestrator.commands.output import (
    Form,
    console,
    count,
    duration,
    json_text,
    number,
    print_csv,
    print_json,
    say,
    table,
)
from orchestrator.commands.watching import follow
from orchestrator.errors import CatalogError
from orchestrator.planning.settings import differing, labelled, words
from orchestrator.stores import Stores
from workers.contract.storage.trial_files import LOG
from workers.contract.trial import DropMode, Method

E = TypeVar("E", bound=StrEnum)

HEADINGS = {
    "trial": "trial_id",
    "what": "label",
    "state": "state",
    "metric": "metric",
    "score": "score",
    "test": "test_score",
    "best epoch": "best_epoch",
    "trained": "trained_parameters",
    "took": "duration_s",
}
"""The table of trials: each heading, and what sorts by it."""


def status(
    workspace: Path,
    *,
    catalog: str | None,
    as_json: bool,
    watch: bool = False,
    archived: bool = False,
) -> None:
    """Print every sweep with its trials by state, once or until Ctrl-C.

    Args:
        archived: print archived ones too.
    """
    stores = Stores.at(workspace, catalog=catalog)
    with open_catalog(workspace, catalog) as opened:

        def draw(out: Console) -> None:
            if as_json:
                shown, _ = _in_sight(opened, archived)
                left = opened.time_left(shown)
                content = [s.model_dump(mode="json") | {"left_s": left.get(s.name)} for s in shown]
                out.out(json_text(content), end="", highlight=False)
            else:
                _draw_status(out, opened, stores, archived=archived)

        if watch:
            follow(draw)
        draw(console())


def _in_sight(opened: Catalog, archived: bool) -> tuple[list[SweepRow], int]:
    """Return the sweeps to show, and how many are left out."""
    everything = opened.sweeps()
    shown = [s for s in everything if archived or not s.archived]
    return shown, len(everything) - len(shown)


def _draw_status(out: Console, opened: Catalog, stores: Stores, *, archived: bool) -> None:
    sweeps, hidden = _in_sight(opened, archived)
    left = opened.time_left(sweeps)
    columns = tuple(state.value for state in TrialState)
    rows = table("sweep", "trials", *columns, "last submission", right=("trials", *columns))
    for sweep in sweeps:
        rows.add_row(
            sweep.name,
            count(sweep.trials),
            *(count(sweep.counts.get(state, 0)) for state in TrialState),
            _last(sweep, left.get(sweep.name)),
        )
    out.print(rows)
    if hidden:
        out.print(f"{hidden} archived; --archived shows them", style="dim")
    for sweep in sweeps:
        if sweep.counts[TrialState.FAILED] or sweep.counts[TrialState.BLOCKED]:
            print_failures(out, opened, stores, sweep.name)


def _last(sweep: SweepRow, left_s: float | None) -> str:
    """Say when a sweep was submitted last, what became of it, and how long it has still to go."""
    last = sweep.last_submission
    if last is None:
        return "–"
    state = last.outcome.value if last.outcome else f"process {last.pid} on {last.host}"
    if last.ended_by:
        state += f" ({last.ended_by})"
    if sweep.lost:
        state += f", gone since {last.heartbeat_at:%H:%M}; submit again to go on"
    if left_s is not None:
        state += f", about {duration(left_s)} left"
    earlier = f"; {sweep.earlier:,} finished of earlier versions" if sweep.earlier else ""
    return f"{last.submitted_at:%Y-%m-%d %H:%M} UTC, {state}{earlier}"


def trials(
    workspace: Path,
    chosen: dict[str, Any],
    *,
    catalog: str | None,
    sort: str,
    limit: int,
    form: Form,
) -> None:
    """Print trials that match every given filter."""
    for key, kind in (("method", Method), ("state", TrialState), ("drop_mode", DropMode)):
        chosen[key] = _one_of(kind, key, chosen[key])
    with open_catalog(workspace, catalog) as opened:
        found = opened.trials(TrialFilter(**chosen), _column(sort), limit=limit)
        if form is not Form.TABLE:
            rows = trial_rows(opened, found)
            if form is Form.JSON:
                print_json(rows)
            else:
                print_csv(flat_trials(rows), TRIAL_COLUMNS)
            if len(found) == limit:
                say(f"the first {limit}; --limit shows more")
            return
        test = opened.test_scores(row.trial_id for row in found)
    _print_trials(found, test, limit, Stores.at(workspace, catalog=catalog))


def _print_trials(
    found: Sequence[TrialRow], test: Mapping[str, float], limit: int, stores: Stores
) -> None:
    out = console()
    rows = table(*HEADINGS, right=("score", "test", "best epoch", "trained", "took"))
    names = differing(row.unsaid for row in found)
    for row in found:
        rows.add_row(
            row.trial_id[:8],
            labelled(row.label, words(row.unsaid, names)),
            row.state.value,
            row.metric or "–",
            number(row.score),
            number(test.get(row.trial_id)),
            str(row.best_epoch or "–"),
            count(row.trained_parameters),
            duration(row.duration_s),
        )
    out.print(rows)
    if not found:
        out.print("no trial is like this", style="dim")
    if len(found) == limit:
        out.print(f"the first {limit}; --limit shows more", style="dim")
    for row in found:
        if row.failure_message:
            out.print(f"[red]{row.trial_id[:8]}[/] {escape(row.failure_message)}")
            out.print(f"  log: {stores.workspace.trial(row.trial_id).place(LOG)}", soft_wrap=True)


def best(
    workspace: Path,
    *,
    catalog: str | None,
    sweep: str | None,
    task: str | None,
    limit: int,
    archived: bool,
    doubt: bool,
    form: Form,
) -> None:
    """Print the leaderboards of each task."""
    doubt_in = Stores.at(workspace, catalog=catalog).workspace if doubt else None
    how: Any = {"task": task, "limit": limit, "archived": archived, "doubt_in": doubt_in}
    with open_catalog(workspace, catalog) as opened:
        if form is Form.TABLE:
            print_leaderboard(console(), opened, sweep, **how)
            return
        found = opened.leaderboard(sweep, task, limit, archived=archived)
        rows = with_doubts(opened, found, leaderboard_rows(opened, found), doubt_in)
    if form is Form.JSON:
        print_json(rows)
    else:
        print_csv(flat_leaderboard(rows), LEADERBOARD_COLUMNS)


def open_catalog(workspace: Path, catalog: str | None) -> Catalog:
    """Open a catalog that is there; reading never creates one.

    Raises:
        CatalogError: the workspace has none yet.
    """
    return Catalog.open(Stores.at(workspace, catalog=catalog).catalog_url, create=False)


def _column(sort: str) -> str:
    """Return the catalog's name of a column, which may be given as it is printed.

    Raises:
        CatalogError: there is no such column.
    """
    descending = sort.startswith("-")
    given = re.sub(r"[\s_-]+", " ", sort.removeprefix("-")).strip().lower()
    name = HEADINGS.get(given, given.replace(" ", "_"))
    if name not in SORTED_BY:
        more = (column for column in SORTED_BY if column not in HEADINGS.values())
        raise CatalogError(
            f"--sort: expected one of {', '.join(HEADINGS)}, or of what is not printed: "
            f"{', '.join(more)}; found {sort!r}"
        )
    return f"-{name}" if descending else name


def _one_of(kind: type[E], key: str, value: str | None) -> E | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError as error:
        raise CatalogError(
            f"--{key.replace('_', '-')}: expected one of {', '.join(kind)}, found {value}"
        ) from error
