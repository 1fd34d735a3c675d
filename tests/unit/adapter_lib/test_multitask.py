"""Many tasks in one pass equal each of their models on its own, to rounding in float64."""

from collections.abc import Callable, Mapping
from copy import deepcopy

import pytest
import torch
from transformers import LlamaConfig, LlamaModel, MPNetConfig, MPNetModel

from adapter_lib.config.arrangement import Arrangement, NormAfter, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    HeadConfig,
    HeadKind,
    NonLinearity,
    Placement,
    Pooling,
    Sharing,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.joint.multitask import MultiTask
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]
LAYERS = 4
CLASSES = HeadConfig(HeadKind.CLASSIFICATION, 3)
TASKS: dict[str, tuple[AdapterConfig | None, HeadConfig]] = {
    "sst-2.v1": (AdapterConfig(4), CLASSES),
    "same": (AdapterConfig(4), CLASSES),
    "late": (AdapterConfig(3, drop_depth=2), HeadConfig(HeadKind.REGRESSION, 1, layers=1)),
    "houlsby": (
        AdapterConfig(5, placement=Placement.HOULSBY, drop_depth=1),
        HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 2),
    ),
    "parallel": (
        AdapterConfig(
            2, placement=Placement.PARALLEL, scaling=4.0, non_linearity=NonLinearity.TANH
        ),
        HeadConfig(HeadKind.SPAN, 2, layers=1),
    ),
    "shared": (
        AdapterConfig(3, sharing=Sharing.ALL_LAYERS, non_linearity=NonLinearity.SWISH),
        CLASSES,
    ),
    "arranged": (
        AdapterConfig(
            3, dropout=0.5, arrangement=Arrangement(residual=Residual.NORMED, norm_before=True)
        ),
        CLASSES,
    ),
    "open": (
        AdapterConfig(
            2,
            placement=Placement.HOULSBY,
            sharing=Sharing.ALL_LAYERS,
            drop_depth=1,
            trained_norm=True,
            arrangement=Arrangement(norm_after=NormAfter.OUTPUT),
        ),
        CLASSES,
    ),
    "norms": (AdapterConfig(2, drop_depth=3, trained_norm=True), CLASSES),
    "sizes": (AdapterConfig(2, layer_sizes=(1, 2, 3, 6)), HeadConfig(HeadKind.MASKED_LM, 40)),
    "head": (None, HeadConfig(HeadKind.CLASSIFICATION, 7)),
    "mean": (AdapterConfig(4), HeadConfig(HeadKind.CLASSIFICATION, 3, pooling=Pooling.MEAN)),
}


def make_models(
    backbone: Backbone, tasks: Mapping[str, tuple[AdapterConfig | None, HeadConfig]]
) -> dict[str, AdapterModel]:
    generator = torch.Generator().manual_seed(0)
    backbone.double()
    models = {}
    for name, (config, head) in tasks.items():
        adapter = None
        if config is not None:
            adapter = Adapter(
                config,
                layers=backbone.layers_count,
                hidden_size=backbone.hidden_size,
                generator=generator,
            )
        model = AdapterModel(backbone, Head.over(backbone, head, generator=generator), adapter)
        model.double()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    noise = torch.randn(parameter.shape, generator=generator)
                    parameter.add_(noise * 0.2)
        models[name] = model
    return models


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.fixture
def models(backbone: Backbone) -> dict[str, AdapterModel]:
    return make_models(backbone, TASKS)


@pytest.mark.parametrize("depth", range(LAYERS + 1))
def test_one_batch_through_all_tasks(
    models: dict[str, AdapterModel], batch: Batch, depth: int
) -> None:
    with torch.no_grad():
        found = MultiTask(models)(batch, drop_depth=depth)
        assert list(found) == list(TASKS)
        for name, model in models.items():
            assert_same(found[name], model(batch, drop_depth=depth))


def test_each_task_has_its_own_depth(models: dict[str, AdapterModel], batch: Batch) -> None:
    depths = {"same": 3, "houlsby": 2, "parallel": 4, "shared": 1, "norms": 4}
    with torch.no_grad():
        found = MultiTask(models)(batch, drop_depth=depths)
        for name, model in models.items():
            assert_same(found[name], model(batch, drop_depth=depths.get(name, 0)))


@pytest.mark.parametrize("names", [["late"], ["head"], ["same", "late"], ["norms", "houlsby"]])
def test_few_tasks_are_many_too(
    models: dict[str, AdapterModel], batch: Batch, names: list[str]
) -> None:
    with torch.no_grad():
        found = MultiTask({name: models[name] for name in names})(batch)
        for name in names:
            assert_same(found[name], models[name](batch))


def test_with_every_layer_dropped_each_task_has_a_row_per_example(
    models: dict[str, AdapterModel], batch: Batch
) -> None:
    """AdapterHub gives each head one row of the batch instead."""
    found = MultiTask(models)(batch, drop_depth=LAYERS)
    assert found["sst-2.v1"].shape == (3, 3)
    assert found["late"].shape == (3, 1)
    assert found["parallel"].shape == (3, 7, 2)
    assert_same(found["same"], models["same"].logits(models["same"].backbone(batch), batch))


