"""What is not a finite number is no result: such a trial has diverged, alone or in a pack."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sweeping import write_sweep
from task_folders import write_task
from test_task_kinds import KINDS

from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.batch import Batch
from orchestrator.running.driver import plan_sweep
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, TrialResult, read_failure, read_result
from workers.contract.trial import Method, Trial
from workers.errors import TrialFailedError
from workers.objectives.divergence import finite_logits
from workers.running import prunings
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training.build import build
from workers.training.evaluation import Evaluation
from workers.training.pruning import mean_attention, prune
from workers.training.trainer import Trainer

TRAINING = "batch_size: 8, max_length: 24, epochs: {epochs}, schedule: constant"
NO_CLIP = "gradient_clip: null"
WILD = f"""\
adapter: {{ bottleneck_size: 4 }}
training: {{ {TRAINING}, {NO_CLIP} }}
trials:
  - training: {{ learning_rate: [1e-3, 3e38] }}
  - method: [head_only, full_fine_tuning]
    training: {{ learning_rate: [1e-3, 3e38] }}
"""


def planned(folder: Path, base: Path, *tasks: Path, body: str, epochs: int = 1) -> list[Trial]:
    path = write_sweep(folder, base, *tasks, body=body.replace("{epochs}", str(epochs)))
    return list(plan_sweep(path)[0].trials.values())


def run(trials: Sequence[Trial], folder: Path, width: int = 1, **settings: object) -> Workspace:
    fast_path = FastPath(pack_width=width, cache_gib=0, checkpoint_share=1, **settings)
    workspace = Workspace(folder)
    for _ in run_bundle(trials, workspace, WarmState(torch.device("cpu"), fast_path)):
        pass
    return workspace


def assert_diverged(trial: Trial, workspace: Workspace, why: str = "finite") -> None:
    paths = workspace.trial(trial.trial_id)
    failure = read_failure(paths)
    assert failure is not None, trial.label
    assert (failure.reason, read_result(paths)) == (FailureReason.DIVERGED, None), trial.label
    assert why in failure.message
    assert not paths.adapter.exists()
    assert not paths.checkpoint.exists()


def finished(trial: Trial, workspace: Workspace) -> TrialResult:
    paths = workspace.trial(trial.trial_id)
    result = read_result(paths)
    assert result is not None, (trial.label, read_failure(paths))
    return result


def one_step_task(folder: Path, kind: str) -> Path:
    """Write a task whose epoch is one step, so that no later loss can tell of it."""
    card, row = KINDS[kind]
    draw = random.Random(kind)
    rows = [row(draw) for _ in range(24)]
    return write_task(folder / kind, card=card, train=rows[:8], validation=rows, test=rows)


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_last_step_into_nowhere_is_no_score_in_any_kind_of_task(
    tmp_path: Path, toy_base: Path, kind: str, width: int
) -> None:
    trials = planned(tmp_path, toy_base, one_step_task(tmp_path, kind), body=WILD)
    wild = [t for t in trials if t.training.learning_rate > 1]
    tame = [t for t in trials if t not in wild]
    assert len(wild) == len(tame) == 3
    ran = run(trials, tmp_path / "workspace", width)
    alone = run(tame, tmp_path / "alone")
    for trial in wild:
        assert_diverged(trial, ran, "model's output")
    for trial in tame:
        found, expected = finished(trial, ran), finished(trial, alone)
        assert [s.metrics for s in found.scores] == [s.metrics for s in expected.scores]
        assert [e.train_loss for e in found.curve] == pytest.approx(
            [e.train_loss for e in expected.curve], rel=1e-5
        )


def test_a_pre_training_that_went_nowhere_is_no_start(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    body = (
        "adapter: { bottleneck_size: 4, start_from: mlm }\n"
        f"pretraining: {{ mlm: {{ texts: same, training: {{ {TRAINING}, {NO_CLIP}, "
        "learning_rate: 3e38 } } }\n"
    )
    trials = planned(tmp_path, toy_base, make_task("one", train=8), body=body)
    (pretraining,) = (t for t in trials if t.method is Method.PRETRAINING)
    assert_diverged(pretraining, run([pretraining], tmp_path / "workspace"), "model's output")


def poison(trainer: Trainer, value: float) -> None:
    """Put a value that is not finite where a ReLU hides one side of it from every score."""
    biases = [
        p
        for name, p in trainer.model.named_parameters()
        if "down" in name and name.endswith("bias")
    ]
    assert biases
    with torch.no_grad():
        biases[0].fill_(value)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(
    ("value", "why"), [(float("nan"), "model's output"), (float("-inf"), "trained parameter")]
)
def test_neither_a_good_epoch_before_nor_a_score_that_is_fine_makes_it_a_result(
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    value: float,
    why: str,
) -> None:
    body = f"adapter: {{ bottleneck_size: 4 }}\ntraining: {{ {TRAINING} }}\nseeds: [0, 1]\n"
    poisoned, sound = planned(tmp_path, toy_base, make_task("one", train=8), body=body, epochs=2)
    closed = Trainer.close_epoch

    def last_epoch_ends_badly(trainer: Trainer, *rest: float, **more: float) -> object:
        if trainer.trial == poisoned and len(trainer.curve) == 1:
            poison(trainer, value)
            monkeypatch.setattr(
                trainer, "_measure", lambda *where: _better(type(trainer)._measure(trainer, *where))
            )
        return closed(trainer, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "close_epoch", last_epoch_ends_badly)
    ran = run([poisoned, sound], tmp_path / "workspace", width)
    assert_diverged(poisoned, ran, why)
    finished(sound, ran)


def _better(measured: list[Evaluation]) -> list[Evaluation]:
    """Let an epoch be the best so far."""
    found = []
    for each in measured:
        best = {"metrics": dict.fromkeys(each.score.metrics, 1.0)}
        found.append(replace(each, score=each.score.model_copy(update=best)))
    return found


FUSION = f"""\
adapter: {{ bottleneck_size: 4 }}
training: {{ {TRAINING}, learning_rate: 1e-3 }}
fusion:
  - targets: one
    sources: {{ tasks: all }}
    pruning: {{ keep: [1, 2] }}
