"""Heads on the mean of all real tokens, against that mean of transformers' own hidden states."""

import pytest
import torch
from torch import Tensor

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Pooling
from adapter_lib.joint.multitask import MultiTask
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch
from tests.own_kernels import own_kernels_off
from tests.reference.tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_batch
from tests.reference.tiny_transformers import make_transformer as make

TOKEN = HeadConfig(HeadKind.CLASSIFICATION, 3)
MEAN = HeadConfig(HeadKind.CLASSIFICATION, 3, pooling=Pooling.MEAN)


def batch_for(architecture: str, padding: str) -> Batch:
    return make_batch(padding, pad_token=ARCHITECTURES[architecture].pad_token)


def model_over(backbone: Backbone, config: HeadConfig = MEAN) -> AdapterModel:
    generator = torch.Generator().manual_seed(1)
    adapter = Adapter(AdapterConfig(4), layers=LAYERS, hidden_size=HIDDEN, generator=generator)
    head = Head(config, hidden_size=HIDDEN, generator=generator)
    with torch.no_grad():
        for parameter in [*head.parameters(), *adapter.parameters()]:
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return AdapterModel(backbone, head, adapter)


def naive(head: Head, hidden: Tensor, batch: Batch) -> Tensor:
    """Return the head's logits, row by row, of hidden states, (b, s, d)."""
    means = []
    for states, mask in zip(hidden, batch.attention_mask, strict=True):
        real = [state for state, kept in zip(states, mask.tolist(), strict=True) if kept]
        means.append(torch.stack(real).sum(0) / len(real))
    assert head.dense is not None
    inner = torch.tanh(torch.stack(means) @ head.dense.weight.T + head.dense.bias)
    return inner @ head.output.weight.T + head.output.bias


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", ["right", "left", "none"])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_without_adapters_it_is_the_mean_of_transformers_own_states(
    architecture: str, padding: str
) -> None:
    transformer, batch = make(architecture), batch_for(architecture, padding)
    backbone = Backbone.from_model(transformer, name=architecture)
    backbone.counts_padding = True  # as transformers does
    model = model_over(backbone)
    given = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    if ARCHITECTURES[architecture].typed:
        given["token_type_ids"] = batch.token_type_ids
    with torch.no_grad():
        hidden = transformer(**given).last_hidden_state
        close(model(batch, drop_depth=LAYERS), naive(model.head, hidden, batch))


@pytest.mark.parametrize("padding", ["right", "left", "none"])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_at_every_depth_stored_or_not_padded_or_not(architecture: str, padding: str) -> None:
    batch = batch_for(architecture, padding)
    model = model_over(Backbone.from_model(make(architecture), name=architecture))
    cut_points = set(model.entries(range(LAYERS + 1)).values())
    with torch.no_grad():
        starts = model.starts(batch, cut_points)
        together = model.at_depths(batch, range(LAYERS + 1), start_at=starts.get)
        for depth in range(LAYERS + 1):
            with own_kernels_off(model.backbone):
                hidden = model.hidden(batch, drop_depth=depth)
            expected = naive(model.head, hidden, batch)
            close(model(batch, drop_depth=depth), expected)
            close(together[depth], expected)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_beside_heads_that_read_one_token(architecture: str) -> None:
    """Many tasks in one pass, and tasks by row."""
    batch = batch_for(architecture, "right")
    backbone = Backbone.from_model(make(architecture), name=architecture)
    models = {"mean": model_over(backbone), "token": model_over(backbone, TOKEN)}
    with torch.no_grad():
        expected = {task: model(batch) for task, model in models.items()}
        found = MultiTask(models)(batch)
        mixed = MultiTask(models).mixed(batch, ["mean", "token", None, "mean"])
    assert not torch.allclose(expected["mean"], expected["token"], atol=1e-2)
    for task, logits in expected.items():
        close(found[task], logits)
        close(mixed.logits[task], logits[mixed.rows[task]])
