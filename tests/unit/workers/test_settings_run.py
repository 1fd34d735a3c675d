"""One small sweep per setting runs to the end, and what it leaves is what was asked for."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sweeping import run_sweep, write_sweep

from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.files import load_adapter
from adapter_lib.transformer.backbone import Backbone
from orchestrator.errors import SpecError
from orchestrator.running.driver import plan_sweep
from workers.contract.head_settings import head_config
from workers.contract.paths import Workspace
from workers.contract.trial import Method, Trial
from workers.predict import Predictor
from workers.running.warm_state import WarmState
from workers.training.build import build
from workers.training.micro_batch import MicroBatch
from workers.training.trainer import Trainer

LAYERS, HIDDEN = 3, 32


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


SETTINGS = [
    "placement: [houlsby, parallel], scaling: [1, 4], initialisation: mam",
    "dropout: [0, 0.3]",
    "sharing: all_layers, non_linearity: [gelu_new, swish], initialisation: houlsby",
    "sharing: groups, group_layers: 2, placement: [pfeiffer, houlsby]",
    "layer_sizes: [[2, 4, 8], [8, 4, 2]]",
    "trained_norm: true, placement: [pfeiffer, houlsby]",
    "arrangement: [{ residual: normed, base_norm_after: false }, { norm_after: output }]",
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_adapter_settings_are_trained_and_stored(
    settings: str,
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
    workspace: Workspace,
) -> None:
    size = "" if "layer_sizes" in settings else "bottleneck_size: 4, "
    body = f"adapter: {{ {size}{settings} }}\ndrop: {{ mode: [none, specialised], depth: 1 }}\n"
    ran = run_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body), workspace)
    backbone = Backbone.from_folder(toy_base)
    for trial, result in ran:
        assert trial.adapter is not None
        expected = trial.adapter.parameter_count(layers=LAYERS, hidden_size=HIDDEN)
        assert result.parameters.adapter == expected
        head = head_config(trial.task.card, trial.head).parameter_count(hidden_size=HIDDEN)
        assert result.parameters.trained == result.parameters.stored == expected + head
        loaded = load_adapter(workspace.trial(trial.trial_id).adapter, backbone).adapter
        assert loaded is not None
        assert loaded.config == trial.adapter


FUSIONS = """\
adapter: { bottleneck_size: 4 }
fusion:
  - targets: one
    config: { value: false, query_before_norm: [true, false] }
    pruning: { keep: 1, order: [at_once, one_by_one] }
  - targets: one
    config: { key: false, value_off_diagonal: random, regularisation: 0, dropout: 0 }
    drop: { mode: specialised, depth: 1 }
"""


def test_every_kind_of_fusion_is_trained_pruned_and_stored(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    tasks = [make_task(name, seed=i) for i, name in enumerate(("one", "two"))]
    ran = run_sweep(write_sweep(tmp_path, toy_base, *tasks, body=FUSIONS), workspace)
    backbone = Backbone.from_folder(toy_base)
    learnt = {}
    for trial, _ in ran:
        if trial.fusion is None and trial.pruning is None:
            continue
        folder = workspace.trial(trial.trial_id).adapter
        loaded = load_adapter(folder, backbone).adapter
        assert isinstance(loaded, Fusion)
        names = {name.split(".")[1] for name in loaded.fused.state_dict()}
        learnt.setdefault(trial.method, []).append(sorted(names))
        if trial.fusion is not None:
            assert loaded.config == trial.fusion.config
            assert loaded.lowest_layer == trial.drop.depth
        else:
            assert {len(kept) for kept in loaded.kept.values()} == {1}
    static, keyless = ["key", "query"], ["query", "value"]
    assert learnt == {Method.FUSION: [static, static, keyless], Method.PRUNED_FUSION: [static] * 4}


def test_trained_norms_leave_the_layers_below_as_they_are(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    """Robust drop: in a batch that drops two layers, their norms get no gradient either."""
    body = "adapter: { bottleneck_size: 4, trained_norm: true }\ndrop: { mode: robust }\n"
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body))
    (trial,) = plan.trials.values()
    warm = WarmState(torch.device("cpu"))
    model = build(trial, warm.backbone(trial.base), workspace)
    trainer = Trainer(trial, model, warm.task(trial))
    before = {k: v.clone() for k, v in model.trainable_state().items()}
    trainer._depths.manual_seed(next(s for s in range(99) if _first_depth(s) == 2))
    depth = trainer._draw_depth()
    trainer.train_on(MicroBatch(torch.arange(8).numpy(), depth, step=0, step_rows=8))
    changed = {k for k, v in model.trainable_state().items() if not torch.equal(before[k], v)}
    norms = {k for k in changed if "norm" in k}
    assert norms
    assert all(".2." in name for name in norms)
    assert model.backbone.frozen


def _first_depth(seed: int) -> int:
    return int(torch.randint(LAYERS, (), generator=torch.Generator().manual_seed(seed)))


BASELINES = """\
trials:
  - { method: top_layers, layers: [1, 3] }
  - method: [layer_norm, full_fine_tuning, head_only]