"""


@pytest.fixture
def fused(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> tuple[list[Trial], list[Trial], Workspace]:
    """A finished fusion over three tasks, and two prunings of it that are not done."""
    tasks = [make_task(name, seed=i, train=8) for i, name in enumerate(("one", "two", "three"))]
    trials = planned(tmp_path, toy_base, *tasks, body=FUSION)
    pruned = [t for t in trials if t.pruning is not None]
    rest = [t for t in trials if t.pruning is None]
    assert len(pruned) == 2
    return rest, pruned, run(rest, tmp_path / "workspace")


@pytest.mark.parametrize("together", [False, True])
def test_a_pruned_fusion_without_finite_outputs_is_no_result(
    fused: tuple[list[Trial], list[Trial], Workspace],
    monkeypatch: pytest.MonkeyPatch,
    together: bool,
) -> None:
    _, (one, other), workspace = fused

    def spoilt(trial: Trial, *rest: object, **more: object) -> AdapterModel:
        model = prune(trial, *rest, **more)  # type: ignore[arg-type]
        if trial == one:
            with torch.no_grad():
                next(model.adapter.parameters()).fill_(float("nan"))  # type: ignore[union-attr]
        return model

    monkeypatch.setattr(prunings, "prune", spoilt)
    run([one, other], workspace.root, enabled=together)
    assert_diverged(one, workspace, "model's output")
    finished(other, workspace)


def test_attention_that_is_no_number_chooses_nobody(
    fused: tuple[list[Trial], list[Trial], Workspace],
) -> None:
    (*_, trial), _, workspace = fused
    warm = WarmState(torch.device("cpu"), FastPath(cache_gib=0))
    model = build(trial, warm.backbone(trial.base), workspace)
    assert isinstance(model.adapter, Fusion)
    feeds, _ = warm.feeds(trial, model)
    assert mean_attention(trial, model, feeds)
    with torch.no_grad():
        next(p for p in model.adapter.parameters() if p.requires_grad).fill_(float("inf"))
    with pytest.raises(TrialFailedError, match="attention is not a finite number"):
        mean_attention(trial, model, feeds)


def test_what_padding_holds_is_not_looked_at(tmp_path: Path, toy_base: Path) -> None:
    (trial, *_) = planned(tmp_path, toy_base, one_step_task(tmp_path, "tags"), body=WILD)
    warm = WarmState(torch.device("cpu"), FastPath(cache_gib=0))
    model = build(trial, warm.backbone(trial.base), Workspace(tmp_path))
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    batch = Batch(input_ids=torch.ones(2, 3, dtype=torch.long), attention_mask=mask)
    logits = torch.zeros(2, 3, 4)
    logits[0, 2] = float("nan")
    assert finite_logits(model, logits, batch) is logits
    logits[1, 2, 0] = float("inf")
    with pytest.raises(TrialFailedError, match="output"):
        finite_logits(model, logits, batch)
