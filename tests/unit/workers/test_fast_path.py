"""The fast path against the plain one: every kind of trial, with dropout off and in float32."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import ks_2samp
from sweeping import write_sweep

from adapter_lib.transformer.activations import Activations, CutPoint
from orchestrator.running.driver import plan_sweep
from workers.batches.stored_activations import StoredActivations
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, read_failure, read_result
from workers.contract.task_card import Split
from workers.contract.trial import Trial
from workers.prefix.cache import PrefixCache
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

PLAIN = FastPath(enabled=False)
TRAINING = "batch_size: 8, max_length: 16, epochs: 2, precision: float32"
EVERY_KIND = f"""\
head: {{ dropout: 0.0 }}
adapter: {{ bottleneck_size: 6 }}
training: {{ {TRAINING}, OPTIMISER }}
trials:
  - drop: {{ mode: [none, specialised, robust], depth: [1, 2] }}
  - adapter:
      sharing: all_layers
      placement: [pfeiffer, houlsby, parallel]
    drop: {{ mode: [none, specialised], depth: 1 }}
  - adapter: {{ placement: houlsby, trained_norm: true }}
    drop: {{ mode: specialised, depth: 1 }}
  - method: [head_only, full_fine_tuning, layer_norm]
  - method: top_layers
    layers: 2
  - method: [adapter, head_only]
    head: {{ pooling: mean }}
    drop: {{ mode: [robust, specialised], depth: 2 }}
fusion:
  - targets: one
    sources: {{ tasks: all, where: {{ sharing: none, placement: pfeiffer }} }}
    drop: {{ mode: [none, robust] }}
    pruning: {{ keep: 1, order: [at_once, one_by_one] }}
"""


NAMES, THREE = ("one", "two"), ("one", "two", "three")
PRUNED = f"""\
head: {{ dropout: 0.0 }}
adapter: {{ bottleneck_size: 6 }}
training: {{ {TRAINING}, OPTIMISER }}
fusion:
  - targets: one
    sources: {{ tasks: all }}
    drop: {{ mode: [none, robust, specialised], depth: 2 }}
    pruning: {{ keep: KEEP, order: [at_once, one_by_one] }}
