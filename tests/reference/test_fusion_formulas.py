"""Folded AdapterFusion equals the published form, which applies K and V to every adapter."""

from collections.abc import Mapping
from typing import Any

import formulas
import pytest
import torch
from test_adapter_formulas import make_adapter
from tiny_transformers import HIDDEN, LAYERS
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, NonLinearity, Sharing
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.backbone import Backbone, Batch

EQUAL = {"a": AdapterConfig(4), "b": AdapterConfig(4), "c": AdapterConfig(4)}
MIXED = {
    "small": AdapterConfig(1),
    "late": AdapterConfig(7, drop_depth=2, non_linearity=NonLinearity.TANH, scaling=1.5),
    "shared": AdapterConfig(3, sharing=Sharing.ALL_LAYERS, drop_depth=1),
}
LATE = {"a": AdapterConfig(4, drop_depth=3), "b": AdapterConfig(2, drop_depth=2)}


def make_fusion(
    configs: Mapping[str, AdapterConfig], *, dropout: float = 0.0, **settings: Any
) -> Fusion:
    """In float64, with every weight far enough from its start to matter."""
    generator = torch.Generator().manual_seed(2)
    fusion = Fusion(
        FusionConfig(dropout=dropout, **settings),
        {name: make_adapter(config) for name, config in configs.items()},
        layers=LAYERS,
        hidden_size=HIDDEN,
        generator=generator,
    )
    with torch.no_grad():
        for source, shift in zip(fusion.sources, range(1, 9), strict=False):
            for parameter in source.parameters():
                parameter.mul_(0.7 + shift / 5)
        for parameter in fusion.fused.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return fusion.double()


def source_weights(fusion: Fusion) -> dict[str, tuple[Any, Mapping[str, Tensor]]]:
    return {
        name: (fusion.source(name).config, fusion.source(name).state_dict())
        for name in fusion.source_names
    }


def leaves(fusion: Fusion) -> dict[str, Tensor]:
    return {
        name: tensor.clone().requires_grad_()
        for name, tensor in fusion.state_dict().items()
        if name.startswith("fused.")
    }


