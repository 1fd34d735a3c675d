"""AdapterHub's classification heads."""

import json
from pathlib import Path

import pytest
import torch
from hub_parts import (
    change_json,
    make_head,
)
from transformers import (
    AlbertConfig,
    BertConfig,
    DistilBertConfig,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
)

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Pooling
from adapter_lib.errors import (
    ConfigurationError,
    UnsupportedSettingError,
)
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.storage.adapterhub.base_dropout import fusion_dropout, head_dropout
from adapter_lib.storage.adapterhub.reading import read_head
from adapter_lib.storage.adapterhub.writing import write_head, write_setup
from adapter_lib.transformer.backbone import Backbone


@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_heads_come_back(
    backbone: Backbone, tmp_path: Path, labels: int, layers: int, dropout: float
) -> None:
    written = make_head(labels, layers=layers, dropout=dropout)
    names = tuple("cab"[:labels])
    write_head(tmp_path, written, name="a", backbone=backbone, labels=names)
    found = read_head(tmp_path, backbone)
    assert (found.name, found.labels, found.head.config) == ("a", names, written.config)
    state = found.head.state_dict()
    assert all(torch.equal(state[name], t) for name, t in written.state_dict().items())
    stored = json.loads((tmp_path / "head_config.json").read_text())["config"]
    assert stored["dropout_prob"] == (None if dropout == 0.1 else 0.0)  # the base's is 0.1


@pytest.mark.parametrize(
    ("config", "head", "fusion"),
    [
        (AlbertConfig(classifier_dropout_prob=0.3, hidden_dropout_prob=0.2), 0.3, 0.4),
        (BertConfig(classifier_dropout=0.3, hidden_dropout_prob=0.2), 0.3, 0.4),
        (BertConfig(hidden_dropout_prob=0.2), 0.2, 0.4),
        (DistilBertConfig(seq_classif_dropout=0.3, dropout=0.2, attention_dropout=0.4), 0.3, 0.4),
        (GPT2Config(resid_pdrop=0.2, attn_pdrop=0.4), 0.2, 0.4),
        (LlamaConfig(attention_dropout=0.4), 0.0, 0.0),
    ],
    ids=lambda value: getattr(value, "model_type", str(value)),
)
def test_a_missing_dropout_is_the_base_models(
    config: PreTrainedConfig, head: float, fusion: float
) -> None:
    """By the names that AdapterHub looks for in each architecture's configuration."""
    if config.model_type in ("albert", "bert"):
        config.attention_probs_dropout_prob = fusion
    assert (head_dropout(config), fusion_dropout(config)) == (head, fusion)


def test_label_names_must_fit(backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="3 different label names"):
        write_head(tmp_path, make_head(), name="a", backbone=backbone, labels=["x", "y"])


def test_a_head_on_the_mean_is_refused_before_anything_is_written(
    backbone: Backbone, tmp_path: Path
) -> None:
    head = Head.over(backbone, HeadConfig(HeadKind.CLASSIFICATION, 3, pooling=Pooling.MEAN))
    adapter = Adapter.over(backbone, AdapterConfig(2))
    with pytest.raises(UnsupportedSettingError, match=r"pooling=mean.*write_adapter"):
        write_setup(tmp_path / "setup", AdapterModel(backbone, head, adapter), name="a")
    assert not (tmp_path / "setup").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("head_type", "multilabel_classification"),
        ("activation_function", "relu"),
        ("bias", False),
        ("use_pooler", "yes"),
        ("layers", 3),
        ("num_labels", None),
        ("num_labels", 0),
        ("label2id", {"a": 0, "b": 0, "c": 1}),
        ("a_setting_of_tomorrow", 1),
    ],
)
def test_other_heads_are_refused_by_name(
    backbone: Backbone, tmp_path: Path, setting: str, value: object
) -> None:
    write_head(tmp_path, make_head(), name="a", backbone=backbone)
    change_json(tmp_path / "head_config.json", lambda c: c["config"].update({setting: value}))
    with pytest.raises(UnsupportedSettingError, match=setting):
        read_head(tmp_path, backbone)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("activation_function", "gelu_new"),
        ("layer_norm", False),
        ("shift_labels", True),
        ("layers", 1),
        ("dropout_prob", 0.1),
        ("vocab_size", None),
    ],
)
def test_other_heads_for_masked_words_are_refused_by_name(
    backbone: Backbone, tmp_path: Path, setting: str, value: object
) -> None:
    head = Head.over(backbone, HeadConfig(HeadKind.MASKED_LM, 40, dropout=0.0))
    write_head(tmp_path, head, name="a", backbone=backbone)
    assert read_head(tmp_path, backbone).head.config == head.config
    change_json(tmp_path / "head_config.json", lambda c: c["config"].update({setting: value}))
    with pytest.raises(UnsupportedSettingError, match=setting):
        read_head(tmp_path, backbone)


def test_dropout_before_masked_words_is_not_written(backbone: Backbone, tmp_path: Path) -> None:
    head = Head.over(backbone, HeadConfig(HeadKind.MASKED_LM, 40, dropout=0.1))
    with pytest.raises(UnsupportedSettingError, match=r"dropout=0\.1"):
        write_head(tmp_path, head, name="a", backbone=backbone)
    assert not list(tmp_path.iterdir())
