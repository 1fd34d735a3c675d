"""AdapterHub's arrangements of residuals and norms, and its kinds of fusion: its outputs are ours,
and its files come back as they were.

`adapterhub/build_variant_fixtures.py` wrote them. The largest differences are logged.
"""

import json
import logging
import os
import subprocess
from pathlib import Path

import pytest
import torch
from adapterhub_fixtures import HubFolder
from safetensors.torch import load_file
from torch import Tensor

from adapter_lib.config.arrangement import USUAL
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.adapterhub.folders import (
    ADAPTER_FILES,
    FUSION_FILES,
    FileNames,
    WeightsFormat,
    read_json,
    read_weights,
)
from adapter_lib.storage.adapterhub.reading import read_adapter, read_fusion
from adapter_lib.storage.adapterhub.writing import write_adapter, write_fusion

FIXTURES = Path(__file__).parent / "adapterhub" / "variant_fixtures"
CHECK = FIXTURES.parent / "check_variants_written.py"
ARCHITECTURES = sorted(folder.name for folder in FIXTURES.iterdir())
TOLERANCE = 1e-5
_logger = logging.getLogger(__name__)


def read_parts(hub: HubFolder) -> dict[str, Adapter | Fusion]:
    """Return every adapter and fusion of an architecture by the name of its outputs."""
    folder = FIXTURES / hub.path.name
    adapters = {
        path.name: read_adapter(path, hub.backbone).adapter
        for path in (folder / "adapters").iterdir()
    }
    fusions = {}
    for path in (folder / "fusions").iterdir():
        names = json.loads((path / FUSION_FILES.config).read_text())["adapter_names"]
        sources = {name: adapters[name] for name in names}
        fusions[f"fusion-{path.name}"] = read_fusion(path, hub.backbone, sources=sources)
    return {**adapters, **fusions}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_hidden_states_are_adapterhubs(architecture: str) -> None:
    hub = HubFolder(architecture)
    parts, largest = read_parts(hub), {}
    expected = load_file(FIXTURES / architecture / "expected.safetensors")
    plain = {}
    for padding in ("right", "left"):
        with torch.no_grad():
            plain[padding] = hub.backbone(hub.batch(padding))
    for key, wanted in expected.items():
        name, depth, padding = key.split(".")
        batch = hub.batch(padding)
        with torch.no_grad():
            found = hub.backbone(batch, parts[name], int(depth))
        real = batch.token_mask
        largest[key] = (found - wanted)[real].abs().max().item()
        assert (wanted - plain[padding])[real].abs().max() > 0.01, f"{key} says nothing"
    _logger.info("%s: largest difference %.1e", architecture, max(largest.values()))
    assert not {key: value for key, value in largest.items() if not value <= TOLERANCE}


def test_no_two_variants_compute_the_same() -> None:
    """Otherwise one could stand for another unseen."""
    expected = load_file(FIXTURES / "bert" / "expected.safetensors")
    parts = read_parts(HubFolder("bert"))
    arrangements = {
        (part.config.placement, part.config.arrangement)
        for part in parts.values()
        if isinstance(part, Adapter) and part.config.arrangement != USUAL
    }
    names = {key.split(".")[0] for key in expected}
    assert len(arrangements) == len([name for name in names if not name.startswith("fusion")]) == 14
    kinds = {part.config for part in parts.values() if isinstance(part, Fusion)}
    assert len(kinds) == 7  # three change the sources, one is without effect


def write_all(target: Path, architecture: str, weights_format: WeightsFormat) -> None:
    """Read every variant of an architecture, and write it again."""
    hub = HubFolder(architecture)
    kwargs = {"backbone": hub.backbone, "weights_format": weights_format}
    for name, part in read_parts(hub).items():
        if isinstance(part, Adapter):
            write_adapter(target / "adapters" / name, part, name=name, **kwargs)
        else:
            write_fusion(target / "fusions" / name.removeprefix("fusion-"), part, **kwargs)


@pytest.mark.parametrize("weights_format", WeightsFormat)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tensors_and_settings_come_back(
    architecture: str, weights_format: WeightsFormat, tmp_path: Path
) -> None:
    write_all(tmp_path, architecture, weights_format)
    for kind, files in (("adapters", ADAPTER_FILES), ("fusions", FUSION_FILES)):
        for expected in (FIXTURES / architecture / kind).iterdir():
            assert_same(tmp_path / kind / expected.name, expected, files)


@pytest.mark.skipif(
    "ADAPTERHUB_PYTHON" not in os.environ, reason="ADAPTERHUB_PYTHON names no interpreter"
)
@pytest.mark.parametrize("weights_format", WeightsFormat)
def test_adapterhub_computes_the_same_with_what_was_written(
    weights_format: WeightsFormat, tmp_path: Path
) -> None:
    for architecture in ARCHITECTURES:
        write_all(tmp_path / architecture, architecture, weights_format)
    done = subprocess.run(
        [os.environ["ADAPTERHUB_PYTHON"], CHECK, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    identical = [line for line in done.stderr.splitlines() if "outputs identical" in line]
    assert identical == [
        "bert: 69 of 72 outputs identical",
        "distilbert: 69 of 72 outputs identical",
        "gpt2: 63 of 66 outputs identical",
    ]


def assert_same(found: Path, expected: Path, files: FileNames) -> None:
    ours, theirs = read_weights(found, files), read_weights(expected, files)
    assert_equal_tensors(ours, theirs)
    settings, wanted = read_json(found / files.config), read_json(expected / files.config)
    if expected.name == "value-late":  # where V is multiplied makes no difference
        wanted["config"]["value_before_softmax"] = True
    assert settings == wanted


def assert_equal_tensors(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
