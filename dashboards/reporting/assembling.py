"""Put a report together from a catalog: all its numbers, words and figures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby

import yaml

from dashboards.comparing import Panel, panels_of
from dashboards.drawn_sweep import DrawnSweep
from dashboards.reporting.arms import Arms, Contrast
from dashboards.reporting.contents import (
    MISSING,
    Finding,
    Report,
    Table,
    number,
    signed,
    with_spread,
)
from dashboards.reporting.differences import Difference
from dashboards.reporting.findings import findings
from dashboards.results import Results
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import LeaderboardRow, TrialState
from orchestrator.planning.ranking import over_seeds
from workers.contract.results import TrialResult

LEADERBOARD_ROWS = 10
METHOD = (
    "Differences are paired: the same task, the same seed. A difference is the mean over tasks of "
    "the mean over seeds, in points, which are hundredths of the metric.",
    "After ± stands the standard error of that mean over tasks, or what the seeds within tasks "
    "give where that is larger; with one task, the one over its seeds. Intervals are Student's, "
    "at 95 %, each of its comparison alone: of twenty comparisons without any difference one "
    "leaves zero out by luck.",
    "Where one of several configurations stands for its kind, it was chosen by the validation "
    "scores that are reported here, so the more were tried, the better it looks. What stands "
    "behind “on test” was chosen by nothing.",
    "Means and deviations in tables are over seeds; a deviation is the sample's.",
)


def assemble(drawn: DrawnSweep) -> Report:
    """Say all there is to say about a sweep.

    Raises:
        CatalogError: there is no such sweep.
    """
    catalog, sweep, results = drawn.catalog, drawn.sweep, drawn.results
    panels = panels_of(results) if results.finished else []
    arms = Arms(panels, catalog.test_scores(results.finished))
    found = findings(results, panels, arms) if panels else []
    text = catalog.spec_yaml(sweep)
    return Report(
        sweep=sweep,
        description=_description(text),
        facts=_facts(catalog, results, sweep),
        overview=_overview(panels, catalog, results),
        findings=found,
        method=METHOD,
        figures=drawn.figures,
        skipped=[(figure.title, nothing.reason) for figure, nothing in drawn.skipped],
        leaderboards=list(_leaderboards(catalog, sweep)),
        differences=[_differences(each) for each in found if each.contrasts],
        choices=_choices(panels, catalog),
        failures=_failures(catalog, sweep),
        versions=_versions(catalog, panels, results),
        again=_again(sweep),
        specification=text,
    )


def _description(text: str) -> str:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return ""
    found = content.get("description") if isinstance(content, dict) else None
    return str(found or "")


def _facts(catalog: Catalog, results: Results, sweep: str) -> list[tuple[str, str]]:
    counts = Counter(row.state for row in results.rows)
    states = ", ".join(f"{counts[state]:,} {state.value}" for state in TrialState if counts[state])
    row = next(s for s in catalog.sweeps() if s.name == sweep)
    last = row.last_submission
    ended = [r.ended_at for r in results.rows if r.state is TrialState.FINISHED and r.ended_at]
    spent_s = sum(r.duration_s or 0.0 for r in results.rows)
    stopped = counts[TrialState.STOPPED]
    early = f"{stopped:,} of {len(results.rows):,}, by a rule of early termination: without a score"
    return [
        ("trials", states or "none"),
        *([("stopped early", early)] if stopped else []),
        ("tasks", ", ".join(sorted({r.task for r in results.rows}))),
        ("base models", ", ".join(sorted({r.base_name for r in results.rows}))),
        ("seeds", ", ".join(map(str, sorted({r.seed for r in results.rows})))),
        ("first submitted", _moment(row.created_at)),
        ("last trial ended", _moment(max(ended)) if ended else MISSING),
        ("last submission", MISSING if last is None else _outcome(last.outcome, row.submissions)),
        ("time of all trials", f"{spent_s / 3600:,.1f} hours of workers"),
    ]


def _outcome(outcome: object, submissions: int) -> str:
    state = "still runs, or was lost" if outcome is None else str(outcome)
    return f"{state} (of {submissions} submissions)" if submissions > 1 else state


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _overview(panels: Sequence[Panel], catalog: Catalog, results: Results) -> Table:
    """Show the best configuration of each panel beside what it has to beat."""
    test = catalog.test_scores(results.finished)
    rows = []
    for panel in panels:
        best = panel.configurations[0]
        scores = list(best.scores.values())
        on_test = [test[row.trial_id] for row in best.rows if row.trial_id in test]
        seeds = f"{len(scores)}" if best.complete else f"{len(scores)} of {best.planned}"
        cells = (panel.title, panel.key.metric, best.label, _over(scores), seeds)
        rows.append((*cells, _over(on_test), number(panel.majority)))
    columns = ("task", "metric", "best configuration", "validation", "seeds", "test", "majority")
    numbers = frozenset({"validation", "seeds", "test", "majority"})
    return Table("The best of each task", columns, rows, numbers)


def _over(values: Sequence[float]) -> str:
    return with_spread(*over_seeds(values)) if values else MISSING


def _leaderboards(catalog: Catalog, sweep: str) -> Iterator[Table]:
    rows = catalog.leaderboard(sweep, limit=LEADERBOARD_ROWS)
    columns = ("configuration", "validation", "seeds", "test", "trained parameters", "trial")
    numbers = frozenset({"validation", "seeds", "test", "trained parameters"})
    several = Counter(table[0] for table in {row.table: None for row in rows})
    for (task, fingerprint, metric), group in groupby(rows, key=lambda row: row.table):
        data = f" · data {fingerprint[:8]}" if several[task] > 1 else ""
        cells = [_leaderboard_row(row) for row in group]
        yield Table(f"{task}{data} · {metric}", columns, cells, numbers)


def _leaderboard_row(row: LeaderboardRow) -> list[str]:
    trained = row.best.trained_parameters
    return [
        row.label.removeprefix(f"{row.task} · "),
        with_spread(row.mean, row.std),
        str(row.seeds) if row.complete else f"{row.seeds} of {row.planned}",
        MISSING if row.test is None else with_spread(row.test.mean, row.test.std),
        MISSING if trained is None else f"{trained:,}",
        row.best.trial_id[:8],
    ]


def _differences(found: Finding) -> Table:
    columns = ("one", "other", "points", "95 % interval", "higher in", "tasks", "seeds", "on test")
    rows = [_difference_row(each) for each in found.contrasts]
    numbers = frozenset({"points", "95 % interval", "higher in", "tasks", "seeds", "on test"})
    return Table(found.topic, columns, rows, numbers)


def _difference_row(each: Contrast) -> list[str]:
    difference = each.validation
    interval = MISSING
    if difference.interval is not None:
        interval = " … ".join(signed(end, 2) for end in difference.interval)
    return [
        each.one.name,
        each.other.name,
        _points(difference),
        interval,
        f"{difference.better} of {difference.pairs}",
        str(difference.panels),
        str(difference.seeds),
        MISSING if each.test is None else _points(each.test),
    ]


def _points(difference: Difference) -> str:
    error = "" if difference.error is None else f" ± {difference.error:.2f}"
    return f"{signed(difference.mean, 2)}{error}"


def _firsts(panels: Sequence[Panel], catalog: Catalog) -> Mapping[str, TrialResult]:
    """Return the record of each panel's best trial."""
    scored = {
        panel.title: next(r.trial_id for r in panel.configurations[0].rows if r.score is not None)
        for panel in panels
    }
    known = catalog.results(scored.values())
    return {title: known[trial_id] for title, trial_id in scored.items()}


