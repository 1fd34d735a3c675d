"""Trials trained together end as each does alone, whoever else is in the pack."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sweeping import write_sweep
from task_folders import write_task

from orchestrator.running.driver import plan_sweep
from workers.contract.events import EventKind, TrialEvent
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, TrialResult, read_failure, read_result
from workers.contract.trial import Method, Trial
from workers.joint.joint_training import Pack, packable
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

KINDS = """\
adapter: {{ bottleneck_size: 6 }}
training: {{ batch_size: 10, max_length: 16, epochs: 2, precision: float32, {training} }}
trials:
  - drop: {{ mode: [none, specialised, robust], depth: [1, 2] }}
  - adapter: {{ bottleneck_size: 4 }}
  - adapter:
      sharing: all_layers
      placement: [pfeiffer, houlsby, parallel]
    drop: {{ mode: [none, specialised], depth: 1 }}
  - adapter: {{ placement: houlsby, trained_norm: true }}
    drop: {{ mode: specialised, depth: 1 }}
  - method: [head_only, full_fine_tuning]
  - {{ method: [adapter, head_only], head: {{ pooling: mean }}, drop: {{ mode: robust }} }}
fusion:
  - targets: one
    sources: {{ tasks: all, where: {{ sharing: none, placement: pfeiffer }} }}
    drop: {{ mode: [none, robust] }}
"""

Ran = dict[str, TrialResult]


@pytest.fixture
def make_sweep(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> Callable[..., list[Trial]]:
    """Plan every kind of trial, or what `body` says, on a task of 26 rows."""

    def make(training: str = "learning_rate: 1e-2", body: str = KINDS) -> list[Trial]:
        names = ("one", "two") if "fusion" in body else ("one",)
        folders = [make_task(name, seed=i, train=26) for i, name in enumerate(names)]
        path = write_sweep(tmp_path, toy_base, *folders, body=body.format(training=training))
        trials = list(plan_sweep(path)[0].trials.values())
        needed = {parent for trial in trials for parent in trial.parents}
        return [t for t in trials if t.task.name == "one" or t.trial_id in needed]

    return make


@pytest.fixture(autouse=True)
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Note how many trials each pass was over; none may fail, which would leave each alone."""
    seen: list[int] = []
    failed: list[Exception] = []
    run_pass = Pack.run_pass

    def spy(pack: Pack) -> None:
        seen.append(len(pack.packed_trials))
        try:
            run_pass(pack)
        except Exception as error:
            if not isinstance(error, torch.OutOfMemoryError):
                failed.append(error)
            raise

    monkeypatch.setattr(Pack, "run_pass", spy)
    yield seen
    assert not failed


def run(trials: Sequence[Trial], folder: Path, width: int, **fast_path: object) -> list[TrialEvent]:
    settings = FastPath(
        checkpoint_share=1, pack_width=width, cache_folder=str(folder.parent / "cache"), **fast_path
    )  # type: ignore[arg-type]
    warm = WarmState(torch.device("cpu"), settings)
    return list(run_bundle(trials, Workspace(folder), warm))


def results(trials: Sequence[Trial], folder: Path) -> Ran:
    found = {}
    for trial in trials:
        paths = Workspace(folder).trial(trial.trial_id)
        result = read_result(paths)
        assert result is not None, (trial.label, read_failure(paths))
        found[trial.trial_id] = result
    return found


def assert_alike(
    trials: Sequence[Trial],
    one: Path,
    other: Path,
    *,
    parameters: bool = True,
    metrics: float = 1e-6,
) -> None:
    expected, found = results(trials, one), results(trials, other)
    for trial in trials:
        a, b = expected[trial.trial_id], found[trial.trial_id]
        assert [s.metrics for s in b.scores] == [
            pytest.approx(s.metrics, abs=metrics) for s in a.scores
        ], trial.label
        losses = [[e.train_loss for e in result.curve] for result in (a, b)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5), trial.label
        assert (a.best_epoch, a.stopped_early) == (b.best_epoch, b.stopped_early)
        if a.adapter is not None and parameters:
            files = [
                load_file(Workspace(f).trial(trial.trial_id).adapter / "adapter.safetensors")
                for f in (one, other)
            ]
            assert files[0].keys() == files[1].keys()
            for name, value in files[0].items():
                torch.testing.assert_close(
                    files[1][name], value, rtol=1e-5, atol=1e-5, msg=f"{trial.label} {name}"
                )


