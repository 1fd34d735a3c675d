"""Adapters equal the published formulas, forward and backward, in every configuration."""

import formulas
import pytest
import torch
from tiny_transformers import HIDDEN, LAYERS

from adapter_lib.backbone import Backbone, Batch
from adapter_lib.bottleneck import Adapter
from adapter_lib.configuration import (
    AdapterConfig,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
)


def make_adapter(config: AdapterConfig) -> Adapter:
    """With weights and biases large enough to show."""
    generator = torch.Generator().manual_seed(1)
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN, generator=generator)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return adapter.double()


@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("non_linearity", NonLinearity)
@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize(("own_depth", "drop_depth"), [(0, 0), (0, 2), (2, 0), (1, 3), (0, LAYERS)])
def test_forward_and_gradients_equal_the_formulas(
    backbone: Backbone,
    batch: Batch,
    placement: Placement,
    non_linearity: NonLinearity,
    sharing: Sharing,
    own_depth: int,
    drop_depth: int,
) -> None:
    config = AdapterConfig(
        5,
        placement=placement,
        non_linearity=non_linearity,
        sharing=sharing,
        drop_depth=own_depth,
    )
    adapter = make_adapter(config)
    weights = {
        name: tensor.clone().requires_grad_() for name, tensor in adapter.state_dict().items()
    }
    found = backbone(batch, adapter, drop_depth)
    expected = formulas.adapter_forward(
        backbone.model, batch, weights, config=config, drop_depth=drop_depth
    )
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    if drop_depth == LAYERS:
        assert not found.requires_grad
        return
    found.square().mean().backward()
    expected.square().mean().backward()
    for name, parameter in adapter.named_parameters():
        torch.testing.assert_close(
            parameter.grad, weights[name].grad, rtol=1e-9, atol=1e-11, msg=name
        )


@pytest.mark.parametrize("placement", Placement)
def test_a_zeroed_up_projection_is_the_base_model_exactly(
    backbone: Backbone, batch: Batch, placement: Placement
) -> None:
    adapter = make_adapter(AdapterConfig(5, placement=placement))
    with torch.no_grad():
        for name, parameter in adapter.named_parameters():
            if ".up." in name:
                parameter.zero_()
    torch.testing.assert_close(backbone(batch, adapter), backbone(batch), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("initialisation", "spread", "largest"),
    [(Initialisation.BERT, 0.02, 0.12), (Initialisation.HOULSBY, 0.0088, 0.02)],
)
def test_initialisation_has_the_published_spread(
    initialisation: Initialisation, spread: float, largest: float
) -> None:
    """N(0, 0.01²) truncated at two standard deviations has a standard deviation of 0.0088."""
    adapter = Adapter(
        AdapterConfig(256, initialisation=initialisation),
        layers=2,
        hidden_size=512,
        generator=torch.Generator().manual_seed(0),
    )
    for name, parameter in adapter.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        else:
            assert parameter.std().item() == pytest.approx(spread, rel=0.01)
            assert abs(parameter.mean().item()) < spread / 100
            assert parameter.abs().max() <= largest
