"""Panels about trials: the list of all, and everything about a single one."""

from collections.abc import Sequence

from dashboards.web.asked import Asked, AskedError
from dashboards.web.site import Site
from dashboards.web.sweep_panels import look_of
from dashboards.web.tables import Cell, Column, Kind, Panel, Table, plain
from orchestrator.catalog.plain_rows import TRIAL_COLUMNS, flat_trials, trial_rows
from orchestrator.catalog.records import ScoreRow, TrialRow, TrialState
from orchestrator.planning.settings import differing, labelled, words
from workers.contract.results import Epoch, TrialResult

ROWS_OF_A_PAGE = 200

COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column("trial_id", "trial", Kind.CODE, "trial_id"),
        Column("label", "what", sort="label"),
        Column("state", "state", sort="state"),
        Column("metric", "metric", sort="metric"),
        Column("score", "score", Kind.SCORE, "score"),
        Column("test_score", "test", Kind.SCORE, "test_score"),
        Column("best_epoch", "best epoch", Kind.PLAIN, "best_epoch"),
        Column("trained_parameters", "trained", Kind.COUNT, "trained_parameters"),
        Column("duration_s", "took", Kind.DURATION, "duration_s"),
        Column("task", "task", sort="task"),
        Column("method", "method", sort="method"),
        Column("base_name", "base", sort="base_name"),
        Column("drop_mode", "drop mode", sort="drop_mode"),
        Column("drop_depth", "drop depth", Kind.PLAIN, "drop_depth"),
        Column("placement", "placement", sort="placement"),
        Column("bottleneck_size", "bottleneck size", Kind.PLAIN, "bottleneck_size"),
        Column("sharing", "sharing", sort="sharing"),
        Column("non_linearity", "non-linearity", sort="non_linearity"),
        Column("keep", "keep", Kind.PLAIN, "keep"),
        Column("seed", "seed", Kind.PLAIN, "seed"),
        Column("learning_rate", "learning rate", Kind.PLAIN, "learning_rate"),
        Column("stored_parameters", "stored", Kind.COUNT, "stored_parameters"),
        Column("configuration", "configuration", Kind.CODE, "configuration"),
        Column("failure_reason", "reason", sort="failure_reason"),
        Column("failure_message", "message", sort="failure_message"),
        Column("created_at", "created (UTC)", Kind.MOMENT, "created_at"),
        Column("started_at", "started (UTC)", Kind.MOMENT, "started_at"),
        Column("ended_at", "ended (UTC)", Kind.MOMENT, "ended_at"),
    )
}
"""What the list of trials can show."""

USUAL_COLUMNS = tuple(list(COLUMNS)[:9])


def trials(site: Site, asked: Asked) -> Panel:
    """List trials, filtered and sorted by the database, 200 on a page."""
    return _trials(site, asked, *_found(site, asked))


def _trials(site: Site, asked: Asked, found: Sequence[TrialRow], total: int) -> Panel:
    names = _columns(asked)
    ids = [row.trial_id for row in found]
    test = site.catalog.test_scores(ids) if "test_score" in names else {}
    swept = differing(row.unsaid for row in found)
    rows = [[_cell(name, row, test.get(row.trial_id), swept) for name in names] for row in found]
    empty = "No trial is like this. Leave a part of the filter out."
    table = Table("Trials", [COLUMNS[name] for name in names], rows, empty=empty)
    return Panel(
        "trials",
        "Trials",
        [table],
        total=total,
        next_page=total > asked.page * ROWS_OF_A_PAGE,
    )


def _found(site: Site, asked: Asked) -> tuple[Sequence[TrialRow], int]:
    """Return the trials of a page, and how many there are on all of them."""
    lasts = asked.where.state is None and asked.where.reason is None
    keep = site.while_unchanged if lasts else site.for_a_moment
    total = keep(("count", asked.where), lambda: site.catalog.count(asked.where))
    rows = site.catalog.trials(
        asked.where,
        asked.sort or "-score",
        limit=ROWS_OF_A_PAGE,
        offset=(asked.page - 1) * ROWS_OF_A_PAGE,
        total=total,
    )
    return rows, total


def trials_file(site: Site, asked: Asked) -> Panel:
    """Return a page of trials with the plain rows that `trials --json` and `--csv` print."""
    found, total = _found(site, asked)
    panel = _trials(site, asked, found, total)
    rows = trial_rows(site.catalog, found)
    return Panel(
        panel.name,
        panel.title,
        panel.tables,
        json_rows=rows,
        csv_columns=TRIAL_COLUMNS,
        csv_rows=flat_trials(rows),
    )