@pytest.fixture(params=[True, False], ids=["folded", "token by token"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Force one of the two orders in which a training step may multiply."""
    monkeypatch.setattr(
        "adapter_lib.modules.fusion_layer.folding_pays", lambda *_, **__: request.param
    )
    return bool(request.param)


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("configs", [EQUAL, MIXED, LATE], ids=["equal", "mixed", "late"])
@pytest.mark.parametrize("drop_depth", [0, 2, LAYERS])
def test_model_and_gradients_equal_the_published_form(
    backbone: Backbone, batch: Batch, configs: dict[str, AdapterConfig], drop_depth: int
) -> None:
    fusion = make_fusion(configs).train()
    weights = leaves(fusion)
    real = batch.token_mask  # nothing is defined for padding
    found = backbone(batch, fusion, drop_depth)[real]
    expected = formulas.fusion_forward(
        backbone.model, batch, weights, sources=source_weights(fusion), drop_depth=drop_depth
    )[real]
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    with torch.no_grad():
        memoised = backbone(batch, fusion.eval(), drop_depth)[real]
    torch.testing.assert_close(memoised, found.detach(), rtol=1e-12, atol=1e-12)
    if drop_depth == LAYERS:
        assert not found.requires_grad
        return
    found.square().mean().backward()
    expected.square().mean().backward()
    for name, parameter in fusion.named_parameters():
        if name in weights:
            torch.testing.assert_close(
                parameter.grad, weights[name].grad, rtol=1e-8, atol=1e-11, msg=name
            )
        else:
            assert parameter.grad is None, name


KINDS: list[dict[str, Any]] = [
    {"value": False},
    {"key": False},
    {"query": False},
    {"query": False, "key": False},
    {"query_before_norm": True},
    {"query_before_norm": True, "query": False, "value": False},
]


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_other_kinds_equal_the_published_form(
    backbone: Backbone, batch: Batch, kind: dict[str, Any]
) -> None:
    """Forward and gradients; the static fusion of AdapterHub is the first."""
    fusion = make_fusion(MIXED, **kind).train()
    weights = leaves(fusion)
    learned = {name.split(".")[1] for name in fusion.fused.state_dict()}
    assert learned == {name for name in ("query", "key", "value") if kind.get(name, True)}
    found = backbone(batch, fusion)
    expected = formulas.fusion_forward(
        backbone.model,
        batch,
        weights,
        sources=source_weights(fusion),
        query_before_norm=kind.get("query_before_norm", False),
    )
    found, expected = (x[batch.token_mask] for x in (found, expected))
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    found.square().mean().backward()
    expected.square().mean().backward()
    for name, parameter in fusion.fused.named_parameters():
        wanted = weights[f"fused.{name}"].grad
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-8, atol=1e-11, msg=name)
    assert (fusion.regularisation_loss().item() > 0) is kind.get("value", True)


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_dropout_acts_on_the_raw_scores_as_in_the_published_form(dropout: float) -> None:
    """With the same mask: q·b_k may not be folded away, since dropped scores lose it."""
    fusion = make_fusion(MIXED, dropout=dropout).train()
    layer = fusion._by_layer[3]
    assert layer is not None
    weights = leaves(fusion)
    z = torch.randn(5, 7, HIDDEN, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    torch.manual_seed(4)
    found = layer(ours, torch.ones(5, 7, dtype=torch.bool))
    torch.manual_seed(4)
    outputs = formulas.source_outputs(theirs, source_weights(fusion), list(MIXED), 3)
    expected = formulas.fuse(theirs, outputs, weights, "fused.3", dropout)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    found.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-10, atol=1e-10)
    for name, parameter in layer.named_parameters():
        torch.testing.assert_close(
            parameter.grad, weights[f"fused.3.{name}"].grad, rtol=1e-9, atol=1e-9, msg=name
        )
    if dropout:
        assert layer.key.bias.grad is not None
        assert layer.key.bias.grad.abs().max() > 1e-3


@pytest.mark.parametrize("sizes", [(2, 2), (6, 6), (12, 12, 12)])
@pytest.mark.parametrize("tokens", [2, 8, 12, 16, 24, 100])
def test_a_training_step_multiplies_in_the_cheaper_order(
    sizes: tuple[int, ...], tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted by torch; what depends on the number of adapters alone is the same in both."""
    configs = {f"s{i}": AdapterConfig(size) for i, size in enumerate(sizes)}
    layer = make_fusion(configs).train()._by_layer[3]
    assert layer is not None
    z = torch.randn(1, tokens, HIDDEN, dtype=torch.float64, requires_grad=True)
    mask = torch.ones(1, tokens, dtype=torch.bool)

    def count() -> int:
        with FlopCounterMode(display=False) as counter:
            layer(z, mask).sum().backward()
        return int(counter.get_total_flops())

    chosen = count()
    counts = []
    for order in (True, False):
        monkeypatch.setattr(
            "adapter_lib.modules.fusion_layer.folding_pays", lambda *_, o=order, **__: o
        )
        counts.append(count())
    assert chosen in counts
    assert chosen <= 1.1 * min(counts)  # biases and the narrow products are not in the estimate
    assert counts[0] != counts[1]


def test_attention_statistics_are_means_over_real_tokens(backbone: Backbone, batch: Batch) -> None:
    fusion = make_fusion(MIXED).eval()
    seen: dict[int, Tensor] = {}
    formulas.fusion_forward(
        backbone.model, batch, leaves(fusion), sources=source_weights(fusion), seen=seen
    )
    fusion.start_attention_statistics()
    backbone(batch, fusion)
    backbone(batch, fusion, 2)  # the lower layers see the first batch only
    found = fusion.attention_statistics()
    assert sorted(found) == [0, 1, 2, 3]
    for layer in (0, 1):
        means = seen[layer][batch.token_mask].mean(0)
        assert list(found[layer].values()) == pytest.approx(means.tolist(), rel=1e-12)
    for layer in found:
        assert sum(found[layer].values()) == pytest.approx(1.0)


def test_pruned_fusion_is_the_published_form_over_fewer_sources(
    backbone: Backbone, batch: Batch
) -> None:
    fusion = make_fusion(MIXED).eval()
    keep = {0: ["small"], 1: ["shared"], 2: ["late", "small"], 3: ["shared", "late"]}
    expected = formulas.fusion_forward(
        backbone.model, batch, leaves(fusion), sources=source_weights(fusion), kept=keep
    )
    pruned = fusion.pruned(keep)
    real = batch.token_mask
    found = backbone(batch, pruned)
    torch.testing.assert_close(found[real], expected[real], rtol=1e-11, atol=1e-11)


def test_regularisation_is_the_distance_of_values_from_the_identity() -> None:
    fusion = make_fusion(LATE)
    expected = sum(
        (torch.eye(HIDDEN) - fusion.state_dict()[f"fused.{layer}.value"]).pow(2).sum()
        for layer in (2, 3)
    )
    assert fusion.regularisation_loss().item() == pytest.approx(0.01 * float(expected))
