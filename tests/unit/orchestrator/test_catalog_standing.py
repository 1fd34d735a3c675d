"""How far trials are, as those see it who watch or wait, on both databases."""

from datetime import timedelta
from threading import Thread

from sqlalchemy import update

from orchestrator.catalog import SubmissionOutcome, TrialState, tables
from orchestrator.catalog.records import TrialFilter
from orchestrator.catalog.store import now


def silence(catalog, submission) -> None:
    """Let a submission look like that of another host that died three minutes ago."""
    with catalog._writing() as connection:
        row = tables.submissions.c.id == submission.id
        spoke_at = now() - timedelta(seconds=180)
        values = {"host": "elsewhere", "heartbeat_at": spoke_at}
        connection.execute(update(tables.submissions).where(row).values(**values))


def test_what_a_dead_submission_was_running_is_pending(catalog, samples):
    held, finished, open_ = (samples.trial(seed=n) for n in (1, 2, 3))
    submission = catalog.begin_submission("s", "", [held, finished, open_])
    catalog.claim([held.trial_id], submission.id)
    catalog.record_result("s", samples.result(finished))
    (row,) = catalog.sweeps()
    assert (row.counts[TrialState.RUNNING], row.counts[TrialState.PENDING]) == (1, 1)
    assert not row.lost

    silence(catalog, submission)
    (row,) = catalog.sweeps()
    assert (row.counts[TrialState.RUNNING], row.counts[TrialState.PENDING]) == (0, 2)
    assert row.lost
    assert catalog.counts("s") == row.counts
    assert catalog.standings([held.trial_id])[held.trial_id].state is TrialState.PENDING
    running = TrialFilter(sweep="s", state=TrialState.RUNNING)
    pending = TrialFilter(sweep="s", state=TrialState.PENDING)
    assert catalog.trials(running) == []
    assert {t.trial_id for t in catalog.trials(pending)} == {held.trial_id, open_.trial_id}
    assert {t.state for t in catalog.trials(pending)} == {TrialState.PENDING}


def test_a_submission_that_ended_is_not_lost(catalog, samples):
    submission = catalog.begin_submission("s", "", [samples.trial()])
    silence(catalog, submission)
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
    (row,) = catalog.sweeps()
    assert not row.lost


def test_a_sweep_counts_what_it_asks_for_now_and_the_rest_apart(catalog, samples):
    dropped, kept = samples.trial(seed=1), samples.trial(seed=2)
    catalog.begin_submission("s", "", [dropped, kept])
    catalog.begin_submission("t", "", [dropped])
    for trial in (dropped, kept):
        catalog.record_result("s", samples.result(trial))
    catalog.begin_submission("s", "", [kept])
    by_name = {row.name: row for row in catalog.sweeps()}
    assert (by_name["s"].trials, by_name["s"].earlier) == (1, 1)
    assert (by_name["t"].trials, by_name["t"].earlier) == (1, 0)


def test_what_is_asked_of_one_state_sees_no_write_between(catalog, samples):
    first, later = samples.trial(seed=1), samples.trial(seed=2)
    catalog.begin_submission("s", "", [first, later])
    catalog.record_result("s", samples.result(first))
    with catalog.one_state():
        before, stamp = catalog.counts("s"), catalog.stamp()
        writing = Thread(target=catalog.record_result, args=("s", samples.result(later)))
        writing.start()
        writing.join()
        with catalog.one_state():
            assert (catalog.counts("s"), catalog.stamp()) == (before, stamp)
        assert catalog.standings([later.trial_id])[later.trial_id].state is TrialState.PENDING
    assert catalog.counts("s")[TrialState.FINISHED] == 2
    assert catalog.stamp() != stamp
