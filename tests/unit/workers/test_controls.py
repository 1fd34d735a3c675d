"""Adapters without some layers, and controls by chance: what each trial measures, against models
put together here.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sweeping import Ran, run_sweep, write_sweep

from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.files import load_adapter
from adapter_lib.transformer.backbone import Backbone
from orchestrator.running.driver import plan_sweep
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.predictions import read_predictions
from workers.contract.results import read_result
from workers.contract.task_card import Split
from workers.contract.trial import Method, Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState
from workers.training.evaluation import Evaluation
from workers.training.removed_layers import removed_layers
from workers.training.trainer import measure_finished

LAYERS = 3
REMOVALS = """\
adapter: { bottleneck_size: 4 }
training: { learning_rate: 3e-2, batch_size: 8, max_length: 16, epochs: 2 }
trials:
  - removal: { spans: all, at_random: [1, 2, 3] }
    head: { pooling: [token, mean] }
  - adapter: { placement: houlsby, sharing: all_layers, trained_norm: true }
    removal: { spans: [[1, 1], [0, 2]] }
    drop: { mode: robust }
  - drop: { mode: specialised, depth: 2 }
    removal: { spans: all, at_random: 1 }
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def measured_without(trial: Trial, workspace: Workspace, warm: WarmState) -> Evaluation:
    """Measure a finished adapter some of whose bottlenecks are made to add nothing.

    By a zeroed way up, and norms as the base has them.
    """
    assert trial.removal is not None
    folder = workspace.trial(trial.removal.adapter_trial).adapter
    model = load_adapter(folder, warm.backbone(trial.base))
    assert isinstance(model.adapter, Adapter)
    own = model.adapter
    assert not own.config.sharing.startswith("all") or len(removed_layers(trial)) == LAYERS
    with torch.no_grad():
        for layer in removed_layers(trial):
            for name, parameter in own.named_parameters():
                shared = name.split(".")[1] == "shared"
                of_norm = name.split(".")[0].endswith("_norm")
                zeroed = ".up." in name or of_norm
                if zeroed and (shared or name.split(".")[1] == str(layer)):
                    parameter.zero_()
    feeds, _ = warm.feeds(trial, model)
    (measured,) = measure_finished(trial, [model], feeds)
    at = Split.VALIDATION, trial.drop.depth
    (found,) = [each for each in measured if (each.score.split, each.score.depth) == at]
    return found


@pytest.mark.parametrize("fast", [True, False])
def test_a_removed_adapter_scores_as_one_that_adds_nothing(
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
    workspace: Workspace,
    fast: bool,
) -> None:
    body = REMOVALS + f"fast_path: {{ enabled: {str(fast).lower()} }}\n"
    ran = run_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body), workspace)
    removed = [(t, r) for t, r in ran if t.method is Method.PRUNED_ADAPTER]
    # Of 6 spans, one of the adapter in the highest layer alone is left for the specialised one.
    spans_of_highest_layer = 3
    assert len(removed) == 2 * (6 + 3) + 2 + spans_of_highest_layer + 1
    warm = WarmState(torch.device("cpu"), FastPath(enabled=fast))
    seen = set()
    for trial, result in removed:
        assert result.adapter is None
        assert result.pretrained is None
        assert [s.depth for s in result.scores if s.split is Split.VALIDATION] == [trial.drop.depth]
        assert result.parameters.trained == 0
        assert result.selection.checkpoint.endswith(", ".join(map(str, removed_layers(trial))))
        if trial.adapter and trial.adapter.sharing != "none" and len(removed_layers(trial)) < 3:
            continue  # zeroing the one parameter set would remove it everywhere
        expected = measured_without(trial, workspace, warm)
        assert result.score == expected.score.metrics[trial.metric], trial.label
        assert result.predictions is not None
        paths = workspace.trial(trial.trial_id)
        kept = read_predictions(paths.predictions, result.predictions)
        logits = kept[Split.VALIDATION, trial.drop.depth].logits
        assert logits is not None
        np.testing.assert_allclose(logits, expected.predictions.logits, atol=2e-3)
        seen.add(np.asarray(logits, np.float32).sum().item())
    # Six spans under two heads, of one shared adapter, and of the one in the highest layer alone.
    assert len(seen) >= 2 * 6 + 1 + 1


def test_layers_at_random_are_the_seeds_and_fewer_are_among_more(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    body = "adapter: { bottleneck_size: 2 }\nseeds: [0, 1, 2, 3, 4]\n"
    body += "trials:\n  - removal: { at_random: [1, 2, 3] }\n"
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body))
    drawn: dict[int, dict[int, list[int]]] = {}
    for trial in plan.trials.values():
        if trial.removal is not None:
            assert trial.removal.at_random is not None
            drawn.setdefault(trial.seed, {})[trial.removal.at_random] = removed_layers(trial)
    for by_number in drawn.values():
        assert [len(by_number[n]) for n in (1, 2, 3)] == [1, 2, 3]
        assert set(by_number[1]) < set(by_number[2]) < set(by_number[3]) == {0, 1, 2}
    assert len({by_number[1][0] for by_number in drawn.values()}) > 1


