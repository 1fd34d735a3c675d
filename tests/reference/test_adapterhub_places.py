"""AdapterHub's adapters in some layers only, and over ALBERT: its outputs are ours, and its files
come back as they were.

`adapterhub/build_place_fixtures.py` wrote them. The largest differences are logged.
"""

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, Placement, Sharing
from adapter_lib.errors import UnsupportedArchitectureError, UnsupportedSettingError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.adapterhub.folders import (
    ADAPTER_FILES,
    FUSION_FILES,
    HEAD_FILES,
    FileNames,
    WeightsFormat,
    read_json,
    read_weights,
)
from adapter_lib.storage.adapterhub.reading import read_adapter, read_fusion, read_head
from adapter_lib.storage.adapterhub.writing import write_adapter, write_fusion, write_head
from adapter_lib.storage.files import load_adapter, save_adapter
from adapter_lib.transformer.backbone import Backbone, Batch

FIXTURES = Path(__file__).parent / "adapterhub" / "place_fixtures"
ARCHITECTURES = sorted(folder.name for folder in FIXTURES.iterdir())
ALBERTS = [name for name in ARCHITECTURES if name.startswith("albert")]
TOLERANCE = 1e-5
_logger = logging.getLogger(__name__)


class PlaceFolder:
    """One base with its adapters."""

    def __init__(self, architecture: str) -> None:
        self.path = FIXTURES / architecture
        own = self.path / "base"
        base = own if own.is_dir() else FIXTURES.parent / "fixtures" / architecture / "base"
        self.backbone = Backbone.from_folder(base, name=f"tiny-{architecture.split('-')[0]}")
        inputs = load_file((own if own.is_dir() else base).parent / "inputs.safetensors")
        prefix = "" if own.is_dir() else "right."
        self.batch = Batch(inputs[f"{prefix}input_ids"], inputs[f"{prefix}attention_mask"])

    def adapter(self, name: str) -> Adapter:
        return read_adapter(self.path / "adapters" / name, self.backbone).adapter

    def model(self, name: str) -> AdapterModel:
        """Return an adapter or the fusion, with the head that its outputs were computed with."""
        part: Adapter | Fusion
        if name == "fusion":
            names = read_json(self.path / name / FUSION_FILES.config)["adapter_names"]
            sources = {source: self.adapter(source) for source in names}
            part, name = read_fusion(self.path / name, self.backbone, sources=sources), names[0]
        else:
            part = self.adapter(name)
        head = read_head(self.path / "adapters" / name, self.backbone).head
        return AdapterModel(self.backbone, head, part)

    @property
    def names(self) -> list[str]:
        fusions = ["fusion"] if (self.path / "fusion").is_dir() else []
        return [path.name for path in sorted((self.path / "adapters").iterdir())] + fusions


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_hidden_states_and_logits_are_adapterhubs(architecture: str, tmp_path: Path) -> None:
    """Also after a round through this library's own format; with lowest layers dropped on top."""
    hub, largest = PlaceFolder(architecture), {}
    expected = load_file(hub.path / "expected.safetensors")
    models = {name: hub.model(name) for name in hub.names}
    with torch.no_grad():
        plain = hub.backbone(hub.batch)
    real = hub.batch.token_mask
    for key, wanted in expected.items():
        name, depth, kind = key.split(".")
        save_adapter(tmp_path / name, models[name], task={}, provenance={})
        for model in (models[name], load_adapter(tmp_path / name, hub.backbone)):
            with torch.no_grad():
                if kind == "logits":
                    difference = model(hub.batch, drop_depth=int(depth)) - wanted
                else:
                    difference = (model.hidden(hub.batch, drop_depth=int(depth)) - wanted)[real]
                    changed = (wanted - plain)[real].abs().max()
                    works = any(i >= int(depth) for i in layers_of(model))
                    assert (changed > 0.01) == works, f"{key} says nothing"
            largest[key] = difference.abs().max().item()
    _logger.info("%s: largest difference %.1e", architecture, max(largest.values()))
    assert not {key: value for key, value in largest.items() if not value <= TOLERANCE}


def layers_of(model: AdapterModel) -> list[int]:
    part = model.adapter
    assert part is not None
    return list(part.kept_layers if isinstance(part, Adapter) else part.kept)


def test_layers_are_those_that_adapterhub_left() -> None:
    """Otherwise the comparison above would say little."""
    hub = PlaceFolder("gpt2")
    found = {name: layers_of(hub.model(name)) for name in hub.names}
    assert found == {
        "below-top": [0, 1],
        "bottom": [0],
        "ends": [0, 2],
        "fusion": [0, 1, 2],
        "middle": [1],
        "sizes": [0, 2],
        "whole": [0, 1, 2],
    }
    fusion = hub.model("fusion").adapter
    assert isinstance(fusion, Fusion)
    assert fusion.kept == {
        0: ("ends", "below-top", "whole"),
        1: ("below-top", "whole"),
        2: ("ends", "whole"),
    }
    assert hub.adapter("sizes").config.layer_sizes == (4, 2, 2)
    assert hub.adapter("middle").config == AdapterConfig(2, drop_depth=1, leave_out=(2,))


