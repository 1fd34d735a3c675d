"""What the catalog promises, on SQLite and on PostgreSQL."""

import time
from itertools import pairwise

import pytest

from orchestrator.catalog import (
    AliasMove,
    AttemptOutcome,
    Catalog,
    MoveKind,
    SubmissionOutcome,
    TrialFilter,
    TrialState,
)
from orchestrator.catalog.alias_moves import named_before
from orchestrator.catalog.store import now
from orchestrator.errors import CatalogError
from workers.contract.results import FailureReason, TrialFailure
from workers.contract.trial import DropMode, Trial


def failure(trial: Trial, message: str = "loss is nan in epoch 2") -> TrialFailure:
    return TrialFailure(
        trial_id=trial.trial_id, reason=FailureReason.DIVERGED, message=message, at_unix_ms=1
    )


def test_a_submission_writes_down_every_trial(catalog, samples):
    source, other = samples.trial(task="rte"), samples.trial(task="cola", depth=2)
    fusion = samples.fusion(source, other)
    submission = catalog.begin_submission("s", "name: s", [fusion, source, other])

    assert catalog.states("s") == {t.trial_id: TrialState.PENDING for t in (source, other, fusion)}
    assert submission.sweep == "s"
    assert submission.ended_at is None
    row = catalog.trial(other.trial_id[:8])
    assert (row.task, row.drop_mode, row.drop_depth) == ("cola", DropMode.SPECIALISED, 2)
    assert (row.placement, row.bottleneck_size, row.learning_rate) == ("pfeiffer", 24, 1e-4)
    assert catalog.planned([fusion.trial_id]) == {fusion.trial_id: fusion}


def test_a_trial_that_depends_on_nothing_known_is_refused(catalog, samples):
    source, other = samples.trial(task="rte"), samples.trial(task="cola")
    fusion = samples.fusion(source, other)
    with pytest.raises(CatalogError, match=f"depends on {min(other.trial_id, source.trial_id)}"):
        catalog.begin_submission("s", "", [fusion])
    assert catalog.sweeps() == []  # nothing of it is left

    catalog.begin_submission("s", "", [source, other])
    catalog.begin_submission("s", "", [fusion, source, other])
    catalog.begin_submission("other sweep", "", [fusion])  # its parents are in the catalog
    assert set(catalog.states("other sweep")) == {fusion.trial_id}


def test_ten_thousand_trials_are_submitted_in_seconds(catalog, many):
    trials = many(10_000)
    ids = [t.trial_id for t in trials]
    started = time.monotonic()
    submission = catalog.begin_submission("big", "", trials)
    took_s = time.monotonic() - started
    assert sum(catalog.counts("big").values()) == len(set(ids)) == 10_000
    assert took_s < 20  # about 2 s on a quiet machine
    assert set(catalog.claim(ids, submission.id)) == set(ids)
    assert catalog.finished(ids) == set()
    assert catalog.release(ids, submission.id) == set(ids)


def test_failed_and_blocked_trials_run_again_and_finished_ones_do_not(catalog, samples):
    done, failed, source = (samples.trial(seed=n) for n in (1, 2, 3))
    fusion = samples.fusion(source, failed)
    everything = [done, failed, source, fusion]
    first = catalog.begin_submission("s", "", everything)
    catalog.claim([done.trial_id, failed.trial_id], first.id)
    assert catalog.record_result("s", samples.result(done))
    assert catalog.record_failure("s", failure(failed))
    assert catalog.record_blocked([fusion.trial_id], "its source failed") == {fusion.trial_id}
    assert catalog.counts("s") == {
        TrialState.PENDING: 1,
        TrialState.RUNNING: 0,
        TrialState.FINISHED: 1,
        TrialState.FAILED: 1,
        TrialState.STOPPED: 0,
        TrialState.BLOCKED: 1,
    }
    reasons = [(f.trial_id, f.state, f.message, f.attempts) for f in catalog.failures("s")]
    assert reasons == [
        (failed.trial_id, TrialState.FAILED, "loss is nan in epoch 2", 1),
        (fusion.trial_id, TrialState.BLOCKED, "its source failed", 0),
    ]

    catalog.begin_submission("s", "", everything)
    assert catalog.states("s")[done.trial_id] is TrialState.FINISHED
    assert catalog.counts("s")[TrialState.PENDING] == 3
    assert catalog.failures("s") == []


