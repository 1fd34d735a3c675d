"""Heads for choices, spans, tokens and masked words, and heads over the base's pooler."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config, GPT2Model

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Pooling
from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import load_adapter, read_manifest, save_adapter
from adapter_lib.transformer.backbone import Backbone, Batch

TINY = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 16,
    "initializer_range": 0.3,
}
CONFIGS = [
    HeadConfig(HeadKind.MULTIPLE_CHOICE, 3),
    HeadConfig(HeadKind.MULTIPLE_CHOICE, 3, layers=1, use_pooler=True),
    HeadConfig(HeadKind.SPAN, 2, layers=1),
    HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 5),
    HeadConfig(HeadKind.MASKED_LM, 40),
    HeadConfig(HeadKind.CLASSIFICATION, 4, layers=1, use_pooler=True),
    HeadConfig(HeadKind.CLASSIFICATION, 4, use_pooler=True),
    HeadConfig(HeadKind.REGRESSION, 1),
    HeadConfig(HeadKind.CLASSIFICATION, 4, pooling=Pooling.MEAN),
    HeadConfig(HeadKind.MULTIPLE_CHOICE, 3, pooling=Pooling.MEAN),
]


@pytest.fixture
def pooled() -> Backbone:
    torch.manual_seed(1)
    return Backbone.from_model(BertModel(BertConfig(**TINY)).eval(), name="pooled")


def make_model(backbone: Backbone, config: HeadConfig) -> AdapterModel:
    generator = torch.Generator().manual_seed(2)
    adapter = Adapter(
        AdapterConfig(3),
        layers=backbone.layers_count,
        hidden_size=backbone.hidden_size,
        generator=generator,
    )
    model = AdapterModel(backbone, Head.over(backbone, config, generator=generator), adapter)
    with torch.no_grad():
        for parameter in [*model.head.parameters(), *adapter.parameters()]:
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_kind_is_counted_saved_and_loaded(
    pooled: Backbone, batch: Batch, tmp_path: Path, config: HeadConfig
) -> None:
    model = make_model(pooled, config)
    assert sum(p.numel() for p in model.head.parameters()) == config.parameter_count(hidden_size=16)
    save_adapter(tmp_path / "a", model, task={}, provenance={})
    loaded = load_adapter(tmp_path / "a", pooled)
    assert loaded.head.config == config == read_manifest(tmp_path / "a").head
    assert torch.equal(loaded(batch), model(batch))
    depths = loaded.at_depths(batch, [0, 2])
    assert torch.equal(depths[2], model(batch, drop_depth=2))


def test_what_was_written_before_poolers_keeps_its_bytes(pooled: Backbone, tmp_path: Path) -> None:
    for use_pooler in (False, True):
        config = HeadConfig(HeadKind.CLASSIFICATION, 2, use_pooler=use_pooler)
        save_adapter(tmp_path / "a", make_model(pooled, config), task={}, provenance={})
        text = (tmp_path / "a" / "adapter.json").read_text()
        assert ("use_pooler" in text) == use_pooler
        assert "pooling" not in text


def test_choices_are_scored_alike_wherever_they_stand(pooled: Backbone) -> None:
    model = make_model(pooled, HeadConfig(HeadKind.MULTIPLE_CHOICE, 3))
    ids = torch.randint(1, 40, (6, 5), generator=torch.Generator().manual_seed(0))
    logits = model(Batch(ids, torch.ones_like(ids)))
    assert logits.shape == (2, 3)
    turned = ids.view(2, 3, 5).roll(1, dims=1).reshape(6, 5)
    found = model(Batch(turned, torch.ones_like(ids)))
    torch.testing.assert_close(found, logits.roll(1, dims=1))
    with pytest.raises(ConfigurationError, match=r"3 rows for each example.*found 5 rows"):
        model(Batch(ids[:5], torch.ones_like(ids[:5])))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", [HeadKind.SPAN, HeadKind.TOKEN_CLASSIFICATION])
def test_heads_on_every_token_equal_the_formula(
    pooled: Backbone, batch: Batch, kind: HeadKind, layers: int
) -> None:
    head = Head.over(pooled.double(), HeadConfig(kind, 2, layers=layers)).double().eval()
    h = pooled(batch)
    x = h
    if head.dense is not None:
        x = torch.tanh(x @ head.dense.weight.T + head.dense.bias)
    expected = x @ head.output.weight.T + head.output.bias
    assert expected.shape == (3, 7, 2)
    torch.testing.assert_close(head(h, batch), expected)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_pooled_head_equals_transformers_pooler(
    pooled: Backbone, batch: Batch, layers: int
) -> None:
    config = HeadConfig(HeadKind.CLASSIFICATION, 4, layers=layers, use_pooler=True)
    model = make_model(pooled, config)
    batch = Batch(batch.input_ids[:2], batch.attention_mask[:2])  # transformers reads token 0
    output = pooled.model(batch.input_ids, attention_mask=batch.attention_mask)
    x = output.pooler_output
    if model.head.dense is not None:
        x = torch.tanh(model.head.dense(x))
    torch.testing.assert_close(model(batch, drop_depth=2), model.head.output(x))
    assert not any("pooler" in name for name in model.trainable_state())


def test_masked_words_equal_transformers_head(batch: Batch) -> None:
    torch.manual_seed(4)
    config = BertConfig(**TINY, layer_norm_eps=1e-12)
    whole = BertForMaskedLM(config).eval()
    backbone = Backbone.from_model(whole.bert, name="tiny")
    backbone.counts_padding = True  # as transformers does
    head = Head.over(backbone, HeadConfig(HeadKind.MASKED_LM, 40)).eval()
    theirs = whole.cls.predictions
    assert head.dense is not None
    head.dense.load_state_dict(theirs.transform.dense.state_dict())
    head.norm.load_state_dict(theirs.transform.LayerNorm.state_dict())
    with torch.no_grad():
        theirs.bias.normal_()
        head.bias.copy_(theirs.bias)
        model = AdapterModel(backbone, head)
        expected = whole(batch.input_ids, attention_mask=batch.attention_mask).logits
        found = model(batch)
        chosen = head.over_vocabulary(backbone(batch)[:, 2], backbone.token_embedding)
    torch.testing.assert_close(found[batch.token_mask], expected[batch.token_mask])
    torch.testing.assert_close(chosen, found[:, 2])
    assert not any("embed" in name for name in model.trainable_state())


def test_the_tied_embedding_gets_no_gradient(pooled: Backbone, batch: Batch) -> None:
    model = make_model(pooled, HeadConfig(HeadKind.MASKED_LM, 40))
    functional.cross_entropy(model(batch).flatten(0, 1), batch.input_ids.flatten()).backward()
    assert all(p.grad is None for p in pooled.parameters())
    assert all(p.grad is not None for p in model.head.parameters())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((HeadKind.SPAN, 3), "exactly 2 labels, found 3"),
        ((HeadKind.MULTIPLE_CHOICE, 1), "at least 2 labels"),
        ((HeadKind.MASKED_LM, 40, 1), "has 2 layers, found 1"),
        ((HeadKind.SPAN, 2, 1, 0.1, True), "leave use_pooler out"),
        ((HeadKind.MASKED_LM, 40, 2, 0.0, True), "leave use_pooler out"),
        ((HeadKind.SPAN, 2, 1, 0.1, False, "mean"), "leave pooling out"),
        ((HeadKind.REGRESSION, 1, 2, 0.1, True, "mean"), "leave one of them out"),
        ((HeadKind.REGRESSION, 2), "exactly 1 labels"),
    ],
)
def test_configurations_that_make_no_sense_are_refused(
    fields: tuple[object, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        HeadConfig(*fields)  # type: ignore[arg-type]


def test_a_head_needs_what_its_base_has(backbone: Backbone, pooled: Backbone) -> None:
    with pytest.raises(ConfigurationError, match=r"with a pooler.*tiny without"):
        make_model(backbone, HeadConfig(HeadKind.CLASSIFICATION, 2, use_pooler=True))
    with pytest.raises(
        ConfigurationError, match=r"\(40, 16, 1e-12\) of pooled, found \(39, 16, 1e-12\)"
    ):
        make_model(pooled, HeadConfig(HeadKind.MASKED_LM, 39))
    gpt = GPT2Model(GPT2Config(n_layer=1, n_embd=12, n_head=2, vocab_size=40))
    causal = Backbone.from_model(gpt, name="gpt")
    with pytest.raises(ConfigurationError, match="encoder for a masked_lm head"):
        make_model(causal, HeadConfig(HeadKind.MASKED_LM, 40))


def test_a_folder_gives_its_pooler_if_it_has_one(
    pooled: Backbone, batch: Batch, tmp_path: Path
) -> None:
    pooled.model.save_pretrained(tmp_path / "with")
    found = Backbone.from_folder(tmp_path / "with")
    assert found.pooler is not None
    assert pooled.pooler is not None
    token = pooled(batch)[:, 0]
    assert torch.equal(found.pooler(token), pooled.pooler(token))
    BertModel(BertConfig(**TINY), add_pooling_layer=False).save_pretrained(tmp_path / "without")
    assert Backbone.from_folder(tmp_path / "without").pooler is None


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pooler_in_pytorchs_formats_is_found(
    pooled: Backbone, tmp_path: Path, zipped: bool
) -> None:
    pooled.model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(
        pooled.model.state_dict(),
        tmp_path / "pytorch_model.bin",
        _use_new_zipfile_serialization=zipped,
    )
    assert Backbone.from_folder(tmp_path).pooler is not None
