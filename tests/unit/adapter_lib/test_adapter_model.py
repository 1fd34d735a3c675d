from collections.abc import Callable

import pytest
import torch
from torch import nn

from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Placement,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]
HOULSBY = AdapterConfig(3, placement=Placement.HOULSBY)
TWO = {"a": AdapterConfig(3), "b": AdapterConfig(2)}
LATE = {"a": AdapterConfig(3, drop_depth=3), "b": AdapterConfig(2, drop_depth=2)}


def watch_gradients(
    backbone: Backbone, batch: Batch, model: AdapterModel, depth: int
) -> list[bool]:
    """Whether each layer's feed-forward block records gradients, from the lowest layer up."""
    found: list[bool] = []

    def note(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        found.append(output.requires_grad)

    layers = backbone.model.encoder.layer
    hooks = [layer.intermediate.register_forward_hook(note) for layer in layers]
    try:
        model(batch, drop_depth=depth).sum().backward()
    finally:
        for hook in hooks:
            hook.remove()
    return found


@pytest.mark.parametrize(
    ("config", "depth", "lowest"),
    [
        (AdapterConfig(3), 0, 0),
        (AdapterConfig(3), 2, 2),
        (AdapterConfig(3, drop_depth=2), 0, 2),
        (AdapterConfig(3, drop_depth=1), 3, 3),
        (AdapterConfig(3, sharing=Sharing.ALL_LAYERS), 2, 2),
        (TWO, 1, 1),
        (LATE, 0, 2),
        (None, 0, 4),
    ],
)
def test_backward_stops_below_the_lowest_adapter(
    make_model: ModelFactory,
    backbone: Backbone,
    batch: Batch,
    config: AdapterConfig | dict[str, AdapterConfig] | None,
    depth: int,
    lowest: int,
) -> None:
    """Pfeiffer's adapter comes last in its layer: only the layers above it carry gradients."""
    model = make_model(config)
    recorded = watch_gradients(backbone, batch, model, depth)
    assert recorded == [layer > lowest for layer in range(4)]
    assert all(parameter.grad is None for parameter in backbone.parameters())
    assert all(parameter.grad is not None for parameter in model.head.parameters())


def test_a_houlsby_adapter_already_changes_its_own_layers_attention(
    make_model: ModelFactory, backbone: Backbone, batch: Batch
) -> None:
    recorded = watch_gradients(backbone, batch, make_model(HOULSBY), 2)
    assert recorded == [False, False, True, True]


def test_layers_dropped_in_this_call_get_no_gradient(
    make_model: ModelFactory, batch: Batch
) -> None:
    model = make_model(AdapterConfig(3))
    model(batch, drop_depth=2).sum().backward()
    assert model.adapter is not None
    for name, parameter in model.adapter.named_parameters():
        layer = int(name.split(".")[1])
        assert (parameter.grad is not None) == (layer >= 2), name


@pytest.mark.parametrize("config", [AdapterConfig(3, drop_depth=1), HOULSBY, TWO, LATE, None])
def test_at_depths_equals_forward_at_each_depth(
    make_model: ModelFactory,
    batch: Batch,
    config: AdapterConfig | dict[str, AdapterConfig] | None,
) -> None:
    model = make_model(config)
    depths = [3, 0, 4, 1, 2, 1]
    found = model.at_depths(batch, depths)
    assert list(found) == [3, 0, 4, 1, 2]
    for depth, logits in found.items():
        torch.testing.assert_close(logits, model(batch, drop_depth=depth), rtol=0, atol=0)


def test_at_depths_runs_the_trunk_once(
    make_model: ModelFactory, backbone: Backbone, batch: Batch
) -> None:
    model = make_model(AdapterConfig(3))
    calls = [0] * 4

    def count(layer: int) -> Callable[..., None]:
        def hook(*_: object) -> None:
            calls[layer] += 1

        return hook

    for index, layer in enumerate(backbone.model.encoder.layer):
        layer.intermediate.register_forward_hook(count(index))
    model.at_depths(batch, [0, 2, 4])
    assert calls == [1, 2, 2, 3]  # the trunk everywhere, each depth above its lowest adapter


def test_all_dropped_is_the_base_model_with_the_right_shape(
    make_model: ModelFactory, backbone: Backbone, batch: Batch
) -> None:
    model = make_model(AdapterConfig(3))
    found = model(batch, drop_depth=4)
    assert found.shape == (3, 3)
    torch.testing.assert_close(found, model.head(backbone(batch), batch))
    assert not torch.equal(found, model(batch))


@pytest.mark.parametrize("depth", [-1, 5])
def test_depths_out_of_range_are_refused(
    make_model: ModelFactory, batch: Batch, depth: int
) -> None:
    model = make_model(AdapterConfig(3))
    with pytest.raises(ConfigurationError, match="0…4"):
        model(batch, drop_depth=depth)
    with pytest.raises(ConfigurationError, match="0…4"):
        model.at_depths(batch, [0, depth])
    with pytest.raises(ConfigurationError, match="0…4"):
        model.train_from(depth, frozen_dropout=False)


def test_an_adapter_for_another_base_is_refused(backbone: Backbone) -> None:
    head = Head(HeadConfig(HeadKind.REGRESSION, 1), hidden_size=16)
    other = Adapter(AdapterConfig(3), layers=6, hidden_size=16)
    with pytest.raises(ConfigurationError, match=r"\(4, 16\) of tiny, found \(6, 16\)"):
        AdapterModel(backbone, head, other)


@pytest.mark.parametrize("config", [AdapterConfig(3), TWO, None])
def test_trainable_state_is_what_an_optimiser_changes(
    make_model: ModelFactory,
    batch: Batch,
    config: AdapterConfig | dict[str, AdapterConfig] | None,
) -> None:
    model = make_model(config)
    before, logits = model.trainable_state(), model(batch).detach()
    assert not any("sources" in name or "backbone" in name for name in before)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=0.1, fused=True)
    model(batch).square().sum().backward()
    optimiser.step()
    with torch.no_grad():
        assert not torch.equal(model(batch), logits)
        model.load_trainable_state(before)
        assert torch.equal(model(batch), logits)
    assert model.trainable_state().keys() == before.keys()


