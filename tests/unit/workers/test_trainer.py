"""The training loop: schedules, drawn depths, early stopping."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adapter_lib.config.configuration import AdapterConfig, FusionConfig
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from orchestrator.running.driver import plan_sweep
from workers.batches.batching import collate
from workers.batches.examples import Examples
from workers.batches.tokens import Tokens
from workers.contract.paths import Workspace
from workers.contract.results import Epoch
from workers.contract.task_card import Metric, Split, TaskCard, TaskKind
from workers.contract.trial import Drop, DropMode, MeasuredDepths, Method, Trial
from workers.objectives.sentences import Values
from workers.running.warm_state import WarmState
from workers.tasks.rows import Rows
from workers.training import trainer as training
from workers.training.build import build
from workers.training.evaluation import evaluate
from workers.training.seeds import generator_for
from workers.training.trainer import Trainer, _optimiser


@pytest.fixture
def make_trainer(toy_sweep: Callable[..., Path], tmp_path: Path) -> Callable[..., Trainer]:
    plan, _ = plan_sweep(toy_sweep())
    trial = next(t for t in plan.trials.values() if t.method is Method.ADAPTER)

    def make(*, drop: DropMode = DropMode.NONE, **training: object) -> Trainer:
        changed = Trial.model_validate(
            trial.model_dump()
            | {"training": trial.training.model_dump() | training, "drop": {"mode": drop}}
        )
        warm = WarmState(torch.device("cpu"))
        model = build(changed, warm.backbone(changed.base), Workspace(tmp_path))
        return Trainer(changed, model, warm.task(changed))

    return make


@pytest.mark.parametrize(
    ("training", "rates"),
    [
        ({"schedule": "constant"}, [1.0, 1.0, 1.0, 1.0]),
        ({"schedule": "linear"}, [1.0, 0.75, 0.5, 0.25]),
        ({"schedule": "cosine"}, [1.0, 0.853553, 0.5, 0.146447]),
        ({"schedule": "linear", "warmup_fraction": 0.5}, [0.5, 1.0, 1.0, 0.5]),
    ],
)
def test_learning_rate_follows_the_schedule(
    make_trainer: Callable[..., Trainer], training: dict[str, object], rates: list[float]
) -> None:
    """48 rows in batches of 24 and 2 epochs are 4 steps; rates are shares of the peak."""
    trainer = make_trainer(learning_rate=1.0, batch_size=24, epochs=2, **training)
    assert [trainer.learning_rate(s) for s in range(4)] == pytest.approx(rates, abs=1e-6)


def test_robust_training_draws_every_depth_alike() -> None:
    """The paper draws n from 0…L-1, both ends included, for every batch."""
    generator = generator_for(0, "drop")
    drawn = Counter(int(torch.randint(12, (), generator=generator)) for _ in range(12_000))
    assert set(drawn) == set(range(12))
    assert max(abs(n - 1000) for n in drawn.values()) < 150


def test_robust_batches_use_the_drawn_depth(
    make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(drop=DropMode.ROBUST)
    seen: list[int] = []
    forward = trainer.model.forward

    def spy(batch: object, *, drop_depth: int = 0, **start: object) -> torch.Tensor:
        seen.append(drop_depth)
        return forward(batch, drop_depth=drop_depth, **start)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer.model, "forward", spy)
    trainer.run_epoch()
    expected = generator_for(trainer.trial.seed, "drop")
    assert seen == [int(torch.randint(3, (), generator=expected)) for _ in range(6)]


def test_accumulated_batches_make_the_step_of_one_large_batch(
    make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean gradient over all 48 rows, however they are cut; dropout is off."""
    ends = []
    for cut in ({"batch_size": 48}, {"batch_size": 10, "accumulate": 5}):
        trainer = make_trainer(
            optimiser="sgd", learning_rate=0.1, gradient_clip=None, epochs=1, **cut
        )
        monkeypatch.setattr(trainer.model, "train_from", lambda *_, **__: trainer.model.eval())  # noqa: B023
        assert trainer.run_epoch().steps == 1
        ends.append(trainer.model.trainable_state())
    for name, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][name], rtol=1e-5, atol=1e-6)


def test_robust_training_is_measured_at_the_depths_asked_for_and_not_at_the_last_drawn(
    make_trainer: Callable[..., Trainer],
) -> None:
    """AdapterHub's recipe evaluates with whatever depth the last batch happened to drop."""
    trainer = make_trainer(drop=DropMode.ROBUST)
    epoch = trainer.run_epoch()
    validation = trainer.examples.splits[Split.VALIDATION]
    shares = []
    trainer.model.eval()
    with torch.inference_mode():
        batch = collate(validation.tokens, np.arange(len(validation)), "cpu")
        for depth in range(3):
            guessed = trainer.model(batch, drop_depth=depth).argmax(dim=-1).numpy()
            shares.append(float((guessed == validation.labels).mean()))
    assert epoch.metrics["accuracy"] == pytest.approx(shares[0])
    assert epoch.selection_score == pytest.approx(sum(shares) / 3)


def test_robust_training_draws_for_every_accumulated_batch(
    make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(drop=DropMode.ROBUST, accumulate=3)
    seen: list[int] = []
    forward = trainer.model.forward

    def spy(batch: object, *, drop_depth: int = 0, **start: object) -> torch.Tensor:
        seen.append(drop_depth)
        return forward(batch, drop_depth=drop_depth, **start)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer.model, "forward", spy)
    assert trainer.run_epoch().steps == 2
    expected = generator_for(trainer.trial.seed, "drop")
    assert seen == [int(torch.randint(3, (), generator=expected)) for _ in range(6)]