@pytest.mark.parametrize(
    ("training", "width", "cache_gib"),
    [
        ("optimiser: sgd, learning_rate: 0.05", 5, 0.0),
        ("optimiser: sgd, learning_rate: 0.05, frozen_dropout: true, accumulate: 2", 16, 1.0),
        ("learning_rate: 1e-3, weight_decay: 0.1", 16, 1.0),
    ],
)
def test_every_kind_of_trial_ends_as_it_does_alone(
    make_sweep: Callable[..., list[Trial]],
    tmp_path: Path,
    training: str,
    width: int,
    cache_gib: float,
    passes: list[int],
) -> None:
    """With dropout: each draws what it would draw alone. Packs of many kinds, with refills."""
    sweep = make_sweep(training)
    run(sweep, tmp_path / "alone", 1, cache_gib=cache_gib)
    assert not passes
    run(sweep, tmp_path / "packed", width, cache_gib=cache_gib)
    assert sum(map(packable, sweep)) > 15
    assert max(passes) == min(width, 13)
    # Adam divides by the size of a gradient, so where the true one is 0, as of a fusion's key
    # bias, parameters follow rounding.
    exact = [t for t in sweep if "sgd" in training or t.method is not Method.FUSION]
    assert_alike(exact, tmp_path / "alone", tmp_path / "packed")
    assert_alike(sweep, tmp_path / "alone", tmp_path / "packed", parameters=False)


DEPTHS = """\
adapter: {{ bottleneck_size: 6 }}
training: {{ batch_size: 8, max_length: 16, {training} }}
trials:
  - drop: {{ mode: [none, specialised, robust], depth: [1, 2] }}
  - method: head_only
"""


def changed(trial: Trial, **training: object) -> Trial:
    return Trial.model_validate(
        trial.model_dump() | {"training": trial.training.model_dump() | training}
    )


def test_a_trial_that_diverges_leaves_alone(
    make_sweep: Callable[..., list[Trial]], tmp_path: Path
) -> None:
    sweep = make_sweep("optimiser: sgd, learning_rate: 0.1, epochs: 3", DEPTHS)
    bad = changed(sweep[0], learning_rate=1e30, gradient_clip=None, optimiser="sgd")
    run([*sweep, bad], tmp_path / "alone", 1)
    run([sweep[0], bad, *sweep[1:]], tmp_path / "packed", 4)
    assert_alike(sweep, tmp_path / "alone", tmp_path / "packed")
    messages = []
    for folder in ("alone", "packed"):
        failure = read_failure(Workspace(tmp_path / folder).trial(bad.trial_id))
        assert failure is not None
        assert failure.reason is FailureReason.DIVERGED
        messages.append(failure.message)
    assert messages[0] == messages[1]  # at the same step


def test_who_waits_takes_the_place_of_who_is_done(
    make_sweep: Callable[..., list[Trial]], tmp_path: Path, passes: list[int]
) -> None:
    """Some stop early, some train longer; events of each are in order."""
    sweep = [
        changed(trial, epochs=2 + 2 * (i % 3), patience=1 + i % 2)
        for i, trial in enumerate(make_sweep("optimiser: sgd, learning_rate: 0.3", DEPTHS))
    ]
    run(sweep, tmp_path / "alone", 1)
    events = run(sweep, tmp_path / "packed", 3)
    assert_alike(sweep, tmp_path / "alone", tmp_path / "packed")
    found = results(sweep, tmp_path / "packed")
    assert len({len(r.curve) for r in found.values()}) > 1
    assert {r.stopped_early for r in found.values()} == {True, False}
    assert passes.count(3) > len(passes) / 2
    assert {r.pack_width for r in found.values()} == {3}
    assert {r.pack_width for r in results(sweep, tmp_path / "alone").values()} == {1}
    for trial in sweep:
        kinds = [e.kind for e in events if e.trial_id == trial.trial_id]
        epochs = [EventKind.EPOCH] * len(found[trial.trial_id].curve)
        assert kinds == [EventKind.STARTED, *epochs, EventKind.FINISHED]


def out_of_memory(monkeypatch: pytest.MonkeyPatch, of: str, above: int, after: int = 0) -> None:
    """Let a method of packs fail after it has worked, `after` times not, if it has many trials."""
    method, done = getattr(Pack, of), []

    def limited(pack: Pack, *args: object) -> object:
        found = method(pack, *args)
        done.append(1)
        if len(pack.packed_trials) > above and len(done) > after:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return found

    monkeypatch.setattr(Pack, of, limited)


@pytest.mark.parametrize(
    ("of", "after"), [("_losses", 0), ("_losses", 2), ("_step", 6), ("save", 0), ("save", 5)]
)
def test_half_as_many_go_on_when_memory_runs_out(
    make_sweep: Callable[..., list[Trial]],
    tmp_path: Path,
    passes: list[int],
    monkeypatch: pytest.MonkeyPatch,
    of: str,
    after: int,
) -> None:
    """At once, in the middle of a step of several batches, in the optimiser, between epochs."""
    sweep = make_sweep("optimiser: sgd, learning_rate: 0.1, epochs: 2, accumulate: 3", DEPTHS)
    run(sweep, tmp_path / "alone", 1)
    out_of_memory(monkeypatch, of, 1, after)
    events = run(sweep, tmp_path / "packed", 4)
    assert_alike(sweep, tmp_path / "alone", tmp_path / "packed")
    assert passes[0] == 4
    assert passes[-4:] == [1] * 4
    told = [(e.trial_id, e.epoch.epoch) for e in events if e.epoch is not None]
    assert len(told) == len(set(told)) == 2 * len(sweep)