def test_trainable_state_includes_an_unfrozen_backbone(
    make_model: ModelFactory, backbone: Backbone
) -> None:
    model = make_model(None)
    backbone.unfreeze()
    names = {name.split(".")[0] for name in model.trainable_state()}
    assert names == {"backbone", "head"}


def test_a_state_of_another_configuration_changes_nothing(make_model: ModelFactory) -> None:
    model = make_model(AdapterConfig(3))
    before = model.trainable_state()
    other = make_model(AdapterConfig(4, drop_depth=1), seed=1).trainable_state()
    with pytest.raises(ConfigurationError, match=r"missing adapter.*shape \(4, 16\) instead of"):
        model.load_trainable_state(other)
    after = model.trainable_state()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("config", "depth", "lowest"),
    [(AdapterConfig(3), 1, 2), (AdapterConfig(3, drop_depth=2), 1, 3), (LATE, 0, 3), (None, 0, 4)],
)
def test_without_frozen_dropout_the_prefix_is_a_pure_function(
    make_model: ModelFactory,
    backbone: Backbone,
    batch: Batch,
    config: AdapterConfig | dict[str, AdapterConfig] | None,
    depth: int,
    lowest: int,
) -> None:
    model = make_model(config)
    expected = backbone.run(backbone.embed(batch), batch, stop=lowest)
    model.train_from(depth, frozen_dropout=False)
    modes = [layer.output.dropout.training for layer in backbone.model.encoder.layer]
    assert modes == [layer >= lowest for layer in range(4)]
    found = backbone.run(backbone.embed(batch), batch, stop=lowest)
    assert torch.equal(found, expected)
    assert model.head.training
    if lowest < 4:
        above = [backbone.run(found, batch, start=lowest) for _ in range(2)]
        assert not torch.equal(*above)


def test_with_frozen_dropout_it_is_on_everywhere(
    make_model: ModelFactory, backbone: Backbone
) -> None:
    model = make_model(AdapterConfig(3))
    model.train_from(2, frozen_dropout=True)
    assert all(module.training for module in model.modules())


def test_a_trained_backbone_has_no_frozen_prefix(
    make_model: ModelFactory, backbone: Backbone
) -> None:
    model = make_model(None)
    backbone.unfreeze()
    model.train_from(0, frozen_dropout=False)
    assert all(module.training for module in model.modules())


def test_building_a_model_leaves_a_shared_backbone_in_its_mode(
    make_model: ModelFactory, backbone: Backbone, batch: Batch
) -> None:
    make_model(AdapterConfig(3)).train_from(0, frozen_dropout=True)
    second = make_model(TWO, fusion=FusionConfig(dropout=0.5))
    assert backbone.training
    assert isinstance(second.adapter, Fusion)
    assert not any(module.training for module in second.adapter.modules())
    assert not any(module.training for module in second.head.modules())