def count_tokens(backbone: Backbone, run: Callable[[], object]) -> list[tuple[int, int]]:
    """Return how many tokens each layer's attention and feed-forward block had."""
    tokens: dict[str, list[int]] = {"attention": [0] * LAYERS, "output": [0] * LAYERS}

    def count(block: str, layer: int) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
            tokens[block][layer] += output.shape[:-1].numel()

        return hook

    hooks = []
    for index, layer in enumerate(backbone.model.encoder.layer):
        query = layer.attention.self.query
        hooks.append(query.register_forward_hook(count("attention", index)))
        hooks.append(layer.output.dense.register_forward_hook(count("output", index)))
    run()
    for hook in hooks:
        hook.remove()
    return list(zip(tokens["attention"], tokens["output"], strict=True))


def test_layers_are_shared_up_to_each_tasks_own_depth(backbone: Backbone, batch: Batch) -> None:
    models = make_models(
        backbone,
        {
            "early": (AdapterConfig(2, drop_depth=1), CLASSES),
            "late": (AdapterConfig(2, drop_depth=2), CLASSES),
            "houlsby": (AdapterConfig(2, placement=Placement.HOULSBY, drop_depth=2), CLASSES),
        },
    )
    many = MultiTask(models)
    b, n = len(batch.input_ids), batch.input_ids.numel()
    # Pfeiffer's bottleneck comes last in its layer, so what precedes it there is shared too, as is
    # attention in front of Houlsby's; the highest layer computes the tokens that heads read.
    tokens = [(n, n), (n, n), (2 * n, 3 * n), (3 * b, 3 * b)]
    assert count_tokens(backbone, lambda: many(batch)) == tokens
    everything_dropped = count_tokens(backbone, lambda: many(batch, drop_depth=LAYERS))
    assert everything_dropped == [(n, n)] * (LAYERS - 1) + [(b, b)]


NAMES = [*TASKS, None]


@pytest.fixture
def wide_batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 40, (20, 6), generator=generator)
    mask = torch.ones_like(ids)
    mask[::3, 4:] = 0
    mask[1::3, :2] = 0
    return Batch(ids, mask, torch.randint(0, 2, ids.shape, generator=generator))


