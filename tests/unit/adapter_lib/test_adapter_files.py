import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind, Placement, Sharing
from adapter_lib.errors import AdapterFileError, ConfigurationError, WrongBaseError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.files import load_adapter, read_manifest, save_adapter
from adapter_lib.storage.manifest import ArtifactKind, parse, render
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]
TASK = {"name": "rte", "label_names": ["entailment", "not_entailment"]}
PROVENANCE = {"trial_id": "abc", "seed": 1, "score": 0.5, "lengths": (1, 2)}


def saved(folder: Path, model: AdapterModel) -> Path:
    save_adapter(folder, model, task=TASK, provenance=PROVENANCE)
    return folder


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    """Change the stored tensors and put the checksums right again."""
    weights = folder / "adapter.safetensors"
    state = load(weights.read_bytes())
    change(state)
    weights.write_bytes(save(state))
    manifest = read_as_is(folder)
    files = {weights.name: sha256(weights.read_bytes()).hexdigest()}
    (folder / "adapter.json").write_bytes(
        render(manifest.model_copy(update={"files": files}).sealed())
    )


def read_as_is(folder: Path) -> Any:
    path = folder / "adapter.json"
    return parse(path.read_bytes(), path)


CONFIGS = [
    AdapterConfig(4),
    AdapterConfig(4, placement=Placement.HOULSBY, drop_depth=2),
    AdapterConfig(4, sharing=Sharing.ALL_LAYERS, drop_depth=1),
    None,
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    "head", [HeadConfig(HeadKind.CLASSIFICATION, 3), HeadConfig(HeadKind.REGRESSION, 1, layers=1)]
)
def test_what_is_loaded_computes_the_same(
    make_model: ModelFactory,
    backbone: Backbone,
    batch: Batch,
    folder: Path,
    config: AdapterConfig | None,
    head: HeadConfig,
) -> None:
    model = make_model(config, head=head)
    written = save_adapter(folder, model, task=TASK, provenance=PROVENANCE)
    loaded = load_adapter(folder, backbone)
    assert torch.equal(loaded(batch), model(batch))
    assert not loaded.training
    assert read_manifest(folder) == written
    assert written.adapter == config
    assert written.kind is (ArtifactKind.HEAD if config is None else ArtifactKind.ADAPTER)
    assert written.task == TASK
    assert written.provenance == {**PROVENANCE, "lengths": [1, 2]}
    assert written.size_bytes == (folder / "adapter.safetensors").stat().st_size
    assert written.parameters == sum(t.numel() for t in model.trainable_state().values())
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]


def test_a_fusion_folder_is_self_contained(
    fusion_model: AdapterModel, backbone: Backbone, batch: Batch, folder: Path
) -> None:
    loaded = load_adapter(saved(folder, fusion_model), backbone)
    assert torch.equal(loaded(batch), fusion_model(batch))
    assert isinstance(loaded.adapter, Fusion)
    assert loaded.adapter.source_names == ("rte", "sst-2.v1", "keys")
    assert {n for n, _ in loaded.named_parameters()} == {
        n for n, _ in fusion_model.named_parameters()
    }
    assert loaded.trainable_state().keys() == fusion_model.trainable_state().keys()


def test_a_pruned_fusion_stores_only_what_is_left(
    fusion_model: AdapterModel, backbone: Backbone, batch: Batch, folder: Path
) -> None:
    assert isinstance(fusion_model.adapter, Fusion)
    keep = {0: ["rte"], 1: ["sst-2.v1"], 2: ["sst-2.v1"], 3: ["rte"]}
    pruned = AdapterModel(backbone, fusion_model.head, fusion_model.adapter.pruned(keep))
    loaded = load_adapter(saved(folder, pruned), backbone)
    assert torch.equal(loaded(batch), pruned(batch))
    manifest = read_manifest(folder)
    assert manifest.fusion is not None
    assert list(manifest.fusion.sources) == ["rte", "sst-2.v1"]
    stored = load((folder / "adapter.safetensors").read_bytes())
    held = {name.rsplit(".", 2)[0] for name in stored if "sources" in name}
    assert held == {
        "adapter.sources.0.feed_forward.0",
        "adapter.sources.0.feed_forward.3",
        "adapter.sources.1.feed_forward.1",
        "adapter.sources.1.feed_forward.2",
    }