def test_what_a_sweep_no_longer_asks_for_leaves_it_unless_it_is_finished(catalog, samples):
    done, dropped, kept = (samples.trial(seed=n) for n in (1, 2, 3))
    catalog.begin_submission("s", "", [done, dropped, kept])
    catalog.record_result("s", samples.result(done))
    catalog.begin_submission("s", "", [kept])
    assert set(catalog.states("s")) == {done.trial_id, kept.trial_id}
    assert catalog.trial(dropped.trial_id).state is TrialState.PENDING


def test_the_first_result_wins_and_nothing_changes_it(catalog, samples):
    trial = samples.trial()
    submission = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], submission.id)
    first = samples.result(trial, 0.7)
    assert catalog.record_result("s", first)
    before = catalog.trial(trial.trial_id)
    waiting = catalog.count_undelivered("s")

    assert not catalog.record_result("s", first)
    assert not catalog.record_result("s", samples.result(trial, 0.9))
    assert not catalog.record_failure("s", failure(trial))
    assert not catalog.record_epoch("s", trial.trial_id, samples.epoch(9))
    assert catalog.record_blocked([trial.trial_id], "no") == set()
    assert not catalog.claim([trial.trial_id], submission.id)
    assert catalog.release([trial.trial_id], submission.id) == set()
    catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
    catalog.begin_submission("s", "", [trial])

    assert catalog.trial(trial.trial_id) == before
    assert before.score == 0.7
    assert catalog.results([trial.trial_id]) == {trial.trial_id: first}
    assert catalog.finished([trial.trial_id, "0" * 20]) == {trial.trial_id}
    # Beyond the result: that the first submission ended, and that a second one began.
    assert catalog.count_undelivered("s") == waiting + 2
    assert [a.outcome for a in catalog.attempts(trial.trial_id)] == [AttemptOutcome.FINISHED]


def test_a_result_counts_whatever_state_the_catalog_believed_in(catalog, samples):
    """After a crash, what is committed in storage is truer than what the catalog knows."""
    pending, failed, blocked = (samples.trial(seed=n) for n in (1, 2, 3))
    catalog.begin_submission("s", "", [pending, failed, blocked])
    catalog.record_failure("s", failure(failed))
    catalog.record_blocked([blocked.trial_id], "a source failed")
    for trial in (pending, failed, blocked):
        assert catalog.record_result("s", samples.result(trial))
    assert set(catalog.states("s").values()) == {TrialState.FINISHED}
    assert catalog.trial(failed.trial_id).failure_message is None


def test_a_result_of_an_unknown_trial_is_refused(catalog, samples):
    unknown = samples.trial(seed=99)
    catalog.begin_submission("s", "", [samples.trial()])
    with pytest.raises(CatalogError, match="no trial"):
        catalog.record_result("s", samples.result(unknown))
    with pytest.raises(CatalogError, match="no trial"):
        catalog.record_failure("s", failure(unknown))
    with pytest.raises(CatalogError, match="no trial"):
        catalog.record_epoch("s", unknown.trial_id, samples.epoch(1))


def test_epochs_show_while_a_trial_runs_and_its_result_has_the_last_word(catalog, samples):
    trial = samples.trial()
    catalog.begin_submission("s", "", [trial])
    assert catalog.record_epoch("s", trial.trial_id, samples.epoch(1, 0.1))
    catalog.record_epoch("s", trial.trial_id, samples.epoch(2, 0.2))
    catalog.record_epoch("s", trial.trial_id, samples.epoch(2, 0.3))  # after a restart
    assert [e.selection_score for e in catalog.epochs(trial.trial_id)] == [0.1, 0.3]
    result = samples.result(trial)
    catalog.record_result("s", result)
    assert tuple(catalog.epochs(trial.trial_id)) == result.curve
    assert catalog.epochs_told("s", [trial.trial_id]) == {trial.trial_id: {1, 2}}


