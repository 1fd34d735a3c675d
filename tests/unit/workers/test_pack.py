"""Trials run to a committed result, fail alone, and go on where they stopped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from workers.contract.events import EventKind
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, TrialResult, read_failure, read_result
from workers.contract.task_card import Split
from workers.contract.trial import DropMode, Method, Training, Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState


def warm_state() -> WarmState:
    return WarmState(torch.device("cpu"), FastPath(checkpoint_share=1))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def plan(toy_sweep: Callable[..., Path]) -> Plan:
    return plan_sweep(toy_sweep())[0]


@pytest.fixture
def warm() -> WarmState:
    return warm_state()


def pick(plan: Plan, method: Method, mode: DropMode = DropMode.NONE, task: str = "one") -> Trial:
    return next(
        t
        for t in plan.trials.values()
        if (t.method, t.drop.mode, t.task.name) == (method, mode, task)
    )


def run(trial: Trial, workspace: Workspace, warm: WarmState) -> TrialResult:
    assert list(run_bundle([trial], workspace, warm))[-1].kind is EventKind.FINISHED
    result = read_result(workspace.trial(trial.trial_id))
    assert result is not None
    return result


def test_every_kind_of_trial_finishes(plan: Plan, workspace: Workspace, warm: WarmState) -> None:
    events = list(run_bundle(list(plan.trials.values()), workspace, warm))
    finished = {e.trial_id for e in events if e.kind is EventKind.FINISHED}
    failures = [read_failure(workspace.trial(i)) for i in plan.trials]
    assert finished == set(plan.trials), [f for f in failures if f]
    for trial_id, trial in plan.trials.items():
        result = read_result(workspace.trial(trial_id))
        assert result is not None
        assert not workspace.trial(trial_id).checkpoint.exists()
        assert (result.adapter is None) == (trial.method is Method.FULL_FINE_TUNING)
        assert Split.TEST in {s.split for s in result.scores}
        if trial.drop.mode is DropMode.SPECIALISED:
            assert set(result.by_depth) == {trial.drop.depth} == {result.depth}
        elif trial.method in (Method.HEAD_ONLY, Method.FULL_FINE_TUNING):
            assert set(result.by_depth) == {0}
        else:
            assert set(result.by_depth) == {0, 1, 2}


@pytest.mark.parametrize(
    ("method", "learning_rate", "least"),
    [(Method.ADAPTER, 1e-2, 0.75), (Method.FULL_FINE_TUNING, 1e-3, 0.95)],
)
def test_a_task_is_learnt(
    make_task: Callable[..., Path],
    toy_sweep: Callable[..., Path],
    workspace: Workspace,
    warm: WarmState,
    method: Method,
    learning_rate: float,
    least: float,
) -> None:
    """Adapters over a random frozen base learn something, full fine-tuning all of it.

    At the adapters' rate full fine-tuning gets stuck with most seeds, by torch's dropout too.
    """
    make_task("one", train=400, held_out=50)
    plan, _ = plan_sweep(toy_sweep(epochs=15))
    trial = pick(plan, method)
    training = trial.training.model_copy(update={"learning_rate": learning_rate})
    result = run(trial.model_copy(update={"training": training}), workspace, warm)
    assert result.majority == 0.5
    assert result.score >= least


def test_same_seed_same_result_whatever_ran_before(
    plan: Plan, workspace: Workspace, tmp_path: Path
) -> None:
    trial = pick(plan, Method.ADAPTER, DropMode.ROBUST)
    alone = run(trial, workspace, warm_state())
    other = Workspace(tmp_path / "other")
    warm = warm_state()
    run(pick(plan, Method.FULL_FINE_TUNING), other, warm)
    after = run(trial, other, warm)
    assert after.scores == alone.scores
    assert [e.train_loss for e in after.curve] == [e.train_loss for e in alone.curve]
    assert after.adapter == alone.adapter


@pytest.mark.parametrize(
    ("method", "mode"),
    [
        (Method.ADAPTER, DropMode.ROBUST),
        (Method.FUSION, DropMode.NONE),
        (Method.FULL_FINE_TUNING, DropMode.NONE),
    ],
)
def test_an_interrupted_trial_continues_to_the_same_result(
    plan: Plan, workspace: Workspace, tmp_path: Path, method: Method, mode: DropMode
) -> None:
    trial = pick(plan, method, mode)
    parents = [plan.trials[p] for p in trial.parents]
    whole = Workspace(tmp_path / "whole")
    for place in (whole, workspace):
        for parent in parents:
            run(parent, place, warm_state())
    expected = run(trial, whole, warm_state())

    first = run_bundle([trial], workspace, warm_state())
    assert [next(first).kind for _ in range(2)] == [EventKind.STARTED, EventKind.EPOCH]
    first.close()  # as when the process dies after the first epoch
    assert workspace.trial(trial.trial_id).checkpoint.exists()
    torch.manual_seed(987)
    events = list(run_bundle([trial], workspace, warm_state()))
    resumed = read_result(workspace.trial(trial.trial_id))
    assert resumed is not None
    assert "resumed after epoch 1" in workspace.trial(trial.trial_id).log.read_text()
    assert [e.kind for e in events].count(EventKind.EPOCH) == 2
    assert resumed.scores == expected.scores
    assert resumed.adapter == expected.adapter
    assert [e.train_loss for e in resumed.curve] == [e.train_loss for e in expected.curve]


@pytest.mark.parametrize("damage", [lambda b: b[:-200], lambda b: b"", lambda b: b"no" + b[2:]])
def test_a_checkpoint_that_cannot_be_read_costs_its_epochs_and_not_the_trial(
    plan: Plan, workspace: Workspace, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    trial = pick(plan, Method.ADAPTER)
    expected = run(trial, Workspace(tmp_path / "whole"), warm_state())
    first = run_bundle([trial], workspace, warm_state())
    assert [next(first).kind for _ in range(2)] == [EventKind.STARTED, EventKind.EPOCH]
    first.close()
    checkpoint = workspace.trial(trial.trial_id).checkpoint
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    result = run(trial, workspace, warm_state())
    assert result.scores == expected.scores
    assert result.adapter == expected.adapter


def test_a_finished_trial_is_not_run_again(
    plan: Plan, workspace: Workspace, warm: WarmState
) -> None:
    trial = pick(plan, Method.HEAD_ONLY)
    run(trial, workspace, warm)
    before = workspace.trial(trial.trial_id).result.read_bytes()
    events = list(run_bundle([trial], workspace, warm))
    assert [e.kind for e in events] == [EventKind.FINISHED]
    assert workspace.trial(trial.trial_id).result.read_bytes() == before


def test_a_diverging_trial_fails_alone_with_its_reason(
    plan: Plan, workspace: Workspace, warm: WarmState
) -> None:
    good = pick(plan, Method.HEAD_ONLY)
    wild = Training(
        **good.training.model_dump()
        | {"learning_rate": 3e38, "optimiser": "sgd", "gradient_clip": None}
    )
    bad = Trial.model_validate(good.model_dump() | {"training": wild})
    events = list(run_bundle([bad, good], workspace, warm))
    assert [e.kind for e in events if e.trial_id == bad.trial_id][-1] is EventKind.FAILED
    assert [e.kind for e in events if e.trial_id == good.trial_id][-1] is EventKind.FINISHED
    failure = read_failure(workspace.trial(bad.trial_id))
    assert failure is not None
    assert failure.reason is FailureReason.DIVERGED
    assert "lower learning rate" in failure.message


def test_data_that_changed_since_planning_is_refused(
    plan: Plan, workspace: Workspace, warm: WarmState, tmp_path: Path
) -> None:
    trial = pick(plan, Method.HEAD_ONLY)
    rows = tmp_path / "tasks" / "one" / "train.jsonl"
    rows.write_text(rows.read_text() + json.dumps({"sentence1": "good film", "label": 1}) + "\n")
    assert list(run_bundle([trial], workspace, warm))[-1].kind is EventKind.FAILED
    failure = read_failure(workspace.trial(trial.trial_id))
    assert failure is not None
    assert failure.reason is FailureReason.BAD_INPUT
    assert "changed since planning" in failure.message


def test_a_fusion_takes_the_best_candidate_of_each_task(
    plan: Plan, workspace: Workspace, warm: WarmState
) -> None:
    fusion = pick(plan, Method.FUSION)
    assert fusion.fusion is not None
    for parent in fusion.parents:
        run(plan.trials[parent], workspace, warm)
    result = run(fusion, workspace, warm)
    for source in fusion.fusion.sources:
        scores = {c: read_result(workspace.trial(c)).score for c in source.candidates}  # type: ignore[union-attr]
        assert scores[result.sources[source.task]] == max(scores.values())
    for layer, means in result.attention.items():
        assert set(means) == {"one", "two", "three"}, layer
        assert sum(means.values()) == pytest.approx(1.0, abs=1e-5)
    pruned = next(
        t
        for t in plan.trials.values()
        if t.pruning and t.pruning.fusion_trial == fusion.trial_id and t.pruning.keep == 2
    )
    one_by_one = Trial.model_validate(
        pruned.model_dump()
        | {"pruning": {"fusion_trial": fusion.trial_id, "keep": 1, "order": "one_by_one"}}
    )
    assert one_by_one.trial_id not in plan.trials
    last = run(one_by_one, workspace, warm).kept
    kept = run(pruned, workspace, warm).kept
    assert {layer: len(names) for layer, names in last.items()} == dict.fromkeys(kept, 1)
    assert all(set(last[layer]) <= set(kept[layer]) for layer in kept), "the first step is the same"
    assert {layer: set(names) for layer, names in kept.items()} == {
        layer: set(sorted(means, key=means.__getitem__)[-2:])
        for layer, means in result.attention.items()
    }
