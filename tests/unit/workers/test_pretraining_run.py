"""Adapters are pre-trained on a task's texts, and task adapters start from the result."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sweeping import run_sweep, write_sweep
from task_folders import write_task

from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.storage.files import load_adapter
from orchestrator.running.driver import plan_sweep
from workers.contract.events import EventKind
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import Epoch, read_result
from workers.contract.trial import Method
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training import trainer as training
from workers.training.build import build
from workers.training.trainer import Trainer

BODY = """\
pretraining: { mlm: { texts: same, training: { epochs: 4 } } }
adapter: { bottleneck_size: 8, start_from: [none, mlm] }
drop: { mode: [none, specialised, robust], depth: 1 }
"""


def warm_state() -> WarmState:
    return WarmState(torch.device("cpu"), FastPath(checkpoint_share=1))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_random_against_pre_trained_runs_to_the_end(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    path = write_sweep(tmp_path, toy_base, make_task("one", train=160), body=BODY)
    ran = run_sweep(path, workspace)
    assert len(ran) == 1 + 3 + 3
    pretraining, result = ran[1]
    assert pretraining.method is Method.PRETRAINING
    assert result.adapter is None  # nothing that could win an alias
    assert result.metric == "masked_accuracy"
    assert result.curve[-1].train_loss < result.curve[0].train_loss
    assert 0 <= result.score < 1
    warm = warm_state()
    backbone = warm.backbone(pretraining.base)
    files = workspace.trial(pretraining.trial_id).adapter
    source = load_adapter(files, backbone).adapter
    assert isinstance(source, Adapter)
    pairs = {(t.drop.mode, t.start_from is not None): t for t, _ in ran if t is not pretraining}
    assert len(pairs) == 6
    for (mode, started), trial in pairs.items():
        model = build(trial, backbone, workspace)
        assert model.adapter is not None
        other = build(pairs[mode, False], backbone, workspace)
        assert torch.equal(model.head.output.weight, other.head.output.weight)
        for name, tensor in model.adapter.state_dict().items():
            assert torch.equal(tensor, source.state_dict()[name]) == started or not tensor.any()


def test_an_interrupted_pre_training_continues_to_the_same_result(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    path = write_sweep(tmp_path, toy_base, make_task("one"), body=BODY)
    plan, _ = plan_sweep(path)
    trial = next(t for t in plan.trials.values() if t.method is Method.PRETRAINING)
    whole = Workspace(tmp_path / "whole")
    for _ in run_bundle([trial], whole, warm_state()):
        pass
    first = run_bundle([trial], workspace, warm_state())
    for _ in range(2):
        next(first)
    first.close()
    torch.manual_seed(987)
    for _ in run_bundle([trial], workspace, warm_state()):
        pass
    expected, found = (read_result(w.trial(trial.trial_id)) for w in (whole, workspace))
    assert expected is not None
    assert found is not None
    assert found.scores == expected.scores
    assert [e.train_loss for e in found.curve] == [e.train_loss for e in expected.curve]


def test_it_continues_alike_where_the_device_has_a_generator_of_its_own(
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a GPU: dropout draws from the device's generator, masks from the CPU's."""
    of_device = torch.Generator()
    drawn: list[float] = []
    close_epoch = Trainer.close_epoch

    def drawing(trainer: Trainer, *rest: Any, **more: Any) -> Epoch:
        drawn.append(float(torch.rand((), generator=of_device)))
        return close_epoch(trainer, *rest, **more)

    monkeypatch.setattr(Trainer, "close_epoch", drawing)
    monkeypatch.setattr(training, "default_generator", lambda _: of_device)
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=BODY))
    trial = next(t for t in plan.trials.values() if t.method is Method.PRETRAINING)
    curves = []
    for name, draws in (("whole", 4), ("stopped", 6)):
        of_device.manual_seed(1)
        for event in run_bundle([trial], Workspace(tmp_path / name), warm_state()):
            if event.kind is EventKind.EPOCH and len(drawn) == draws:
                break
        torch.manual_seed(987)
        of_device.manual_seed(987)
        for _ in run_bundle([trial], Workspace(tmp_path / name), warm_state()):
            pass
        result = read_result(Workspace(tmp_path / name).trial(trial.trial_id))
        assert result is not None
        curves.append([e.train_loss for e in result.curve])
    assert curves[0] == curves[1]
    assert drawn[:4] == drawn[4:]


def test_pre_training_learns_what_texts_say(
    tmp_path: Path, toy_base: Path, workspace: Workspace
) -> None:
    """Every row says one word again and again, so a masked one can be read off the others."""
    words = ["good", "bad", "film", "story", "cast", "plot"]
    rows = [{"sentence1": " ".join([words[i % 6]] * 6), "label": i % 2} for i in range(240)]
    task = write_task(tmp_path / "again", train=rows, validation=rows[:48])
    body = (
        "pretraining: { mlm: { training: { epochs: 8 } } }\n"
        "adapter: { bottleneck_size: 16, start_from: mlm }\n"
    )
    pretraining, _ = run_sweep(write_sweep(tmp_path, toy_base, task, body=body), workspace)
    result = pretraining[1]
    assert result.score == result.by_depth[0] > 2 / len(words)
