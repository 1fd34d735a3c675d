"""AdapterHub's adapters come back, in old forms too; files are made here by hand.

What AdapterHub itself wrote is compared in `tests/reference`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_parts import (
    change_json,
    change_settings,
    make_adapter,
    rename,
)

from adapter_lib.config.configuration import (
    AdapterConfig,
    Initialisation,
    NonLinearity,
    Placement,
)
from adapter_lib.errors import (
    AdapterFileError,
    UnsupportedSettingError,
)
from adapter_lib.storage.adapterhub.folders import WeightsFormat
from adapter_lib.storage.adapterhub.reading import read_adapter
from adapter_lib.storage.adapterhub.writing import write_adapter
from adapter_lib.transformer.backbone import Backbone


@pytest.mark.parametrize(
    "config",
    [
        AdapterConfig(5, placement=Placement.HOULSBY, drop_depth=2),
        AdapterConfig(
            3, placement=Placement.PARALLEL, scaling=4.0, initialisation=Initialisation.MAM
        ),
        AdapterConfig(7, layer_sizes=(1, 11, 13, 7), dropout=0.25),
        AdapterConfig(16, non_linearity=NonLinearity.GELU_NEW),
        AdapterConfig(20, initialisation=Initialisation.HOULSBY),
    ],
    ids=str,
)
@pytest.mark.parametrize("weights_format", WeightsFormat)
def test_configurations_come_back(
    backbone: Backbone, tmp_path: Path, config: AdapterConfig, weights_format: WeightsFormat
) -> None:
    adapter = make_adapter(config)
    write_adapter(tmp_path, adapter, name="a", backbone=backbone, weights_format=weights_format)
    found = read_adapter(tmp_path, backbone)
    assert (found.name, found.adapter.config) == ("a", config)
    for name, tensor in adapter.state_dict().items():
        assert torch.equal(found.adapter.state_dict()[name], tensor)


@pytest.mark.parametrize("size", range(1, 40))
def test_the_reduction_factor_written_gives_back_the_size(
    backbone: Backbone, tmp_path: Path, size: int
) -> None:
    """AdapterHub stores a quotient, and rounds it down again."""
    write_adapter(tmp_path, make_adapter(AdapterConfig(size)), name="a", backbone=backbone)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())["config"]
    assert max(1, int(16 // settings["reduction_factor"])) == size
    assert read_adapter(tmp_path, backbone).adapter.config.bottleneck_size == size


def test_reduction_factors_by_layer_may_have_a_default(saved: Path, backbone: Backbone) -> None:
    change_settings(saved, reduction_factor={"default": 4, "2": 4.0})
    assert read_adapter(saved, backbone).adapter.config == AdapterConfig(4)
    change_settings(saved, reduction_factor={"default": 4, "2": 8})
    with pytest.raises(AdapterFileError, match=r"layer\.2.*shape \(4, 16\) instead of \(2, 16\)"):
        read_adapter(saved, backbone)


@pytest.mark.parametrize("kind", ["task", "lang"])
def test_old_names_are_read(saved: Path, backbone: Backbone, kind: str) -> None:
    expected = read_adapter(saved, backbone).adapter.state_dict()
    rename(saved, lambda key: key.replace(".adapters.", f".layer_text_{kind}_adapters."))
    found = read_adapter(saved, backbone).adapter.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_old_names_after_attention_are_read(backbone: Backbone, tmp_path: Path) -> None:
    adapter = make_adapter(AdapterConfig(4, placement=Placement.HOULSBY))
    write_adapter(tmp_path, adapter, name="a", backbone=backbone)
    rename(
        tmp_path,
        lambda key: key.replace(
            "attention.output.adapters.", "attention.output.attention_text_task_adapters."
        ).replace(".output.adapters.", ".output.layer_text_task_adapters."),
    )
    found = read_adapter(tmp_path, backbone).adapter.state_dict()
    assert all(torch.equal(found[name], t) for name, t in adapter.state_dict().items())


def test_a_base_class_saves_without_prefix(saved: Path, backbone: Backbone) -> None:
    expected = read_adapter(saved, backbone).adapter.state_dict()
    rename(saved, lambda key: key.removeprefix("bert."))
    found = read_adapter(saved, backbone).adapter.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_gelu_meant_its_approximation_in_old_files(saved: Path, backbone: Backbone) -> None:
    path = saved / "adapter_config.json"
    for old, expected in (("gelu", "gelu_new"), ("gelu_orig", "gelu")):
        change_settings(saved, non_linearity=old)
        change_json(path, lambda content: content.pop("version", None))
        assert read_adapter(saved, backbone).adapter.config.non_linearity == expected
    change_settings(saved, non_linearity="gelu")
    change_json(path, lambda content: content.update(version="adapters.1.0.0"))
    assert read_adapter(saved, backbone).adapter.config.non_linearity == "gelu"


def test_old_task_adapters_name_an_invertible_adapter_without_having_one(
    saved: Path, backbone: Backbone
) -> None:
    block = {"block_type": "nice", "non_linearity": "relu", "reduction_factor": 2}
    change_settings(saved, invertible_adapter=block)
    with pytest.raises(UnsupportedSettingError, match="invertible_adapter"):
        read_adapter(saved, backbone)
    change_json(saved / "adapter_config.json", lambda content: content.pop("version"))
    change_json(saved / "adapter_config.json", lambda content: content.update(type="text_task"))
    assert read_adapter(saved, backbone).adapter.config == AdapterConfig(4)


def test_settings_that_are_missing_have_adapterhubs_defaults(
    saved: Path, backbone: Backbone
) -> None:
    needed = ("mh_adapter", "output_adapter", "original_ln_before", "non_linearity")

    def strip(content: dict[str, Any]) -> None:
        settings = content["config"]
        content["config"] = {n: settings[n] for n in (*needed, "reduction_factor")}

    change_json(saved / "adapter_config.json", strip)
    assert read_adapter(saved, backbone).adapter.config == AdapterConfig(4)
    change_json(saved / "adapter_config.json", lambda c: c["config"].pop("mh_adapter"))
    with pytest.raises(AdapterFileError, match="mh_adapter"):
        read_adapter(saved, backbone)


def test_writing_again_in_the_other_format_leaves_one(backbone: Backbone, saved: Path) -> None:
    """Otherwise a reader could take the old weights."""
    adapter = make_adapter(AdapterConfig(2))
    for weights_format in (WeightsFormat.TORCH, WeightsFormat.SAFETENSORS):
        write_adapter(saved, adapter, name="mnli", backbone=backbone, weights_format=weights_format)
        assert len(list(saved.iterdir())) == 2
        assert read_adapter(saved, backbone).adapter.config == AdapterConfig(2)
