"""What people ask of many trials is answered from indexes, and answered right."""

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text, update

from orchestrator.catalog import Catalog, tables
from orchestrator.catalog.reading import SORTED_BY
from orchestrator.catalog.records import TrialFilter, TrialState
from workers.contract.trial import DropMode, Method

ASKED = {
    "status": lambda c: c.time_left(c.sweeps()),
    "best": lambda c: c.leaderboard(limit=2),
    "best, archived too": lambda c: c.leaderboard(limit=2, archived=True),
    "best, of a sweep": lambda c: c.leaderboard("s", limit=2),
    "best, of a task": lambda c: c.leaderboard("s", "rte", limit=2),
    "states": lambda c: c.states("s"),
    "counts": lambda c: c.counts("s"),
    "what is swept": lambda c: c.swept("s"),
    "best, of some scores": lambda c: c.leaderboard("s", where=TrialFilter(min_score=0.1)),
    "best, of some settings": lambda c: c.leaderboard("s", where=TrialFilter(bottleneck_size=24)),
    "sweeps of a page": lambda c: c.overviews(),
    "a sweep's page": lambda c: c.overviews("s"),
    "facets": lambda c: c.facets(None),
    "facets of a sweep": lambda c: c.facets("s"),
    "how many": lambda c: c.count(TrialFilter(sweep="s", min_score=0.1)),
    "whether there are more": lambda c: c.any_more(TrialFilter(sweep="s", min_score=0.1), 3),
    "groups": lambda c: c.grouped(TrialFilter(sweep="s"), ("bottleneck_size", "method")),
} | {
    f"trials {chosen}": lambda c, chosen=chosen: c.trials(TrialFilter(**chosen), limit=2)
    for chosen in (
        *({}, {"sweep": "s"}, {"task": "rte"}, {"sweep": "s", "task": "rte"}),
        *({"method": Method.ADAPTER}, {"state": TrialState.FINISHED}, {"base": "minilm"}),
        *({"drop_mode": DropMode.NONE}, {"drop_depth": 0}, {"seed": 1}, {"min_score": 0.1}),
    )
}
SORTS = [n for n in SORTED_BY if n != "failure_message"]  # as long as a traceback; in no index


@pytest.fixture
def many(sqlite_catalog: Catalog, samples: Any) -> Catalog:
    """A catalog with some trials of two tasks, finished ones among them."""
    trials = [samples.trial(task=t, seed=n) for t in ("rte", "cola") for n in range(1, 6)]
    sqlite_catalog.begin_submission("s", "", trials)
    for number, trial in enumerate(trials[:-1]):
        sqlite_catalog.record_result("s", samples.result(trial, 0.5 + number / 100))
    return sqlite_catalog