@pytest.mark.parametrize("seed", range(4))
def test_each_example_has_its_own_task_and_depth(
    models: dict[str, AdapterModel], wide_batch: Batch, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tasks = [NAMES[int(i)] for i in torch.randint(len(NAMES), (20,), generator=generator)]
    depths = torch.randint(LAYERS + 1, (20,), generator=generator).tolist()
    with torch.no_grad():
        found = MultiTask(models).mixed(wide_batch, tasks, drop_depth=depths)
        assert set(found.logits) == {task for task in tasks if task is not None}
        backbone = models["same"].backbone
        for i, (task, depth) in enumerate(zip(tasks, depths, strict=True)):
            alone, real = wide_batch.rows(torch.tensor([i])), wide_batch.token_mask[i]
            if task is None:
                assert_same(found.hidden[i][real], backbone(alone)[0][real])
                continue
            model = models[task]
            assert_same(found.hidden[i][real], backbone(alone, model.adapter, depth)[0][real])
            position = found.rows[task].tolist().index(i)
            logits, expected = found.logits[task][position], model(alone, drop_depth=depth)[0]
            if not model.head.config.kind.answers_by_row:  # nothing is defined for padding
                logits, expected = logits[real], expected[real]
            assert_same(logits, expected)


@pytest.mark.parametrize("depth", [0, 2, LAYERS])
def test_a_mixed_batch_of_one_task_is_that_tasks_batch(
    models: dict[str, AdapterModel], batch: Batch, depth: int
) -> None:
    for name, model in models.items():
        found = MultiTask(models).mixed(batch, [name] * 3, drop_depth=depth)
        assert_same(found.logits[name], model(batch, drop_depth=depth))


def test_no_task_at_all_is_the_base_model(models: dict[str, AdapterModel], batch: Batch) -> None:
    found = MultiTask(models).mixed(batch, [None] * 3)
    assert torch.equal(found.hidden, models["same"].backbone(batch))
    assert found.logits == {}


def test_choices_of_an_example_stay_together_in_a_mixed_batch(backbone: Backbone) -> None:
    choice = HeadConfig(HeadKind.MULTIPLE_CHOICE, 2)
    models = make_models(
        backbone, {"choice": (AdapterConfig(3), choice), "other": (AdapterConfig(2), CLASSES)}
    )
    ids = torch.randint(1, 40, (5, 4), generator=torch.Generator().manual_seed(3))
    batch = Batch(ids, torch.ones_like(ids))
    tasks = ["choice", "choice", "other", "choice", "choice"]
    found = MultiTask(models).mixed(batch, tasks)
    own = torch.tensor([0, 1, 3, 4])
    assert_same(found.logits["choice"], models["choice"](batch.rows(own)))
    assert found.logits["choice"].shape == (2, 2)


MPNET = MPNetConfig(
    hidden_size=16,
    num_hidden_layers=LAYERS,
    num_attention_heads=2,
    intermediate_size=24,
    vocab_size=40,
    max_position_embeddings=16,
)
LLAMA = LlamaConfig(
    hidden_size=16,
    num_hidden_layers=LAYERS,
    num_attention_heads=2,
    intermediate_size=24,
    vocab_size=40,
)


@pytest.mark.parametrize("transformer", [MPNetModel(MPNET), LlamaModel(LLAMA)])
def test_other_architectures_serve_many_tasks_too(
    transformer: MPNetModel | LlamaModel, batch: Batch
) -> None:
    """A bias that all layers share, and a norm above the highest layer."""
    names = ["same", "late", "houlsby", "parallel", "head"]
    backbone = Backbone.from_model(transformer.eval(), name="tiny")
    models = make_models(backbone, {name: TASKS[name] for name in names})
    with torch.no_grad():
        for depth in range(LAYERS + 1):
            found = MultiTask(models)(batch, drop_depth=depth)
            for name, model in models.items():
                torch.testing.assert_close(found[name], model(batch, drop_depth=depth))
        mixed = MultiTask(models).mixed(batch, ["late", None, "houlsby"])
        for i, name in ((0, "late"), (2, "houlsby")):
            expected = models[name](batch)[i]
            torch.testing.assert_close(mixed.logits[name][0], expected)


def test_later_changes_of_an_adapter_have_no_effect(
    models: dict[str, AdapterModel], batch: Batch
) -> None:
    many = MultiTask(models)
    before = many(batch)["same"]
    adapter = models["same"].adapter
    assert adapter is not None
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.zero_()
    assert torch.equal(many(batch)["same"], before)


def test_the_models_stay_as_they_are(models: dict[str, AdapterModel], batch: Batch) -> None:
    model = models["same"]
    model.train_from(0, frozen_dropout=False)
    before = {name: (p.data_ptr(), p.requires_grad) for name, p in model.named_parameters()}
    many = MultiTask(models)
    assert model.head.training
    assert not any(p.requires_grad for p in many._adapters.parameters())
    assert before == {n: (p.data_ptr(), p.requires_grad) for n, p in model.named_parameters()}
    found = many(batch)["same"]
    assert_same(found, model.eval()(batch))


def test_copies_of_adapters_move_with_the_rest(
    models: dict[str, AdapterModel], batch: Batch
) -> None:
    many = deepcopy(MultiTask(models)).float()
    with torch.no_grad():
        found = many(batch)
        for name, model in models.items():
            torch.testing.assert_close(found[name], model.float()(batch), rtol=1e-3, atol=1e-3)


def test_nonsense_is_refused(
    models: dict[str, AdapterModel], make_model: ModelFactory, batch: Batch
) -> None:
    many = MultiTask(models)
    with pytest.raises(ConfigurationError, match="found 'mnli'"):
        many.mixed(batch, ["same", "mnli", None])
    with pytest.raises(ConfigurationError, match="found 'mnli'"):
        many(batch, drop_depth={"mnli": 1})
    with pytest.raises(ConfigurationError, match="each of 3 examples, found 2 tasks and 3 depths"):
        many.mixed(batch, ["same", None])
    with pytest.raises(ConfigurationError, match="3 tasks and 1 depths"):
        many.mixed(batch, ["same", None, None], drop_depth=[1])
    for depth in (-1, LAYERS + 1):
        with pytest.raises(ConfigurationError, match="0…4"):
            many(batch, drop_depth=depth)
        with pytest.raises(ConfigurationError, match="0…4"):
            many.mixed(batch, [None] * 3, drop_depth=[0, depth, 0])
    with pytest.raises(ConfigurationError, match="found 0 models"):
        MultiTask({})
    fusion = make_model({"a": AdapterConfig(2), "b": AdapterConfig(2)})
    with pytest.raises(ConfigurationError, match="a fusion for 'fused'"):
        MultiTask({"fused": fusion})


def test_models_must_share_one_backbone(
    models: dict[str, AdapterModel], make_transformer: Callable[..., torch.nn.Module]
) -> None:
    other = Backbone.from_model(make_transformer(), name="another")
    strange = AdapterModel(other, models["same"].head)
    with pytest.raises(ConfigurationError, match="found 2 models over 2;"):
        MultiTask({"same": models["same"], "strange": strange})


def test_trained_norms_need_norms(batch: Batch) -> None:
    backbone = Backbone.from_model(LlamaModel(LLAMA).eval(), name="tiny")
    models = make_models(backbone, {"norms": TASKS["norms"]})
    with pytest.raises(ConfigurationError, match="post-norm architectures"):
        MultiTask(models)(batch)
