"""Requests and limits that people write into the catalog, on both databases."""

import pytest

from orchestrator.catalog import Catalog, TrialState
from orchestrator.catalog.records import Control, Request, SubmissionOutcome
from orchestrator.errors import CatalogError, SubmissionOverError
from workers.contract.results import FailureReason, TrialFailure


def test_a_request_reaches_every_living_submission_with_its_heartbeat(catalog, samples):
    trial = samples.trial()
    mine, other = (catalog.begin_submission(s, "", [trial]) for s in ("mine", "other"))
    ended = catalog.begin_submission("mine", "", [trial])
    catalog.end_submission(ended.id, SubmissionOutcome.COMPLETED)
    asked = catalog.request("mine", Request.PAUSE)
    assert [(s.id, s.request) for s in asked] == [(mine.id, Request.PAUSE)]
    answer = catalog.heartbeat(mine.id)
    assert answer.request is Request.PAUSE
    assert answer.requested_by
    assert "@" in answer.requested_by
    assert catalog.heartbeat(other.id) == Control()
    assert [s.id for s in catalog.submissions()] == [other.id, mine.id]
    assert [s.id for s in catalog.submissions("mine", ended=True)] == [ended.id, mine.id]
    with pytest.raises(SubmissionOverError):
        catalog.heartbeat(ended.id)


def test_a_new_submission_is_asked_for_nothing_yet(catalog, samples):
    first = catalog.begin_submission("s", "", [samples.trial()])
    catalog.request("s", Request.STOP)
    second = catalog.begin_submission("s", "", [samples.trial()])
    assert catalog.heartbeat(second.id).request is Request.RUN
    catalog.request("s", Request.CANCEL)
    assert catalog.heartbeat(first.id).request is Request.CANCEL


def test_limits_stay_with_the_sweep(catalog, samples):
    catalog.begin_submission("s", "", [samples.trial()])
    catalog.set_limits("s", max_workers=3)
    catalog.set_limits("s", priority=-2)
    later = catalog.begin_submission("s", "", [samples.trial()])
    assert catalog.heartbeat(later.id).max_workers == 3
    (row,) = catalog.sweeps()
    assert (row.max_workers, row.priority) == (3, -2)
    catalog.set_limits("s", max_workers=0)
    assert catalog.heartbeat(later.id).max_workers is None
    with pytest.raises(CatalogError, match="has no sweep 't'; it has: s"):
        catalog.set_limits("t", priority=1)


def test_only_who_wants_workers_outranks(catalog: Catalog, samples):
    low, high = (catalog.begin_submission(s, "", [samples.trial()]) for s in ("low", "high"))
    catalog.set_limits("high", priority=5)
    assert catalog.heartbeat(low.id).outranked_by is None
    catalog.heartbeat(high.id, wants_workers=True)
    assert catalog.heartbeat(low.id).outranked_by == "high"
    assert catalog.heartbeat(high.id, wants_workers=True).outranked_by is None
    catalog.request("high", Request.PAUSE)
    assert catalog.heartbeat(low.id).outranked_by is None, "a paused one takes nothing"


def test_failed_trials_are_made_pending(catalog, samples):
    trials = [samples.trial(seed=n) for n in range(3)]
    submission = catalog.begin_submission("s", "", trials)
    catalog.claim([t.trial_id for t in trials], submission.id)
    for trial in trials[:2]:
        failure = TrialFailure(
            trial_id=trial.trial_id, reason=FailureReason.DIVERGED, message="no", at_unix_ms=1
        )
        catalog.record_failure("s", failure)
    one, other = (t.trial_id for t in trials[:2])
    assert catalog.retry("s", [one]) == [one]
    assert catalog.trial(one).state is TrialState.PENDING
    assert catalog.retry("s") == [other]
    assert catalog.retry("s") == []
    assert set(catalog.claim([one, other], submission.id)) == {one, other}
