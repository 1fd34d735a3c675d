import copy
from collections.abc import Callable

import pytest
import torch

from adapter_lib.config.arrangement import Arrangement, Residual
from adapter_lib.config.configuration import AdapterConfig, FusionConfig, Placement, Sharing
from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]


def adapter(config: AdapterConfig, seed: int = 0) -> Adapter:
    return Adapter(config, layers=4, hidden_size=16, generator=torch.Generator().manual_seed(seed))


def fusion(
    *depths: int, config: FusionConfig | None = None, seed: int = 0, dropout: float = 0.1
) -> Fusion:
    sources = {f"s{i}": adapter(AdapterConfig(2, drop_depth=d), i) for i, d in enumerate(depths)}
    return Fusion(
        config or FusionConfig(dropout=dropout),
        sources,
        layers=4,
        hidden_size=16,
        generator=torch.Generator().manual_seed(seed),
    ).eval()


def test_each_layer_fuses_the_sources_that_reach_it() -> None:
    assert fusion(3, 1).kept == {1: ("s1",), 2: ("s1",), 3: ("s0", "s1")}
    assert fusion(3, 1).lowest_layer == 1
    dropped = fusion(3, 1, config=FusionConfig(drop_depth=2))
    assert dropped.kept == {2: ("s1",), 3: ("s0", "s1")}
    assert dropped.lowest_layer == 2
    assert dropped.source("s1").kept_layers == (2, 3)
    assert set(dropped.fused) == {"2", "3"}


def test_initial_values() -> None:
    start = fusion(0, 0, config=FusionConfig(value_off_diagonal=1e-3)).fused.state_dict()
    expected = torch.full((16, 16), 1e-3).fill_diagonal_(1.0)
    assert torch.equal(start["2.value"], expected)
    assert not start["2.query.bias"].any()
    assert not start["2.key.bias"].any()
    queries = torch.cat(
        [start[f"{i}.{part}.weight"] for i in range(4) for part in ("query", "key")]
    )
    assert queries.std().item() == pytest.approx(0.02, rel=0.05)
    again = fusion(0, 0, config=FusionConfig(value_off_diagonal=1e-3)).fused.state_dict()
    assert all(torch.equal(start[name], again[name]) for name in start)


def test_sources_are_frozen_copies() -> None:
    source = adapter(AdapterConfig(2))
    made = Fusion(
        FusionConfig(), {"a": source, "b": adapter(AdapterConfig(2))}, layers=4, hidden_size=16
    )
    assert all(p.requires_grad for p in source.parameters())
    assert not any(p.requires_grad for p in made.sources.parameters())
    before = copy.deepcopy(made.source("a").state_dict())
    with torch.no_grad():
        next(source.parameters()).zero_()
    after = made.source("a").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_shared_source_is_held_once() -> None:
    shared = adapter(AdapterConfig(2, sharing=Sharing.ALL_LAYERS))
    made = Fusion(
        FusionConfig(), {"a": shared, "b": adapter(AdapterConfig(2))}, layers=4, hidden_size=16
    )
    assert len(list(made.source("a").parameters())) == 4


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"a": adapter(AdapterConfig(2))}, "at least two sources"),
        ({}, "at least two sources"),
        (
            {
                "a": adapter(AdapterConfig(2)),
                "b": adapter(AdapterConfig(2, placement=Placement.HOULSBY)),
            },
            "placement pfeiffer, found houlsby in 'b'",
        ),
        (
            {
                "a": adapter(AdapterConfig(2)),
                "b": Adapter(AdapterConfig(2), layers=4, hidden_size=8),
            },
            r"\(4, 16\), found \(4, 8\) in 'b'",
        ),
        (
            {
                "a": adapter(AdapterConfig(2)),
                "b": adapter(AdapterConfig(2, arrangement=Arrangement(norm_before=True))),
            },
            r"norms of their own, found arrangement \(norm_before=true\) in 'b'",
        ),
        (
            {
                "a": adapter(AdapterConfig(2)),
                "b": adapter(AdapterConfig(2, arrangement=Arrangement(residual=Residual.SUM))),
            },
            r"one arrangement, found \(usual\) and \(residual=sum\) in 'b'",
        ),
    ],
)
def test_sources_that_cannot_be_fused_are_refused(
    sources: dict[str, Adapter], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Fusion(FusionConfig(), sources, layers=4, hidden_size=16)


def test_a_fusion_that_learns_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one of query, key and value"):
        FusionConfig(query=False, key=False, value=False)


def test_values_may_be_drawn_like_queries() -> None:
    start = fusion(0, 0, config=FusionConfig(value_off_diagonal=None)).fused.state_dict()
    assert start["2.value"].std().item() == pytest.approx(0.02, rel=0.2)


def test_a_drop_depth_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one layer to fuse"):
        fusion(0, 0, config=FusionConfig(drop_depth=4))


@pytest.mark.parametrize("fused", [False, True])
def test_memoised_products_follow_the_weights(
    make_model: ModelFactory, backbone: Backbone, batch: Batch, fused: bool
) -> None:
    """A fused optimiser leaves no trace in a tensor's version; no train() or eval() in between."""
    model = AdapterModel(backbone, make_model(None).head, fusion(0, 1, dropout=0.0))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=0.05, fused=fused)
    for _ in range(3):
        with torch.no_grad():
            first, second = model(batch), model(batch)
        fresh = model(batch)
        assert torch.equal(first, second)
        torch.testing.assert_close(first, fresh.detach())
        fresh.square().sum().backward()
        optimiser.step()