def test_the_frozen_base_does_not_change(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer()
    before = {k: v.clone() for k, v in trainer.model.backbone.state_dict().items()}
    adapter = {k: v.clone() for k, v in trainer.model.trainable_state().items()}
    trainer.run_epoch()
    after = trainer.model.backbone.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert any(not torch.equal(adapter[k], v) for k, v in trainer.model.trainable_state().items())


def test_early_stopping_waits_for_patience_and_keeps_the_first_best(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(epochs=10, patience=2)

    def epoch(number: int, score: float) -> Epoch:
        return Epoch(
            epoch=number,
            train_loss=1.0,
            selection_score=score,
            metrics={"accuracy": score},
            learning_rate=1.0,
            steps=1,
            train_s=0.0,
            evaluate_s=0.0,
            at_unix_ms=0,
        )

    trainer.curve = [epoch(1, 0.5), epoch(2, 0.7), epoch(3, 0.7)]
    assert trainer.best.epoch == 2
    assert not trainer.done
    trainer.curve.append(epoch(4, 0.6))
    assert trainer.stopped_early
    assert trainer.done


def test_weight_decay_spares_biases(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(weight_decay=0.1)
    for group in trainer.optimiser.param_groups:
        wide = group["weight_decay"] > 0
        assert all((p.ndim > 1) == wide for p in group["params"])


def test_weight_decay_spares_the_values_of_a_fusion(make_trainer: Callable[..., Trainer]) -> None:
    """AdapterHub means to, and does not: their own regularisation pulls V to the identity."""
    trainer = make_trainer(weight_decay=0.1)
    backbone = trainer.model.backbone
    sizes = {"layers": backbone.layers_count, "hidden_size": backbone.hidden_size}
    sources = {name: Adapter(AdapterConfig(2), **sizes) for name in "ab"}
    model = AdapterModel(backbone, trainer.model.head, Fusion(FusionConfig(), sources, **sizes))
    names = {id(p): name for name, p in model.named_parameters()}
    decayed = {
        names[id(p)]
        for group in _optimiser(trainer.trial, model).param_groups
        for p in group["params"]
        if group["weight_decay"] > 0
    }
    assert any(name.endswith("query.weight") for name in decayed)
    values = {name for name in names.values() if name.endswith(".value")}
    assert len(values) == backbone.layers_count
    assert not values & decayed


def test_regression_targets_are_scaled_and_brought_back() -> None:
    card = TaskCard(
        name="sts",
        kind=TaskKind.REGRESSION,
        label_range=(1.0, 5.0),
        metric=Metric.PEARSON,
        metrics=(Metric.PEARSON,),
    )
    labels, every = np.array([1.0, 2.0, 5.0]), np.arange(3)
    none = np.zeros(3, bool)
    tokens = Tokens(np.zeros(3, np.int32), np.arange(4), None, 0, cut=none, textless=none)
    examples = Examples(tokens, labels, Rows(("a", "b", "c"), None, tuple(labels)))
    scaled = torch.tensor([[0.0], [0.25], [1.0]])
    values = Values(card)
    assert values.logits_loss(scaled, examples, every) == 0.0
    assert values.logits_loss(scaled + 0.5, examples, every) == 0.25
    assert list(values.decode(scaled, examples, every)) == [1.0, 2.0, 5.0]


@pytest.mark.parametrize(
    ("mode", "again"),
    [(DropMode.NONE, [1, 2]), (DropMode.ROBUST, []), (DropMode.SPECIALISED, [])],
)
def test_what_the_best_epoch_scored_is_not_measured_again(
    make_trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mode: DropMode,
    again: list[int],
) -> None:
    trainer = make_trainer(drop=mode)
    while not trainer.done:
        trainer.run_epoch()
    trainer.save(tmp_path / "checkpoint.pt")
    resumed = make_trainer(drop=mode)
    resumed.restore(tmp_path / "checkpoint.pt")
    expected = training.measure_finished(trainer.trial, [_at_its_best(trainer)], trainer.feeds)[0]
    measured: list[tuple[Split, list[int]]] = []

    def counted(*rest: object, split: Split, depths: list[int], **how: object) -> object:
        measured.append((split, list(depths)))
        return evaluate(*rest, split=split, depths=depths, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "evaluate", counted)
    assert trainer.final_evaluations() == expected == resumed.final_evaluations()
    depths = [0, 1, 2] if mode is DropMode.ROBUST else [0]
    wanted = [(Split.VALIDATION, again)] if again else []
    assert measured == [*wanted, (Split.TEST, depths)] * 2


def _at_its_best(trainer: Trainer) -> AdapterModel:
    trainer.model.load_trainable_state(trainer.best_state)
    return trainer.model


@pytest.mark.parametrize(
    ("drop", "depths"),
    [
        (Drop(), [0, 1, 2]),
        (Drop(measure=MeasuredDepths.OWN), [0]),
        (Drop(mode=DropMode.ROBUST), [0, 1, 2]),
        (Drop(mode=DropMode.SPECIALISED, depth=1), [1]),
    ],
)
def test_final_scores_are_of_the_depths_that_the_trial_names(
    make_trainer: Callable[..., Trainer], drop: Drop, depths: list[int]
) -> None:
    usual = make_trainer(epochs=1)
    trial = usual.trial.model_copy(update={"drop": drop})
    trainer = Trainer(trial, usual.model, usual.examples)
    trainer.run_epoch()
    scores = [each.score for each in trainer.final_evaluations()]
    validation = [s for s in scores if s.split is Split.VALIDATION]
    assert [s.depth for s in validation] == depths
