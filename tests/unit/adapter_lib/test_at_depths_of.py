from collections.abc import Callable

import pytest
import torch
from transformers import BertModel

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.joint_pass import at_depths_of
from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]


@pytest.fixture
def prunings(fusion_model: AdapterModel) -> list[AdapterModel]:
    """The fusion, two prunings of it, and its head alone."""
    backbone, head, fusion = fusion_model.backbone, fusion_model.head, fusion_model.adapter
    assert isinstance(fusion, Fusion)
    kept = [fusion.pruned({3: ["keys"]}), fusion.pruned({0: [], 2: ["rte"], 3: ["rte", "keys"]})]
    smaller = [AdapterModel(backbone, head, one) for one in kept]
    return [fusion_model, *smaller, AdapterModel(backbone, head)]


@pytest.mark.parametrize("all_tokens_in_top_layer", [False, True])
@pytest.mark.parametrize("depths", [[0, 1, 2, 3, 4], [2], [4]])
def test_each_model_gives_the_logits_that_it_gives_alone(
    prunings: list[AdapterModel], batch: Batch, depths: list[int], all_tokens_in_top_layer: bool
) -> None:
    for model in prunings:
        model.all_tokens_in_top_layer = all_tokens_in_top_layer
    with torch.inference_mode():
        found = at_depths_of(prunings, batch, depths)
        for model, logits in zip(prunings, found, strict=True):
            expected = model.at_depths(batch, depths)
            assert list(logits) == depths
            assert all(torch.equal(logits[depth], expected[depth]) for depth in depths)
            for depth in depths:
                torch.testing.assert_close(logits[depth], model(batch, drop_depth=depth))
    if depths == [0, 1, 2, 3, 4]:
        assert not torch.equal(found[0][0], found[1][0])
        assert not torch.equal(found[0][0], found[2][0])


def test_the_base_is_run_once_below_the_lowest_adapter(
    prunings: list[AdapterModel], batch: Batch
) -> None:
    calls = []
    layers = prunings[0].backbone.model.encoder.layer  # type: ignore[union-attr]
    for layer in layers:  # type: ignore[union-attr]
        layer.intermediate.register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        at_depths_of(prunings[:3], batch, [3])
    assert len(calls) == 4, "each layer once; above the highest cut point are no blocks of the base"


def test_models_that_share_too_little_are_refused(
    make_model: ModelFactory, make_transformer: Callable[..., BertModel], batch: Batch
) -> None:
    model = make_model(AdapterConfig(2))
    words = make_model(AdapterConfig(2), head=HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 3))
    with pytest.raises(ConfigurationError, match="found 2 kinds of heads"):
        at_depths_of([model, words], batch, [0])
    with pytest.raises(ConfigurationError, match="one base in memory, found 0"):
        at_depths_of([], batch, [0])
    other = Backbone.from_model(make_transformer(), name="tiny")
    with pytest.raises(ConfigurationError, match="found 2 models over 2;"):
        at_depths_of([model, AdapterModel(other, model.head)], batch, [0])
    other.unfreeze()
    with pytest.raises(ConfigurationError, match="tiny is trained"):
        at_depths_of([AdapterModel(other, model.head)] * 2, batch, [0])