@pytest.fixture(params=["counted", "uncounted"])
def plans(request: pytest.FixtureRequest, many: Catalog) -> list[str]:
    """Note how SQLite reads, for each query from now on, with and without having counted rows."""
    if request.param == "counted":
        with many._writing() as connection:
            connection.execute(text("ANALYZE"))
        many._engine.dispose()  # what was counted is read as a connection opens
    found: list[str] = []

    @event.listens_for(many._engine, "before_cursor_execute")
    def note(_c: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            rows = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            found.extend(row[3] for row in rows)

    return found


@pytest.mark.parametrize("question", ASKED)
def test_questions_read_indexes_and_few_rows(
    question: str, many: Catalog, plans: list[str]
) -> None:
    ASKED[question](many)
    check(plans)


@pytest.mark.parametrize("sweep", [None, "s"])
@pytest.mark.parametrize("sort", SORTS)
def test_whatever_sorts_is_in_an_index(
    sort: str, sweep: str | None, many: Catalog, plans: list[str]
) -> None:
    many.trials(TrialFilter(sweep=sweep), sort, limit=2)
    check(plans)


def test_trials_of_a_sweep_are_looked_up_in_their_order(many: Catalog, plans: list[str]) -> None:
    """Which costs half of what it costs in any other order, such as that of configurations."""
    for asked in (TrialFilter(sweep="s"), TrialFilter(sweep="s", min_score=0.1)):
        many.trials(asked, limit=2)
    many.counts("s")
    links = [step for step in plans if "sweep_trials" in step]
    assert len(links) == 3
    assert all("ix_sweep_trials_sweep_submission_trial_id" in step for step in links), links


def test_leaderboards_find_scores_on_test_where_they_find_the_others(
    many: Catalog, plans: list[str]
) -> None:
    """Looked up one by one by their trials, they would take as long again."""
    many.leaderboard(limit=2)
    assert not any("ix_trials_columns" in step for step in plans), plans


def test_status_counts_all_but_the_trials_in_the_state_of_the_most(
    many: Catalog, plans: list[str]
) -> None:
    many.sweeps()
    looked_up = [step for step in plans if "ix_sweep_trials_trial_id" in step]
    assert len(looked_up) == 1, plans
    chosen = [step for step in plans if "ix_trials_state_trial_id (state=?)" in step]
    assert chosen, plans


def test_what_was_told_of_trials_is_looked_up_by_them(many: Catalog, plans: list[str]) -> None:
    """Publishing asks for every trial; reading all of the sweep each time would be quadratic."""
    ids = [row.trial_id for row in many.trials(limit=None)]
    plans.clear()
    many.epochs_told("s", ids)
    many.told_of_ends("s", ids)
    assert plans == ["SEARCH outbox USING INDEX ix_outbox_trial_id (trial_id=?)"] * 2


@pytest.mark.parametrize("most", list(TrialState))
def test_trials_are_counted_whichever_state_most_are_in(
    catalog: Catalog, samples: Any, most: TrialState
) -> None:
    trials = [samples.trial(seed=seed) for seed in range(14)]
    shared, alone = trials[:9], trials[9:]
    first = catalog.begin_submission("first", "", [*shared, *alone])
    catalog.begin_submission("second", "", shared)
    given = [state for state in TrialState for _ in range(1 + (state is most) * 8)]
    with catalog._writing() as connection:
        for trial, state in zip(trials, given, strict=True):
            result = "{}" if state is TrialState.FINISHED else None
            chosen = tables.trials.c.trial_id == trial.trial_id
            values = {"state": state.value, "result": result, "claimed_by": first.id}
            connection.execute(update(tables.trials).where(chosen).values(values))
    counts = catalog.sweep_counts()
    for sweep, asked in (("first", trials), ("second", shared)):
        expected = Counter(given[: len(asked)])
        assert counts[sweep] == (dict.fromkeys(TrialState, 0) | expected, 0)
        assert catalog.counts(sweep) == counts[sweep][0]


def test_one_trial_is_found_by_how_its_id_begins(many: Catalog, plans: list[str]) -> None:
    row = many.trials(limit=1)[0]
    del plans[:]
    assert many.trial(row.trial_id[:12]).trial_id == row.trial_id
    assert many.configuration(row.configuration[:12]) == row.configuration
    assert many.configuration(row.trial_id[:12]) == row.configuration
    assert plans
    assert all(step.startswith(("SEARCH", "USE TEMP B-TREE")) for step in plans), plans


def check(plans: list[str]) -> None:
    """Whole tables of trials are read in indexes alone; single rows are looked up by their ids."""
    assert any("ix_trials" in step for step in plans), plans
    for step in plans:
        assert not step.startswith("SCAN trials") or "COVERING INDEX" in step, plans


def test_the_score_on_test_is_sorted_by_and_goes_with_its_result(
    catalog: Catalog, samples: Any
) -> None:
    trials = [samples.trial(seed=n) for n in (1, 2, 3)]
    catalog.begin_submission("s", "", trials)
    for trial, score in zip(trials[:2], (0.6, 0.8), strict=True):
        catalog.record_result("s", samples.result(trial, score))
    ids = [trial.trial_id for trial in trials]
    order = [row.trial_id for row in catalog.trials(sort="-test_score")]
    assert order == [ids[1], ids[0], ids[2]]
    assert catalog.test_scores(ids) == {ids[0]: pytest.approx(0.55), ids[1]: pytest.approx(0.75)}
    catalog.forget_results([ids[1]])
    assert catalog.trials(sort="-test_score")[0].trial_id == ids[0]
    assert ids[1] not in catalog.test_scores(ids)


SCORES = st.sampled_from((0.5, 0.5 + 1e-12, 0.6, 0.7, None))
"""Few, so that there are equals, and scores that only rounding tells apart."""
NUMBERS = itertools.count()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    scores=st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=8),
    limit=st.integers(1, 4),
)
def test_the_first_of_a_leaderboard_are_the_first_of_all(
    scores: list[tuple[float | None, float | None]], limit: int, catalog: Catalog, samples: Any
) -> None:
    task = f"task{next(NUMBERS)}"
    rows = [
        (samples.trial(task=task, seed=seed, size=size, rate=size * 1e-5), score)
        for size, seeds in enumerate(scores, start=1)
        for seed, score in enumerate(seeds)
    ]
    catalog.begin_submission(task, "", [trial for trial, _ in rows])
    for trial, score in rows:
        if score is not None:
            catalog.record_result(task, samples.result(trial, score))
    every = catalog.leaderboard(task)
    assert catalog.leaderboard(task, limit=limit) == every[:limit]
    assert catalog.leaderboard(task=task, limit=limit) == every[:limit]


@pytest.mark.parametrize("sort", ["score", "-score", "label", "-seed", "best_epoch"])
def test_pages_behind_the_middle_are_those_of_the_whole_list(catalog, samples, sort):
    trials = [samples.trial(task=t, seed=n) for t in ("rte", "cola") for n in range(1, 7)]
    catalog.begin_submission("s", "", trials)
    for number, trial in enumerate(trials[:-5]):  # of equal scores the ids decide
        catalog.record_result("s", samples.result(trial, 0.5 + number // 2 / 10))
    every = [row.trial_id for row in catalog.trials(sort=sort, limit=None)]
    assert len(every) == 12
    for limit in (1, 5, 12, 20):
        for offset in range(14):
            page = catalog.trials(sort=sort, limit=limit, offset=offset, total=12)
            assert [row.trial_id for row in page] == every[offset : offset + limit]
