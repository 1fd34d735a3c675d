"""What is said of each architecture without torch is what transformers builds."""

import json
from pathlib import Path

import pytest
import torch
from transformers import MODEL_MAPPING, AutoConfig, AutoModel, BertConfig, BertModel

from adapter_lib.config.architecture_facts import (
    ARCHITECTURES,
    ArchitectureFacts,
    has_pooler,
    longest_sequence,
    norms_follow_blocks,
)
from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import load_adapter, save_adapter
from adapter_lib.transformer import architectures
from adapter_lib.transformer.architectures import describe_model
from adapter_lib.transformer.backbone import Backbone, Batch
from tests.reference.tiny_transformers import ARCHITECTURES as TINY
from tests.reference.tiny_transformers import make_config

ROWS = 12
"""Of the table of positions."""


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_limits_are_those_of_what_transformers_builds(model_type: str, tmp_path: Path) -> None:
    config = make_config(TINY[model_type], max_position_embeddings=ROWS)
    model = MODEL_MAPPING[type(config)](config).eval()
    parts = describe_model(model)
    written = config.to_dict()
    longest = longest_sequence(written)
    tokens = longest or 30
    mask = torch.ones(1, tokens + 1, dtype=torch.bool)
    embedded = parts.embed(torch.full((1, tokens), 5), None, mask[:, 1:], None)
    assert embedded.shape[:2] == (1, tokens)
    if longest is not None:
        assert longest <= ROWS
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


class SecondBertConfig(BertConfig):
    model_type = "second-bert"


class SecondBertModel(BertModel):
    config_class = SecondBertConfig


ITS_FILE = '''\
"""A second BERT, in a file of its own."""

from adapter_lib.transformer.architectures.attention import visible_everywhere, visible_in_rows
from adapter_lib.transformer.architectures.bert import BertEmbed, BertLayerParts
from adapter_lib.transformer.architectures.layer_parts import ModelParts, find_pooler


def describe(model):
    """Return the parts of a `SecondBertModel`."""
    return ModelParts(
        embed=BertEmbed(model.embeddings),
        layers=[BertLayerParts(layer) for layer in model.encoder.layer],
        hidden_size=model.config.hidden_size,
        context=visible_everywhere,
        joint=visible_in_rows,
        pooler=find_pooler(model),
    )
'''


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Save a model of a type that transformers knows, and this project does not."""
    AutoConfig.register("second-bert", SecondBertConfig, exist_ok=True)
    AutoModel.register(SecondBertConfig, SecondBertModel, exist_ok=True)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "max_position_embeddings": 20}
    torch.manual_seed(0)
    config = SecondBertConfig(
        vocab_size=40, num_hidden_layers=3, num_attention_heads=2, initializer_range=0.3, **sizes
    )
    SecondBertModel(config).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def test_a_new_architecture_is_one_file_and_one_entry(
    base: Path, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnsupportedArchitectureError, match="second-bert"):
        Backbone.from_folder(base)

    (tmp_path / "second_bert.py").write_text(ITS_FILE, encoding="utf-8")
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    entry = ArchitectureFacts("second_bert", may_have_pooler=True)
    monkeypatch.setitem(ARCHITECTURES, "second-bert", entry)

    backbone = Backbone.from_folder(base)
    expected = SecondBertModel.from_pretrained(base).eval()(batch.input_ids, batch.attention_mask)
    real = batch.token_mask[:2]  # of the third row, which begins with padding, positions differ
    with torch.no_grad():
        found = backbone(batch)
    torch.testing.assert_close(found[:2][real], expected.last_hidden_state[:2][real])

    head = Head.over(backbone, HeadConfig(HeadKind.CLASSIFICATION, 2, layers=1, use_pooler=True))
    adapter = Adapter.over(backbone, AdapterConfig(4, drop_depth=1))
    model, bare = AdapterModel(backbone, head, adapter), AdapterModel(backbone, head)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn_like(parameter))
    assert not torch.allclose(model(batch), bare(batch))
    model(batch).sum().backward()
    assert all(parameter.grad is not None for parameter in adapter.parameters())
    save_adapter(tmp_path / "adapter", model)
    loaded = load_adapter(tmp_path / "adapter", Backbone.from_folder(base))
    torch.testing.assert_close(loaded(batch), model(batch))

    written = json.loads((base / "config.json").read_text(encoding="utf-8"))
    assert longest_sequence(written) == 20
    assert norms_follow_blocks(written) is True
    assert has_pooler(written, base / "model.safetensors") is True