def test_too_little_memory_for_one_fails_each_alone(
    make_sweep: Callable[..., list[Trial]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep("optimiser: sgd, learning_rate: 0.1, epochs: 1", DEPTHS)[:2]
    out_of_memory(monkeypatch, "_losses", 0)

    def no_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("workers.training.trainer.Trainer.train_on", no_memory)
    run(sweep, tmp_path / "packed", 2)
    for trial in sweep:
        failure = read_failure(Workspace(tmp_path / "packed").trial(trial.trial_id))
        assert failure is not None
        assert failure.reason is FailureReason.OUT_OF_MEMORY


def test_when_a_pass_fails_all_go_on_alone(
    make_sweep: Callable[..., list[Trial]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep("optimiser: sgd, learning_rate: 0.1, epochs: 2", DEPTHS)
    run(sweep, tmp_path / "alone", 1)

    def broken(pack: Pack) -> None:
        raise RuntimeError("a kernel that nobody expected to fail")

    monkeypatch.setattr(Pack, "run_pass", broken)
    run(sweep, tmp_path / "packed", 3)
    assert_alike(sweep, tmp_path / "alone", tmp_path / "packed")


@pytest.mark.parametrize("widths", [(1, 3), (3, 1), (2, 5)])
def test_what_was_interrupted_goes_on_in_any_company(
    make_sweep: Callable[..., list[Trial]], tmp_path: Path, widths: tuple[int, int]
) -> None:
    """Stopped when every trial is somewhere else on its way, and taken up at another width."""
    sweep = make_sweep("optimiser: sgd, learning_rate: 0.1, epochs: 3", DEPTHS)
    run(sweep, tmp_path / "whole", 1)
    folder = tmp_path / "resumed"
    warm = WarmState(
        torch.device("cpu"), FastPath(pack_width=widths[0], cache_gib=0, checkpoint_share=1)
    )
    stopped = run_bundle(sweep, Workspace(folder), warm)
    for _ in range(8):
        next(stopped)
    stopped.close()
    assert any(Workspace(folder).trial(t.trial_id).checkpoint.exists() for t in sweep)
    run(sweep[::-1], folder, widths[1])
    assert_alike(sweep, tmp_path / "whole", folder)


LICENCE = {"name": "task", "licence": "made for a test"}
TASKS: dict[str, tuple[dict[str, object], Callable[[int], dict[str, object]]]] = {
    "multiple_choice": (
        {"metric": "accuracy"},
        lambda i: {
            "sentence1": "the film was",
            "choices": ["bad", "very good and fine", "poor"][: 3 - i % 2] + ["dull"] * (i % 2),
            "label": i % 3,
        },
    ),
    "span": (
        {"metric": "f1"},
        lambda i: {
            "sentence1": "the story",
            "sentence2": "and its " * (1 + i % 3) + "plot was good",
            "answers": [{"text": "good", "start": 8 * (1 + i % 3) + 9}],
            "label": 0,
        },
    ),
    "token_classification": (
        {"metric": "f1", "label_names": ["O", "B-MOOD", "I-MOOD"]},
        lambda i: {
            "sentence1": "the film was good" + " and fine" * (i % 3),
            "label": ["O", "O", "O", "B-MOOD"] + ["O", "B-MOOD"] * (i % 3),
        },
    ),
    "regression": (
        {"metric": "pearson", "label_range": [0, 5]},
        lambda i: {"sentence1": "good " * (1 + i % 5) + "film", "label": float(i % 5)},
    ),
}


@pytest.mark.parametrize("kind", list(TASKS))
def test_every_kind_of_task_can_be_trained_together(
    toy_base: Path, tmp_path: Path, kind: str
) -> None:
    """Rows of several sequences, and heads that read every token, where lengths differ."""
    card, row = TASKS[kind]
    rows = [row(i) for i in range(11)]
    task = write_task(
        tmp_path / kind,
        card=LICENCE | {"task_type": kind} | card,
        train=rows,
        validation=rows[:6],
        test=rows[:6],
    )
    body = DEPTHS.format(training="optimiser: sgd, learning_rate: 0.1, epochs: 2")
    sweep = list(plan_sweep(write_sweep(tmp_path, toy_base, task, body=body))[0].trials.values())
    run(sweep, tmp_path / "alone", 1)
    run(sweep, tmp_path / "packed", 5)
    # A correlation of predictions that are nearly constant magnifies their rounding.
    assert_alike(sweep, tmp_path / "alone", tmp_path / "packed", metrics=1e-4)


def test_precision_is_that_of_the_trials(
    make_sweep: Callable[..., list[Trial]], tmp_path: Path
) -> None:
    """In bfloat16 losses agree to its own rounding; the two precisions share no pack."""
    sweep = make_sweep("optimiser: sgd, learning_rate: 0.1, epochs: 1, precision: bfloat16", DEPTHS)
    run(sweep, tmp_path / "alone", 1)
    run([*sweep, changed(sweep[0], precision="float32")], tmp_path / "packed", 8)
    expected, found = (results(sweep, tmp_path / f) for f in ("alone", "packed"))
    for trial in sweep:
        a, b = (r[trial.trial_id].curve[0].train_loss for r in (expected, found))
        assert a == pytest.approx(b, rel=1e-2)