def test_an_ended_submission_holds_nothing(catalog, samples):
    trial = samples.trial()
    first = catalog.begin_submission("s", "", [trial])
    catalog.heartbeat(first.id)
    catalog.claim([trial.trial_id], first.id)
    catalog.end_submission(first.id, SubmissionOutcome.INTERRUPTED)
    catalog.end_submission(first.id, SubmissionOutcome.COMPLETED)  # only the first end counts
    assert catalog.states("s") == {trial.trial_id: TrialState.PENDING}
    assert [a.outcome for a in catalog.attempts(trial.trial_id)] == [AttemptOutcome.RELEASED]
    (sweep,) = catalog.sweeps()
    assert sweep.last_submission is not None
    assert sweep.last_submission.outcome is SubmissionOutcome.INTERRUPTED
    with pytest.raises(CatalogError, match="has ended"):
        catalog.heartbeat(first.id)


def test_trials_are_filtered_and_sorted(catalog, samples):
    low, high, open_ = samples.trial(seed=1), samples.trial(seed=2), samples.trial(seed=3)
    cola = samples.trial(task="cola", depth=3)
    catalog.begin_submission("s", "", [low, high, open_, cola])
    catalog.begin_submission("t", "", [cola])
    for trial, score in ((low, 0.6), (high, 0.8), (cola, 0.3)):
        catalog.record_result("s", samples.result(trial, score))

    def ids(filter_: TrialFilter | None = None, sort: str = "-score", **options: int) -> list[str]:
        return [r.trial_id for r in catalog.trials(filter_, sort, **options)]

    assert ids() == [t.trial_id for t in (high, low, cola, open_)]
    assert ids(sort="score") == [t.trial_id for t in (cola, low, high, open_)]
    assert ids(limit=2) == [high.trial_id, low.trial_id]
    assert ids(TrialFilter(sweep="t")) == [cola.trial_id]
    assert ids(TrialFilter(task="rte"), "seed") == [t.trial_id for t in (low, high, open_)]
    assert ids(TrialFilter(min_score=0.5, state=TrialState.FINISHED, base="minilm")) == [
        high.trial_id,
        low.trial_id,
    ]
    assert ids(TrialFilter(drop_mode=DropMode.SPECIALISED, drop_depth=3)) == [cola.trial_id]
    assert ids(TrialFilter(seed=2)) == [high.trial_id]
    assert ids(TrialFilter(method="full_fine_tuning")) == []
    with pytest.raises(CatalogError, match=r"no column 'beauty'.*learning_rate.*score"):
        catalog.trials(sort="beauty")
    with pytest.raises(CatalogError, match="no sweep 'u'; it has: s, t"):
        catalog.trials(TrialFilter(sweep="u"))


def test_a_trial_is_found_by_the_start_of_its_id(catalog, many):
    trials = many(40)
    catalog.begin_submission("s", "", trials)
    ids = sorted(t.trial_id for t in trials)
    shared = next(a[:1] for a, b in pairwise(ids) if a[0] == b[0])
    with pytest.raises(CatalogError, match="several trials"):
        catalog.trial(shared)
    with pytest.raises(CatalogError, match="no trial's id starts with"):
        catalog.trial("0" * 20)
    with pytest.raises(CatalogError, match="20 digits"):
        catalog.trial("%")
    assert catalog.trial(ids[0]).trial_id == ids[0]


def test_the_leaderboard_groups_the_seeds_of_a_configuration(catalog, samples):
    scores = {(24, 1): 0.70, (24, 2): 0.80, (24, 3): 0.75, (48, 1): 0.78, (12, 1): 0.40}
    trials = {key: samples.trial(size=key[0], seed=key[1]) for key in scores}
    cola = samples.trial(task="cola")
    pending = samples.trial(size=96)
    catalog.begin_submission("s", "", [*trials.values(), cola, pending])
    for key, trial in trials.items():
        catalog.record_result("s", samples.result(trial, scores[key]))
    catalog.record_result("s", samples.result(cola, 0.99))

    rows = catalog.leaderboard("s", "rte")
    assert [(r.best.bottleneck_size, r.seeds) for r in rows] == [(48, 1), (24, 3), (12, 1)]
    three = rows[1]
    assert three.mean == pytest.approx(0.75)
    assert three.std == pytest.approx(0.05)  # the sample's: sqrt((0.05² + 0.05² + 0) / 2)
    assert three.best.trial_id == trials[24, 2].trial_id
    assert three.label == "rte · adapter · pfeiffer r24"
    assert rows[0].std is None
    best = [(r.best.task, r.best.bottleneck_size) for r in catalog.leaderboard(limit=1)]
    assert best == [("cola", 24), ("rte", 48)]
    with pytest.raises(CatalogError, match="no sweep"):
        catalog.leaderboard("nowhere")


