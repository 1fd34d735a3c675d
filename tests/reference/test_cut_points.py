"""What is exact about the fast path, for every architecture: stored prefixes, one token on top."""

import pytest
import torch
from tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_batch, make_transformer

from adapter_lib.config.arrangement import USUAL, Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Placement
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion, FusionConfig
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.activations import Activations, ActivationsAt, Block, CutPoint
from adapter_lib.transformer.backbone import Backbone, Batch

ENCODERS_WITH_NORMS = ("bert", "distilbert")


def make_model(
    architecture: str,
    *,
    adapter: AdapterConfig | None = None,
    kind: HeadKind = HeadKind.CLASSIFICATION,
) -> AdapterModel:
    generator = torch.Generator().manual_seed(3)
    backbone = Backbone.from_model(make_transformer(architecture).double(), name="tiny")
    head = Head(HeadConfig(kind, 3), hidden_size=HIDDEN, generator=generator)
    found = None
    if adapter is not None:
        found = Adapter(adapter, layers=LAYERS, hidden_size=HIDDEN, generator=generator)
    model = AdapterModel(backbone, head, found).double()
    with torch.no_grad():
        for part in (model.head, model.adapter):
            for parameter in part.parameters() if part is not None else ():
                parameter.add_(torch.randn(parameter.shape, generator=generator))
    return model


def gradients(model: AdapterModel, logits: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    logits.square().sum().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def assert_same(model: AdapterModel, expected: torch.Tensor, found: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected)
    wanted, got = gradients(model, expected), gradients(model, found)
    assert len(wanted) == len(got) > 0
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other)


def batch_for(architecture: str, padding: str) -> Batch:
    return make_batch(padding, pad_token=ARCHITECTURES[architecture].pad_token)


@pytest.mark.parametrize("padding", ["right", "left", "none"])
@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_one_token_on_top_gives_the_same_logits_and_gradients(
    architecture: str, placement: Placement, padding: str
) -> None:
    model = make_model(architecture, adapter=AdapterConfig(5, placement=placement))
    batch = batch_for(architecture, padding)
    model.all_tokens_in_top_layer = True
    expected = model(batch)
    model.all_tokens_in_top_layer = False
    assert_same(model, expected, model(batch))


def test_one_token_on_top_is_all_that_the_highest_layer_computes() -> None:
    model = make_model("bert", adapter=AdapterConfig(5))
    sizes: list[int] = []
    for layer in model.backbone.model.encoder.layer:
        layer.intermediate.register_forward_hook(lambda _m, _i, out: sizes.append(out.shape[1]))
    batch = make_batch(padding="none")
    model(batch)
    model.hidden(batch)
    tokens = batch.input_ids.shape[1]
    assert sizes == [*[tokens] * (LAYERS - 1), 1, *[tokens] * LAYERS]


def test_a_head_that_reads_every_token_gets_every_token() -> None:
    model = make_model("bert", adapter=AdapterConfig(5), kind=HeadKind.TOKEN_CLASSIFICATION)
    batch = make_batch()
    found = model(batch)
    model.all_tokens_in_top_layer = True
    assert torch.equal(found, model(batch))


@pytest.mark.parametrize("depth", range(LAYERS + 1))
@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_run_from_its_entry_is_the_whole_run(
    architecture: str, placement: Placement, depth: int
) -> None:
    model = make_model(architecture, adapter=AdapterConfig(5, placement=placement))
    batch = batch_for(architecture, "right")
    expected = model(batch, drop_depth=depth)
    entry = model.entry(depth)
    assert entry is not None
    with torch.inference_mode():
        activations = model.frozen(batch, [entry])[entry]
    start = ActivationsAt(entry, Activations.of(tuple(part.clone() for part in activations.parts)))
    assert_same(model, expected, model(batch, drop_depth=depth, start=start))


ARRANGED = [
    (Placement.PFEIFFER, Arrangement(norm_before=True, norm_after=NormAfter.BOTTLENECK), True),
    (Placement.PFEIFFER, Arrangement(residual=Residual.SUM, base_norm_after=False), True),
    (Placement.PFEIFFER, Arrangement(residual=Residual.NORMED, base_norm_after=False), True),
    (Placement.PFEIFFER, Arrangement(residual=Residual.NORMED), False),
    (Placement.PFEIFFER, Arrangement(base_norm_after=False), False),
    (Placement.PFEIFFER, Arrangement(norm_after=NormAfter.OUTPUT), False),
    (Placement.PFEIFFER, Arrangement(reads=Reading.PROJECTION), False),
    (Placement.HOULSBY, Arrangement(reads=Reading.NORMED), True),
    (Placement.HOULSBY, Arrangement(reads=Reading.RESIDUAL), False),
]


