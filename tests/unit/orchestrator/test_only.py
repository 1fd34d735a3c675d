"""`submit --only` runs what it was asked for, leaves the rest as it was, and says so."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import test_driver

from orchestrator.catalog import SubmissionOutcome, TrialState
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands import submitting
from orchestrator.errors import OrchestratorError
from orchestrator.running.driver import Outcome, plan_sweep
from orchestrator.running.only import Only, left_out
from orchestrator.stores import Stores
from workers.contract.results import FailureReason, TrialFailure

nodes, run = test_driver.nodes, test_driver.run

SWEEP = """\
name: small
base_models: {{ toy: {{ source: "folder:{base}" }} }}
tasks: {{ one: {{ folder: "{tasks}/one" }} }}
seeds: {seeds}
adapter: {{ bottleneck_size: 4 }}
training: {{ learning_rate: [1e-2, 1e30], batch_size: 8, max_length: 16, epochs: 1 }}
"""
"""One learning rate that works and one that diverges."""


def fail(catalog: Any, sweep: str, trial: Any, submission: Any) -> None:
    failure = TrialFailure(
        trial_id=trial.trial_id, reason=FailureReason.WORKER_LOST, message="gone", at_unix_ms=0
    )
    assert catalog.record_failure(sweep, failure, by=submission.id)


def test_what_waits_for_the_chosen_is_chosen_and_what_waits_for_others_is_left(catalog, samples):
    first, second = samples.trial(seed=1), samples.trial(seed=1, task="cola")
    fusion, other = samples.fusion(first, second), samples.trial(seed=2)
    trials = [first, second, fusion, other]
    plan: Any = SimpleNamespace(trials={t.trial_id: t for t in trials})
    submission = catalog.begin_submission("s", "", trials)
    assert left_out(plan, catalog, Only.NEW) == set()
    assert left_out(plan, catalog, Only.FAILED) == set(plan.trials)
    catalog.claim([first.trial_id, second.trial_id], submission.id)
    fail(catalog, "s", first, submission)
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
    catalog.begin_submission("s", "", trials)  # failed trials are pending again
    kept = {only: set(plan.trials) - left_out(plan, catalog, only) for only in Only}
    assert kept == {
        Only.FAILED: {first.trial_id},  # the fusion waits for the second one too
        Only.STOPPED: {second.trial_id},
        Only.NEW: {other.trial_id},
    }
    catalog.record_result("s", samples.result(second))
    assert left_out(plan, catalog, Only.FAILED) == {other.trial_id}


def test_each_part_of_a_sweep_runs_alone(
    run: Callable[..., Outcome], toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> None:
    make_task("one")
    sweep = tmp_path / "small.yaml"
    sweep.write_text(SWEEP.format(base=toy_base, tasks=tmp_path / "tasks", seeds="0"))
    first = run(sweep)
    assert (first.trained, len(first.failed), first.left_out) == (1, 1, 0)
    sweep.write_text(SWEEP.format(base=toy_base, tasks=tmp_path / "tasks", seeds="[0, 1]"))
    plan, _ = plan_sweep(sweep)
    (stopped,) = [
        t.trial_id for t in plan.trials.values() if (t.seed, t.training.learning_rate) == (1, 1e-2)
    ]
    with Catalog.open(Stores.at(tmp_path / "workspace").catalog_url) as catalog:
        submission = catalog.begin_submission("small", "", list(plan.trials.values()))
        catalog.claim([stopped], submission.id)
        catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)

        again = run(sweep, only=Only.STOPPED)
        assert (again.trained, len(again.failed), again.left_out) == (1, 0, 2)
        assert again.complete
        assert not again.interrupted
        assert catalog.states("small")[stopped] is TrialState.FINISHED
        new = run(sweep, only=Only.NEW)
        assert (new.trained, len(new.failed), new.left_out) == (0, 1, 1)
        assert not new.complete
        failed = run(sweep, only=Only.FAILED)
        assert (failed.trained, len(failed.failed), failed.left_out) == (0, 2, 0)
        assert run(sweep, only=Only.NEW).left_out == 2


def test_an_unknown_part_is_refused_and_a_known_one_is_sent_along() -> None:
    with pytest.raises(OrchestratorError, match="--only: expected failed, stopped, new, found 'x'"):
        submitting.kept_to("x")
    wishes = submitting.Wishes(force=True, only=submitting.kept_to("new"))
    assert wishes.options == ["--force", "--only", "new"]
