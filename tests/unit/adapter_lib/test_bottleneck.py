import copy
from typing import Any

import pytest
import torch

from adapter_lib.config.arrangement import Arrangement
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    Initialisation,
    Placement,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.transformer.backbone import Backbone, Batch

VERSION_1 = {
    "bottleneck_size": 3,
    "placement": "pfeiffer",
    "non_linearity": "relu",
    "sharing": "none",
    "initialisation": "bert",
    "drop_depth": 0,
}


def adapter(config: AdapterConfig, seed: int = 0) -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    return Adapter(config, layers=4, hidden_size=16, generator=generator)


@pytest.mark.parametrize("placement", Placement)
def test_dropped_layers_have_no_tensors(placement: Placement) -> None:
    names = adapter(AdapterConfig(3, placement=placement, drop_depth=2)).state_dict()
    blocks = {"feed_forward"} | ({"attention"} if placement is Placement.HOULSBY else set())
    assert {tuple(name.split(".")[:2]) for name in names} == {
        (block, layer) for block in blocks for layer in ("2", "3")
    }


@pytest.mark.parametrize(("placement", "sets"), [(Placement.PFEIFFER, 1), (Placement.HOULSBY, 2)])
def test_shared_layers_have_one_parameter_set_per_location(placement: Placement, sets: int) -> None:
    shared = adapter(AdapterConfig(3, placement=placement, sharing=Sharing.ALL_LAYERS))
    assert len(list(shared.parameters())) == 4 * sets
    assert len({id(shared.bottleneck(layer)) for layer in range(4)}) == 1


def test_a_shared_set_gets_the_gradients_of_all_its_layers(
    backbone: Backbone, batch: Batch
) -> None:
    shared = adapter(AdapterConfig(3, sharing=Sharing.ALL_LAYERS))
    separate = adapter(AdapterConfig(3))
    weights = {name.split(".", 2)[2]: tensor for name, tensor in shared.state_dict().items()}
    separate.load_state_dict(
        {name: weights[name.split(".", 2)[2]] for name in separate.state_dict()}
    )
    backbone(batch, shared).square().sum().backward()
    backbone(batch, separate).square().sum().backward()
    for name, parameter in shared.named_parameters():
        own = name.split(".", 2)[2]
        total = sum(
            p.grad
            for other, p in separate.named_parameters()
            if other.endswith(own) and p.grad is not None
        )
        torch.testing.assert_close(parameter.grad, total)


@pytest.mark.parametrize("initialisation", Initialisation)
def test_a_generator_decides_every_weight(initialisation: Initialisation) -> None:
    config = AdapterConfig(3, initialisation=initialisation)
    before = torch.get_rng_state()
    one, two, other = adapter(config, 1), adapter(config, 1), adapter(config, 2)
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name])
        assert torch.equal(tensor, other.state_dict()[name]) is not tensor.any().item()


def test_without_generator_the_global_one_decides() -> None:
    torch.manual_seed(1)
    one = Adapter(AdapterConfig(3), layers=2, hidden_size=8).state_dict()
    torch.manual_seed(1)
    two = Adapter(AdapterConfig(3), layers=2, hidden_size=8).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_drop_depth_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"drop_depth must be 0…3 over 4 layers, found 4"):
        adapter(AdapterConfig(3, drop_depth=4))


def test_restricted_copies_are_independent(backbone: Backbone, batch: Batch) -> None:
    whole = adapter(AdapterConfig(3, drop_depth=1))
    part = whole.restricted_to([3, 1])
    assert (part.kept_layers, part.lowest_layer) == ((1, 3), 1)
    assert part.bottleneck(2) is None
    expected = copy.deepcopy(whole)
    with torch.no_grad():
        for name, parameter in expected.named_parameters():
            if name.startswith("feed_forward.2.up."):
                parameter.zero_()
    assert torch.equal(backbone(batch, part), backbone(batch, expected))
    with torch.no_grad():
        next(whole.parameters()).add_(1)
    assert torch.equal(backbone(batch, part), backbone(batch, expected))
    for layers in ([], [0], [9]):
        with pytest.raises(ConfigurationError, match="kept_layers"):
            whole.restricted_to(layers)
    with pytest.raises(ConfigurationError, match=r"among \[1, 3\]"):
        part.restricted_to([2])


def test_settings_added_later_appear_only_where_they_are_used() -> None:
    """Otherwise every trial and adapter folder made before them would get another hash."""
    assert AdapterConfig(3).as_fields() == VERSION_1
    used = AdapterConfig(3, scaling=4.0, layer_sizes=(1, 2))
    assert used.as_fields() == VERSION_1 | {"scaling": 4.0, "layer_sizes": (1, 2)}


def test_an_arrangement_that_is_the_placements_appears_nowhere() -> None:
    assert AdapterConfig(3, arrangement=Arrangement()).as_fields() == VERSION_1
    arranged = AdapterConfig(3, arrangement=Arrangement(norm_before=True))
    assert arranged.as_fields()["arrangement"]["norm_before"] is True
    assert FusionConfig().as_fields().keys() == {
        "value_off_diagonal",
        "regularisation",
        "dropout",
        "drop_depth",
    }


def test_groups_of_layers_are_counted_from_layer_0() -> None:
    config = AdapterConfig(3, sharing=Sharing.GROUPS, group_layers=2, drop_depth=1)
    one = adapter(config)
    assert list(one.feed_forward) == ["group0", "group1"]
    assert one.bottleneck(2) is one.bottleneck(3)
    assert one.bottleneck(1) is not one.bottleneck(2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bottleneck_size": 0}, "bottleneck_size"),
        ({"layer_sizes": (3, 0)}, r"layer_sizes\[1\]"),
        ({"drop_depth": -1}, "drop_depth"),
        ({"scaling": float("nan")}, "scaling"),
        ({"dropout": 1.0}, "dropout"),
        ({"layer_sizes": (3,) * 4, "sharing": Sharing.ALL_LAYERS}, "layer_sizes"),
        ({"sharing": Sharing.GROUPS}, "group_layers"),
        ({"group_layers": 2}, "group_layers"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AdapterConfig(**{"bottleneck_size": 3} | settings)


def test_sizes_must_be_given_for_every_layer() -> None:
    with pytest.raises(ConfigurationError, match="4 sizes"):
        adapter(AdapterConfig(3, layer_sizes=(1, 2, 3)))
