"""The package as a library: names at its top, paths as words, label names, losses, `Trainer`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from transformers import BertModel

import adapter_lib
from adapter_lib import (
    Adapter,
    AdapterConfig,
    AdapterModel,
    Backbone,
    Batch,
    Fusion,
    FusionConfig,
    Head,
    HeadConfig,
    TrainerModel,
    load_adapter,
    loss_of,
    read_adapterhub,
    read_manifest,
    save_adapter,
    write_adapterhub,
)
from adapter_lib.errors import AdapterFileError, ConfigurationError
from adapter_lib.storage.adapterhub.writing import write_adapter, write_head

LABELS = ("low", "middle", "high")


def model_of(backbone: Backbone, kind: str = "classification", **more: Any) -> AdapterModel:
    head = HeadConfig(kind, {"regression": 1, "span": 2}.get(kind, 3))  # type: ignore[arg-type]
    adapter = Adapter.over(backbone, AdapterConfig(4))
    return AdapterModel(backbone, Head.over(backbone, head), adapter, **more)


def test_every_name_is_there_and_importing_none_costs_nothing() -> None:
    for name in adapter_lib.__all__:
        assert getattr(adapter_lib, name) is not None
        assert name in dir(adapter_lib)
    with pytest.raises(AttributeError, match="no attribute 'adapter'"):
        adapter_lib.adapter  # noqa: B018
    light = "AdapterConfig, FusionConfig, HeadConfig, Placement, AdapterLibError"
    code = f"import sys; from adapter_lib import {light}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_paths_may_be_words(
    make_transformer: Any, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    transformer: BertModel = make_transformer()
    transformer.save_pretrained("base")
    backbone = Backbone.from_folder("base")
    assert backbone.identity.name == "base"
    model = model_of(backbone, labels=LABELS)
    save_adapter("folders/mine", model)
    assert read_manifest("folders/mine").task == {"labels": list(LABELS)}
    loaded = load_adapter("folders/mine", backbone)
    write_adapterhub("hub/whole", model, name="mine")
    assert model.adapter is not None
    write_adapter("hub/one", model.adapter, name="mine", backbone=backbone)  # type: ignore[arg-type]
    write_head("hub/one", model.head, name="mine", backbone=backbone, labels=LABELS)
    for each in (
        loaded,
        read_adapterhub("hub/whole", backbone),
        read_adapterhub("hub/one", backbone),
    ):
        assert each.labels == LABELS
        torch.testing.assert_close(each(batch), model(batch))
    (Path("hub/one") / "head_config.json").unlink()
    with pytest.raises(AdapterFileError, match="; read the adapter alone"):
        read_adapterhub("hub/one", backbone)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ({"label_names": ["a", "b", "c"]}, ("a", "b", "c")),
        ({"labels": ["a", "b"]}, ()),
        ({"labels": "abc"}, ()),
        ({"labels": ["a", "a", "b"]}, ()),
        ({}, ()),
    ],
)
def test_labels_are_those_that_the_task_names(
    backbone: Backbone, tmp_path: Path, task: dict[str, object], labels: tuple[str, ...]
) -> None:
    save_adapter(tmp_path / "a", model_of(backbone), task=task)
    assert read_manifest(tmp_path / "a").task == task
    assert load_adapter(tmp_path / "a", backbone).labels == labels


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "a", "b"], "abc", [1, 2, 3]])
def test_labels_must_be_the_heads(backbone: Backbone, labels: Any) -> None:
    with pytest.raises(ConfigurationError, match="3 different names"):
        model_of(backbone, labels=labels)


def test_a_weights_format_is_one_of_two(backbone: Backbone, tmp_path: Path) -> None:
    """Any other word wrote pickles."""
    adapter = Adapter.over(backbone, AdapterConfig(4))
    options = {"name": "a", "backbone": backbone}
    write_adapter(tmp_path, adapter, weights_format="safetensors", **options)  # type: ignore[arg-type]
    assert (tmp_path / "adapter.safetensors").exists()
    with pytest.raises(
        ConfigurationError, match="weights_format must be one of safetensors, torch"
    ):
        write_adapter(tmp_path, adapter, weights_format="pickle", **options)  # type: ignore[arg-type]


def test_losses_are_the_usual_ones() -> None:
    torch.manual_seed(0)
    logits, tokens = torch.randn(2, 3), torch.randn(2, 4, 3)
    classes = torch.tensor([2, 0])
    expected = functional.cross_entropy(logits, classes)
    for kind in ("classification", "multiple_choice"):
        assert torch.equal(loss_of(kind, logits, classes), expected)
    values = torch.tensor([0.5, -1.0])
    assert torch.equal(
        loss_of("regression", logits[:, :1], values), (logits[:, 0] - values).square().mean()
    )
    tags = torch.tensor([[0, -100, 1, 2], [2, -100, -100, -100]])
    kept = tags != -100
    expected = functional.cross_entropy(tokens[kept], tags[kept])
    torch.testing.assert_close(loss_of("token_classification", tokens, tags), expected)
    spans, mask = torch.tensor([[1, 2], [0, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()
    scores = tokens[..., :2].masked_fill(~mask[..., None], -torch.inf)
    each = [
        -scores[row, :, end].log_softmax(0)[spans[row, end]] for row in (0, 1) for end in (0, 1)
    ]
    found = loss_of("span", tokens[..., :2], spans, token_mask=mask)
    torch.testing.assert_close(found, torch.stack(each).mean())
    with pytest.raises(ConfigurationError, match=r"labels of \(2,\) .* found \(2, 4\)"):
        loss_of("classification", logits, tags)


@pytest.mark.parametrize(
    "kind", ["classification", "regression", "multiple_choice", "span", "token_classification"]
)
def test_what_a_trainer_calls_has_a_loss(backbone: Backbone, kind: str) -> None:
    ids = torch.randint(1, 40, (6, 5))
    labels = {
        "classification": torch.zeros(6, dtype=torch.long),
        "regression": torch.zeros(6),
        "multiple_choice": torch.zeros(2, dtype=torch.long),
        "span": torch.zeros(6, 2, dtype=torch.long),
        "token_classification": torch.zeros(6, 5, dtype=torch.long),
    }[kind]
    model = TrainerModel(model_of(backbone, kind)).eval()
    shape = (2, 3, 5) if kind == "multiple_choice" else (6, 5)
    found = model(ids.view(shape), torch.ones(shape, dtype=torch.long), labels=labels)
    batch = Batch(ids, torch.ones_like(ids))
    torch.testing.assert_close(found["logits"], model.model(batch))
    expected = loss_of(kind, found["logits"], labels)
    assert torch.equal(found["loss"], expected)
    assert set(model(ids, torch.ones_like(ids))) == {"logits"}


def test_training_mode_is_the_models(backbone: Backbone) -> None:
    """Dropout below the lowest adapter is a choice, and a fusion is regularised while training."""
    for frozen, expected in ((True, -1), (False, 3)):
        model = TrainerModel(model_of(backbone), frozen_dropout=frozen, drop_depth=2)
        model.train()
        assert model.model.training
        assert model.model.backbone.dropout_from == expected
        model.eval()
        assert not model.model.training
        assert model.model.backbone.dropout_from is None
    sources = {name: Adapter.over(backbone, AdapterConfig(2)) for name in "ab"}
    fusion = Fusion.over(backbone, FusionConfig(regularisation=9.0, dropout=0.0), sources)
    with torch.no_grad():
        fusion.fused["0"].value.add_(1.0)  # type: ignore[union-attr]
    fused = TrainerModel(
        AdapterModel(backbone, Head.over(backbone, HeadConfig("classification", 3)), fusion)  # type: ignore[arg-type]
    )
    ids, labels = torch.randint(1, 40, (2, 5)), torch.tensor([0, 1])
    plain = fused.eval()(ids, torch.ones_like(ids), labels=labels)["loss"]
    trained = fused.train()(ids, torch.ones_like(ids), labels=labels)["loss"]
    assert trained > plain + 1000
