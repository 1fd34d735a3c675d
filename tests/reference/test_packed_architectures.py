"""Models trained together against each alone, over every architecture, dropout included."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Placement, Pooling
from adapter_lib.joint.joint_pass import run_together
from adapter_lib.joint.part import Part
from adapter_lib.joint.row_dropout import RandomStream
from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch
from tests.reference.tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_batch
from tests.reference.tiny_transformers import make_transformer as make

MODELS = 5
DEPTHS = [0, 2, 0, LAYERS - 1, 1]
HEADS = [
    HeadConfig(HeadKind.CLASSIFICATION, 3),
    HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 3),
    HeadConfig(HeadKind.CLASSIFICATION, 3, pooling=Pooling.MEAN),
]
PREFIX_DROPOUT = [False, False, True, False, False]


def models_over(backbone: Backbone, config: HeadConfig) -> list[AdapterModel]:
    found = []
    for number in range(MODELS):
        torch.manual_seed(number)
        placement = Placement.HOULSBY if number == 4 else Placement.PFEIFFER
        own = AdapterConfig(4, placement=placement, dropout=0.2)
        adapter = Adapter(own, layers=LAYERS, hidden_size=HIDDEN)
        for parameter in adapter.parameters():
            nn.init.normal_(parameter, std=0.2)
        head = Head(config, hidden_size=HIDDEN)
        found.append(AdapterModel(backbone, head, adapter))
    return found


def batches(pad_token: int) -> list[Batch]:
    """Rows of all lengths; two models read the same ones."""
    found = [make_batch(pad_token=pad_token, tokens=9 - 2 * (i % 3)) for i in range(MODELS - 1)]
    found[2] = found[2].rows(torch.tensor([1, 0]))
    return [*found, found[0]]


def stream(number: int) -> RandomStream:
    torch.manual_seed(20 + number)
    return RandomStream(torch.device("cpu"))


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    if logits.ndim == 3:  # nothing is defined for padding
        logits = logits * batch.token_mask[..., None]
    return (logits.float() * torch.linspace(-1, 2, logits.numel()).view(logits.shape)).sum()


def alone(models: Sequence[AdapterModel], given: Sequence[Batch], low: bool) -> list[list[Tensor]]:
    """Return each model's loss and gradients."""
    found = []
    for i, (model, batch) in enumerate(zip(models, given, strict=True)):
        model.train_from(DEPTHS[i], frozen_dropout=PREFIX_DROPOUT[i])
        with stream(i), torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            loss = loss_of(model(batch, drop_depth=DEPTHS[i]), batch)
        torch.autograd.backward(loss)
        gradients = [p.grad for p in model.parameters() if p.requires_grad]
        found.append([loss.detach(), *(g.clone() for g in gradients if g is not None)])
        model.zero_grad()
    return found


def together(
    models: Sequence[AdapterModel], given: Sequence[Batch], low: bool
) -> list[list[Tensor]]:
    """Return the same from one pass; the last model is in no stack."""
    stack = StackedParameters(models[0], rows=MODELS)
    parts = []
    for i, (model, batch) in enumerate(zip(models, given, strict=True)):
        in_stack = stack if i < MODELS - 1 else None
        if in_stack is not None:
            stack.put(i, model)
        model.train()
        parts.append(
            Part(model, batch, stream(i), DEPTHS[i], in_stack, i, frozen_dropout=PREFIX_DROPOUT[i])
        )
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
        logits = run_together(parts)
        losses = [loss_of(own, batch) for own, batch in zip(logits, given, strict=True)]
    torch.autograd.backward(torch.stack(losses).sum())
    found = []
    for i, (model, loss) in enumerate(zip(models, losses, strict=True)):
        gradients: list[Tensor | None] = [p.grad for p in model.parameters() if p.requires_grad]
        if i < MODELS - 1:
            own, used = stack.tensors(stack.gradients, i, model), stack.used(model, DEPTHS[i])
            gradients = [g for name, g in own.items() if used[stack.index(name)]]
        found.append([loss.detach(), *(g for g in gradients if g is not None)])
    return found


@pytest.mark.parametrize("low", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_each_model_computes_what_it_does_alone(
    architecture: str, head: HeadConfig, low: bool
) -> None:
    transformer = make(architecture)
    backbone = Backbone.from_model(transformer, name=architecture)
    given = batches(ARCHITECTURES[architecture].pad_token)
    expected = alone(models_over(backbone, head), given, low)
    found = together(models_over(backbone, head), given, low)
    off = 0.1 if low else 1e-4
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert len(ours) == len(theirs) > 5
        largest = max(float(x.abs().max()) for x in theirs[1:])
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(
                one, other, rtol=off, atol=off * min(1.0, largest), msg=f"model {number}"
            )
