"""Gradients under `torch.utils.checkpoint`, where backward reads what was computed again."""

from collections.abc import Callable

import pytest
import torch
from tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_batch, make_transformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from adapter_lib.config.configuration import AdapterConfig, Placement
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head, HeadConfig, HeadKind
from adapter_lib.transformer.backbone import Backbone
from tests.own_kernels import own_kernels_off


def make_model(architecture: str, *, training: bool) -> AdapterModel:
    backbone = Backbone.from_model(make_transformer(architecture), name="tiny")
    adapter = Adapter(
        AdapterConfig(8, placement=Placement.HOULSBY), layers=LAYERS, hidden_size=HIDDEN
    )
    model = AdapterModel(
        backbone,
        Head(HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 3), hidden_size=HIDDEN),
        adapter,
    )
    for parameter in (*adapter.parameters(), *model.head.parameters()):
        nn.init.normal_(parameter, std=0.1)
    return model.train(training)


def whole(model: AdapterModel, padding: str) -> Tensor:
    return model(make_batch(padding))


def recomputed_whole(model: AdapterModel, padding: str) -> Tensor:
    return checkpoint(whole, model, padding, use_reentrant=False)


def recomputed_by_layer(model: AdapterModel, padding: str) -> Tensor:
    batch, backbone = make_batch(padding), model.backbone
    h = backbone.embed(batch)
    for layer in range(LAYERS):
        h = checkpoint(
            backbone.run,
            h,
            batch,
            start=layer,
            stop=layer + 1,
            adapter=model.adapter,
            use_reentrant=False,
        )
    return h


def gradients(
    run: Callable[[AdapterModel, str], Tensor], model: AdapterModel, padding: str, *, half: bool
) -> dict[str, Tensor]:
    """Return the gradients of a loss that real tokens alone decide, by the adapter's names."""
    model.zero_grad()
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        y = run(model, padding)
        loss = y[make_batch(padding).token_mask].float().square().mean()
    loss.backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    assert any(name.startswith("adapter.") for name in found)
    return found


def assert_alike(found: dict[str, Tensor], expected: dict[str, Tensor], within: float) -> None:
    """Compare each tensor with the largest gradient of all."""
    assert found.keys() == expected.keys()
    largest = max(float(x.abs().max()) for x in expected.values())
    for name, one in found.items():
        error = float((one - expected[name]).abs().max())
        assert error <= within * largest, (name, error, largest)


@pytest.mark.parametrize("padding", ["right", "none"])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_are_those_without_checkpoints(
    architecture: str, training: bool, half: bool, padding: str
) -> None:
    """With dropout too, whose random state is kept: the same numbers are drawn again."""
    model = make_model(architecture, training=training)
    expected = gradients(whole, model, padding, half=half)
    assert_alike(gradients(recomputed_whole, model, padding, half=half), expected, 0.0)
    if not training:
        with own_kernels_off(model.backbone):
            slow = gradients(whole, model, padding, half=half)
        assert_alike(slow, expected, 0.05 if half else 1e-4)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_layer_by_layer(architecture: str, half: bool) -> None:
    model = make_model(architecture, training=True)

    def plain(model: AdapterModel, padding: str) -> Tensor:
        return model.backbone(make_batch(padding), model.adapter)

    expected = gradients(plain, model, "none", half=half)
    found = gradients(recomputed_by_layer, model, "none", half=half)
    assert_alike(found, expected, 1e-2 if half else 1e-5)


def test_saved_tensors_may_come_back_laid_out_otherwise() -> None:
    """As from hooks that keep them on disk or on another device.

    Torch's own products round otherwise then, on some processors.
    """
    model = make_model("bert", training=True)
    for half in (False, True):
        expected = gradients(whole, model, "right", half=half)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: x, lambda x: x.clone(memory_format=torch.contiguous_format)
        ):
            found = gradients(whole, model, "right", half=half)
        assert_alike(found, expected, 1e-2 if half else 1e-5)