def test_a_fusion_is_one_configuration_although_its_sources_differ_by_seed(catalog, samples):
    trials = []
    for seed in (1, 2):
        sources = [samples.trial(task=t, seed=seed) for t in ("rte", "cola")]
        fusion = samples.fusion(*sources, seed=seed)
        trials += [samples.pruned(fusion), fusion, *sources]
    catalog.begin_submission("s", "", trials)
    for trial in trials:
        catalog.record_result("s", samples.result(trial))
    assert [r.seeds for r in catalog.leaderboard("s")] == [2, 2, 2, 2]


def move(kind=MoveKind.REGISTERED, before=None, after="1", **changes):
    values = {
        "name": "rte--minilm",
        "task": "rte",
        "base": "minilm",
        "alias": "champion",
        "trial_id": "ab" * 10,
        "score": 0.7,
        "why": "better",
        "moved_by": "ada@host",
        "moved_at": now(),
    }
    return AliasMove(kind=kind, from_version=before, to_version=after, **values | changes)


def test_the_history_of_an_alias_is_kept(catalog):
    assert catalog.record_move(move())
    assert catalog.record_move(move(before="1", after="2", score=0.8))
    stayed = move(MoveKind.STAYED, "2", None, why="no better", sweep="s")
    assert catalog.record_move(stayed)
    later = {"moved_by": "bob@host", "moved_at": now()}
    assert not catalog.record_move(stayed.model_copy(update=later)), "one refusal is one line"
    assert catalog.record_move(stayed.model_copy(update={"sweep": "t"}))
    assert catalog.record_move(move(MoveKind.ROLLED_BACK, "2", "1"))
    assert catalog.record_move(move(alias="smallest"))
    found = catalog.alias_moves(task="rte", alias="champion")
    assert [(m.kind.value, m.from_version, m.to_version) for m in found] == [
        ("registered", None, "1"),
        ("registered", "1", "2"),
        ("stayed", "2", None),
        ("stayed", "2", None),
        ("rolled back", "2", "1"),
    ]
    assert found[2].model_copy(update={"id": 0}) == stayed
    assert catalog.alias_moves(name="other") == []


def test_what_an_alias_named_is_known_without_what_was_undone():
    def steps(*taken):
        return named_before(move(kind, None, after) for kind, after in taken)

    new, back, stayed = MoveKind.REGISTERED, MoveKind.ROLLED_BACK, MoveKind.STAYED
    assert steps((new, "1"), (new, "2"), (stayed, None), (new, "3")) == ["1", "2", "3"]
    assert steps((new, "1"), (new, "2"), (new, "3"), (back, "2")) == ["1", "2"]
    assert steps((new, "1"), (new, "2"), (new, "3"), (back, "2"), (back, "1")) == ["1"]
    assert steps((new, "1"), (new, "2"), (back, "1"), (new, "3")) == ["1", "3"]
    assert steps((new, "5"), (back, "2")) == ["2"], "to one that it never named"
    assert steps((new, "1"), (new, "2"), (back, "1"), (back, "2")) == ["1", "2"], "undone again"
    assert steps((new, "1"), (new, "2"), (new, "1"), (new, "3"), (back, "1")) == ["1", "2", "1"]
    assert steps() == []


def test_sweeps_are_listed_with_their_counts(catalog: Catalog, samples):
    catalog.begin_submission("first", "", [samples.trial(seed=1)])
    catalog.begin_submission("second", "", [samples.trial(seed=1), samples.trial(seed=2)])
    catalog.begin_submission("first", "", [samples.trial(seed=1)])
    found = [(s.name, s.submissions, s.trials) for s in catalog.sweeps()]
    assert found == [("first", 2, 1), ("second", 1, 2)]
    with pytest.raises(CatalogError, match="it has: first, second"):
        catalog.counts("third")
