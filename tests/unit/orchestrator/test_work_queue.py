"""What is ready, what goes together, what a failure blocks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from orchestrator.running.work_queue import WorkQueue, WorkState
from workers.contract.trial import Method


@pytest.fixture
def plan(toy_sweep: Callable[..., Path]) -> Plan:
    return plan_sweep(toy_sweep())[0]


def drain(queue: WorkQueue, *, size: int = 4, workers: int = 2) -> list[list[str]]:
    """Run every bundle at once, and return them in order."""
    bundles = []
    while bundle := queue.next_bundle(size=size, workers=workers):
        bundles.append([t.trial_id for t in bundle])
        for trial in bundle:
            queue.finish(trial.trial_id)
    return bundles


def test_every_trial_is_handed_out_once_after_its_parents(plan: Plan) -> None:
    order = [i for bundle in drain(WorkQueue(plan.trials)) for i in bundle]
    assert sorted(order) == sorted(plan.trials)
    for position, trial_id in enumerate(order):
        assert set(plan.trials[trial_id].parents) <= set(order[:position])


def test_a_pack_shares_base_and_task_and_is_bounded(plan: Plan) -> None:
    for bundle in drain(WorkQueue(plan.trials), size=3):
        assert len(bundle) <= 3
        assert len({plan.trials[i].task.name for i in bundle}) == 1


def test_sources_of_fusions_come_first(plan: Plan) -> None:
    """They have the longest chain behind them, so that fusions do not wait for the end."""
    queue = WorkQueue(plan.trials)
    sources = {p for t in plan.trials.values() if t.fusion for p in t.parents}
    first: list[str] = []
    while len(first) < len(sources):
        first += [t.trial_id for t in queue.next_bundle(size=1, workers=1)]
    assert set(first) == sources


def test_a_later_turn_comes_after_all_others_that_as_much_waits_for(plan: Plan) -> None:
    usual = [t.trial_id for t in WorkQueue(plan.trials).next_bundle(size=100, workers=1)]
    early, last = usual[-2:]
    late = WorkQueue(plan.trials, turns={early: 1})
    assert [t.trial_id for t in late.next_bundle(size=100, workers=1)][-2:] == [last, early]


def test_packs_shrink_so_that_all_workers_get_some(plan: Plan) -> None:
    queue = WorkQueue(plan.trials)
    ready = queue.counts()[WorkState.READY]
    assert len(queue.next_bundle(size=100, workers=ready)) == 1


def test_a_failure_blocks_what_waits_for_it_and_nothing_else(plan: Plan) -> None:
    queue = WorkQueue(plan.trials)
    fusion = next(t for t in plan.trials.values() if t.method is Method.FUSION)
    prunings = {i for i, t in plan.trials.items() if t.parents == (fusion.trial_id,)}
    for parent in fusion.parents[1:]:
        queue.finish(parent)
    blocked = set(queue.fail(fusion.parents[0]))
    assert {fusion.trial_id} | prunings <= blocked
    assert all(fusion.parents[0] in _ancestors(plan, i) for i in blocked)
    drain(queue)
    assert queue.ended
    counts = queue.counts()
    assert counts[WorkState.FAILED] == 1
    assert counts[WorkState.BLOCKED] == len(blocked)
    assert counts[WorkState.FINISHED] == len(plan.trials) - 1 - len(blocked)


def test_finished_trials_are_not_handed_out_and_free_their_children(plan: Plan) -> None:
    done = {i for i, t in plan.trials.items() if t.method is Method.ADAPTER}
    queue = WorkQueue(plan.trials, done)
    order = {i for bundle in drain(queue) for i in bundle}
    assert order == set(plan.trials) - done


def test_a_deferred_trial_waits_until_it_is_put_back(plan: Plan) -> None:
    queue = WorkQueue(plan.trials)
    trial = queue.next_bundle(size=1, workers=1)[0]
    queue.defer(trial.trial_id)
    drain(queue)
    assert not queue.ended
    queue.put_back(trial.trial_id)
    drain(queue)
    assert queue.ended


def _ancestors(plan: Plan, trial_id: str) -> set[str]:
    parents = plan.trials[trial_id].parents
    return {a for p in parents for a in {p} | _ancestors(plan, p)}
