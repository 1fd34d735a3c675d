"""Adapters equal the published formulas, forward and backward, in every configuration."""

from typing import Any

import formulas
import pytest
import torch
from tiny_transformers import HIDDEN, LAYERS, make_transformer

from adapter_lib.config.arrangement import Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.transformer.backbone import Backbone, Batch


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
        group_layers=3 if sharing is Sharing.GROUPS else 1,
        drop_depth=own_depth,
    )
    assert_equal_to_the_formulas(backbone, batch, config, drop_depth)


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize(
    "changes",
    [
        {"scaling": 4.0},
        {"layer_sizes": (3, 1, 4, 2)},
        {"trained_norm": True},
        {"trained_norm": True, "sharing": Sharing.ALL_LAYERS, "drop_depth": 1},
    ],
    ids=str,
)
def test_every_other_setting_equals_the_formulas(
    backbone: Backbone, batch: Batch, placement: Placement, changes: dict[str, Any]
) -> None:
    config = AdapterConfig(5, placement=placement, **changes)
    assert_equal_to_the_formulas(backbone, batch, config, 2)


ARRANGEMENTS = [
    (Placement.PFEIFFER, Arrangement(reads=Reading.PROJECTION)),
    (Placement.PFEIFFER, Arrangement(residual=Residual.SUM)),
    (Placement.PFEIFFER, Arrangement(residual=Residual.NORMED, base_norm_after=False)),
    (Placement.PFEIFFER, Arrangement(norm_before=True)),
    (Placement.PFEIFFER, Arrangement(norm_after=NormAfter.OUTPUT)),
    (Placement.HOULSBY, Arrangement(reads=Reading.NORMED, residual=Residual.NORMED)),
    (Placement.HOULSBY, Arrangement(reads=Reading.RESIDUAL, norm_after=NormAfter.BOTTLENECK)),
    (Placement.HOULSBY, Arrangement(base_norm_after=False)),
    (Placement.PARALLEL, Arrangement(norm_before=True, norm_after=NormAfter.BOTTLENECK)),
    (Placement.PARALLEL, Arrangement(base_norm_after=False)),
]


@pytest.mark.parametrize(("placement", "arrangement"), ARRANGEMENTS, ids=str)
@pytest.mark.parametrize("trained_norm", [False, True])
def test_every_arrangement_equals_the_formulas(
    backbone: Backbone,
    batch: Batch,
    placement: Placement,
    arrangement: Arrangement,
    trained_norm: bool,
) -> None:
    if not arrangement.base_norm_after and arrangement.residual is Residual.PROJECTION:
        trained_norm = False  # nothing applies them
    config = AdapterConfig(
        5,
        placement=placement,
        arrangement=arrangement,
        sharing=Sharing.ALL_LAYERS,
        trained_norm=trained_norm,
        scaling=2.0,
    )
    assert_equal_to_the_formulas(backbone, batch, config, 1)


def assert_equal_to_the_formulas(
    backbone: Backbone, batch: Batch, config: AdapterConfig, drop_depth: int
) -> None:
    """Forward, and backward to every parameter."""
    adapter = make_adapter(config)
    weights = {
        name: tensor.clone().requires_grad_() for name, tensor in adapter.state_dict().items()
    }
    real = batch.token_mask  # nothing is defined for padding
    found = backbone(batch, adapter, drop_depth)[real]
    expected = formulas.adapter_forward(
        backbone.model, batch, weights, config=config, drop_depth=drop_depth
    )[real]
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    if drop_depth == LAYERS:
        assert not found.requires_grad
        return
    found.square().mean().backward()
    expected.square().mean().backward()
    for name, parameter in adapter.named_parameters():
        grad, wanted = parameter.grad, weights[name].grad
        if wanted is None:  # in a dropped layer
            assert grad is None, name
        else:
            torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-11, msg=name)


def test_dropout_is_on_what_the_bottleneck_adds_while_training(
    backbone: Backbone, batch: Batch
) -> None:
    adapter = make_adapter(AdapterConfig(5, dropout=0.5, scaling=2.0))
    clean = backbone(batch, adapter.eval())
    torch.testing.assert_close(clean, backbone(batch, make_adapter(AdapterConfig(5, scaling=2.0))))
    bottleneck = adapter.train().bottleneck(0)
    assert bottleneck is not None
    x = torch.randn(300, HIDDEN, dtype=torch.float64)
    noisy, whole = bottleneck(x), bottleneck.eval()(x)
    dropped = noisy == 0
    assert dropped.double().mean().item() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(noisy[~dropped], 2 * whole[~dropped])


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


@pytest.mark.parametrize("placement", Placement)
def test_mam_starts_as_the_base_model(
    backbone: Backbone, batch: Batch, placement: Placement
) -> None:
    """Down as a linear layer of torch: uniform in ±1/√d."""
    config = AdapterConfig(
        9, placement=placement, initialisation=Initialisation.MAM, scaling=4.0, trained_norm=True
    )
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN).double()
    torch.testing.assert_close(backbone(batch, adapter), backbone(batch), rtol=1e-12, atol=1e-12)
    down = adapter.state_dict()["feed_forward.1.down.weight"]
    assert down.abs().max().item() == pytest.approx(HIDDEN**-0.5, rel=0.05)
    assert down.std().item() == pytest.approx((3 * HIDDEN) ** -0.5, rel=0.1)


def test_norms_cannot_be_trained_where_there_are_none(batch: Batch) -> None:
    backbone = Backbone.from_model(make_transformer("gpt2"), name="tiny")
    config = AdapterConfig(3, trained_norm=True)
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN)
    with pytest.raises(ConfigurationError, match="post-norm"):
        backbone(batch, adapter)


@pytest.mark.parametrize(
    ("initialisation", "std", "spread", "largest"),
    [
        (Initialisation.BERT, None, 0.02, 0.12),
        (Initialisation.HOULSBY, None, 0.0088, 0.02),
        (Initialisation.BERT, 1e-7, 1e-7, 6e-7),
        (Initialisation.HOULSBY, 1.0, 0.88, 2.0),
    ],
)
def test_initialisation_has_the_published_spread(
    initialisation: Initialisation, std: float | None, spread: float, largest: float
) -> None:
    """N(0, 0.01²) truncated at two standard deviations has a standard deviation of 0.0088."""
    adapter = Adapter(
        AdapterConfig(256, initialisation=initialisation, initial_std=std),
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