def _columns(asked: Asked) -> Sequence[str]:
    if strange := [name for name in asked.columns if name not in COLUMNS]:
        known = ", ".join(COLUMNS)
        raise AskedError(f"columns: expected some of {known}; found {strange[0][:80]!r}")
    return asked.columns or USUAL_COLUMNS


def _cell(name: str, row: TrialRow, test: float | None, swept: Sequence[str]) -> Cell:
    match name:
        case "trial_id":
            return Cell(row.trial_id[:8], href=f"/trial/{row.trial_id}", choice=row.configuration)
        case "label":
            label = labelled(row.label, words(row.unsaid, swept))
            return Cell(label, key=look_of(row))
        case "state":
            return Cell(row.state.value, key=f"state-{row.state}")
        case "test_score":
            return Cell(test)
        case "configuration":
            link = Asked(c=(row.configuration,)).link("/compare")
            return Cell(row.configuration[:8], href=link)
    value = getattr(row, name)
    return Cell(getattr(value, "value", value))


def settings(site: Site, row: TrialRow) -> Panel:
    """List every setting of a trial."""
    columns = [Column("setting", "setting"), Column("value", "value")]
    found = site.catalog.settings([row.trial_id])[row.trial_id]
    rows = [[Cell(name), Cell(plain(value))] for name, value in found.items()]
    return Panel("settings", "Settings", [Table("Settings", columns, rows)])


def scores(site: Site, row: TrialRow) -> Panel:
    """List what a trial scored at each drop depth."""
    found = site.catalog.scores([row.trial_id]).get(row.trial_id, [])
    kinds = list(dict.fromkeys((s.split, s.metric) for s in found))
    columns = [
        Column("depth", "drop depth", Kind.PLAIN),
        *(Column(f"{split}_{metric}", f"{split} {metric}", Kind.SCORE) for split, metric in kinds),
    ]
    by_place = {(s.depth, s.split, s.metric): s.value for s in found}
    rows = [
        [
            Cell(depth),
            *(
                Cell(by_place.get((depth, *kind)), strong=_is_the_score(row, depth, kind))
                for kind in kinds
            ),
        ]
        for depth in _depths(found)
    ]
    stopped = row.state is TrialState.STOPPED
    empty = "No score: it was stopped." if stopped else "No score yet: it has not finished."
    return Panel("scores", "Scores", [Table("Scores at each depth", columns, rows, empty=empty)])


def _is_the_score(row: TrialRow, depth: int, kind: tuple[str, str]) -> bool:
    return (depth, *kind) == (row.drop_depth, "validation", row.metric)


def _depths(found: Sequence[ScoreRow]) -> list[int]:
    return sorted({s.depth for s in found})


def curve(epochs: Sequence[Epoch]) -> Panel:
    """List a trial's epochs."""
    metrics = list(dict.fromkeys(name for epoch in epochs for name in epoch.metrics))
    columns = [
        Column("epoch", "epoch", Kind.PLAIN),
        Column("train_loss", "train loss", Kind.SCORE),
        Column("selection_score", "selected by", Kind.SCORE),
        *(Column(name, name, Kind.SCORE) for name in metrics),
        Column("learning_rate", "learning rate", Kind.PLAIN),
        Column("took_s", "took", Kind.DURATION),
    ]
    rows = [
        [
            Cell(e.epoch),
            Cell(e.train_loss),
            Cell(e.selection_score),
            *(Cell(e.metrics.get(name)) for name in metrics),
            Cell(e.learning_rate),
            Cell(e.train_s + e.evaluate_s),
        ]
        for e in epochs
    ]
    table = Table("Learning curve, on validation", columns, rows, empty="No epoch has ended yet.")
    return Panel("curve", "Learning curve", [table])


def relatives(site: Site, row: TrialRow, result: TrialResult | None) -> Panel:
    """List what a trial builds on, and what builds on it."""
    taken = set(result.sources.values()) if result else set()
    columns = [
        Column("trial", "trial", Kind.CODE),
        Column("what", "what"),
        Column("state", "state"),
        Column("score", "score", Kind.SCORE),
        Column("role", "role"),
    ]
    kinds = (
        ("builds on", site.catalog.parents(row.trial_id)),
        ("is built on by", site.catalog.children(row.trial_id)),
    )
    rows = [
        [
            Cell(other.trial_id[:8], href=f"/trial/{other.trial_id}"),
            Cell(other.label, key=look_of(other)),
            Cell(other.state.value, key=f"state-{other.state}"),
            Cell(other.score),
            Cell("joined" if other.trial_id in taken else kind),
        ]
        for kind, others in kinds
        for other in others
    ]
    empty = "It stands alone: it builds on no trial, and none builds on it."
    return Panel("relatives", "Parents and children", [Table("Relatives", columns, rows, empty)])
