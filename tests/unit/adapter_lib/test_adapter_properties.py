"""Over random configurations: what is saved comes back, and counts are as computed."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from adapter_lib.config.arrangement import USUAL, Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.multitask import MultiTask
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import load_adapter, read_manifest, save_adapter
from adapter_lib.transformer.backbone import Backbone, Batch

LAYERS, HIDDEN = 4, 16
FEW = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def arrangements(placement: Placement, *, trained_norm: bool) -> st.SearchStrategy[Arrangement]:
    def fits(arrangement: Arrangement) -> bool:
        try:
            AdapterConfig(
                1, placement=placement, arrangement=arrangement, trained_norm=trained_norm
            )
        except ConfigurationError:
            return False
        return True

    return st.builds(
        Arrangement,
        reads=st.none() | st.sampled_from(Reading),
        residual=st.sampled_from(Residual),
        norm_before=st.booleans(),
        norm_after=st.sampled_from(NormAfter),
        base_norm_after=st.booleans(),
    ).filter(fits)


@st.composite
def adapter_configs(
    draw: st.DrawFn, placement: st.SearchStrategy[Placement], *, norms: bool = True
) -> AdapterConfig:
    sharing = draw(st.sampled_from(Sharing))
    alone = sharing is Sharing.NONE and draw(st.booleans())
    where, trained_norm = draw(placement), norms and draw(st.booleans())
    sizes = st.lists(st.integers(1, 5), min_size=LAYERS, max_size=LAYERS).map(tuple)
    kept = draw(st.integers(0, LAYERS - 1))
    left_out = draw(st.sets(st.integers(0, LAYERS - 1)).map(lambda found: found - {kept}))
    return AdapterConfig(
        bottleneck_size=draw(st.integers(1, 9)),
        placement=where,
        non_linearity=draw(st.sampled_from(NonLinearity)),
        sharing=sharing,
        initialisation=draw(st.sampled_from(Initialisation)),
        drop_depth=draw(st.integers(0, kept)),
        leave_out=tuple(left_out),
        scaling=draw(st.sampled_from([1.0, 4.0])),
        dropout=draw(st.sampled_from([0.0, 0.5])),
        layer_sizes=draw(sizes) if alone else (),
        group_layers=draw(st.integers(2, 5)) if sharing is Sharing.GROUPS else 1,
        trained_norm=trained_norm,
        arrangement=draw(arrangements(where, trained_norm=trained_norm)) if norms else USUAL,
    )


heads = st.builds(
    HeadConfig,
    st.just(HeadKind.CLASSIFICATION),
    labels=st.integers(2, 5),
    layers=st.sampled_from([1, 2]),
    dropout=st.floats(0, 0.9),
) | st.builds(HeadConfig, st.just(HeadKind.REGRESSION), st.just(1))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def make(config: AdapterConfig) -> Adapter:
    return Adapter(config, layers=LAYERS, hidden_size=HIDDEN, generator=torch.Generator())


def assert_round_trip(model: AdapterModel, batch: Batch, task: dict[str, object]) -> AdapterModel:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "adapter"
        written = save_adapter(folder, model, task=task, provenance={})
        assert read_manifest(folder) == written
        loaded = load_adapter(folder, model.backbone)
    assert written.task == task
    for depth in range(LAYERS + 1):
        assert torch.equal(loaded(batch, drop_depth=depth), model(batch, drop_depth=depth))
    return loaded


@FEW
@given(
    config=adapter_configs(st.sampled_from(Placement)),
    head=heads,
    task=st.dictionaries(st.text(), json_values, max_size=3),
)
def test_adapters_come_back_as_they_were(
    backbone: Backbone,
    batch: Batch,
    config: AdapterConfig,
    head: HeadConfig,
    task: dict[str, object],
) -> None:
    model = AdapterModel(backbone, Head(head, hidden_size=HIDDEN), make(config))
    loaded = assert_round_trip(model, batch, task)
    assert loaded.head.config == head
    assert loaded.adapter is not None
    assert loaded.adapter.config == config


@FEW
@given(
    configs=st.dictionaries(
        st.text(min_size=1),
        adapter_configs(st.just(Placement.PFEIFFER), norms=False),
        min_size=2,
        max_size=4,
    ),
    drop_depth=st.integers(0, LAYERS - 1),
    choose=st.randoms(use_true_random=False),
)
def test_pruned_fusions_come_back_as_they_were(
    backbone: Backbone,
    batch: Batch,
    configs: dict[str, AdapterConfig],
    drop_depth: int,
    choose: Random,
) -> None:
    assume(any(config.layers_of(LAYERS)[-1] >= drop_depth for config in configs.values()))
    fusion = Fusion(
        FusionConfig(drop_depth=drop_depth),
        {name: make(config) for name, config in configs.items()},
        layers=LAYERS,
        hidden_size=HIDDEN,
    )
    keep = {
        layer: choose.sample(names, choose.randint(1, len(names)))
        for layer, names in fusion.kept.items()
    }
    head = Head(HeadConfig(HeadKind.CLASSIFICATION, 2), hidden_size=HIDDEN)
    loaded = assert_round_trip(AdapterModel(backbone, head, fusion.pruned(keep)), batch, {})
    assert isinstance(loaded.adapter, Fusion)
    assert {layer: set(names) for layer, names in loaded.adapter.kept.items()} == {
        layer: set(names) for layer, names in keep.items()
    }


@FEW
@given(
    config=adapter_configs(st.sampled_from(Placement)),
    layers=st.integers(LAYERS, 7),
    hidden_size=st.integers(1, 40),
)
def test_parameter_counts_are_as_computed(
    config: AdapterConfig, layers: int, hidden_size: int
) -> None:
    config = replace(config, layer_sizes=(config.layer_sizes * 2)[:layers])
    adapter = Adapter(config, layers=layers, hidden_size=hidden_size)
    assert sum(p.numel() for p in adapter.parameters()) == config.parameter_count(
        layers=layers, hidden_size=hidden_size
    )


@FEW
@given(config=adapter_configs(st.sampled_from(Placement)), depth=st.integers(0, LAYERS))
def test_dropped_layers_have_no_tensors_and_no_gradient(
    backbone: Backbone, batch: Batch, config: AdapterConfig, depth: int
) -> None:
    head = Head(HeadConfig(HeadKind.CLASSIFICATION, 2), hidden_size=HIDDEN)
    adapter = make(config)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(0.1)
    AdapterModel(backbone, head, adapter)(batch, drop_depth=depth).sum().backward()
    layers = config.layers_of(LAYERS)
    used = {config.parameter_set(i) for i in layers if i >= depth}
    stored = {config.parameter_set(i) for i in layers}
    sets = {name.split(".")[1] for name, _ in adapter.named_parameters() if "norm" not in name}
    assert sets == stored
    for name, parameter in adapter.named_parameters():
        location, where = name.split(".")[:2]
        kept = int(where) >= depth if location.endswith("norm") else where in used
        assert (parameter.grad is not None) == kept, name


@FEW
@given(
    config=adapter_configs(st.sampled_from(Placement)),
    depth=st.integers(0, LAYERS),
    order=st.permutations(range(3)),
    extra=st.integers(1, 5),
)
def test_order_and_padding_do_not_change_the_logits(
    backbone: Backbone, config: AdapterConfig, depth: int, order: list[int], extra: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 40, (3, 7), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    head = Head(HeadConfig(HeadKind.CLASSIFICATION, 2), hidden_size=HIDDEN, generator=generator)
    model = AdapterModel(backbone, head, make(config))
    padding = torch.zeros(3, extra, dtype=torch.long)
    changed = Batch(torch.cat([ids, padding + 9], 1)[order], torch.cat([mask, padding], 1)[order])
    with torch.no_grad():
        found = model(changed, drop_depth=depth)
        expected = model(Batch(ids, mask), drop_depth=depth)[order]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@FEW
@given(
    configs=st.lists(
        adapter_configs(st.sampled_from(Placement)) | st.none(), min_size=1, max_size=5
    ),
    choose=st.randoms(use_true_random=False),
)
def test_many_tasks_are_each_of_them(
    make_transformer: Callable[[], torch.nn.Module],
    batch: Batch,
    configs: list[AdapterConfig | None],
    choose: Random,
) -> None:
    backbone = Backbone.from_model(make_transformer().double(), name="tiny")
    models = {}
    for number, config in enumerate(configs):
        adapter = None if config is None else make(config)
        classes = HeadConfig(HeadKind.CLASSIFICATION, choose.randint(2, 4))
        model = AdapterModel(backbone, Head(classes, hidden_size=HIDDEN), adapter).double()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.3)
        models[str(number)] = model
    many = MultiTask(models)
    depths = {name: choose.randint(0, LAYERS) for name in models}
    with torch.no_grad():
        for name, logits in many(batch, drop_depth=depths).items():
            expected = models[name](batch, drop_depth=depths[name])
            torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)
        tasks = choose.choices([*models, None], k=3)
        rows = [choose.randint(0, LAYERS) for _ in range(3)]
        found = many.mixed(batch, tasks, drop_depth=rows)
        for i, (name, depth) in enumerate(zip(tasks, rows, strict=True)):
            alone, real = batch.rows(torch.tensor([i])), batch.token_mask[i]
            adapter = None if name is None else models[name].adapter
            hidden, expected = found.hidden[i][real], backbone(alone, adapter, depth)[0][real]
            torch.testing.assert_close(hidden, expected, rtol=1e-10, atol=1e-10)
