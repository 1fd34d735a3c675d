"""What the catalog tells of costs, on SQLite and on PostgreSQL; and the pace of a sweep from it."""

import re
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from rich.console import Console

from orchestrator.catalog import SubmissionOutcome, overviews
from orchestrator.catalog.costs import EQUAL_TRIALS
from orchestrator.commands import browsing
from orchestrator.planning.forecasting.pace import TrialGroup, seconds_left
from orchestrator.stores import Stores


def finish(catalog, samples, trials, sweep="s"):
    submission = catalog.begin_submission(sweep, "", trials)
    catalog.claim([t.trial_id for t in trials], submission.id)
    for trial in trials:
        catalog.record_result(sweep, samples.result(trial))
    return submission


def test_some_finished_trials_of_each_kind_are_read(catalog, samples):
    equal = [samples.trial(seed=seed) for seed in range(EQUAL_TRIALS + 3)]
    deep, open_ = samples.trial(depth=2), samples.trial(depth=4)
    finish(catalog, samples, [*equal, deep])
    catalog.begin_submission("open", "", [open_])
    found = catalog.costs([deep.base.identity])
    assert len(found) == EQUAL_TRIALS + 1
    assert all(trial.trial_id == result.trial_id for trial, result in found)
    assert deep.trial_id in {trial.trial_id for trial, _ in found}
    assert catalog.costs(["sha256:another"]) == []


def test_a_submission_says_what_it_took_beside_its_trials(catalog, samples):
    assert catalog.overheads() == []
    submission = finish(catalog, samples, [samples.trial()])
    assert catalog.overheads() == []  # it has not ended
    catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
    (found,) = catalog.overheads()
    assert 0 <= found.start_s < 60
    assert 0 <= found.end_s < 60


def test_the_time_left_weighs_trials_by_what_such_trials_took(catalog, samples, monkeypatch):
    """Two kinds of trials, of which one takes nine times as long as the other."""
    quick, slow = samples.trial(depth=5), samples.trial()
    more = [samples.trial(seed=9, depth=5), samples.trial(seed=9)]
    submission = catalog.begin_submission("s", "", [quick, slow, *more])
    passed = timedelta(seconds=10)
    monkeypatch.setattr(overviews, "clock", lambda _: submission.submitted_at + passed)
    assert catalog.progress()["s"].left_s is None
    catalog.claim([quick.trial_id, slow.trial_id], submission.id)
    for trial, seconds in ((quick, 1.0), (slow, 9.0)):
        catalog.record_result("s", samples.result(trial).model_copy(update={"duration_s": seconds}))
    both = catalog.progress("s")["s"].left_s
    catalog.claim([more[1].trial_id], submission.id)
    catalog.record_result("s", samples.result(more[1]).model_copy(update={"duration_s": 9.0}))
    one = catalog.progress("s")["s"].left_s
    assert both == pytest.approx(10.0)  # half of the work is left
    assert one == pytest.approx(10.0 / 19)  # a twentieth, at nearly twice the pace
    assert catalog.time_left(catalog.sweeps()) == {"s": pytest.approx(one)}
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
    assert catalog.progress()["s"].left_s is None
    assert catalog.time_left(catalog.sweeps()) == {}


def test_status_says_how_long_a_running_sweep_has_still_to_go(catalog, samples, monkeypatch):
    quick, more = samples.trial(), samples.trial(seed=9)
    submission = catalog.begin_submission("s", "", [quick, more])
    page = Console(file=StringIO(), width=200)
    drawn = partial(browsing._draw_status, page, catalog, Stores.at("."), archived=False)
    drawn()
    assert "left" not in page.file.getvalue()
    catalog.claim([quick.trial_id], submission.id)
    catalog.record_result("s", samples.result(quick))
    drawn()
    assert re.search(r"process \d+ on \S+, about \S+ s left", page.file.getvalue())


def group(depth, *, finished=0, seconds=0.0, own_s=0.0, open_=0, line="line", method="adapter"):
    return TrialGroup(line, method, depth, finished, seconds, own_s, open_)


def test_open_trials_cost_what_their_depth_tells():
    measured = [
        group(0, finished=2, seconds=20.0, own_s=20.0),
        group(4, finished=1, seconds=2.0, own_s=2.0),
    ]
    assert seconds_left([*measured, group(2, open_=3)], 22.0) == pytest.approx(3 * 6.0)
    assert seconds_left([*measured, group(5, open_=3)], 22.0) == pytest.approx(3 * 2.0)
    # Two workers finish 22 s of trials in 11 s.
    assert seconds_left([*measured, group(2, open_=3)], 11.0) == pytest.approx(3 * 3.0)
    other = group(0, open_=1, line="another task")
    assert seconds_left([*measured, other], 22.0) == pytest.approx((10 + 2) / 2)
    assert seconds_left([group(0, open_=5)], 22.0) is None
    assert seconds_left(measured, 22.0) is None
