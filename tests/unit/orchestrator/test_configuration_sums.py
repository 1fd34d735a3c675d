"""Sums over seeds are those of the trials that count, whichever way the database takes to them."""

import itertools
import statistics
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from orchestrator.catalog import Catalog
from orchestrator.catalog.configuration_sums import one_of_each, summed
from orchestrator.catalog.records import TrialFilter, TrialState
from orchestrator.catalog.tables import sweep_trials, sweeps, trials
from workers.contract.task_card import Metric
from workers.contract.trial import DropMode, Method

NUMBERS = itertools.count()
SIZES, DEPTHS, SEEDS = (8, 16), (0, 1), (1, 2, 3)
PLACES = [
    (size, depth, seed, f1)
    for size in SIZES
    for depth in DEPTHS
    for seed in SEEDS
    for f1 in (False, True)
]
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "task": st.just("rte"),
        "metric": st.sampled_from(("accuracy", "f1")),
        "seed": st.sampled_from(SEEDS),
        "state": st.sampled_from((TrialState.FINISHED, TrialState.PENDING)),
        "min_score": st.just(0.5),
        "max_score": st.just(0.6),
        "bottleneck_size": st.sampled_from(SIZES),
        "drop_mode": st.just(DropMode.SPECIALISED),
        "method": st.sampled_from((Method.ADAPTER, Method.FUSION)),
        "text": st.just("seed 1"),
    },
)


def made(samples: Any, task: str, place: tuple[int, int, int, bool]) -> Any:
    """Make a trial; of one configuration, seeds may be of two metrics, as after an edited card."""
    size, depth, seed, is_f1 = place
    trial = samples.trial(task=task, size=size, depth=depth, seed=seed)
    metric = Metric.F1 if is_f1 else Metric.ACCURACY
    return trial.model_copy(update={"task": samples.task(task, metric)})


def counted(catalog: Catalog, chosen: TrialFilter, *, archived: bool) -> dict[Any, Any]:
    """Sum up one trial after another, as the words of `summed` say."""
    with catalog._reading() as connection:
        rows = connection.execute(select(trials)).all()
        links = connection.execute(select(sweep_trials.c.trial_id, sweep_trials.c.sweep)).all()
        put_away = {
            name
            for name, since in connection.execute(select(sweeps.c.name, sweeps.c.archived_at))
            if since is not None
        }
    asking: dict[str, set[str]] = defaultdict(set)
    for trial_id, sweep in links:
        asking[trial_id].add(sweep)
    groups: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        mine = asking[row.trial_id]
        seen = mine if archived else mine - put_away
        done = row.state == "finished" and (archived or not mine & put_away)
        here = chosen.sweep in mine if chosen.sweep else done or seen
        if here and all(_holds(row, name, value) for name, value in chosen if value is not None):
            groups[row.configuration, row.task, row.fingerprint, row.metric].append(row)
    return {key: _sums(group) for key, group in groups.items()}


def _holds(row: Any, name: str, value: Any) -> bool:
    match name:
        case "sweep":
            return True
        case "min_score":
            return row.score is not None and row.score >= value
        case "max_score":
            return row.score is not None and row.score <= value
        case "text":
            return value in row.label
    return bool(getattr(row, name) == value)


def _sums(group: list[Any]) -> Any:
    scores = [row.score for row in group if row.score is not None]
    mean = pytest.approx(statistics.fmean(scores)) if scores else None
    return len(group), len(scores), mean, max(row.trial_id for row in group)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    places=st.lists(st.sampled_from(PLACES), min_size=1, unique_by=lambda place: place[:3]),
    own=st.sets(st.integers(0, 23)),
    unfinished=st.sets(st.integers(0, 23)),
    put_away=st.booleans(),
    chosen=FILTERS,
    of_sweep=st.sampled_from((None, "whole", "part")),
    archived=st.booleans(),
)
def test_sums_are_those_of_the_trials_that_count(
    places: list[tuple[int, int, int, bool]],
    own: set[int],
    unfinished: set[int],
    put_away: bool,
    chosen: dict[str, Any],
    of_sweep: str | None,
    archived: bool,
    catalog: Catalog,
    samples: Any,
) -> None:
    number = next(NUMBERS)
    every = [made(samples, f"task{number}" if n % 5 else "rte", p) for n, p in enumerate(places)]
    every = list({trial.trial_id: trial for trial in every}.values())
    catalog.begin_submission(f"whole{number}", "", every)
    catalog.begin_submission(f"part{number}", "", [t for n, t in enumerate(every) if n in own])
    for place, trial in enumerate(every):
        if place not in unfinished:
            catalog.record_result(f"whole{number}", samples.result(trial, 0.4 + place / 50))
    if put_away:
        catalog.archive(f"part{number}")
    sweep = {} if of_sweep is None else {"sweep": f"{of_sweep}{number}"}
    wanted = TrialFilter(**{**chosen, **sweep})
    with catalog._reading() as connection:
        rows = (
            connection.execute(select(summed(wanted, archived=archived, with_one=True)))
            .mappings()
            .all()
        )
    key = ("configuration", "task", "fingerprint", "metric")
    found = {
        tuple(row[name] for name in key): (row["trials"], row["finished"], row["mean"], row["one"])
        for row in rows
    }
    assert len(found) == len(rows)
    assert found == counted(catalog, wanted, archived=archived)


@pytest.mark.parametrize("sweep", [None, "b"])
def test_there_is_one_trial_of_each_configuration(
    sweep: str | None, catalog: Catalog, samples: Any
) -> None:
    every = [samples.trial(size=size, seed=seed) for size in (8, 16, 32) for seed in (1, 2)]
    catalog.begin_submission("a", "", every[:4])
    catalog.begin_submission("b", "", every[2:])
    with catalog._reading() as connection:
        ids = connection.scalars(one_of_each(sweep)).all()
    rows = catalog.rows(ids)
    assert sorted(row.bottleneck_size or 0 for row in rows.values()) == (
        [8, 16, 32] if sweep is None else [16, 32]
    )
    assert len(ids) == len(rows)
