"""Rows without their padding against the padded batch: the same, dropout included."""

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Placement, Pooling
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.activations import Block, CutPoint
from adapter_lib.transformer.backbone import Backbone, Batch
from adapter_lib.transformer.layer_run import LayerRun
from tests.own_kernels import own_kernels_off
from tests.reference.tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_batch
from tests.reference.tiny_transformers import make_transformer as make

JOINT = ["albert", "bert", "distilbert", "electra", "roberta", "xlm-roberta"]
"""Whose attention's projections are computed without padding too."""
HEADS = [
    HeadConfig(HeadKind.CLASSIFICATION, 3),
    HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 3),
    HeadConfig(HeadKind.CLASSIFICATION, 3, pooling=Pooling.MEAN),
]


def backbone_of(architecture: str) -> Backbone:
    return Backbone.from_model(make(architecture, num_attention_heads=2), name=architecture)


def widths(backbone: Backbone) -> list[tuple[int, ...]]:
    """Return the list to which the shape before every linear layer but the pooler's is added."""
    seen: list[tuple[int, ...]] = []
    for module in backbone.modules():
        if isinstance(module, nn.Linear | Conv1D):
            module.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape[:2])))
    return seen


def mask_of(*lengths: int) -> Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_what_gains_nothing_or_cannot_be_laid_out_stays_padded() -> None:
    backbone = backbone_of("bert")
    shapes = widths(backbone)
    for mask in (mask_of(40, 40, 40), mask_of(40, 40, 39), mask_of(30, 1, 40).flip(1)):
        backbone(Batch(torch.ones_like(mask, dtype=torch.int64), mask))
    assert {b for b, _ in shapes} == {3}
    shapes.clear()
    mask = mask_of(30, 1, 40)
    backbone(Batch(torch.ones_like(mask, dtype=torch.int64), mask))
    assert (1, 96) in shapes  # 71 real tokens, and what fills up


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("stop", [None, CutPoint(2), CutPoint(1, Block.ATTENTION)])
def test_hidden_states_of_real_tokens_are_the_same(
    architecture: str, stop: CutPoint | None
) -> None:
    backbone = backbone_of(architecture)
    batch = make_batch(pad_token=ARCHITECTURES[architecture].pad_token)
    shapes, start = widths(backbone), backbone.begin(batch)
    shapes.clear()
    found = backbone.run_between(start, batch, LayerRun(), stop=stop)
    assert (1, 32) in shapes
    assert (batch.input_ids.shape in shapes) == (architecture not in JOINT)
    with own_kernels_off(backbone):
        expected = backbone.run_between(backbone.begin(batch), batch, LayerRun(), stop=stop)
    assert found.cut_point == expected.cut_point
    for one, other in zip(found.activations.parts, expected.activations.parts, strict=True):
        real = batch.token_mask[..., None]
        torch.testing.assert_close(one * real, other * real, rtol=2e-4, atol=2e-4)


def test_other_types_are_unpadded_too() -> None:
    backbone, batch = backbone_of("bert"), make_batch()
    shapes, real = widths(backbone), batch.token_mask[..., None]
    with torch.autocast("cpu", dtype=torch.float16):
        found = backbone(batch)
        with own_kernels_off(backbone):
            expected = backbone(batch)
    torch.testing.assert_close(found * real, expected * real, rtol=0.02, atol=0.02)
    double = backbone.double()(batch)
    assert {b for b, _ in shapes} == {1, 4}
    with own_kernels_off(backbone):
        torch.testing.assert_close(double * real, backbone(batch) * real)


def model_over(backbone: Backbone, head: HeadConfig, placement: Placement) -> AdapterModel:
    torch.manual_seed(1)
    config = AdapterConfig(4, placement=placement, dropout=0.2)
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN)
    for parameter in adapter.parameters():
        nn.init.normal_(parameter, std=0.2)
    return AdapterModel(backbone, Head(head, hidden_size=HIDDEN), adapter)


def trained(model: AdapterModel, *, lower: bool) -> list[Tensor]:
    """Return the logits of real tokens and all gradients of a step with dropout everywhere."""
    batch = make_batch()
    model.train()
    model.zero_grad()
    torch.manual_seed(2)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=lower):
        logits = model(batch).float()
    if logits.shape[:2] == batch.token_mask.shape:
        logits = logits * batch.token_mask[..., None]
    logits.square().sum().backward()
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    return [logits.detach(), *gradients]


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("trained_base", [True, False])
@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize(
    ("architecture", "placement"),
    [*(("bert", placement) for placement in Placement), ("deberta-v2", Placement.PFEIFFER)],
)
def test_training_drops_the_same_and_gives_the_same_gradients(
    architecture: str,
    placement: Placement,
    head: HeadConfig,
    trained_base: bool,
    lower: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backbone = backbone_of(architecture)
    model = model_over(backbone, head, placement)
    if trained_base:
        backbone.unfreeze()
    shapes = widths(backbone)
    found = trained(model, lower=lower)
    assert (1, 32) in shapes
    monkeypatch.setattr(Backbone, "_layout", lambda *_: None)
    shapes.clear()
    expected = trained(model, lower=lower)
    assert (1, 32) not in shapes
    assert len(found) == len(expected) > 5
    largest = max(float(x.abs().max()) for x in expected[1:])
    for one, other in zip(found, expected, strict=True):
        off = 0.1 if lower else 1e-5
        torch.testing.assert_close(one, other, rtol=off, atol=off * min(1.0, largest))
