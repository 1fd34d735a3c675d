"""Several models in one pass: what each computes alone, and its own gradients, dropout included."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.config.arrangement import Arrangement, NormAfter
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Placement,
    Pooling,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.joint_pass import run_together
from adapter_lib.joint.part import Part
from adapter_lib.joint.row_dropout import RandomStream, RowDropout, Rows
from adapter_lib.joint.stacked_parameters import StackedParameters, StackShape
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.activations import ActivationsAt, Block, CutPoint
from adapter_lib.transformer.backbone import Batch

Make = Callable[..., AdapterModel]
PFEIFFER = AdapterConfig(bottleneck_size=5, dropout=0.2)
DEEP = AdapterConfig(bottleneck_size=5, drop_depth=2, dropout=0.2)
HOULSBY = AdapterConfig(bottleneck_size=3, placement=Placement.HOULSBY, drop_depth=1)
PARALLEL = AdapterConfig(bottleneck_size=3, placement=Placement.PARALLEL, scaling=4.0)
SHARED = AdapterConfig(bottleneck_size=4, sharing=Sharing.ALL_LAYERS, drop_depth=1)
NORMS = AdapterConfig(bottleneck_size=4, trained_norm=True, drop_depth=1)
SIZES = AdapterConfig(bottleneck_size=4, layer_sizes=(2, 3, 4, 5))
NORMED = AdapterConfig(
    bottleneck_size=4,
    arrangement=Arrangement(norm_before=True, norm_after=NormAfter.OUTPUT, base_norm_after=False),
)
FUSED = {"a": PFEIFFER, "b": DEEP}
KINDS = [
    PFEIFFER,
    DEEP,
    PFEIFFER,
    HOULSBY,
    PARALLEL,
    SHARED,
    SHARED,
    NORMS,
    SIZES,
    NORMED,
    NORMED,
    None,
    FUSED,
]
"""Three pairs share a stack, and the last is in none."""


def rows(seed: int, tokens: int) -> Batch:
    ids = torch.randint(1, 40, (3, tokens), generator=torch.Generator().manual_seed(seed))
    mask = torch.ones_like(ids)
    mask[1, 2:] = 0
    return Batch(ids, mask)


def settings() -> Iterator[tuple[int, Batch, bool]]:
    """Yield drop depth, batch and prefix dropout for each of `KINDS`: rows differ in every way."""
    shared = rows(0, 7)
    for number in range(len(KINDS)):
        batch = shared if number % 2 else rows(number, 5 + number % 3)
        if number % 3 == 0:
            batch = Batch(batch.input_ids[:2], batch.attention_mask[:2])
        yield (3 if number == 2 else 0), batch, number == 6


def stream(number: int) -> RandomStream:
    torch.manual_seed(100 + number)
    return RandomStream(torch.device("cpu"))


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    if logits.ndim == 3:  # nothing is defined for padding
        logits = logits * batch.token_mask[..., None]
    weights = torch.linspace(-1, 2, logits.numel()).reshape(logits.shape)
    return (logits * weights).sum()


def gradients(model: AdapterModel) -> dict[str, Tensor]:
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
        if p.requires_grad
    }


def build(make_model: Make, head: HeadConfig) -> list[AdapterModel]:
    """In float64, so that nothing hides behind rounding."""
    return [
        make_model(kind, head=head, seed=i, fusion=FusionConfig(dropout=0.3)).double()
        for i, kind in enumerate(KINDS)
    ]


def alone(models: list[AdapterModel]) -> list[tuple[Tensor, dict[str, Tensor]]]:
    """Return each model's loss and gradients for its real rows, dropout on."""
    found = []
    for i, (model, (depth, batch, prefix)) in enumerate(zip(models, settings(), strict=True)):
        model.eval()
        model.train_from(depth, frozen_dropout=prefix)
        with stream(i):
            loss = loss_of(model(batch, drop_depth=depth), batch)
        torch.autograd.backward(loss)
        found.append((loss.detach(), gradients(model)))
    return found


def in_stacks(models: list[AdapterModel]) -> list[Part]:
    """Put every model that has a shape in a stack, with empty rows between."""
    stacks: dict[StackShape, StackedParameters] = {}
    parts = []
    for i, (model, (depth, batch, prefix)) in enumerate(zip(models, settings(), strict=True)):
        stack, row = None, 0
        if (shape := StackShape.of(model)) is not None:
            stack, row = stacks.setdefault(shape, StackedParameters(model, rows=4)), (6 - i) % 4
            stack.put(row, model)
        model.train()
        parts.append(Part(model, batch, stream(i), depth, stack, row, frozen_dropout=prefix))
    return parts