def test_shared_weights_are_stored_once_and_stay_shared(
    make_model: ModelFactory, backbone: Backbone, folder: Path
) -> None:
    config = AdapterConfig(4, sharing=Sharing.ALL_LAYERS, drop_depth=1)
    saved(folder, make_model(config))
    stored = load((folder / "adapter.safetensors").read_bytes())
    adapter_numbers = sum(t.numel() for name, t in stored.items() if name.startswith("adapter."))
    assert adapter_numbers == config.parameter_count(layers=4, hidden_size=16)
    loaded = load_adapter(folder, backbone).adapter
    assert isinstance(loaded, Adapter)
    assert loaded.bottleneck(1) is loaded.bottleneck(3)


def test_any_changed_byte_of_the_manifest_is_refused(
    fusion_model: AdapterModel, folder: Path
) -> None:
    path = saved(folder, fusion_model) / "adapter.json"
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= (1, 32)[position % 2]  # 32 turns letters' case, a space into NUL
        with pytest.raises(AdapterFileError, match=r"adapter\.json"):
            parse(bytes(damaged), path)
    path.write_bytes(content.replace(b"\n", b" ", 1))
    with pytest.raises(AdapterFileError, match=r"adapter\.json was changed"):
        read_manifest(folder)


def test_any_changed_byte_of_the_weights_is_refused(
    make_model: ModelFactory, backbone: Backbone, folder: Path
) -> None:
    path = saved(folder, make_model(AdapterConfig(2))) / "adapter.safetensors"
    content = path.read_bytes()
    positions = {0, 7, 8, len(content) // 2, len(content) - 1, *range(0, len(content), 97)}
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(AdapterFileError, match=r"adapter\.safetensors is damaged"):
            load_adapter(folder, backbone)
    for wrong in (content[:-1], content + b"\0", b""):
        path.write_bytes(wrong)
        with pytest.raises(AdapterFileError, match=r"adapter\.safetensors is damaged"):
            read_manifest(folder)


@pytest.mark.parametrize("name", ["adapter.json", "adapter.safetensors"])
def test_a_missing_file_is_named(make_model: ModelFactory, folder: Path, name: str) -> None:
    (saved(folder, make_model(None)) / name).unlink()
    with pytest.raises(AdapterFileError, match=name):
        read_manifest(folder)


def test_another_format_version_says_so(make_model: ModelFactory, folder: Path) -> None:
    path = saved(folder, make_model(None)) / "adapter.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "format_version": 2}))
    with pytest.raises(AdapterFileError, match="expected format version 1, found 2"):
        read_manifest(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b'{"format_version": 1}', b"\xff"])
def test_what_is_no_manifest_is_refused(
    make_model: ModelFactory, folder: Path, content: bytes
) -> None:
    (saved(folder, make_model(None)) / "adapter.json").write_bytes(content)
    with pytest.raises(AdapterFileError, match=r"adapter\.json"):
        read_manifest(folder)


def drop_key(state: dict[str, Tensor]) -> None:
    del state["adapter.feed_forward.2.up.bias"]


def add_key(state: dict[str, Tensor]) -> None:
    state["adapter.feed_forward.9.up.bias"] = torch.zeros(16)


def reshape(state: dict[str, Tensor]) -> None:
    state["head.output.bias"] = torch.zeros(4)


def retype(state: dict[str, Tensor]) -> None:
    state["head.output.bias"] = state["head.output.bias"].double()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_key, r"missing adapter\.feed_forward\.2\.up\.bias"),
        (add_key, r"left over adapter\.feed_forward\.9\.up\.bias"),
        (reshape, r"head\.output\.bias has shape \(4,\) instead of \(3,\)"),
        (retype, r"head\.output\.bias is torch\.float64 instead of torch\.float32"),
    ],
)
def test_keys_shapes_and_types_must_be_those_of_the_configuration(
    make_model: ModelFactory,
    backbone: Backbone,
    folder: Path,
    change: Callable[[Mapping[str, Tensor]], None],
    message: str,
) -> None:
    rewrite(saved(folder, make_model(AdapterConfig(4))), change)
    read_manifest(folder)  # the files themselves are as their checksums say
    with pytest.raises(AdapterFileError, match=message):
        load_adapter(folder, backbone)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"seed": 4}, "weights_sha256"),
        ({"layers": 5}, "layers 4 expected, 5 found"),
        ({"hidden_size": 32}, "hidden_size 16 expected, 32 found"),
    ],
)
def test_a_wrong_base_is_refused(
    make_model: ModelFactory,
    make_transformer: Callable[..., Any],
    folder: Path,
    sizes: dict[str, int],
    message: str,
) -> None:
    other = Backbone.from_model(make_transformer(**sizes), name="other")
    with pytest.raises(WrongBaseError, match=f"'tiny', not to 'other': .*{message}"):
        load_adapter(saved(folder, make_model(AdapterConfig(4))), other)