CONTROLS = """\
adapter: { bottleneck_size: 4 }
training: { learning_rate: 3e-2, batch_size: 8, max_length: 16, epochs: 1 }
seeds: [0, 1]
fusion:
  - targets: one
    sources: { random: [false, true] }
    pruning: { keep: [1, 2], order: [at_once, random] }
"""


@pytest.fixture
def controls(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> Ran:
    tasks = [make_task(name, seed=i, train=16) for i, name in enumerate(("one", "two", "xx"))]
    return run_sweep(write_sweep(tmp_path, toy_base, *tasks, body=CONTROLS), workspace)


def fusion_of(trial: Trial, workspace: Workspace, backbone: Backbone) -> Fusion:
    model: AdapterModel = load_adapter(workspace.trial(trial.trial_id).adapter, backbone)
    assert isinstance(model.adapter, Fusion)
    return model.adapter


def test_random_sources_are_of_the_same_shape_and_no_trained_ones(
    controls: Ran, workspace: Workspace, toy_base: Path
) -> None:
    backbone = Backbone.from_folder(toy_base)
    fusions = [(t, r) for t, r in controls if t.method is Method.FUSION]
    assert len(fusions) == 4
    seen = []
    for trial, result in fusions:
        assert trial.fusion is not None
        fusion = fusion_of(trial, workspace, backbone)
        for task, trial_id in result.sources.items():
            trained = load_adapter(workspace.trial(trial_id).adapter, backbone).adapter
            own = fusion.source(task)
            assert isinstance(trained, Adapter)
            assert own.config == trained.config
            same = all(
                torch.equal(a, b)
                for a, b in zip(own.parameters(), trained.parameters(), strict=True)
            )
            assert same != trial.fusion.random_sources
            if trial.fusion.random_sources:
                weights = [p for n, p in own.named_parameters() if n.endswith("weight")]
                assert all(0.01 < float(w.std()) < 0.03 for w in weights)
                assert not any(bool(p.any()) for n, p in own.named_parameters() if "bias" in n)
                seen.append(weights[0])
    assert len(seen) == 6
    assert len({w.sum().item() for w in seen}) == 6  # by task and by seed


def test_random_pruning_is_the_seeds_and_fewer_are_among_more(
    controls: Ran, workspace: Workspace
) -> None:
    kept: dict[tuple[int, str, str], dict[int, dict[int, tuple[str, ...]]]] = {}
    for trial, result in controls:
        if trial.pruning is not None:
            key = (trial.seed, trial.pruning.order, trial.pruning.fusion_trial)
            by_layer = {layer: tuple(names) for layer, names in result.kept.items()}
            kept.setdefault(key, {})[trial.pruning.keep] = by_layer
    assert len(kept) == 8
    for by_number in kept.values():
        assert {len(names) for names in by_number[1].values()} == {1}
        for layer, names in by_number[1].items():
            assert set(names) < set(by_number[2][layer])
    drawn = {
        (seed, fusion): by_number[1]
        for (seed, order, fusion), by_number in kept.items()
        if order == "random"
    }
    by_seed: dict[int, set[str]] = {}
    for (seed, _), layers in drawn.items():
        by_seed.setdefault(seed, set()).add(str(sorted(layers.items())))
    # The same whatever was measured, another one for another seed, and not one for all layers.
    assert [len(found) for found in by_seed.values()] == [1, 1]
    assert len(set.union(*by_seed.values())) == 2
    assert any(len(set(layers.values())) > 1 for layers in drawn.values())


def test_what_is_measured_again_waits_for_what_it_measures(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    """In any order of a bundle, and one by one in workers of their own."""
    body = "adapter: { bottleneck_size: 2 }\ntrials:\n  - removal: { spans: [[0, 0], [1, 2]] }\n"
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body))
    adapter, *removed = plan.trials.values()
    assert all(t.parents == (adapter.trial_id,) for t in removed)
    for trial in (adapter, *removed):
        list(run_bundle([trial], workspace, WarmState(torch.device("cpu"))))
    alone = [read_result(workspace.trial(t.trial_id)) for t in removed]
    for trial in removed:
        workspace.trial(trial.trial_id).result.unlink()
    list(run_bundle(removed, workspace, WarmState(torch.device("cpu"))))
    together = [read_result(workspace.trial(t.trial_id)) for t in removed]
    assert [r and r.scores for r in alone] == [r and r.scores for r in together]