def _choices(panels: Sequence[Panel], catalog: Catalog) -> list[Table]:
    """Say what was chosen on what, and how many rows measured it."""
    if not panels:
        return []
    first = _firsts(panels, catalog)
    rows = []
    for panel in panels:
        record = first[panel.title]
        sizes = {s.split.value: s.rows for s in record.scores}
        held_out = "of train" if record.selection.validation_from_train else "the official one"
        measured = ", ".join(f"{split} {count:,}" for split, count in sizes.items())
        cells = (panel.title, record.selection.checkpoint, held_out, measured)
        rows.append((*cells, f"{len(panel.configurations):,}"))
    columns = ("task", "checkpoint", "validation is", "rows", "configurations tried")
    note = (
        "Checkpoints and configurations were chosen on validation; test was only reported. The "
        "checkpoint is that of the task's best trial."
    )
    return [Table("What was chosen on what", columns, rows, frozenset({columns[-1]}), note)]


def _failures(catalog: Catalog, sweep: str) -> Table | None:
    rows = [
        (row.label, row.reason.value if row.reason else row.state.value, row.message[:200])
        for row in catalog.failures(sweep)
    ]
    shown = rows[:50]
    note = f"The first 50 of {len(rows):,}." if len(rows) > len(shown) else ""
    return Table("Failures", ("trial", "reason", "message"), shown, note=note) if rows else None


def _versions(catalog: Catalog, panels: Sequence[Panel], results: Results) -> list[Table]:
    found: Counter[tuple[str, str]] = Counter()
    for record in _firsts(panels, catalog).values():
        found.update(record.environment.items())
    names = sorted({name for name, _ in found})
    software = [("adaptersweep", version("adaptersweep"))]
    software += [(n, ", ".join(sorted(v for m, v in found if m == n))) for n in names]
    bases = sorted({(row.base_name, row.base_identity) for row in results.rows})
    tasks = sorted({(row.task, row.fingerprint) for row in results.rows})
    return [
        Table("Software", ("what", "version"), software, note="Of each task's best trial."),
        Table("Base models", ("name", "identity"), bases),
        Table("Tasks", ("name", "fingerprint of its rows"), tasks),
    ]


def _again(sweep: str) -> list[str]:
    return [
        f"adaptersweep submit {sweep}.yaml",
        f"adaptersweep report {sweep} --to report.html",
    ]
