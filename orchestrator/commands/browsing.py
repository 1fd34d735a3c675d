"""`status`, `trials` and `best`: what the catalog knows."""

from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from rich.markup import escape

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import SweepRow, TrialFilter, TrialState
from orchestrator.commands.leaderboard import print_leaderboard
from orchestrator.commands.output import console, count, duration, number, print_json, table
from orchestrator.commands.submitting import print_failures
from orchestrator.errors import CatalogError
from orchestrator.stores import Stores
from workers.trial import DropMode, Method

E = TypeVar("E", bound=StrEnum)


def status(workspace: Path, *, catalog: str | None, as_json: bool) -> None:
    """Print every sweep with its trials by state."""
    with open_catalog(workspace, catalog) as opened:
        sweeps = opened.sweeps()
        if as_json:
            print_json([s.model_dump(mode="json") for s in sweeps])
            return
        out = console()
        columns = tuple(state.value for state in TrialState)
        rows = table("sweep", "trials", *columns, "last submission", right=("trials", *columns))
        for sweep in sweeps:
            rows.add_row(
                sweep.name,
                count(sweep.trials),
                *(count(sweep.counts.get(state, 0)) for state in TrialState),
                _last(sweep),
            )
        out.print(rows)
        stores = Stores.at(workspace, catalog=catalog)
        for sweep in sweeps:
            print_failures(out, opened, stores, sweep.name)


def _last(sweep: SweepRow) -> str:
    last = sweep.last_submission
    if last is None:
        return "–"
    state = last.outcome.value if last.outcome else f"process {last.pid} on {last.host}"
    if sweep.lost:
        state += f", gone since {last.heartbeat_at:%H:%M}; submit again to go on"
    earlier = f"; {sweep.earlier:,} finished of earlier versions" if sweep.earlier else ""
    return f"{last.submitted_at:%Y-%m-%d %H:%M} UTC, {state}{earlier}"


def trials(
    workspace: Path,
    chosen: dict[str, Any],
    *,
    catalog: str | None,
    sort: str,
    limit: int,
    as_json: bool,
) -> None:
    """Print trials that match every given filter."""
    for key, kind in (("method", Method), ("state", TrialState), ("drop_mode", DropMode)):
        chosen[key] = _one_of(kind, key, chosen[key])
    with open_catalog(workspace, catalog) as opened:
        found = opened.trials(TrialFilter(**chosen), sort, limit=limit)
    if as_json:
        print_json([row.model_dump(mode="json") for row in found])
        return
    rows = table(
        "trial",
        "what",
        "state",
        "metric",
        "score",
        "best epoch",
        "trained",
        "took",
        right=("score", "best epoch", "trained", "took"),
    )
    for row in found:
        rows.add_row(
            row.trial_id[:8],
            row.label,
            row.state.value,
            row.metric or "–",
            number(row.score),
            str(row.best_epoch or "–"),
            count(row.trained_parameters),
            duration(row.duration_s),
        )
    out = console()
    out.print(rows)
    if len(found) == limit:
        out.print(f"the first {limit}; --limit shows more", style="dim")
    stores = Stores.at(workspace, catalog=catalog)
    for row in found:
        if row.failure_message:
            out.print(f"[red]{row.trial_id[:8]}[/] {escape(row.failure_message)}")
            out.print(f"  log: {stores.workspace.trial(row.trial_id).log}", soft_wrap=True)


def best(
    workspace: Path,
    *,
    catalog: str | None,
    sweep: str | None,
    task: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print the leaderboard of each task."""
    with open_catalog(workspace, catalog) as opened:
        if as_json:
            rows = opened.leaderboard(sweep=sweep, task=task, limit=limit)
            print_json([row.model_dump(mode="json") for row in rows])
            return
        print_leaderboard(console(), opened, sweep, task=task, limit=limit)


def open_catalog(workspace: Path, catalog: str | None) -> Catalog:
    """Open a catalog that is there; reading never creates one.

    Raises:
        CatalogError: the workspace has none yet.
    """
    return Catalog.open(Stores.at(workspace, catalog=catalog).catalog_url, create=False)


def _one_of(kind: type[E], key: str, value: str | None) -> E | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError as error:
        raise CatalogError(
            f"--{key.replace('_', '-')}: expected one of {', '.join(kind)}, found {value}"
        ) from error
