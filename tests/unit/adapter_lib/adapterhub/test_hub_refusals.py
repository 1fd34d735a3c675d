"""What is refused: settings that cannot be represented, other bases, damage."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_parts import change_json, change_settings, make_adapter
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

from adapter_lib.config.configuration import (
    AdapterConfig,
    Sharing,
)
from adapter_lib.errors import (
    AdapterFileError,
    ConfigurationError,
    UnsupportedArchitectureError,
    UnsupportedSettingError,
    WrongBaseError,
)
from adapter_lib.storage.adapterhub.reading import read_adapter
from adapter_lib.storage.adapterhub.writing import write_adapter
from adapter_lib.transformer.backbone import Backbone


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "lora"},
        {"cross_adapter": True},
        {"init_weights": "xavier"},
        {"init_weights_seed": 3},
        {"inv_adapter": "nice"},
        {"leave_out": [4]},
        {"leave_out": [-1]},
        {"leave_out": [3, 2, 1, 0]},
        {"leave_out": [True]},
        {"leave_out": "all"},
        {"non_linearity": "leakyrelu"},
        {"output_adapter": False},
        {"phm_layer": True},
        {"reduction_factor": 0},
        {"reduction_factor": {"default": "many"}},
        {"ln_before": "yes"},
        {"original_ln_before": False, "residual_before_ln": "post_add"},
        {"residual_before_ln": "pre_add"},
        {"scaling": "channel"},
        {"scaling": "learned"},
        {"stochastic_depth": 0.5},
        {"use_gating": True},
        {"a_setting_of_tomorrow": None},
    ],
    ids=str,
)
def test_what_cannot_be_represented_is_refused_by_name(
    saved: Path, backbone: Backbone, settings: dict[str, Any]
) -> None:
    change_settings(saved, **settings)
    with pytest.raises(UnsupportedSettingError, match="|".join(settings)) as refused:
        read_adapter(saved, backbone)
    assert "adapter_config.json" in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"), [("model_type", "roberta"), ("hidden_size", 768), ("model_type", None)]
)
def test_another_base_is_refused(
    saved: Path, backbone: Backbone, field: str, value: object
) -> None:
    """AdapterHub leaves such an adapter at random weights, without an error."""
    change_json(saved / "adapter_config.json", lambda content: content.update({field: value}))
    with pytest.raises(WrongBaseError, match=field):
        read_adapter(saved, backbone)


@pytest.mark.parametrize(("layers", "message"), [(5, "missing"), (3, "left over")])
def test_another_number_of_layers_is_refused(saved: Path, layers: int, message: str) -> None:
    config = BertConfig(
        hidden_size=16, num_attention_heads=2, num_hidden_layers=layers, vocab_size=9
    )
    other = Backbone.from_model(BertModel(config, add_pooling_layer=False), name="other")
    with pytest.raises(AdapterFileError, match=rf"{message} encoder\.layer\.{min(layers, 4)}"):
        read_adapter(saved, other)


def test_missing_left_over_and_misshapen_tensors_are_named(saved: Path, backbone: Backbone) -> None:
    path = saved / "adapter.safetensors"
    state = load_file(path)
    key = "bert.encoder.layer.{}.output.adapters.mnli.adapter_up.bias"
    del state[key.format(1)]
    state["extra"] = torch.zeros(1)
    state[key.format(2)] = torch.zeros(3)
    state[key.format(3)] = state[key.format(3)].half()
    save_file(state, path)
    with pytest.raises(AdapterFileError) as refused:
        read_adapter(saved, backbone)
    for part in ("missing encoder.layer.1", "left over extra", "shape (3,)", "torch.float16"):
        assert part in str(refused.value)


def test_missing_and_damaged_files_are_named(saved: Path, backbone: Backbone) -> None:
    weights, config = saved / "adapter.safetensors", saved / "adapter_config.json"
    weights.write_bytes(b"damaged")
    with pytest.raises(AdapterFileError, match=r"adapter\.safetensors"):
        read_adapter(saved, backbone)
    weights.unlink()
    with pytest.raises(AdapterFileError, match=r"pytorch_adapter\.bin, found neither"):
        read_adapter(saved, backbone)
    for content in ("[]", "{}", "{", '{"config": {}}'):
        config.write_text(content)
        with pytest.raises(AdapterFileError, match=r"adapter_config\.json"):
            read_adapter(saved, backbone)
    config.unlink()
    with pytest.raises(AdapterFileError, match=r"adapter_config\.json"):
        read_adapter(saved, backbone)


class _Payload:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.mkdir, ("executed",)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "content",
    [{"a": _Payload()}, {"a": 1}, [torch.zeros(1)]],
    ids=["code", "number", "list"],
)
def test_pickled_files_build_tensors_and_run_nothing(
    saved: Path, backbone: Backbone, content: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(saved)
    (saved / "adapter.safetensors").unlink()
    torch.save(content, saved / "pytorch_adapter.bin")
    with pytest.raises(AdapterFileError, match=r"pytorch_adapter\.bin"):
        read_adapter(saved, backbone)
    (saved / "pytorch_adapter.bin").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(AdapterFileError, match=r"pytorch_adapter\.bin"):
        read_adapter(saved, backbone)
    assert not (saved / "executed").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (AdapterConfig(3, sharing=Sharing.ALL_LAYERS), "sharing=all_layers"),
        (AdapterConfig(3, sharing=Sharing.GROUPS, group_layers=2), "sharing=groups"),
        (AdapterConfig(3, trained_norm=True), "trained_norm"),
    ],
)
def test_what_adapterhub_cannot_represent_is_not_written(
    backbone: Backbone, tmp_path: Path, config: AdapterConfig, message: str
) -> None:
    with pytest.raises(UnsupportedSettingError, match=message):
        write_adapter(tmp_path / "a", make_adapter(config), name="a", backbone=backbone)
    assert not (tmp_path / "a").exists()


def test_a_restricted_adapter_is_written_with_the_others_left_out(
    backbone: Backbone, tmp_path: Path
) -> None:
    cut = make_adapter(AdapterConfig(3)).restricted_to([1, 3])
    write_adapter(tmp_path, cut, name="a", backbone=backbone)
    back = read_adapter(tmp_path, backbone).adapter
    assert back.config == AdapterConfig(3, leave_out=(0, 2)) == cut.kept_config
    assert all(torch.equal(back.state_dict()[k], t) for k, t in cut.state_dict().items())


@pytest.mark.parametrize("name", ["", "sst-2.v1", "a,b", "../a"])
def test_names_that_torch_cannot_hold_are_refused(
    backbone: Backbone, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match="no dot, comma or slash"):
        write_adapter(tmp_path, make_adapter(AdapterConfig(3)), name=name, backbone=backbone)


def test_an_architecture_that_is_not_exchanged_is_refused(tmp_path: Path, saved: Path) -> None:
    config = GPT2Config(n_layer=4, n_embd=16, n_head=2, vocab_size=9, bos_token_id=1)
    gpt2 = Backbone.from_model(GPT2Model(config), name="tiny")
    with pytest.raises(WrongBaseError, match="model_type bert, not for gpt2"):
        read_adapter(saved, gpt2)
    object.__setattr__(gpt2.identity, "model_type", "mpnet")
    with pytest.raises(UnsupportedArchitectureError, match=r"bert, .*'mpnet'"):
        write_adapter(tmp_path, make_adapter(AdapterConfig(3)), name="a", backbone=gpt2)
