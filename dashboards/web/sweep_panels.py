"""Panels about sweeps: how far they are, their leaderboards, and why trials failed."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from dashboards.looks import Look
from dashboards.web.asked import Asked
from dashboards.web.site import Site
from dashboards.web.tables import Cell, Column, Kind, Panel, Spread, Table
from orchestrator.catalog.overviews import Progress
from orchestrator.catalog.plain_rows import (
    LEADERBOARD_COLUMNS,
    flat_leaderboard,
    leaderboard_rows,
)
from orchestrator.catalog.records import LeaderboardRow, SweepRow, TrialRow, TrialState

LEADERBOARD_LIMIT = 10
MOST_OF_A_TABLE = 200
_SHORT = 8
"""Digits of an id that a page shows."""


def sweeps(site: Site, asked: Asked) -> Panel:
    """List the sweeps, the one submitted last first."""
    found = site.for_a_moment("sweeps", site.catalog.overviews)
    shown = [each for each in found if asked.archived or not each.row.archived]
    states = [Column(s.value, s.value, Kind.COUNT) for s in TrialState]
    columns = [
        Column("sweep", "sweep"),
        Column("trials", "trials", Kind.COUNT),
        *states,
        Column("reused", "reused", Kind.COUNT),
        Column("left_s", "time left", Kind.DURATION),
        Column("state", "state"),
        Column("submitted", "submitted (UTC)", Kind.MOMENT),
        Column("submitted_by", "by"),
    ]
    rows = [_sweep_row(each.row, each.progress) for each in shown]
    hidden = len(found) - len(shown)
    empty = "No sweep yet. `adaptersweep submit SWEEP.yaml` runs the first one."
    if hidden:
        empty = "Every sweep is archived. Show archived ones too, or submit another."
    table = Table("Sweeps", columns, rows, empty=empty)
    return Panel("sweeps", "Sweeps", [table], fields={"hidden": hidden})


def _sweep_row(sweep: SweepRow, progress: Progress) -> list[Cell]:
    last = sweep.last_submission
    link = Asked.model_validate({"where": {"sweep": sweep.name}}).link("/sweep")
    return [
        Cell(sweep.name, href=link),
        Cell(sweep.trials),
        *(Cell(sweep.counts.get(state, 0), key=f"state-{state}") for state in TrialState),
        Cell(progress.reused),
        Cell(progress.left_s),
        Cell(standing(sweep)),
        Cell(last.submitted_at if last else None),
        Cell(last.submitted_by if last else None),
    ]


def standing(sweep: SweepRow) -> str:
    """Say who works on a sweep, or how it ended."""
    last = sweep.last_submission
    if last is None:
        return "never submitted"
    if last.outcome is not None:
        return last.outcome.value.replace("_", " ")
    return "gone; submit again to go on" if sweep.lost else f"running on {last.host}"


def leaderboard(site: Site, asked: Asked) -> Panel:
    """Rank configurations by their mean over seeds, a table for each task, data and metric."""
    limit = min(asked.limit or LEADERBOARD_LIMIT, MOST_OF_A_TABLE)
    rows = site.while_unchanged(
        ("leaderboard", asked.where, limit, asked.archived),
        lambda: site.catalog.leaderboard(limit=limit, archived=asked.archived, where=asked.where),
    )
    tables = [list(group) for _, group in groupby(rows, key=lambda row: row.table)]
    data = Counter(mine[0].task for mine in tables)
    made = [_board(mine, asked, other_data=data[mine[0].task] > 1) for mine in tables]
    return Panel("leaderboard", "Leaderboard", made)


def leaderboard_file(site: Site, asked: Asked) -> Panel:
    """Return the leaderboard with the plain rows that `best --json` and `--csv` print."""
    panel = leaderboard(site, asked)
    limit = min(asked.limit or LEADERBOARD_LIMIT, MOST_OF_A_TABLE)
    found = site.catalog.leaderboard(limit=limit, archived=asked.archived, where=asked.where)
    plain = leaderboard_rows(site.catalog, found)
    return Panel(
        panel.name,
        panel.title,
        panel.tables,
        json_rows=plain,
        csv_columns=LEADERBOARD_COLUMNS,
        csv_rows=flat_leaderboard(plain),
    )


def _board(rows: Sequence[LeaderboardRow], asked: Asked, *, other_data: bool) -> Table:
    first = rows[0]
    has_test = any(row.test for row in rows)
    columns = [
        Column("place", "#", Kind.PLAIN),
        Column("configuration", "configuration"),
        Column("validation", first.metric, Kind.SPREAD),
        Column("seeds", "seeds", Kind.PLAIN),
        *([Column("test", "test", Kind.SPREAD)] if has_test else []),
        Column("trained", "trained", Kind.COUNT),
        Column("stored", "stored", Kind.COUNT),
        Column("best_trial", "best trial", Kind.CODE),
    ]
    data = f" · data {first.fingerprint[:_SHORT]}" if other_data else ""
    incomplete = frozenset(n for n, row in enumerate(rows) if not row.complete)
    missing = "Some seeds failed, were stopped, or are still to come: such means rank last."
    return Table(
        f"{first.task}{data}",
        columns,
        [_board_row(n, row, has_test=has_test) for n, row in enumerate(rows, start=1)],
        note=missing if incomplete else "",
        quiet=incomplete,
        span=_span([Spread(row.mean, row.std) for row in rows]),
    )


def _board_row(place: int, row: LeaderboardRow, *, has_test: bool) -> list[Cell]:
    test = row.test
    best = row.best
    return [
        Cell(place),
        Cell(
            row.label.partition(" · ")[2],
            href=Asked(c=(row.configuration,)).link("/compare"),
            key=look_of(best),
            choice=row.configuration,
        ),
        Cell(Spread(row.mean, row.std, row.seeds, row.planned), strong=place == 1),
        Cell(row.seeds if row.complete else f"{row.seeds} of {row.planned}"),
        *([Cell(Spread(test.mean, test.std, test.seeds) if test else None)] if has_test else []),
        Cell(best.trained_parameters),
        Cell(best.stored_parameters),
        Cell(best.trial_id[:_SHORT], href=f"/trial/{best.trial_id}"),
    ]


def _span(spreads: Sequence[Spread]) -> tuple[float, float]:
    """Return from where to where spreads are drawn: all of them, and a little air."""
    low = min(s.mean - (s.std or 0) for s in spreads)
    high = max(s.mean + (s.std or 0) for s in spreads)
    air = (high - low) * 0.05 or 0.05
    return low - air, high + air


def look_of(trial: TrialRow) -> str:
    """Return the kind of trial whose colour stands beside it."""
    return Look.of(trial.method, trial.drop_mode, trial.sharing).value


def failures(site: Site, asked: Asked) -> Panel:
    """Count failed and blocked trials by reason."""
    columns = [
        Column("state", "state"),
        Column("reason", "reason"),
        Column("trials", "trials", Kind.COUNT),
        Column("message", "what one of them said"),
        Column("trial", "trial", Kind.CODE),
    ]
    rows = [
        [
            Cell(group.state.value, key=f"state-{group.state}"),
            Cell(
                (group.reason.value if group.reason else "a source failed").replace("_", " "),
                href=asked.only().link(
                    "/trials", state=group.state.value, reason=group.reason, page=None
                ),
            ),
            Cell(group.trials),
            Cell(group.message),
            Cell(group.trial_id[:_SHORT], href=f"/trial/{group.trial_id}"),
        ]
        for group in site.catalog.failure_groups(asked.where)
    ]
    table = Table("Failures by reason", columns, rows, empty="No trial failed.")
    return Panel("failures", "Failures", [table])
