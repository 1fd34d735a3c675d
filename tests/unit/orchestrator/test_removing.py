"""Removing a sweep takes what only it asks for, on both databases."""

import pytest

from orchestrator.catalog import SubmissionOutcome, TrialState
from orchestrator.catalog.records import AliasMove, MoveKind
from orchestrator.catalog.store import now
from orchestrator.errors import CatalogError


def finish(catalog, samples, sweep, trials):
    submission = catalog.begin_submission(sweep, "", trials)
    catalog.claim([t.trial_id for t in trials], submission.id)
    for trial in trials:
        catalog.record_epoch(sweep, trial.trial_id, samples.epoch(1))
        catalog.record_result(sweep, samples.result(trial))
    catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)


def test_a_sweep_goes_with_the_trials_that_only_it_asks_for(catalog, samples):
    shared, first, second = (samples.trial(seed=n, task="cola") for n in (1, 2, 3))
    source = samples.trial(seed=4)
    fusion = samples.fusion(first, source)
    finish(catalog, samples, "s", [shared, first, second, source])
    finish(catalog, samples, "t", [shared])
    catalog.begin_submission("u", "", [fusion])  # builds on two trials of s
    gone: list[str] = []
    removal = catalog.removal("s")
    assert (removal.trials, removal.finished, removal.shared) == ((second.trial_id,), 1, 3)
    assert {s.name for s in catalog.sweeps()} == {"s", "t", "u"}, "nothing has gone yet"

    assert catalog.remove_sweep("s", gone.extend) == removal
    assert gone == [second.trial_id]
    assert {s.name for s in catalog.sweeps()} == {"t", "u"}
    assert set(catalog.results([shared.trial_id, first.trial_id, source.trial_id])) == {
        shared.trial_id,
        first.trial_id,
        source.trial_id,
    }
    assert catalog.planned([second.trial_id]) == {}
    with pytest.raises(CatalogError, match="no sweep 's'"):
        catalog.removal("s")
    finish(catalog, samples, "s", [second])  # as new
    assert catalog.states("s") == {second.trial_id: TrialState.FINISHED}


def test_a_sweep_that_somebody_works_on_is_not_removed(catalog, samples):
    trial = samples.trial()
    submission = catalog.begin_submission("s", "", [trial])
    for remove in (catalog.removal, lambda s: catalog.remove_sweep(s, print)):
        with pytest.raises(CatalogError, match="stop it first"):
            remove("s")
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
    assert catalog.remove_sweep("s", lambda _: None).trials == (trial.trial_id,)
    assert catalog.sweeps() == []


def test_files_that_cannot_be_removed_leave_the_catalog_as_it_was(catalog, samples):
    trial = samples.trial()
    finish(catalog, samples, "s", [trial])

    def refuse(_):
        raise PermissionError("not yours")

    with pytest.raises(PermissionError):
        catalog.remove_sweep("s", refuse)
    assert catalog.states("s") == {trial.trial_id: TrialState.FINISHED}


def test_what_the_registry_named_stays_with_all_it_is_built_on(catalog, samples):
    source, other = samples.trial(seed=1), samples.trial(seed=2, task="cola")
    rest = samples.trial(seed=3)
    fusion = samples.fusion(source, other)
    finish(catalog, samples, "s", [source, other, rest, fusion])
    for kind, trial in ((MoveKind.REGISTERED, fusion), (MoveKind.STAYED, rest)):
        catalog.record_move(
            AliasMove(
                name="n",
                task="rte",
                base="minilm",
                alias="champion",
                kind=kind,
                from_version=None,
                to_version="1",
                trial_id=trial.trial_id,
                score=0.7,
                why="for a test",
                moved_by="me@here",
                moved_at=now(),
            )
        )
    removal = catalog.remove_sweep("s", lambda _: None)
    assert (removal.trials, removal.registered) == ((rest.trial_id,), 3)
    assert set(catalog.states("s")) == {source.trial_id, other.trial_id, fusion.trial_id}


def test_forgotten_results_can_be_recorded_and_told_again(catalog, samples):
    gone, kept = samples.trial(seed=1), samples.trial(seed=2)
    finish(catalog, samples, "s", [gone, kept])
    catalog.mark_delivered([e.id for e in catalog.undelivered("s")])
    assert catalog.forget_results([gone.trial_id]) == {gone.trial_id}
    assert catalog.states("s") == {
        gone.trial_id: TrialState.PENDING,
        kept.trial_id: TrialState.FINISHED,
    }
    assert set(catalog.results([gone.trial_id, kept.trial_id])) == {kept.trial_id}
    again = samples.result(gone, 0.8)
    assert catalog.record_result("s", again)
    assert catalog.results([gone.trial_id]) == {gone.trial_id: again}
    assert [e.trial_id for e in catalog.undelivered("s")] == [gone.trial_id]


def test_an_archived_sweep_is_out_of_sight_until_it_is_asked_for(catalog, samples):
    shared, only = samples.trial(seed=1, size=8), samples.trial(seed=1, size=16)
    finish(catalog, samples, "s", [shared, only])
    finish(catalog, samples, "t", [shared])

    def shown(**asked):
        return {row.best.trial_id for row in catalog.leaderboard(**asked)}

    both = {shared.trial_id, only.trial_id}
    assert shown() == both
    assert catalog.archive("s")
    assert not catalog.archive("s")
    assert shown() == {shared.trial_id}
    assert shown(archived=True) == shown(sweep="s") == both
    assert {s.name: s.archived for s in catalog.sweeps()} == {"s": True, "t": False}
    assert catalog.archive("s", undo=True)
    assert shown() == both
    catalog.archive("s")
    catalog.begin_submission("s", "", [shared, only])
    assert {s.archived for s in catalog.sweeps()} == {False}
    with pytest.raises(CatalogError, match="no sweep 'x'"):
        catalog.archive("x")