@pytest.mark.parametrize(
    ("architecture", "sharing", "layers"),
    [("one", Sharing.ALL_LAYERS, 1), ("two", Sharing.GROUPS, 2), ("four", Sharing.NONE, 1)],
)
def test_alberts_layers_share_adapters_as_they_share_weights(
    architecture: str, sharing: Sharing, layers: int
) -> None:
    config = PlaceFolder(f"albert-{architecture}").adapter("both").config
    assert (config.sharing, config.group_layers) == (sharing, layers)
    if architecture == "two":
        config = PlaceFolder("albert-two").adapter("one-left-out").config
        assert config.layers_of(4) == (0, 1)


@pytest.mark.parametrize("weights_format", WeightsFormat)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tensors_and_settings_come_back(
    architecture: str, weights_format: WeightsFormat, tmp_path: Path
) -> None:
    hub = PlaceFolder(architecture)
    options = {"backbone": hub.backbone, "weights_format": weights_format}
    for name in hub.names:
        part = hub.model(name).adapter
        if isinstance(part, Fusion):
            write_fusion(tmp_path, part, **options)
            assert_same(tmp_path, hub.path / "fusion", FUSION_FILES)
            continue
        assert part is not None
        head = read_head(hub.path / "adapters" / name, hub.backbone)
        write_adapter(tmp_path / name, part, name=name, **options)
        write_head(tmp_path / name, head.head, name=name, labels=head.labels, **options)
        assert_same(tmp_path / name, hub.path / "adapters" / name, ADAPTER_FILES)
        assert_same(tmp_path / name, hub.path / "adapters" / name, HEAD_FILES)


def assert_same(found: Path, expected: Path, files: FileNames) -> None:
    assert_equal_tensors(read_weights(found, files), read_weights(expected, files))
    settings, wanted = read_json(found / files.config), read_json(expected / files.config)
    if files is ADAPTER_FILES:
        wanted["config"]["leave_out"].sort()
        if isinstance(wanted["config"]["reduction_factor"], dict):
            wanted["config"]["reduction_factor"] = {"0": 4, "1": 8, "2": 8}
    assert settings == wanted


def assert_equal_tensors(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


@pytest.mark.parametrize(
    ("architecture", "config", "message"),
    [
        ("albert-one", AdapterConfig(2), "it has sharing=all_layers only"),
        ("albert-two", AdapterConfig(2), "it has sharing=groups with group_layers=2 only"),
        ("albert-two", AdapterConfig(2, sharing=Sharing.ALL_LAYERS), "sharing=all_layers"),
        ("albert-four", AdapterConfig(2, sharing=Sharing.ALL_LAYERS), "it has sharing=none only"),
        (
            "albert-two",
            AdapterConfig(2, sharing=Sharing.GROUPS, group_layers=2, drop_depth=1),
            r"layers \[1, 2, 3\]",
        ),
        (
            "albert-one",
            AdapterConfig(2, sharing=Sharing.ALL_LAYERS, leave_out=(2,)),
            r"layers \[0, 1, 3\]",
        ),
        ("albert-four", AdapterConfig(2, placement=Placement.HOULSBY), "placement=houlsby"),
    ],
)
def test_what_albert_cannot_have_in_adapterhub_is_not_written(
    architecture: str, config: AdapterConfig, message: str, tmp_path: Path
) -> None:
    hub = PlaceFolder(architecture)
    adapter = Adapter(config, layers=4, hidden_size=16)
    with pytest.raises(UnsupportedSettingError, match=message):
        write_adapter(tmp_path, adapter, name="a", backbone=hub.backbone)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings",
    [
        {"original_ln_before": False},
        {"original_ln_after": False},
        {"is_parallel": True},
        {"residual_before_ln": "post_add"},
    ],
    ids=str,
)
def test_what_reads_another_part_in_albert_is_refused(
    settings: dict[str, object], tmp_path: Path
) -> None:
    """AdapterHub calls ALBERT's attention adapters with projection and residual swapped."""
    hub = PlaceFolder("albert-one")
    shutil.copytree(hub.path / "adapters" / "both", tmp_path / "both")
    path = tmp_path / "both" / ADAPTER_FILES.config
    content = read_json(path)
    content["config"] |= settings
    path.write_text(json.dumps(content))
    with pytest.raises(UnsupportedSettingError, match="mh_adapter=True"):
        read_adapter(tmp_path / "both", hub.backbone)


def test_alberts_fusions_are_exchanged_where_layers_share_nothing(tmp_path: Path) -> None:
    for architecture, possible in (("albert-four", True), ("albert-two", False)):
        hub = PlaceFolder(architecture)
        sources = {name: hub.adapter(name) for name in ("pfeiffer", "one-left-out")}
        fusion = Fusion(FusionConfig(dropout=0.0), sources, layers=4, hidden_size=16)
        if possible:
            write_fusion(tmp_path, fusion, backbone=hub.backbone)
            back = read_fusion(tmp_path, hub.backbone, sources=sources)
            assert_equal_tensors(back.state_dict(), fusion.state_dict())
            continue
        with pytest.raises(UnsupportedArchitectureError, match="fusions are not exchanged"):
            write_fusion(tmp_path / "two", fusion, backbone=hub.backbone)
        with pytest.raises(UnsupportedArchitectureError, match="fusions are not exchanged"):
            read_fusion(tmp_path, hub.backbone, sources=sources)
