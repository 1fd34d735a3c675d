"""One small sweep over every family of architectures: adapters, a fusion, a head alone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from sweeping import run_sweep, write_sweep

from workers.contract.paths import Workspace
from workers.contract.trial import DropMode, Method
from workers.predict import Predictor

SIZES = {
    "vocab_size": 27,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "Roberta": {"type_vocab_size": 2},
    "XLMRoberta": {"type_vocab_size": 2},
    "DistilBert": {"hidden_dim": 48},
    "Electra": {"embedding_size": 16},
    "Albert": {"embedding_size": 16},
    "MPNet": {},
    "DebertaV2": {
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "norm_rel_ebd": "layer_norm",
        "position_buckets": 4,
    },
    "ModernBert": {"cls_token_id": 2, "sep_token_id": 3},
    "GPT2": {},
    "Llama": {},
    "Qwen2": {"num_key_value_heads": 2},
}
TYPED = ("Electra", "Albert")
BODY = """\
adapter: { bottleneck_size: 4 }
training: { learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: 1 }
trials:
  - drop: { mode: [none, robust] }
  - method: head_only
fusion:
  - { targets: one, pruning: { keep: 1 } }
"""


def make_base(family: str, toy_base: Path, folder: Path) -> Path:
    """Write a tiny random model of the family, with the toy base's tokenizer."""
    shutil.copytree(toy_base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    settings = folder / "tokenizer_config.json"
    names = ["input_ids", *(["token_type_ids"] if family in TYPED else []), "attention_mask"]
    found = json.loads(settings.read_text()) | {"model_input_names": names}
    settings.write_text(json.dumps(found))
    config = getattr(transformers, f"{family}Config")(**SIZES | FAMILIES[family])
    torch.manual_seed(7)
    getattr(transformers, f"{family}Model")(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_a_small_sweep_runs_on_every_family(
    family: str, tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    base = make_base(family, toy_base, tmp_path / "base")
    tasks = [make_task(name, seed=i, train=16) for i, name in enumerate(("one", "two"))]
    workspace = Workspace(tmp_path / "workspace")
    ran = run_sweep(write_sweep(tmp_path, base, *tasks, body=BODY), workspace)
    counts = [trial.method for trial, _ in ran]
    assert {method: counts.count(method) for method in set(counts)} == {
        Method.ADAPTER: 4,
        Method.HEAD_ONLY: 2,
        Method.FUSION: 1,
        Method.PRUNED_FUSION: 1,
    }
    for trial, result in ran:
        assert set(result.by_depth) == ({0} if trial.method is Method.HEAD_ONLY else {0, 1})
        assert result.adapter is not None
        if trial.method is Method.FUSION or trial.drop.mode is DropMode.ROBUST:
            predictor = Predictor.load(workspace.trial(trial.trial_id).adapter)
            rows = ["good film", "a very bad story and its plot"]
            together = predictor.predict(rows)
            alone = [predictor.predict([row])[0] for row in rows]
            for one, other in zip(together, alone, strict=True):
                assert one.label == other.label
                assert one.value == pytest.approx(other.value, abs=1e-5)
