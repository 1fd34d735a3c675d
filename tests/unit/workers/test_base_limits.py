"""What a base's files say about its limits is what transformers builds from them."""

from pathlib import Path

import pytest
import torch
import transformers

from adapter_lib.config.architecture_facts import has_pooler, longest_sequence, norms_follow_blocks
from adapter_lib.transformer.architectures import describe_model

SIZES = {
    "vocab_size": 20,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
}
LIMITS: dict[str, int | None] = {
    "Albert": 12,
    "Bert": 12,
    "DebertaV2": None,
    "DistilBert": 12,
    "Electra": 12,
    "GPT2": 12,
    "Llama": None,
    "ModernBert": None,
    "MPNet": 10,
    "Qwen2": None,
    "Roberta": 10,
    "XLMRoberta": 10,
}
OWN = {
    "DebertaV2": {"relative_attention": True, "position_biased_input": False},
    "Electra": {"embedding_size": 16},
    "ModernBert": {"cls_token_id": 2, "sep_token_id": 3},
}


@pytest.mark.parametrize("family", LIMITS)
def test_limits_are_those_of_what_transformers_builds(family: str, tmp_path: Path) -> None:
    padding = 1 if LIMITS[family] == 10 else 0
    config = getattr(transformers, f"{family}Config")(
        **SIZES | OWN.get(family, {}) | {"pad_token_id": padding, "bos_token_id": 2}
    )
    model = getattr(transformers, f"{family}Model")(config).eval()
    parts = describe_model(model)
    written = config.to_dict()
    longest = longest_sequence(written)
    assert longest == LIMITS[family]
    mask = torch.ones(1, (longest or 30) + 1, dtype=torch.bool)
    trainers = parts.embed(torch.full((1, longest or 30), 5), None, mask[:, 1:], None)
    assert trainers.shape[:2] == (1, longest or 30)
    if longest is not None:
        with pytest.raises((IndexError, RuntimeError)):
            parts.embed(torch.full((1, longest + 1), 5), None, mask, None)
    norm = parts.layers[0].feed_forward_norm
    assert norms_follow_blocks(written) is isinstance(norm, torch.nn.LayerNorm)
    model.save_pretrained(tmp_path)
    assert has_pooler(written, tmp_path / "model.safetensors") is (parts.pooler is not None)


def test_where_files_say_nothing_nothing_is_known(tmp_path: Path) -> None:
    assert longest_sequence({}) is norms_follow_blocks({}) is None
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(b"damaged")
    assert has_pooler({"model_type": "bert"}, damaged) is None
    assert has_pooler({"model_type": "bert"}, tmp_path / "pytorch_model.bin") is None
    assert has_pooler({"model_type": "gpt2"}, damaged) is False
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"bert.pooler.dense.weight": "a", "b": "a"}}')
    assert has_pooler({"model_type": "bert"}, index) is True
