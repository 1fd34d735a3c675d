"""Prunings of one fusion: what they share in a worker, and that it changes no result."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from sweeping import write_sweep

from adapter_lib.model import AdapterModel
from orchestrator.running.driver import plan_sweep
from workers.batches.feeding import Feeds
from workers.contract.events import EventKind
from workers.contract.paths import Workspace
from workers.contract.results import Score, TrialResult, read_failure, read_result
from workers.contract.task_card import Split
from workers.contract.trial import Method, PruningOrder, Trial
from workers.running import prunings as run_prunings_module
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training import pruning
from workers.training import trainer as training
from workers.training.evaluation import evaluate

BODY = """\
adapter: { bottleneck_size: 4 }
training: { learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 1 }
trials: [{ drop: { mode: none } }]
fusion:
  - { targets: one, pruning: { keep: [1, 2, 3], order: [at_once, one_by_one] } }
"""


@pytest.fixture
def trials(tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]) -> list[Trial]:
    tasks = [make_task(name, seed=i, train=16) for i, name in enumerate(("one", "two", "xx", "yy"))]
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, *tasks, body=BODY))
    return list(plan.trials.values())


@pytest.fixture
def prunings(trials: list[Trial]) -> list[Trial]:
    return [t for t in trials if t.method is Method.PRUNED_FUSION]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trials that asked for a pass over the training set, as they come."""
    seen: list[str] = []
    measure = pruning.mean_attention

    def counted(trial: Trial, *rest: object) -> pruning.Attention:
        seen.append(trial.label)
        return measure(trial, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pruning, "mean_attention", counted)
    return seen


def run(trials: list[Trial], workspace: Workspace, warm: WarmState) -> dict[str, TrialResult]:
    for _ in run_bundle(trials, workspace, warm):
        pass
    found = {}
    for trial in trials:
        result = read_result(workspace.trial(trial.trial_id))
        assert result is not None, read_failure(workspace.trial(trial.trial_id))
        found[trial.trial_id] = result
    return found


MEASURED = {"duration_s", "spent", "finished_at_unix_ms", "adapter", "prefix"}


def unlike_runs(result: TrialResult) -> object:
    return result.model_dump(exclude=MEASURED)


def test_each_step_of_pruning_is_measured_once_and_changes_no_result(
    trials: list[Trial], prunings: list[Trial], passes: list[str], tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    before = [t for t in trials if t.method is not Method.PRUNED_FUSION]
    run(before, workspace, WarmState(torch.device("cpu")))
    one_by_one = [t for t in prunings if t.pruning and t.pruning.order is PruningOrder.ONE_BY_ONE]
    assert len(prunings) == 6
    assert len(one_by_one) == 3

    together = run(prunings, workspace, WarmState(torch.device("cpu")))
    assert len(passes) == 2, "four sources: with three left, and with two left"
    for trial in prunings:
        workspace.trial(trial.trial_id).result.unlink()
    passes.clear()
    for trial in reversed(prunings):
        alone = run([trial], workspace, WarmState(torch.device("cpu")))[trial.trial_id]
        assert unlike_runs(alone) == unlike_runs(together[trial.trial_id])
    assert len(passes) == 2 + 1 + 0
    for trial in one_by_one:
        assert trial.pruning is not None
        kept = together[trial.trial_id].kept
        assert {len(names) for names in kept.values()} == {trial.pruning.keep}


def test_a_memo_forgets_what_was_not_used_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "KEPT_MEASUREMENTS", 2)
    memo = pruning.AttentionMemo()
    for key in "ab":
        memo.put(key, {0: {key: 1.0}})
    assert memo.get("a") == {0: {"a": 1.0}}
    memo.put("c", {})
    assert memo.get("b") is None
    assert memo.get("a") is not None


@pytest.fixture
def ready(trials: list[Trial], tmp_path: Path) -> Workspace:
    """A workspace with everything but the prunings."""
    workspace = Workspace(tmp_path / "workspace")
    before = [t for t in trials if t.method is not Method.PRUNED_FUSION]
    run(before, workspace, WarmState(torch.device("cpu")))
    return workspace


def test_all_are_measured_in_one_pass_over_the_data(
    prunings: list[Trial], ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Split, int]] = []

    def counted(models: Sequence[AdapterModel], *rest: Any, **how: Any) -> list[list[Score]]:
        seen.append((how["split"], len(models)))
        return evaluate(models, *rest, **how)

    monkeypatch.setattr(training, "evaluate", counted)
    run(prunings, ready, WarmState(torch.device("cpu")))
    assert seen == [(Split.VALIDATION, 6), (Split.TEST, 6)]


def test_one_that_fails_leaves_the_others(
    prunings: list[Trial], ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune = pruning.prune
    broken = prunings[2].trial_id

    def fails(trial: Trial, *rest: Any, **how: Any) -> AdapterModel:
        if trial.trial_id == broken:
            raise RuntimeError("no such layer")
        return prune(trial, *rest, **how)

    monkeypatch.setattr(run_prunings_module, "prune", fails)
    events = list(run_bundle(prunings, ready, WarmState(torch.device("cpu"))))
    ended = {e.trial_id: e.kind for e in events if e.kind is not EventKind.STARTED}
    assert ended.pop(broken) is EventKind.FAILED
    failure = read_failure(ready.trial(broken))
    assert failure is not None
    assert failure.message == "no such layer"
    assert len(ended) == 5
    assert set(ended.values()) == {EventKind.FINISHED}


def test_what_cannot_be_measured_together_is_measured_alone(
    prunings: list[Trial], ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(trial: Trial, models: Sequence[AdapterModel], feeds: Feeds) -> list[list[Score]]:
        raise MemoryError("cannot allocate memory")

    monkeypatch.setattr(run_prunings_module, "measure_finished", fails)
    found = run(prunings, ready, WarmState(torch.device("cpu")))
    assert len(found) == 6
