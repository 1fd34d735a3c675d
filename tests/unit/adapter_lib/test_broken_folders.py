"""Adapter folders that are damaged or hostile, ours and AdapterHub's: each ends in this package's
error with the file's name, or is still what it was. Nothing is run, nothing hangs, and no memory
is taken because a configuration says so.
"""

import json
import os
import shutil
import struct
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, HeadConfig, HeadKind
from adapter_lib.errors import AdapterFileError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.storage.adapterhub.folders import WeightsFormat
from adapter_lib.storage.adapterhub.reading import read_adapter, read_fusion, read_head, read_setup
from adapter_lib.storage.adapterhub.writing import write_setup
from adapter_lib.storage.files import load_adapter, read_manifest, save_adapter
from adapter_lib.transformer.backbone import Backbone

SOME = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Reader = Callable[[Path], object]


@cache
def base() -> Backbone:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    return Backbone.from_model(BertModel(config, add_pooling_layer=False), name="tiny")


def make_adapter(config: AdapterConfig | None = None) -> Adapter:
    return Adapter(config or AdapterConfig(2), layers=3, hidden_size=8)


def make_models() -> dict[str, AdapterModel]:
    head = Head(HeadConfig(HeadKind.CLASSIFICATION, 2), hidden_size=8)
    sources = {"a": make_adapter(), "b": make_adapter(AdapterConfig(3, leave_out=(1,)))}
    fusion = Fusion(FusionConfig(), sources, layers=3, hidden_size=8)
    own = AdapterConfig(2, placement="houlsby", layer_sizes=(1, 2, 3), trained_norm=True)  # type: ignore[arg-type]
    return {
        "adapter": AdapterModel(base(), head, make_adapter(own)),
        "fusion": AdapterModel(base(), head, fusion),
        "head": AdapterModel(base(), head),
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole folders: `ours/KIND`, and set-ups of AdapterHub's as `theirs/FORMAT`."""
    folder, models = tmp_path_factory.mktemp("folders"), make_models()
    for kind, model in models.items():
        save_adapter(folder / "ours" / kind, model, task={"labels": ["x", "y"]}, provenance={})
    for weights_format in WeightsFormat:
        write_setup(
            folder / "theirs" / weights_format.value,
            models["fusion"],
            name="a",
            labels=["x", "y"],
            weights_format=weights_format,
        )
    return folder


def read_parts(folder: Path) -> None:
    """Read each part of a set-up alone, as far as the others let it."""
    sources = {name: read_adapter(folder / name, base()).adapter for name in ("a", "b")}
    read_fusion(folder / "a,b", base(), sources=sources)
    read_head(folder / "a", base())


def read_ours(folder: Path) -> None:
    read_manifest(folder)
    load_adapter(folder, base())


def ends_well(read: Reader, folder: Path) -> bool:
    """Say whether it is read; it may otherwise be refused, with the name of what is broken."""
    refusal = None
    try:
        read(folder)
    except AdapterFileError as error:
        refusal = str(error)
    assert refusal is None or (str(folder) in refusal and len(refusal) < 5000), refusal
    return refusal is None


# Values for JSON that nobody expects; huge ones as they are written.
ODD = [
    *(None, True, False, -1, 0, 1, 2, 3.5, 1e308, 10**30, 1 << 31, 1 << 62, "", "x", "../../etc"),
    *("/etc/passwd", "a\x00b", "\ud800", [], [[]], {}, {"": {}}, [1, "a", None], list(range(9))),
    *(float("nan"), float("inf"), float("-inf"), "all_layers", "houlsby", -0.0, 0.1),
]
odd = st.sampled_from(ODD)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything inside of JSON."""
    if not isinstance(value, dict | list):
        return [path]
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(way for key, each in inside for way in places(each, (*path, key)))]


def put(content: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    content = deepcopy(content)
    inside = content
    for key in way[:-1]:
        inside = inside[key]
    inside[way[-1]] = deepcopy(value)
    return content


def sealed(content: Any) -> bytes:
    """Return a manifest's bytes with a digest that is right, where it can have one."""

    def render() -> bytes:
        return (json.dumps(content, indent=2) + "\n").encode()

    if isinstance(content, dict) and "digest" in content:
        content["digest"] = ""
        content["digest"] = sha256(render()).hexdigest()
    return render()


def break_file(path: Path, how: str, draw: Random, value: Any) -> None:
    """Break a file: as bytes, or what its JSON or header says."""
    content = path.read_bytes()
    at = draw.randrange(len(content) + 1)
    match how:
        case "cut":
            path.write_bytes(content[:at])
        case "garbage":
            path.write_bytes(draw.randbytes(draw.randrange(300)))
        case "flip":
            at = min(at, len(content) - 1)
            flipped = content[at] ^ (1 << draw.randrange(8))
            path.write_bytes(content[:at] + bytes([flipped]) + content[at + 1 :])
        case "double":
            path.write_bytes(content + content)
        case "gone":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case "nested":
            path.write_bytes(b'{"config": ' * 100_000)
        case "encoding":
            path.write_bytes(content.decode("latin-1").encode(draw.choice(["utf-16", "utf-32"])))
        case "value" | "sealed" if path.suffix == ".json":
            fields = json.loads(content)
            changed = put(fields, draw.choice(places(fields)), value)
            path.write_bytes(sealed(changed) if how == "sealed" else json.dumps(changed).encode())
        case "value" | "sealed" if path.suffix == ".safetensors":
            size = struct.unpack("<Q", content[:8])[0]
            header = json.loads(content[8 : 8 + size])
            changed = put(header, draw.choice(places(header)), value)
            text = json.dumps(changed).encode()
            path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])
        case _:
            state = torch.load(path, weights_only=True)
            name = draw.choice(sorted(state))
            tensors: list[Any] = [
                torch.zeros(()),
                state[name].double(),
                state[name].to_sparse(),
                state[name].flatten(),
                torch.zeros(1).expand(1 << 40),
                torch.zeros(2, dtype=torch.complex64),
                value,
            ]
            torch.save(state | {draw.choice([name, "x", 3]): draw.choice(tensors)}, path)