@pytest.mark.parametrize(
    "head",
    [
        HeadConfig(HeadKind.CLASSIFICATION, labels=3),
        HeadConfig(HeadKind.TOKEN_CLASSIFICATION, labels=3, layers=1),
        HeadConfig(HeadKind.CLASSIFICATION, labels=3, pooling=Pooling.MEAN),
    ],
)
@pytest.mark.parametrize("stored", ["nothing", "all of it", "a part of it"])
def test_each_model_computes_what_it_does_alone(
    make_model: Make, head: HeadConfig, stored: str
) -> None:
    """Losses and gradients, also where rows are fewer or shorter than others', and with dropout."""
    expected = alone(build(make_model, head))
    parts = in_stacks(build(make_model, head))
    if stored != "nothing":
        whole = stored == "all of it"
        parts = [from_store(part, None if whole else i % 3) for i, part in enumerate(parts)]
    logits = run_together(parts)
    losses = [loss_of(x, part.batch) for x, part in zip(logits, parts, strict=True)]
    torch.autograd.backward(torch.stack(losses).sum())
    for part, loss, (wanted, grads) in zip(parts, losses, expected, strict=True):
        torch.testing.assert_close(loss.detach(), wanted, rtol=1e-9, atol=1e-9)
        found = gradients(part.model)
        if part.stack is not None:
            found = part.stack.tensors(part.stack.gradients, part.row, part.model)
        for name, gradient in grads.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-9)


def test_a_part_without_random_numbers_is_in_evaluation_mode(make_model: Make) -> None:
    """Also in one stack with a part that is trained."""
    models = [make_model(PFEIFFER, seed=i).double() for i in range(2)]
    batches = [rows(0, 5), rows(1, 7)]
    expected = [models[0](batches[0])]
    models[1].train_from(0, frozen_dropout=False)
    with stream(1):
        expected.append(models[1](batches[1]))
    stack = StackedParameters(models[0], rows=2)
    for i, model in enumerate(models):
        stack.put(i, model)
        model.train()
    found = run_together(
        [
            Part(models[0], batches[0], None, stack=stack, row=0),
            Part(models[1], batches[1], stream(1), stack=stack, row=1),
        ]
    )
    for ours, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)


def test_parts_may_leave_all_layers_between_them_to_the_store(make_model: Make) -> None:
    """One ends its frozen part before another takes it up, so nothing is run in between."""
    models = [make_model(PFEIFFER, seed=i).double() for i in range(2)]
    batches, depths = [rows(0, 5), rows(1, 7)], [0, 3]
    expected = []
    for i, model in enumerate(models):
        model.train_from(depths[i], frozen_dropout=False)
        with stream(i):
            expected.append(model(batches[i], drop_depth=depths[i]))
    parts = [Part(m, batches[i], stream(i), depths[i]) for i, m in enumerate(models)]
    parts[1] = from_store(parts[1], 2)
    assert parts[1].start is not None
    assert parts[0].entry < parts[1].start.cut_point < parts[1].entry
    for model in models:
        model.train()
    for found, wanted in zip(run_together(parts), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def from_store(part: Part, layer: int | None) -> Part:
    """Begin at what is stored of the frozen part, as the cache holds it: at its end or before."""
    cut_point = part.model.entry(part.drop_depth)
    if part.frozen_dropout or cut_point is None:
        return part
    if layer is not None:
        cut_point = min(
            cut_point, CutPoint(layer, Block.ATTENTION), key=lambda cut_point: cut_point.unsummed
        )
    part.model.eval()
    with torch.no_grad():
        activations = part.model.frozen(part.batch, [cut_point])[cut_point]
    part.model.train()
    return replace(part, start=ActivationsAt(cut_point, activations))


def test_dropout_on_what_is_not_the_rows_is_refused() -> None:
    """As it would be on something that all rows share."""
    dropout = RowDropout()
    owners = [Rows(stream(i), 0, np.array([3, 5 - i]), 5 - i) for i in range(2)]
    with dropout, dropout.rows_of(owners, everywhere=True):
        for shape in ((1, 18, 3), (1, 15, 3), (15, 3), (4, 1, 3), (4, 3), (4, 6, 1, 5)):
            assert functional.dropout(torch.ones(shape), 0.5).shape == shape
        for shape in ((8, 3), (2, 18, 3, 7)):
            with pytest.raises(ConfigurationError, match=r"tokens of 2 models .* shape \("):
                functional.dropout(torch.ones(shape), 0.5)


def test_models_that_cannot_share_a_pass_are_refused(make_model: Make) -> None:
    one = make_model(PFEIFFER)
    tags = make_model(PFEIFFER, head=HeadConfig(HeadKind.TOKEN_CLASSIFICATION, labels=3))
    batch = rows(0, 5)
    parts = [Part(model, batch, stream(0)) for model in (one, tags)]
    with pytest.raises(ConfigurationError, match="2 kinds of heads; run each kind in a pass of"):
        run_together(parts)
    with pytest.raises(ConfigurationError, match="expected an adapter or a head alone"):
        StackedParameters(make_model(FUSED), rows=2)