def test_the_name_of_a_base_does_not_matter(
    make_model: ModelFactory, make_transformer: Callable[..., Any], batch: Batch, folder: Path
) -> None:
    model = make_model(AdapterConfig(4))
    copy = Backbone.from_model(make_transformer(), name="the same, downloaded elsewhere")
    assert torch.equal(load_adapter(saved(folder, model), copy)(batch), model(batch))


def test_a_trained_base_can_neither_be_saved_nor_loaded_onto(
    make_model: ModelFactory, backbone: Backbone, folder: Path
) -> None:
    model = make_model(AdapterConfig(4))
    saved(folder, model)
    backbone.unfreeze()
    with pytest.raises(WrongBaseError, match="being trained"):
        load_adapter(folder, backbone)
    with pytest.raises(ConfigurationError, match="frozen base"):
        saved(folder, model)


def test_loading_leaves_the_global_generator_alone(
    fusion_model: AdapterModel, backbone: Backbone, folder: Path
) -> None:
    saved(folder, fusion_model)
    before = torch.get_rng_state()
    load_adapter(folder, backbone)
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_again_replaces_the_folder(
    make_model: ModelFactory, backbone: Backbone, batch: Batch, folder: Path
) -> None:
    saved(folder, make_model(AdapterConfig(4)))
    (folder / "stray").touch()
    second = make_model(AdapterConfig(2), seed=1)
    assert torch.equal(load_adapter(saved(folder, second), backbone)(batch), second(batch))
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter.json",
        "adapter.safetensors",
    ]


def test_the_same_model_gives_the_same_bytes(make_model: ModelFactory, tmp_path: Path) -> None:
    one, two = (saved(tmp_path / name, make_model(AdapterConfig(4))) for name in "ab")
    for name in ("adapter.json", "adapter.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_failed_save_leaves_the_old_adapter(
    make_model: ModelFactory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(folder, make_model(AdapterConfig(4)))
    before = read_manifest(folder)
    rename = Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(OSError, match="disk full"):
        saved(folder, make_model(AdapterConfig(2)))
    assert read_manifest(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_only_plain_json_goes_into_the_manifest(
    make_model: ModelFactory, folder: Path, value: object
) -> None:
    with pytest.raises(AdapterFileError, match="provenance must hold plain JSON"):
        save_adapter(folder, make_model(None), task={}, provenance={"value": value})
    assert not folder.exists()


def test_only_float32_is_stored(make_model: ModelFactory, folder: Path) -> None:
    with pytest.raises(AdapterFileError, match="float32"):
        saved(folder, make_model(AdapterConfig(4)).double())


@pytest.mark.parametrize("sharing", Sharing)
def test_an_adapter_in_any_layers_comes_back(
    make_model: ModelFactory, backbone: Backbone, batch: Batch, folder: Path, sharing: Sharing
) -> None:
    """One restricted to them is one that leaves out the others, whatever the depth of a call."""
    groups = {"group_layers": 3} if sharing is Sharing.GROUPS else {}
    model = make_model(AdapterConfig(4, sharing=sharing, trained_norm=True, **groups))
    assert isinstance(model.adapter, Adapter)
    partial = AdapterModel(backbone, model.head, model.adapter.restricted_to([1, 3]))
    manifest = read_manifest(saved(folder, partial))
    assert manifest.adapter == replace(model.adapter.config, drop_depth=1, leave_out=(2,))
    assert manifest.adapter.parameter_count(layers=4, hidden_size=16) == sum(
        p.numel() for p in partial.adapter.parameters()
    )
    back = load_adapter(folder, backbone)
    assert back.adapter.kept_layers == (1, 3)
    for depth in range(5):
        assert torch.equal(back(batch, drop_depth=depth), partial(batch, drop_depth=depth))
    assert not torch.equal(back(batch), model(batch))
    assert torch.equal(back(batch, drop_depth=2), back(batch, drop_depth=3))