@pytest.mark.parametrize(("placement", "arrangement", "added"), ARRANGED, ids=str)
@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
def test_arrangements_are_run_from_their_entries(
    architecture: str, placement: Placement, arrangement: Arrangement, added: bool
) -> None:
    """It is the sum alone only where nothing else is read."""
    config = AdapterConfig(5, placement=placement, arrangement=arrangement)
    model = make_model(architecture, adapter=config)
    batch = batch_for(architecture, "right")
    entry = model.entry(1)
    assert entry is not None
    assert entry.summed is added
    start = ActivationsAt(entry, model.frozen(batch, [entry])[entry])
    expected, found = model(batch, drop_depth=1), model(batch, drop_depth=1, start=start)
    assert_same(model, expected, found)


@pytest.mark.parametrize("architecture", ENCODERS_WITH_NORMS)
@pytest.mark.parametrize("placement", Placement)
def test_trained_norms_move_the_entry_below_them(architecture: str, placement: Placement) -> None:
    config = AdapterConfig(5, placement=placement, trained_norm=True, drop_depth=1)
    model = make_model(architecture, adapter=config)
    entry = model.entry()
    assert entry is not None
    assert (entry.layer, entry.block) == (1, Block.ATTENTION)
    batch = make_batch()
    start = ActivationsAt(entry, model.frozen(batch, [entry])[entry])
    assert_same(model, model(batch), model(batch, start=start))


def test_entries() -> None:
    pfeiffer = make_model("bert", adapter=AdapterConfig(5))
    feed_forward = Block.FEED_FORWARD
    found = [pfeiffer.entry(depth) for depth in range(LAYERS + 1)]
    above = [CutPoint(layer, feed_forward, summed=True) for layer in range(LAYERS)]
    assert found == [*above, CutPoint(LAYERS)]
    parallel = AdapterConfig(5, placement=Placement.PARALLEL, drop_depth=1)
    assert make_model("bert", adapter=parallel).entry() == CutPoint(1, feed_forward)
    assert make_model("bert").entry() == CutPoint(LAYERS)
    model = make_model("bert")
    model.backbone.unfreeze_top(1)
    assert model.entry() == CutPoint(LAYERS - 1)
    model.backbone.unfreeze_norms()
    assert model.entry() is None


def test_the_highest_layers_are_trained_from_what_is_below_them() -> None:
    model = make_model("bert")
    model.backbone.unfreeze_top(2)
    entry = model.entry()
    assert entry is not None
    batch = make_batch()
    start = ActivationsAt(entry, model.frozen(batch, [entry])[entry])
    assert_same(model, model(batch), model(batch, start=start))


@pytest.mark.parametrize(
    ("config", "arrangement", "added"),
    [
        (FusionConfig(), USUAL, True),
        (FusionConfig(value=False), USUAL, True),
        (FusionConfig(query_before_norm=True), USUAL, False),
        (FusionConfig(), Arrangement(residual=Residual.NORMED), False),
    ],
    ids=str,
)
def test_a_fusion_is_run_from_its_entry(
    config: FusionConfig, arrangement: Arrangement, added: bool
) -> None:
    one = make_model("bert", adapter=AdapterConfig(5))
    sources = {}
    for seed, name in enumerate("ab"):
        generator = torch.Generator().manual_seed(seed)
        sources[name] = Adapter(
            AdapterConfig(4, drop_depth=1, arrangement=arrangement),
            layers=LAYERS,
            hidden_size=HIDDEN,
            generator=generator,
        )
    fusion = Fusion(config, sources, layers=LAYERS, hidden_size=HIDDEN).double()
    model = AdapterModel(one.backbone, one.head, fusion)
    entry = model.entry()
    assert entry == CutPoint(1, Block.FEED_FORWARD, summed=added)
    batch = make_batch()
    start = ActivationsAt(entry, model.frozen(batch, [entry])[entry])
    assert_same(model, model(batch), model(batch, start=start))
    from_top = model.entry(LAYERS)
    assert from_top == CutPoint(LAYERS)


@pytest.mark.parametrize("stored_at", ["entry", "below", "nowhere"])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_all_depths_from_what_is_stored(architecture: str, stored_at: str) -> None:
    model = make_model(architecture, adapter=AdapterConfig(5))
    batch = batch_for(architecture, "left")
    entries = {model.entry(depth) for depth in range(LAYERS + 1)}
    found = model.frozen(batch, [cut_point for cut_point in entries if cut_point is not None])

    def stored(cut_point: CutPoint) -> ActivationsAt | None:
        if stored_at == "nowhere":
            return None
        below = [known for known in found if known.unsummed < cut_point.unsummed]
        if stored_at == "below":
            return ActivationsAt(max(below), found[max(below)]) if below else None
        return ActivationsAt(cut_point, found[cut_point])

    depths = range(LAYERS + 1)
    for depth, logits in model.at_depths(batch, depths, start_at=stored).items():
        torch.testing.assert_close(logits, model(batch, drop_depth=depth))
