"""Heads of every kind that AdapterHub saved give its outputs here, and go back unchanged.

`adapterhub/build_head_fixtures.py` wrote them.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from adapter_lib.config.configuration import HeadConfig, HeadKind
from adapter_lib.errors import AdapterFileError
from adapter_lib.model import AdapterModel
from adapter_lib.storage.adapterhub.folders import WeightsFormat
from adapter_lib.storage.adapterhub.reading import read_head
from adapter_lib.storage.adapterhub.writing import write_head
from adapter_lib.transformer.backbone import Backbone, Batch

FIXTURES = Path(__file__).parent / "adapterhub" / "head_fixtures"
HEADS = [folder for base in sorted(FIXTURES.iterdir()) for folder in (base / "heads").iterdir()]
CONFIGS = {
    "choice": HeadConfig(HeadKind.MULTIPLE_CHOICE, 2),
    "pooled-choice": HeadConfig(HeadKind.MULTIPLE_CHOICE, 2, use_pooler=True),
    "by-pooler": HeadConfig(HeadKind.CLASSIFICATION, 3, layers=1, use_pooler=True),
    "tags": HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 3, layers=1),
    "deep-tags": HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 4),
    "span": HeadConfig(HeadKind.SPAN, 2, layers=1),
    "words": HeadConfig(HeadKind.MASKED_LM, 30, dropout=0.0),
}


def base_of(folder: Path) -> Backbone:
    architecture = folder.parents[1]
    return Backbone.from_folder(architecture / "base", name=f"tiny-{architecture.name}")


def stored(folder: Path) -> dict[str, Tensor]:
    safetensors = folder / "model_head.safetensors"
    if safetensors.exists():
        return load_file(safetensors)
    found: dict[str, Tensor] = torch.load(folder / "pytorch_model_head.bin", weights_only=True)
    return found


def test_every_kind_is_here_over_every_base() -> None:
    names = {
        base.name: {head.name for head in (base / "heads").iterdir()} for base in FIXTURES.iterdir()
    }
    unpooled = {name for name in CONFIGS if "pool" not in name}
    assert names == {"bert": set(CONFIGS), "roberta": set(CONFIGS), "electra": unpooled}


@pytest.mark.parametrize("folder", HEADS, ids=lambda f: f"{f.parents[1].name}-{f.name}")
def test_heads_give_adapterhubs_outputs(folder: Path) -> None:
    backbone = base_of(folder)
    inputs = load_file(folder.parents[1] / "inputs.safetensors")
    expected = load_file(folder.parents[1] / "expected.safetensors")[folder.name]
    head = read_head(folder, backbone).head
    assert head.config == CONFIGS[folder.name]
    batch = Batch(inputs["input_ids"], inputs["attention_mask"])
    with torch.no_grad():
        found = AdapterModel(backbone, head)(batch)
    real = batch.token_mask if found.ndim == 3 else ...
    torch.testing.assert_close(found[real], expected[real], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weights_format", WeightsFormat)
@pytest.mark.parametrize("folder", HEADS, ids=lambda f: f"{f.parents[1].name}-{f.name}")
def test_heads_go_back_as_they_came(
    folder: Path, tmp_path: Path, weights_format: WeightsFormat
) -> None:
    backbone = base_of(folder)
    read = read_head(folder, backbone)
    write_head(
        tmp_path,
        read.head,
        name=read.name,
        backbone=backbone,
        labels=read.labels,
        weights_format=weights_format,
    )
    written, given = stored(tmp_path), stored(folder)
    assert written.keys() == given.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in given.items())
    config = "head_config.json"
    found, expected = (json.loads((place / config).read_text()) for place in (tmp_path, folder))
    assert found == expected


def test_an_untied_decoder_is_refused(tmp_path: Path) -> None:
    folder = FIXTURES / "electra" / "heads" / "words"
    backbone = base_of(folder)
    write_head(tmp_path, read_head(folder, backbone).head, name="words", backbone=backbone)
    path = tmp_path / "model_head.safetensors"
    state = load_file(path)
    changed = {**state, "heads.words.3.weight": state["heads.words.3.weight"] + 1e-3}
    save_file(changed, path)
    with pytest.raises(AdapterFileError, match=r"heads\.words\.3\.weight .*found another"):
        read_head(tmp_path, backbone)
    del state["heads.words.3.weight"]
    save_file(state, path)
    with pytest.raises(AdapterFileError, match=r"heads\.words\.3\.weight .*found none"):
        read_head(tmp_path, backbone)
