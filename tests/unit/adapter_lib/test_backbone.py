import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, T5Config, T5EncoderModel

from adapter_lib.errors import BaseModelError, UnsupportedArchitectureError
from adapter_lib.transformer.architectures import describe_model
from adapter_lib.transformer.backbone import Backbone, Batch

Transformer = Callable[..., BertModel]


@pytest.fixture
def model_folder(make_transformer: Transformer, tmp_path: Path) -> Path:
    folder = tmp_path / "tiny-bert"
    make_transformer().save_pretrained(folder)
    return folder


def test_a_folder_is_loaded_and_identified_by_its_weights_file(
    model_folder: Path, make_transformer: Transformer, batch: Batch
) -> None:
    found = Backbone.from_folder(model_folder)
    weights = (model_folder / "model.safetensors").read_bytes()
    assert found.identity.weights_sha256 == hashlib.sha256(weights).hexdigest()
    assert (found.identity.name, found.identity.model_type) == ("tiny-bert", "bert")
    assert (found.identity.layers, found.identity.hidden_size) == (4, 16)
    expected = Backbone.from_model(make_transformer(), name="memory")
    assert torch.equal(found(batch), expected(batch))
    assert Backbone.from_folder(model_folder, name="mine").identity.name == "mine"


def test_weights_in_pytorch_format_are_loaded(model_folder: Path, batch: Batch) -> None:
    expected = Backbone.from_folder(model_folder)
    safetensors = model_folder / "model.safetensors"
    binary = model_folder / "pytorch_model.bin"
    torch.save(load_file(safetensors), binary)
    safetensors.unlink()
    found = Backbone.from_folder(model_folder)
    assert torch.equal(found(batch), expected(batch))
    assert found.identity.weights_sha256 == hashlib.sha256(binary.read_bytes()).hexdigest()


def test_shards_are_hashed_in_the_order_of_their_names(
    make_transformer: Transformer, tmp_path: Path, batch: Batch
) -> None:
    make_transformer().save_pretrained(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 1
    found = Backbone.from_folder(tmp_path)
    joined = b"".join(shard.read_bytes() for shard in shards)
    assert found.identity.weights_sha256 == hashlib.sha256(joined).hexdigest()
    shards[0].unlink()
    with pytest.raises(BaseModelError, match=shards[0].name):
        Backbone.from_folder(tmp_path)


def test_half_precision_weights_are_loaded_in_float32(
    make_transformer: Transformer, tmp_path: Path
) -> None:
    make_transformer().half().save_pretrained(tmp_path)
    backbone = Backbone.from_folder(tmp_path)
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}


def test_missing_files_are_named(model_folder: Path, tmp_path: Path) -> None:
    (model_folder / "model.safetensors").unlink()
    with pytest.raises(BaseModelError, match=r"model\.safetensors.*pytorch_model\.bin"):
        Backbone.from_folder(model_folder)
    with pytest.raises(BaseModelError, match=r"config\.json"):
        Backbone.from_folder(tmp_path / "nothing")


def test_damaged_weights_are_refused(model_folder: Path) -> None:
    (model_folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(BaseModelError, match="cannot load"):
        Backbone.from_folder(model_folder)


def test_weights_that_would_stay_random_are_refused(model_folder: Path) -> None:
    path = model_folder / "model.safetensors"
    state = load_file(path)
    del state["encoder.layer.2.output.dense.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(BaseModelError, match=r"encoder\.layer\.2\.output\.dense\.weight"):
        Backbone.from_folder(model_folder)


def test_a_broken_index_of_shards_is_refused(model_folder: Path) -> None:
    (model_folder / "model.safetensors").unlink()
    (model_folder / "model.safetensors.index.json").write_text(json.dumps({"weights": {}}))
    with pytest.raises(BaseModelError, match="not an index"):
        Backbone.from_folder(model_folder)


def test_the_hash_of_a_model_in_memory_depends_on_every_weight(
    make_transformer: Transformer,
) -> None:
    def sha256(model: BertModel) -> str:
        return Backbone.from_model(model, name="tiny").identity.weights_sha256

    changed = make_transformer()
    with torch.no_grad():
        changed.encoder.layer[3].output.LayerNorm.bias[7] += 1e-6
    assert sha256(make_transformer()) == sha256(make_transformer())
    assert sha256(make_transformer()) != sha256(changed)
    assert sha256(make_transformer().to(torch.bfloat16)) != sha256(make_transformer())


def small_config(**changes: Any) -> BertConfig:
    return BertConfig(
        hidden_size=16, num_attention_heads=2, num_hidden_layers=1, vocab_size=9, **changes
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (T5EncoderModel(T5Config(num_layers=1, d_model=8, d_ff=8, vocab_size=9)), "bert.*'t5'"),
        (
            GPT2Model(GPT2Config(n_layer=1, n_embd=12, vocab_size=9, add_cross_attention=True)),
            "add_cross_attention",
        ),
        (BertModel(small_config(is_decoder=True)), "decoder"),
        (BertModel(small_config(position_embedding_type="relative_key")), "relative_key"),
    ],
)
def test_what_is_not_described_is_refused(model: Any, message: str) -> None:
    with pytest.raises(UnsupportedArchitectureError, match=message):
        describe_model(model)


def test_weights_are_frozen_until_asked(backbone: Backbone, batch: Batch) -> None:
    assert backbone.frozen
    assert not backbone(batch).requires_grad
    backbone.unfreeze()
    backbone(batch).sum().backward()
    assert all(p.grad is not None for p in backbone.parameters())


@pytest.mark.parametrize(
    ("start", "trained"), [(None, []), (0, [0, 1, 2, 3]), (2, [2, 3]), (4, [])]
)
def test_dropout_is_on_from_a_layer_upwards(
    backbone: Backbone, start: int | None, trained: list[int]
) -> None:
    backbone.train()
    backbone.set_dropout_from(start)
    encoder = backbone.model.encoder
    assert [i for i, layer in enumerate(encoder.layer) if layer.output.dropout.training] == trained
    assert [i for i, layer in enumerate(encoder.layer) if layer.attention.self.training] == trained
    assert not backbone.model.embeddings.dropout.training


def test_padding_does_not_change_real_tokens(backbone: Backbone) -> None:
    ids = torch.tensor([[5, 6, 7]])
    alone = backbone(Batch(ids, torch.ones_like(ids)))
    padded = Batch(torch.tensor([[5, 6, 7, 9, 9]]), torch.tensor([[1, 1, 1, 0, 0]]))
    torch.testing.assert_close(backbone(padded)[:, :3], alone)


def test_a_batch_moves_as_a_whole(batch: Batch) -> None:
    typed = Batch(batch.input_ids, batch.attention_mask, torch.zeros_like(batch.input_ids))
    moved = typed.to("meta")
    for tensor in (moved.input_ids, moved.attention_mask, moved.token_type_ids):
        assert tensor is not None
        assert tensor.device.type == "meta"
    assert batch.to("meta").token_type_ids is None
