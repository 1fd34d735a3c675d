"""What is trained without adapters: the highest layers, norms, or all."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
)

from adapter_lib.errors import ConfigurationError, WrongBaseError
from adapter_lib.model import AdapterModel
from adapter_lib.storage.files import load_adapter, save_adapter
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]


def trained_names(backbone: Backbone) -> set[str]:
    return {name for name, p in backbone.model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("layers", [1, 3, 4])
def test_no_gradient_goes_below_the_highest_layers(
    make_model: ModelFactory, backbone: Backbone, batch: Batch, layers: int
) -> None:
    model = make_model(None)
    backbone.unfreeze_top(layers)
    seen: list[bool] = []

    def note(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        seen.append(output.requires_grad)

    for layer in backbone.model.encoder.layer:
        layer.intermediate.register_forward_hook(note)
    model(batch).sum().backward()
    assert seen == [layer >= 4 - layers for layer in range(4)]
    for name, parameter in backbone.model.named_parameters():
        parts = name.split(".")
        trained = parts[0] == "encoder" and int(parts[2]) >= 4 - layers
        assert (parameter.grad is not None) == trained, name


def test_the_norm_above_the_highest_layer_is_trained_with_it() -> None:
    gpt = GPT2Model(GPT2Config(n_layer=2, n_embd=12, n_head=2, vocab_size=9))
    backbone = Backbone.from_model(gpt, name="gpt")
    backbone.unfreeze_top(1)
    assert {name.rsplit(".", 1)[0] for name in trained_names(backbone) if "h." not in name} == {
        "ln_f"
    }


@pytest.mark.parametrize("layers", [0, 5])
def test_layers_that_there_are_not_cannot_be_trained(backbone: Backbone, layers: int) -> None:
    with pytest.raises(ConfigurationError, match=f"1…4 highest layers.*found {layers}"):
        backbone.unfreeze_top(layers)
    assert backbone.frozen


def test_layers_that_share_weights_cannot_be_trained_alone() -> None:
    config = AlbertConfig(
        hidden_size=16, embedding_size=8, num_attention_heads=2, intermediate_size=24, vocab_size=9
    )
    backbone = Backbone.from_model(AlbertModel(config), name="albert")
    with pytest.raises(ConfigurationError, match="share their weights"):
        backbone.unfreeze_top(1)
    assert backbone.frozen
    assert not trained_names(backbone)


def test_norms_of_bert_base_are_the_forty_thousand_of_houlsby() -> None:
    with torch.device("meta"):
        model = BertModel(BertConfig(), add_pooling_layer=False)
    backbone = Backbone.from_model(model, name="bert-base", weights_sha256="0" * 64)
    backbone.unfreeze_norms()
    trained = [p.numel() for p in backbone.parameters() if p.requires_grad]
    assert sum(trained) == 25 * 2 * 768  # 38,400


def test_norms_without_bias_are_found_too() -> None:
    config = LlamaConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=9,
    )
    backbone = Backbone.from_model(LlamaModel(config), name="llama")
    backbone.unfreeze_norms()
    assert len(trained_names(backbone)) == 5
    assert all("norm" in name for name in trained_names(backbone))


def test_one_way_of_training_replaces_another(backbone: Backbone) -> None:
    backbone.unfreeze()
    backbone.unfreeze_top(2)
    top = trained_names(backbone)
    backbone.unfreeze_norms()
    norms = trained_names(backbone)
    assert {name.split(".")[2] for name in top} == {"2", "3"}
    assert "embeddings.LayerNorm.weight" in norms
    assert all("LayerNorm" in name for name in norms)
    backbone.unfreeze()
    assert len(trained_names(backbone)) == len(list(backbone.parameters()))


def test_full_fine_tuning_leaves_the_pooler_to_the_base() -> None:
    config = BertConfig(hidden_size=16, num_attention_heads=2, num_hidden_layers=1, vocab_size=9)
    backbone = Backbone.from_model(BertModel(config), name="pooled")
    backbone.unfreeze()
    frozen = {name for name, p in backbone.model.named_parameters() if not p.requires_grad}
    assert frozen == {"pooler.dense.weight", "pooler.dense.bias"}


@pytest.mark.parametrize("how", ["top", "norms", "all"])
def test_what_is_trained_is_kept_and_put_back(
    make_model: ModelFactory, backbone: Backbone, batch: Batch, how: str
) -> None:
    model = make_model(None)
    unfreeze = {
        "top": lambda: backbone.unfreeze_top(1),
        "norms": backbone.unfreeze_norms,
        "all": backbone.unfreeze,
    }
    unfreeze[how]()
    before, logits = model.trainable_state(), model(batch).detach()
    assert {n.removeprefix("backbone.model.") for n in before if n.startswith("backbone.")} == (
        trained_names(backbone)
    )
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model(batch).square().sum().backward()
    optimiser.step()
    with torch.no_grad():
        assert not torch.equal(model(batch), logits)
        model.load_trainable_state(before)
        assert torch.equal(model(batch), logits)


@pytest.mark.parametrize("how", ["unfreeze_norms", "unfreeze_top"])
def test_a_partly_trained_base_can_neither_be_saved_nor_loaded_onto(
    make_model: ModelFactory, backbone: Backbone, tmp_path: Path, how: str
) -> None:
    model = make_model(None)
    save_adapter(tmp_path / "a", model, task={}, provenance={})
    getattr(backbone, how)(*([1] if how == "unfreeze_top" else []))
    with pytest.raises(WrongBaseError, match="being trained"):
        load_adapter(tmp_path / "a", backbone)
    with pytest.raises(ConfigurationError, match="frozen base"):
        save_adapter(tmp_path / "b", model, task={}, provenance={})


def test_dropout_is_off_below_the_trained_layers(
    make_model: ModelFactory, backbone: Backbone
) -> None:
    model = make_model(None)
    backbone.unfreeze_top(2)
    model.train_from(0, frozen_dropout=False)
    modes = [layer.output.dropout.training for layer in backbone.model.encoder.layer]
    assert modes == [False, False, True, True]
    backbone.unfreeze_norms()
    model.train_from(0, frozen_dropout=False)
    assert all(module.training for module in model.modules())