HOW = [
    *("cut", "garbage", "flip", "double", "gone", "folder", "pipe", "nested", "encoding"),
    *("value", "sealed"),
]


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@SOME
@given(
    how=st.sampled_from([*HOW, "value", "sealed", "value", "sealed"]),
    draw=st.randoms(use_true_random=False),
    value=odd,
)
@pytest.mark.parametrize("kind", ["adapter", "fusion", "head"])
def test_ours(
    folders: Path, tmp_path: Path, kind: str, how: str, draw: Random, value: object
) -> None:
    folder = tmp_path / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(folders / "ours" / kind, folder)
    path = draw.choice(files_in(folder))
    before = path.read_bytes()
    break_file(path, how, draw, value)
    well = ends_well(read_ours, folder)
    if well and how != "sealed":
        assert path.read_bytes() == before


@SOME
@given(
    how=st.sampled_from([*HOW, "value", "value", "value"]),
    draw=st.randoms(use_true_random=False),
    value=odd,
)
@pytest.mark.parametrize("read", [read_parts, lambda folder: read_setup(folder, base())])
@pytest.mark.parametrize("weights_format", [each.value for each in WeightsFormat])
def test_theirs(
    folders: Path,
    tmp_path: Path,
    weights_format: str,
    read: Reader,
    how: str,
    draw: Random,
    value: object,
) -> None:
    """A value may still be read where it is without effect, such as the name of a model."""
    folder = tmp_path / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(folders / "theirs" / weights_format, folder)
    break_file(draw.choice(files_in(folder)), how, draw, value)
    ends_well(read, folder)


def change(path: Path, **fields: Any) -> None:
    content = json.loads(path.read_text())
    content["config"] |= fields
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("factor", [1e-8, 1e-300, {"default": 1e-8}, {"0": 1e-8, "default": 4}])
def test_a_size_is_not_believed(folders: Path, tmp_path: Path, factor: object) -> None:
    """It would take terabytes."""
    shutil.copytree(folders / "theirs" / "torch" / "a", tmp_path / "a")
    change(tmp_path / "a" / "adapter_config.json", reduction_factor=factor)
    with pytest.raises(AdapterFileError, match=r"adapter_config\.json"):
        read_adapter(tmp_path / "a", base())


def test_a_number_of_labels_is_not_believed(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "theirs" / "torch" / "a", tmp_path / "a")
    for labels in (10**9, 10**30):
        change(tmp_path / "a" / "head_config.json", num_labels=labels, label2id=None)
        with pytest.raises(AdapterFileError, match=r"head_config\.json"):
            read_head(tmp_path / "a", base())


def test_sizes_in_a_manifest_are_not_believed(folders: Path, tmp_path: Path) -> None:
    for kind, way in (
        ("adapter", ("adapter", "layer_sizes", 0)),
        ("fusion", ("fusion", "sources", "a", "bottleneck_size")),
        ("head", ("head", "labels")),
    ):
        shutil.copytree(folders / "ours" / kind, tmp_path / kind)
        path = tmp_path / kind / "adapter.json"
        path.write_bytes(sealed(put(json.loads(path.read_text()), way, (1 << 31) - 1)))
        with pytest.raises(AdapterFileError, match=r"describes \d+ numbers"):
            load_adapter(tmp_path / kind, base())


@pytest.mark.parametrize("name", ["../a", "/etc", "a/b", "..", "", "a\x00", "a.b"])
def test_names_lead_nowhere_else(folders: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "setup"
    shutil.copytree(folders / "theirs" / "torch", folder)
    path = folder / "adapter_setup.json"
    content = json.loads(path.read_text())
    for way in (("head_setup",), ("adapter_setup", "children", 0, "children", 0)):
        path.write_text(json.dumps(put(content, way, name)))
        with pytest.raises(AdapterFileError, match=r"adapter_setup\.json"):
            read_setup(folder, base())


def test_a_name_that_occurs_twice_is_refused(folders: Path, tmp_path: Path) -> None:
    """Readers differ in which of them they take."""
    shutil.copytree(folders / "theirs" / "torch" / "a", tmp_path / "a")
    path = tmp_path / "a" / "adapter_config.json"
    path.write_text(path.read_text().replace('"scaling": 1.0', '"scaling": 4.0, "scaling": 1.0'))
    with pytest.raises(AdapterFileError, match="occurs twice"):
        read_adapter(tmp_path / "a", base())


def test_a_tensor_under_two_names_is_refused(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "theirs" / "safetensors" / "a", tmp_path / "a")
    path = tmp_path / "a" / "adapter.safetensors"
    state = load_file(path)
    key = "bert.encoder.layer.0.output.adapters.a.adapter_up.bias"
    save_file(state | {key.removeprefix("bert."): state[key] + 1}, path)
    with pytest.raises(AdapterFileError, match="once"):
        read_adapter(tmp_path / "a", base())
