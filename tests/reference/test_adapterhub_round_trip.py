"""AdapterHub's files come back from this library as they were, tensor for tensor.

What was written is also loaded in AdapterHub if ADAPTERHUB_PYTHON names the interpreter of the
environment that `adapterhub/build_fixtures.py` describes.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from adapterhub_fixtures import ARCHITECTURES, FIXTURES, HubFolder

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
from adapter_lib.storage.adapterhub.reading import SETUP_FILE, read_adapter, read_head, read_setup
from adapter_lib.storage.adapterhub.writing import (
    write_adapter,
    write_fusion,
    write_head,
    write_setup,
)


def write_all(target: Path, hub: HubFolder, weights_format: WeightsFormat) -> None:
    """Read everything in a folder of the fixtures, and write it again."""
    kwargs = {"backbone": hub.backbone, "weights_format": weights_format}
    for folder in (hub.path / "adapters").iterdir():
        found = read_adapter(folder, hub.backbone)
        write_adapter(target / "adapters" / folder.name, found.adapter, name=found.name, **kwargs)
        if (folder / HEAD_FILES.config).exists():
            head = read_head(folder, hub.backbone)
            write_head(
                target / "adapters" / folder.name,
                head.head,
                name=head.name,
                labels=head.labels,
                **kwargs,
            )
    for folder in (hub.path / "fusions").iterdir():
        fusion = hub.part(folder.name.split(","))
        assert isinstance(fusion, Fusion)
        write_fusion(target / "fusions" / folder.name, fusion, **kwargs)
    if (hub.path / "setup").exists():
        setup = read_setup(hub.path / "setup", hub.backbone)
        write_setup(
            target / "setup",
            setup.model,
            name=setup.head_name,
            labels=setup.labels,
            weights_format=weights_format,
        )


def assert_same(found: Path, expected: Path, files: FileNames) -> None:
    ours, theirs = read_weights(found, files), read_weights(expected, files)
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
    assert read_json(found / files.config) == read_json(expected / files.config)


@pytest.mark.parametrize("weights_format", WeightsFormat)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tensors_and_settings_are_identical(
    architecture: str, weights_format: WeightsFormat, tmp_path: Path
) -> None:
    hub = HubFolder(architecture)
    write_all(tmp_path, hub, weights_format)
    compared = 0
    for files in (ADAPTER_FILES, HEAD_FILES, FUSION_FILES):
        for config in (FIXTURES / architecture).rglob(files.config):
            if "training" in config.parts:
                continue
            folder = config.parent
            assert_same(tmp_path / folder.relative_to(hub.path), folder, files)
            written = tmp_path / folder.relative_to(hub.path)
            assert (written / files.torch).exists() is (weights_format is WeightsFormat.TORCH)
            compared += 1
    assert compared >= 22
    if architecture == "bert":
        assert read_json(tmp_path / "setup" / SETUP_FILE) == read_json(
            hub.path / "setup" / SETUP_FILE
        )


def test_a_setup_computes_what_its_parts_compute() -> None:
    hub = HubFolder("bert")
    setup = read_setup(hub.path / "setup", hub.backbone)
    assert (setup.name, setup.head_name) == ("s0,s1", "s0")
    assert setup.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    with torch.no_grad():
        logits = setup.model(hub.batch("right"), drop_depth=1)
    expected = hub.expected["fusion2.1.right.logits"]
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@pytest.mark.skipif(
    "ADAPTERHUB_PYTHON" not in os.environ, reason="ADAPTERHUB_PYTHON names no interpreter"
)
@pytest.mark.parametrize("weights_format", WeightsFormat)
def test_adapterhub_computes_the_same_with_what_was_written(
    weights_format: WeightsFormat, tmp_path: Path
) -> None:
    for architecture in ARCHITECTURES:
        write_all(tmp_path / architecture, HubFolder(architecture), weights_format)
    script = FIXTURES.parent / "check_written.py"
    done = subprocess.run(
        [os.environ["ADAPTERHUB_PYTHON"], script, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("largest difference 0.0e+00") == len(ARCHITECTURES)


def test_the_versions_compared_with_are_those_named() -> None:
    versions = json.loads((FIXTURES / "versions.json").read_text())
    assert versions == {"adapters": "1.3.0", "transformers": "4.57.6"}