"""


def test_baselines_train_what_they_name(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    ran = run_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=BASELINES), workspace)
    trained = {(t.method, t.top_layers): r.parameters.trained for t, r in ran}
    head = trained[Method.HEAD_ONLY, None]
    model = Backbone.from_folder(toy_base).model
    layer = sum(p.numel() for p in model.encoder.layer[0].parameters())  # type: ignore[union-attr,index,operator]
    assert trained[Method.TOP_LAYERS, 1] == head + layer
    assert trained[Method.TOP_LAYERS, 3] == head + 3 * layer
    assert trained[Method.LAYER_NORM, None] == head + (1 + 2 * LAYERS) * 2 * HIDDEN
    for trial, result in ran:
        assert (result.adapter is None) == trial.method.trains_base
        assert set(result.by_depth) == {0}


def test_top_layers_alone_change(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    body = "trials:\n  - { method: top_layers, layers: 1 }\n"
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body))
    (trial,) = plan.trials.values()
    warm = WarmState(torch.device("cpu"))
    shared = warm.backbone(trial.base)
    model = build(trial, shared, workspace)
    Trainer(trial, model, warm.task(trial)).run_epoch()
    after = model.backbone.state_dict()
    changed = {k for k, v in shared.state_dict().items() if not torch.equal(v, after[k])}
    assert changed
    assert all("layer.2." in name for name in changed)
    assert shared.frozen


def pooled_base(toy_base: Path, folder: Path) -> Path:
    """Copy the toy base and give it a pooler."""
    import shutil

    from transformers import BertConfig, BertModel

    shutil.copytree(toy_base, folder)
    torch.manual_seed(5)
    BertModel(BertConfig.from_pretrained(toy_base)).save_pretrained(folder)
    return folder


def test_heads_are_built_as_asked_and_predict(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    base = pooled_base(toy_base, tmp_path / "pooled")
    body = "head: { layers: [1, 2], use_pooler: [false, true], dropout: 0.2 }\n"
    body += "adapter: { bottleneck_size: 4 }\n"
    body += "trials: [{}, { head: { use_pooler: false, pooling: mean } }]\n"
    ran = run_sweep(write_sweep(tmp_path, base, make_task("one"), body=body), workspace)
    assert {(t.head.layers, t.head.use_pooler, t.head.pooling) for t, _ in ran} == {
        (1, False, "token"),
        (1, True, "token"),
        (None, False, "token"),
        (None, True, "token"),
        (1, False, "mean"),
        (None, False, "mean"),
    }
    assert len({r.score for _, r in ran} | {r.curve[0].train_loss for _, r in ran}) > 2
    for trial, result in ran:
        dense = 0 if trial.head.layers == 1 else HIDDEN * HIDDEN + HIDDEN
        assert result.parameters.stored - result.parameters.adapter == dense + 2 * HIDDEN + 2
        predictor = Predictor.load(workspace.trial(trial.trial_id).adapter)
        assert predictor.model.head.config == head_config(trial.task.card, trial.head)
        assert predictor.predict(["good film"])[0].label in ("bad", "good")


def test_a_pooler_that_the_base_lacks_fails_the_trial_with_its_reason(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], workspace: Workspace
) -> None:
    base = shutil.copytree(toy_base, tmp_path / "base")
    weights = base / "model.safetensors"
    torch.save(load_file(weights), base / "pytorch_model.bin")  # not read when planning
    weights.unlink()
    body = "method: head_only\nhead: { use_pooler: true }\n"
    path = write_sweep(tmp_path, base, make_task("one"), body=body)
    with pytest.raises(AssertionError, match="expected a base with a pooler"):
        run_sweep(path, workspace)


MISFITS = {
    "training: { max_length: 41 }": ("training.max_length", "positions for 40 tokens, found 41"),
    "method: head_only\nhead: { use_pooler: true }": ("head.use_pooler", "tiny has no pooler"),
    "trials:\n  - { method: head_only, head: { use_pooler: true } }": (
        "trials[0].head.use_pooler",
        "tiny has no pooler",
    ),
}


@pytest.mark.parametrize(("body", "found"), MISFITS.items())
def test_what_the_base_cannot_have_is_refused_when_planning(
    body: str,
    found: tuple[str, str],
    tmp_path: Path,
    toy_base: Path,
    make_task: Callable[..., Path],
) -> None:
    path = write_sweep(tmp_path, toy_base, make_task("one"), body=body + "\n")
    with pytest.raises(SpecError) as refused:
        plan_sweep(path)
    keys, problem = found
    assert f"{path}:" in str(refused.value)
    assert f" {keys}: " in str(refused.value)
    assert problem in str(refused.value)


def test_norms_that_a_base_lacks_are_refused_when_planning(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    base = shutil.copytree(toy_base, tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"model_type": "gpt2"}))
    body = "adapter: { trained_norm: [false, true] }\n"
    path = write_sweep(tmp_path, base, make_task("one"), body=body)
    with pytest.raises(SpecError, match=r"adapter\.trained_norm: tiny has no norms behind"):
        plan_sweep(path)
    path.write_text(path.read_text() + "exclude:\n  - trained_norm: true\n")
    assert len(plan_sweep(path)[0].trials) == 1


def test_labels_tell_settings_apart(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    body = (
        "adapter: { bottleneck_size: 4, sharing: [none, groups], group_layers: 2,\n"
        "  scaling: [1, 2], dropout: [0, 0.1], trained_norm: [false, true] }\n"
        "head: { layers: [1, 2], dropout: [0.1, 0.2] }\n"
    )
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=body))
    trials: list[Trial] = list(plan.trials.values())
    assert len({t.label for t in trials}) == len(trials) == 2**6