def test_memoised_products_follow_the_sources(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 1)
    with torch.no_grad():
        before = backbone(batch, made)
        for parameter in made.sources.parameters():
            parameter.mul_(3)
        changed = backbone(batch, made)
        assert not torch.equal(changed, before)
        assert torch.equal(changed, backbone(batch, copy.deepcopy(made).train().eval()))
        made.double().float()
        assert torch.equal(changed, backbone(batch, made))


def test_products_are_computed_once_for_inference(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 1)
    layer = made._by_layer[3]
    assert layer is not None
    with torch.no_grad():
        backbone(batch, made)
        assert layer.fold(1) is layer.fold(1000) is not None
        made.eval()
        assert layer.fold(1) is layer.fold(1)
    assert layer.fold(1) is not layer.fold(1)
    made.train()
    assert layer.fold(1000) is not None
    assert layer.fold(1) is None


def test_statistics_ignore_padding(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 1, 2)
    other = copy.deepcopy(batch)
    other.input_ids[batch.attention_mask == 0] = 17
    found = []
    for one in (batch, other):
        made.start_attention_statistics()
        backbone(one, made)
        found.append(made.attention_statistics())
    for layer in found[0]:
        assert found[0][layer] == pytest.approx(found[1][layer], rel=1e-6)
    assert list(found[0][3]) == ["s0", "s1", "s2"]
    assert len(set(found[0][3].values())) == 3


def test_statistics_leave_out_layers_that_saw_nothing(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 0)
    made.start_attention_statistics()
    backbone(batch, made, 3)
    first = made.attention_statistics()
    assert list(first) == [3]
    backbone(batch, made)
    assert made.attention_statistics() == first  # counting stopped when it was asked for
    made.start_attention_statistics()
    assert made.attention_statistics() == {}


def test_statistics_must_be_started() -> None:
    with pytest.raises(ConfigurationError, match="start_attention_statistics"):
        fusion(0, 0).attention_statistics()


def test_keeping_everything_changes_nothing(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 1, 2)
    same = made.pruned({})
    assert torch.equal(backbone(batch, same), backbone(batch, made))
    assert same.source_names == made.source_names
    with torch.no_grad():
        for parameter in same.parameters():
            parameter.zero_()
    assert made.source("s0").state_dict()["feed_forward.0.down.weight"].any()


def test_pruning_to_a_single_source_is_possible(backbone: Backbone, batch: Batch) -> None:
    single = fusion(0, 0).pruned({layer: ["s1"] for layer in range(4)})
    assert single.source_names == ("s1",)
    single.start_attention_statistics()
    backbone(batch, single)
    assert single.attention_statistics() == {layer: {"s1": 1.0} for layer in range(4)}


def test_an_emptied_layer_is_a_dropped_layer(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 0)
    pruned = made.pruned({0: [], 1: []})
    assert pruned.lowest_layer == 2
    assert torch.equal(backbone(batch, pruned), backbone(batch, made, 2))
    middle = made.pruned({1: []})
    assert sorted(middle.kept) == [0, 2, 3]
    assert not torch.equal(backbone(batch, middle), backbone(batch, made))
    with pytest.raises(ConfigurationError, match="one layer to fuse"):
        made.pruned({layer: [] for layer in range(4)})


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({0: ["s1"]}, r"layer 0 fuses \['s0'\], cannot keep \['s1'\]"),
        ({2: ["x"]}, "cannot keep"),
        ({4: ["s0"]}, "found layer 4"),
    ],
)
def test_pruning_refuses_what_is_not_there(keep: dict[int, list[str]], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        fusion(0, 1).pruned(keep)


def test_half_precision_stays_close(backbone: Backbone, batch: Batch) -> None:
    made = fusion(0, 1)
    with torch.no_grad():
        expected = backbone(batch, made)
        made.start_attention_statistics()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = backbone(batch, made)
    error = (found.float() - expected).abs().mean() / expected.abs().mean()
    assert error < 0.05
    assert sum(made.attention_statistics()[3].values()) == pytest.approx(1.0, abs=1e-2)