"""


def with_dropout(base: Path, folder: Path, share: float, **changed: int) -> Path:
    """Copy a base, with another dropout in all of its layers."""
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": share, "attention_probs_dropout_prob": share, **changed}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def quiet_base(toy_base: Path, tmp_path: Path) -> Path:
    """The toy base without dropout."""
    return with_dropout(toy_base, tmp_path / "quiet", 0.0)


@pytest.fixture
def make_sweep(
    quiet_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> Callable[..., list[Trial]]:
    def make(optimiser: str, body: str = EVERY_KIND, names: Sequence[str] = NAMES) -> list[Trial]:
        tasks = [make_task(name, seed=seed) for seed, name in enumerate(names)]
        body = body.replace("OPTIMISER", optimiser)
        plan, _ = plan_sweep(write_sweep(tmp_path, quiet_base, *tasks, body=body))
        return list(plan.trials.values())

    return make


@pytest.fixture
def sweep(make_sweep: Callable[[str], list[Trial]]) -> list[Trial]:
    return make_sweep("learning_rate: 1e-2")


def run(trials: list[Trial], folder: Path, fast_path: FastPath) -> dict[str, TrialResult]:
    workspace = Workspace(folder)
    for _ in run_bundle(trials, workspace, WarmState(torch.device("cpu"), fast_path)):
        pass
    found = {}
    for trial in trials:
        result = read_result(workspace.trial(trial.trial_id))
        assert result is not None, (trial.label, read_failure(workspace.trial(trial.trial_id)))
        found[trial.trial_id] = result
    return found


def weights(folder: Path, trial: Trial) -> dict[str, torch.Tensor]:
    return load_file(Workspace(folder).trial(trial.trial_id).adapter / "adapter.safetensors")


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_every_kind_of_trial_ends_alike(
    make_sweep: Callable[[str], list[Trial]], tmp_path: Path, optimiser: str
) -> None:
    """Adam divides by the size of a gradient, so where the true one is 0, as of a fusion's key
    bias, its parameters follow rounding: they are compared after SGD, scores after both.
    """
    rate = {"sgd": 0.05, "adamw": 0.001}[optimiser]
    sweep = make_sweep(f"optimiser: {optimiser}, learning_rate: {rate}")
    cache = FastPath(cache_folder=str(tmp_path / "cache"))
    plain, fast = tmp_path / "plain", tmp_path / "fast"
    expected = run(sweep, plain, PLAIN)
    found = run(sweep, fast, cache)
    assert len(sweep) > 30
    for trial in sweep:
        one, other = expected[trial.trial_id], found[trial.trial_id]
        assert [s.metrics for s in other.scores] == [
            pytest.approx(s.metrics, abs=1e-6) for s in one.scores
        ], trial.label
        losses = [[e.train_loss for e in result.curve] for result in (one, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5), trial.label
        if one.adapter is not None and optimiser == "sgd":
            wanted, got = weights(plain, trial), weights(fast, trial)
            assert wanted.keys() == got.keys()
            for name, value in wanted.items():
                torch.testing.assert_close(got[name], value, rtol=1e-5, atol=1e-5, msg=trial.label)
        assert one.prefix is None
        has_prefix = trial.method.value not in ("full_fine_tuning", "layer_norm")
        assert (other.prefix is not None) == has_prefix, trial.label


def test_the_record_says_what_was_taken_up_where(sweep: list[Trial], tmp_path: Path) -> None:
    trial = next(t for t in sweep if t.drop.depth == 2 and t.adapter and not t.adapter.trained_norm)
    cache = FastPath(cache_folder=str(tmp_path / "cache"))
    first = run([trial], tmp_path / "first", cache)[trial.trial_id].prefix
    again = run([trial], tmp_path / "again", cache)[trial.trial_id].prefix
    assert first is not None
    assert again is not None
    assert first.cut_points == dict.fromkeys(Split, ("2-feed-forward-sum",)) == again.cut_points
    assert (first.computed, again.computed) == (3, 0)
    assert first.bytes == again.bytes > 0


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_does_not_fit_the_budget_is_computed_for_each_batch(
    sweep: list[Trial], tmp_path: Path, share: float
) -> None:
    trial = next(t for t in sweep if t.drop.mode == "robust" and t.adapter)
    whole = FastPath(cache_folder=str(tmp_path / "whole"))
    expected = run([trial], tmp_path / "a", whole)[trial.trial_id]
    assert expected.prefix is not None
    assert len(expected.prefix.cut_points[Split.TRAIN]) == 3
    train = expected.prefix.bytes / 2**30 / 2  # of 96 rows, 48 are train's
    small = FastPath(cache_folder=str(tmp_path / "small"), cache_gib=train * share)
    found = run([trial], tmp_path / "b", small)[trial.trial_id]
    if share:
        assert found.prefix is not None
        kept = found.prefix.cut_points[Split.TRAIN]
        assert 0 < len(kept) < 3
        assert kept[-1] == "2-feed-forward-sum"  # the deepest save most
    else:
        assert found.prefix is None
    assert found.scores == expected.scores
    assert [e.train_loss for e in found.curve] == pytest.approx(
        [e.train_loss for e in expected.curve], rel=1e-5
    )


def test_a_cache_that_cannot_be_written_costs_speed_and_nothing_else(
    sweep: list[Trial], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    trial = next(t for t in sweep if t.drop.depth == 2 and t.adapter)
    broken = FastPath(cache_folder=str(tmp_path / "file" / "cache"))
    found = run([trial], tmp_path / "broken", broken)[trial.trial_id]
    without = run([trial], tmp_path / "without", FastPath(cache_gib=0))[trial.trial_id]
    assert found.prefix is not None
    assert set(found.prefix.cut_points.values()) == {()}
    assert found.prefix.computed == 0
    assert [e.train_loss for e in found.curve] == [e.train_loss for e in without.curve]


def test_half_precision_is_declared_and_close(
    quiet_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> None:
    training = f"{TRAINING}, learning_rate: 1e-2, cache_dtype: TYPE"
    body = f"adapter: {{ bottleneck_size: 6 }}\ntraining: {{ {training} }}\n"
    task, losses, sizes, ids = make_task("one"), [], [], set()
    for kind in ("float32", "float16"):
        path = write_sweep(tmp_path, quiet_base, task, body=body.replace("TYPE", kind))
        (trial,) = plan_sweep(path)[0].trials.values()
        ids.add(trial.trial_id)
        result = run([trial], tmp_path / kind, FastPath(cache_folder=str(tmp_path / "cache")))
        losses.append([e.train_loss for e in result[trial.trial_id].curve])
        prefix = result[trial.trial_id].prefix
        assert prefix is not None
        sizes.append(prefix.bytes)
    assert len(ids) == 2
    assert sizes[0] == 2 * sizes[1]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)


@pytest.mark.parametrize("frozen_dropout", ["false", "true"])
def test_all_that_is_stored_is_read(
    make_sweep: Callable[..., list[Trial]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frozen_dropout: str,
) -> None:
    read: set[int] = set()
    gather = StoredActivations.gather

    def spy(cut_point: StoredActivations, *rest: Any) -> Activations:
        read.add(id(cut_point))
        return gather(cut_point, *rest)

    stored: dict[int, tuple[Split, CutPoint]] = {}
    feeds = PrefixCache.feeds

    def noted(*rest: Any) -> Any:
        found = feeds(*rest)
        stored.update(
            {id(s): (split, t) for split, f in found[0].items() for t, s in f.stored.items()}
        )
        return found

    monkeypatch.setattr(StoredActivations, "gather", spy)
    monkeypatch.setattr(PrefixCache, "feeds", noted)
    settings = f"learning_rate: 1e-3, frozen_dropout: {frozen_dropout}"
    trials = [*make_sweep(settings), *make_sweep(settings, PRUNED.replace("KEEP", "[1, 2]"), THREE)]
    pruned = []
    for trial in trials:
        read.clear()
        stored.clear()
        cache = FastPath(cache_folder=str(tmp_path / "caches" / trial.trial_id))
        run([trial], tmp_path / "workspace", cache)
        assert not {place for key, place in stored.items() if key not in read}, trial.label
        if trial.pruning is not None and trial.pruning.order == "one_by_one":
            pruned.append(Split.TRAIN in {split for split, _ in stored.values()})
    assert set(pruned) == {False, True}, "some have nothing to measure"


def test_frozen_dropout_leaves_training_alone_and_serves_measuring(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> None:
    """Its noise is part of the recipe, so the same numbers come out with and without cache."""
    body = f"adapter: {{ bottleneck_size: 6 }}\ntraining: {{ {TRAINING}, frozen_dropout: true }}\n"
    path = write_sweep(tmp_path, toy_base, make_task("one"), body=body)
    (trial,) = plan_sweep(path)[0].trials.values()
    cached = FastPath(cache_folder=str(tmp_path / "cache"))
    fast = run([trial], tmp_path / "fast", cached)[trial.trial_id]
    without = run([trial], tmp_path / "none", FastPath(cache_gib=0))[trial.trial_id]
    assert fast.prefix is not None
    assert fast.prefix.cut_points[Split.TRAIN] == ()
    assert len(fast.prefix.cut_points[Split.VALIDATION]) == 3
    assert [e.train_loss for e in fast.curve] == [e.train_loss for e in without.curve]
    assert fast.scores == without.scores


SHARED_OTHERWISE: dict[str, dict[str, Any]] = {
    "nothing is cached": {"cache_gib": 0},
    "in a pack": {"pack_width": 3},
    "two threads": {"threads": 2},
}


@pytest.mark.parametrize("how", SHARED_OTHERWISE)
def test_what_an_id_leaves_out_changes_no_random_number(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path, one_thread: None, how: str
) -> None:
    """With dropout everywhere: one other draw would show in the third digit."""
    body = (
        "head: { dropout: 0.1 }\nadapter: { bottleneck_size: 6, dropout: 0.1 }\n"
        f"training: {{ {TRAINING}, optimiser: sgd, learning_rate: 0.3, gradient_clip: null }}\n"
        "drop: { mode: [none, robust, specialised], depth: 1 }\n"
    )
    base = with_dropout(toy_base, tmp_path / "noisy", 0.1)
    plan, _ = plan_sweep(write_sweep(tmp_path, base, make_task("one"), body=body))
    trials = list(plan.trials.values())
    settings = dict(SHARED_OTHERWISE[how])
    threads = settings.pop("threads", 1)
    expected = run(trials, tmp_path / "a", FastPath(cache_folder=str(tmp_path / "cache")))
    torch.set_num_threads(threads)
    settings = {"cache_folder": str(tmp_path / "cache"), **settings}
    found = run(trials, tmp_path / "b", FastPath(**settings))
    for trial in trials:
        losses = [[e.train_loss for e in r[trial.trial_id].curve] for r in (expected, found)]
        assert losses[1] == pytest.approx(losses[0], rel=1e-5), trial.label


def test_without_fast_path_other_dropout_is_drawn_under_another_id(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> None:
    body = f"adapter: {{ bottleneck_size: 6 }}\ntraining: {{ {TRAINING}, learning_rate: 1e-2 }}\n"
    base, task = with_dropout(toy_base, tmp_path / "noisy", 0.1), make_task("one")
    ids, losses, labels = [], [], []
    for more in (
        "",
        "fast_path: { cache_gib: 1, pack_width: 2 }\n",
        "fast_path: { enabled: false }\n",
    ):
        plan, _ = plan_sweep(write_sweep(tmp_path, base, task, body=body + more))
        (trial,) = plan.trials.values()
        result = run([trial], tmp_path / "workspace", plan.spec.fast_path.settings)
        ids.append(trial.trial_id)
        labels.append(trial.label)
        losses.append(result[trial.trial_id].curve[0].train_loss)
    assert ids[0] == ids[1] != ids[2]
    assert labels[0] == labels[1] != labels[2]
    assert losses[0] == losses[1] != pytest.approx(losses[2], rel=1e-4)


@pytest.mark.parametrize("method", ["pretraining", "adapter", "fusion", "pruned_fusion"])
def test_every_trial_of_a_sweep_without_fast_path_says_so(
    make_sweep: Callable[..., list[Trial]], method: str
) -> None:
    plain = "learning_rate: 1e-2 }\nfast_path: { enabled: false"
    start = "pretraining: { mlm: { texts: same } }\n"
    body = start + PRUNED.replace("size: 6", "size: 6, start_from: mlm").replace("KEEP", "1")
    trials = [t for t in make_sweep(plain, body) if t.method == method]
    assert trials
    assert not any(trial.fast_path for trial in trials)


SEEDS = 20


def final_losses(trials: list[Trial], folder: Path, fast_path: FastPath) -> list[float]:
    found = run(trials, folder, fast_path)
    return [found[trial.trial_id].curve[-1].train_loss for trial in trials]


def test_with_dropout_both_paths_give_the_same_distribution(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path
) -> None:
    """Two-sample Kolmogorov-Smirnov over the last training loss of 20 seeds a side.

    Each side has seeds of its own, so nothing is paired. That dropout below the lowest adapter is
    told apart by the same test at the same size shows that it can fail.
    """
    body = (
        "head: { dropout: 0.1 }\nadapter: { bottleneck_size: 6 }\n"
        "drop: { mode: specialised, depth: 1 }\nseeds: [SEEDS]\n"
        f"training: {{ {TRAINING}, learning_rate: 5e-3, epochs: 8, frozen_dropout: NOISE }}\n"
    ).replace("epochs: 2, ", "")
    task, sides = make_task("one", train=160), {}
    base = with_dropout(toy_base, tmp_path / "noisy", 0.3)
    cached = FastPath(cache_folder=str(tmp_path / "cache"))
    for side, first, noise, fast_path in (
        ("plain", 0, "false", PLAIN),
        ("fast", SEEDS, "false", cached),
        ("other recipe", 2 * SEEDS, "true", cached),
    ):
        seeds = ", ".join(str(first + i) for i in range(SEEDS))
        text = body.replace("SEEDS", seeds).replace("NOISE", noise)
        plan, _ = plan_sweep(write_sweep(tmp_path, base, task, body=text))
        sides[side] = final_losses(list(plan.trials.values()), tmp_path / side, fast_path)
    assert {len(losses) for losses in sides.values()} == {SEEDS}
    assert ks_2samp(sides["plain"], sides["fast"]).pvalue > 0.05
    assert ks_2samp(sides["other recipe"], sides["fast"]).pvalue < 0.05
