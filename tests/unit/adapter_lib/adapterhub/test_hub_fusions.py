"""AdapterHub's fusions and whole set-ups."""

from pathlib import Path

import pytest
import torch
from hub_parts import change_json, fused_state, make_adapter, make_fusion, make_head, sources_of
from safetensors.torch import load_file, save_file

from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    Placement,
)
from adapter_lib.errors import (
    AdapterFileError,
    ConfigurationError,
    UnsupportedSettingError,
)
from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.adapterhub.folders import WeightsFormat
from adapter_lib.storage.adapterhub.reading import read_fusion, read_setup
from adapter_lib.storage.adapterhub.writing import write_fusion, write_setup
from adapter_lib.transformer.backbone import Backbone


def test_fusions_come_back(backbone: Backbone, fusion: Fusion, tmp_path: Path) -> None:
    write_fusion(tmp_path, fusion, backbone=backbone)
    reordered = dict(reversed(sources_of(fusion).items()))
    found = read_fusion(tmp_path, backbone, sources=reordered)
    assert (found.config, found.kept) == (fusion.config, fusion.kept)
    state = fused_state(found)
    assert all(torch.equal(state[name], t) for name, t in fused_state(fusion).items())
    with pytest.raises(AdapterFileError, match=r"\['a', 'b'\].*found \['a'\]"):
        read_fusion(tmp_path, backbone, sources={"a": reordered["a"]})


def test_other_fusions_in_the_same_file_are_left_out(
    backbone: Backbone, fusion: Fusion, tmp_path: Path
) -> None:
    """AdapterHub saves every fusion whose name begins with the one asked for."""
    write_fusion(tmp_path, fusion, backbone=backbone)
    path = tmp_path / "model_adapter_fusion.safetensors"
    state = load_file(path)
    other = {key.replace(".a,b.", ".a,b,c."): tensor + 1 for key, tensor in state.items()}
    save_file(state | other, path)
    found = fused_state(read_fusion(tmp_path, backbone, sources=sources_of(fusion)))
    assert all(torch.equal(found[name], t) for name, t in fused_state(fusion).items())
    save_file(state | {"extra": torch.zeros(1)}, path)
    with pytest.raises(AdapterFileError, match="left over extra"):
        read_fusion(tmp_path, backbone, sources=sources_of(fusion))
    stranger = {key.replace(".a,b.", ".x,y."): tensor + 1 for key, tensor in state.items()}
    save_file(state | stranger, path)
    with pytest.raises(AdapterFileError, match=r"left over .*x,y"):
        read_fusion(tmp_path, backbone, sources=sources_of(fusion))


def test_fusion_layers_over_no_adapter_have_no_effect(backbone: Backbone, tmp_path: Path) -> None:
    """AdapterHub builds them in every layer, whatever its sources leave out."""
    late = make_fusion(backbone, a=AdapterConfig(3, drop_depth=1), b=AdapterConfig(2, drop_depth=1))
    write_fusion(tmp_path, late, backbone=backbone)
    path = tmp_path / "model_adapter_fusion.safetensors"
    state = load_file(path)
    idle = {key.replace("layer.1.", "layer.0."): t.clone() for key, t in state.items()}
    save_file(state | idle, path)
    found = read_fusion(tmp_path, backbone, sources=sources_of(late))
    assert list(found.kept) == [1, 2, 3]
    assert all(torch.equal(fused_state(found)[name], t) for name, t in fused_state(late).items())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("query", "some"),
        ("regularization", "some"),
        ("residual_before", True),
        ("temperature", True),
        ("a_setting_of_tomorrow", 1),
    ],
)
def test_other_fusions_are_refused_by_name(
    backbone: Backbone, fusion: Fusion, tmp_path: Path, setting: str, value: object
) -> None:
    write_fusion(tmp_path, fusion, backbone=backbone)
    path = tmp_path / "adapter_fusion_config.json"
    change_json(path, lambda content: content["config"].update({setting: value}))
    with pytest.raises(UnsupportedSettingError, match=f"{setting}"):
        read_fusion(tmp_path, backbone, sources=sources_of(fusion))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (FusionConfig(regularisation=0.5), "regularisation=0.5"),
        (FusionConfig(dropout=0.0), "dropout=0"),
        (FusionConfig(drop_depth=1), "drop_depth=1"),
    ],
)
def test_fusions_that_adapterhub_cannot_represent_are_not_written(
    backbone: Backbone, tmp_path: Path, config: FusionConfig, message: str
) -> None:
    fusion = make_fusion(backbone, config, a=AdapterConfig(3), b=AdapterConfig(3))
    with pytest.raises(UnsupportedSettingError, match=message):
        write_fusion(tmp_path / "a", fusion, backbone=backbone)


def test_a_pruned_fusion_is_not_written(backbone: Backbone, fusion: Fusion, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedSettingError, match="pruned fusion; in layer 3"):
        write_fusion(tmp_path / "a", fusion.pruned({3: ["a"]}), backbone=backbone)


@pytest.mark.parametrize("weights_format", WeightsFormat)
@pytest.mark.parametrize("fused", [False, True])
def test_setups_come_back(
    backbone: Backbone, fusion: Fusion, tmp_path: Path, weights_format: WeightsFormat, fused: bool
) -> None:
    part = fusion if fused else make_adapter(AdapterConfig(3, placement=Placement.HOULSBY))
    model = AdapterModel(backbone, make_head(), part)
    write_setup(
        tmp_path, model, name="rte", labels=["yes", "no", "so"], weights_format=weights_format
    )
    found = read_setup(tmp_path, backbone)
    assert (found.name, found.head_name) == ("a,b" if fused else "rte", "rte")
    assert found.labels == ("yes", "no", "so")
    state = found.model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("adapter_setup", {"type": "Parallel", "children": []}, "adapter_setup='Parallel'"),
        ("adapter_setup", None, "adapter_setup=None"),
        (
            "adapter_setup",
            {"type": "Fuse", "children": [{"type": "Stack", "children": []}]},
            "adapter_setup='Fuse'",
        ),
        (
            "adapter_setup",
            {"type": "Stack", "children": [{"type": "single", "children": ["a"]}] * 2},
            "adapter_setup='Stack'",
        ),
        ("head_setup", None, "head_setup=None"),
        ("head_setup", ["a", "b"], "head_setup="),
    ],
)
def test_other_compositions_are_refused(
    backbone: Backbone, fusion: Fusion, tmp_path: Path, field: str, value: object, message: str
) -> None:
    write_setup(tmp_path, AdapterModel(backbone, make_head(), fusion), name="rte")
    change_json(tmp_path / "adapter_setup.json", lambda content: content.update({field: value}))
    with pytest.raises(UnsupportedSettingError, match=message):
        read_setup(tmp_path, backbone)


def test_a_model_without_adapter_is_no_setup(backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="write_head"):
        write_setup(tmp_path, AdapterModel(backbone, make_head()), name="rte")
