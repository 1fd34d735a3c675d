"""docs/adapter-format.md: every requirement on readers, by its number, and the golden files."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from build_golden import GOLDEN, HIDDEN, LAYERS, golden_batch, make_models, write_golden
from safetensors.torch import load, save
from transformers import BertConfig, BertModel

from adapter_lib.errors import AdapterFileError, WrongBaseError
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.storage.files import load_adapter, read_manifest
from adapter_lib.transformer.backbone import Backbone

PAGE = Path(__file__).parents[2] / "docs" / "adapter-format.md"
CASES = sorted(folder.name for folder in (GOLDEN / "format-1").iterdir())
Fields = dict[str, Any]


@pytest.fixture
def base() -> Backbone:
    backbone = Backbone.from_folder(GOLDEN / "base", name="golden-base")
    backbone.counts_padding = True  # the golden outputs do
    return backbone


@pytest.fixture
def golden(tmp_path: Path) -> Callable[[str], Path]:
    """Copy a golden folder."""
    return lambda case: copytree(GOLDEN / "format-1" / case, tmp_path / case)


def seal(fields: Fields) -> bytes:
    """Return the one spelling of a manifest, written from the page and not with the library."""
    empty = json.dumps({**fields, "digest": ""}, indent=2) + "\n"
    return empty.replace(
        '"digest": ""', f'"digest": "{sha256(empty.encode()).hexdigest()}"'
    ).encode()


def change(folder: Path, edit: Callable[[Fields], object]) -> Path:
    """Edit the manifest and seal it again."""
    path = folder / "adapter.json"
    fields = json.loads(path.read_bytes())
    edit(fields)
    path.write_bytes(seal(fields))
    return folder


def reweigh(folder: Path, content: bytes) -> Path:
    """Replace the weights and name their hash."""
    (folder / "adapter.safetensors").write_bytes(content)
    files = {"adapter.safetensors": sha256(content).hexdigest()}
    return change(folder, lambda fields: fields.update(files=files))


def test_the_generator_writes_the_golden_files_byte_for_byte(tmp_path: Path) -> None:
    write_golden(tmp_path)
    written = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(GOLDEN): path for path in GOLDEN.rglob("*") if path.is_file()}
    assert set(written) == set(kept)
    for name, path in kept.items():
        if name.name != "outputs.json":
            assert written[name].read_bytes() == path.read_bytes(), name


def test_every_kind_of_folder_is_golden(base: Backbone) -> None:
    assert sorted(make_models(base)) == CASES
    manifests = [read_manifest(GOLDEN / "format-1" / case) for case in CASES]
    assert {manifest.kind for manifest in manifests} == {"adapter", "fusion", "head"}


@pytest.mark.parametrize("case", CASES)
def test_l15_golden_files_give_their_outputs(base: Backbone, case: str) -> None:
    expected = json.loads((GOLDEN / "outputs.json").read_text())[case]
    model = load_adapter(GOLDEN / "format-1" / case, base)
    for depth, logits in expected.items():
        with torch.no_grad():
            found = model(golden_batch(), drop_depth=int(depth))
        torch.testing.assert_close(found, torch.tensor(logits), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_page_describes_the_bytes(case: str) -> None:
    content = (GOLDEN / "format-1" / case / "adapter.json").read_bytes()
    fields = json.loads(content)
    assert seal(fields) == content
    weights = (GOLDEN / "format-1" / case / "adapter.safetensors").read_bytes()
    tensors = load(weights)
    assert fields["size_bytes"] == len(weights)
    assert fields["parameters"] == sum(tensor.numel() for tensor in tensors.values())
    page = PAGE.read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(fields) | set(fields["head"]) | set(fields["adapter"] or {}) <= set(rows)
    for name in tensors:
        pattern = re.sub(
            r"\.(\d+|shared|group\d+)\.", ".#.", re.sub(r"sources\.\d+", "sources.n", name)
        )
        head, _, _ = pattern.partition("#")
        assert head.removesuffix(".weight").removesuffix(".bias") in page, name


@pytest.mark.parametrize("name", ["adapter.json", "adapter.safetensors"])
def test_l1_a_missing_file(golden: Callable[[str], Path], base: Backbone, name: str) -> None:
    folder = golden("pfeiffer")
    (folder / name).unlink()
    with pytest.raises(AdapterFileError, match=f"cannot read .*{name}"):
        load_adapter(folder, base)


def test_l2_another_version(golden: Callable[[str], Path], base: Backbone) -> None:
    folder = change(golden("pfeiffer"), lambda fields: fields.update(format_version=2))
    with pytest.raises(AdapterFileError, match="expected format version 1, found 2"):
        load_adapter(folder, base)


ARRANGEMENT = {
    "reads": None,
    "residual": "projection",
    "norm_before": False,
    "norm_after": "none",
    "base_norm_after": True,
}
EDITS: dict[str, Callable[[Fields], object]] = {
    "a missing field": lambda fields: fields.pop("provenance"),
    "an unknown field": lambda fields: fields.update(tomorrow=1),
    "an unknown field of the base": lambda fields: fields["base"].update(tomorrow=1),
    "an unknown field of the head": lambda fields: fields["head"].update(tomorrow=1),
    "an unknown field of the adapter": lambda fields: fields["adapter"].update(tomorrow=1),
    "a missing field of the adapter": lambda fields: fields["adapter"].pop("placement"),
    "an unknown placement": lambda fields: fields["adapter"].update(placement="elsewhere"),
    "an unknown sharing": lambda fields: fields["adapter"].update(sharing="some"),
    "an unknown non-linearity": lambda fields: fields["adapter"].update(non_linearity="step"),
    "an unknown initialisation": lambda fields: fields["adapter"].update(initialisation="luck"),
    "an unknown head": lambda fields: fields["head"].update(kind="oracle"),
    "an unknown kind": lambda fields: fields.update(kind="prompt"),
    "no bottleneck": lambda fields: fields["adapter"].update(bottleneck_size=0),
    "a head of three layers": lambda fields: fields["head"].update(layers=3),
    "half a unit": lambda fields: fields["adapter"].update(bottleneck_size=2.5),
    "a size in words": lambda fields: fields["adapter"].update(layer_sizes=["two", 2, 2]),
    "an unknown arrangement": lambda fields: fields["adapter"].update(
        arrangement=ARRANGEMENT | {"residual": "luck"}
    ),
    "an incomplete arrangement": lambda fields: fields["adapter"].update(arrangement={}),
    "an unknown field of an arrangement": lambda fields: fields["adapter"].update(
        arrangement=ARRANGEMENT | {"tomorrow": 1}
    ),
    "an arrangement of another placement": lambda fields: fields["adapter"].update(
        arrangement=ARRANGEMENT | {"reads": "residual"}
    ),
    "a number for a norm": lambda fields: fields["adapter"].update(
        arrangement=ARRANGEMENT | {"norm_before": 1}
    ),
    "a number for a truth": lambda fields: fields["adapter"].update(trained_norm=1),
    "a dropout in words": lambda fields: fields["head"].update(dropout="some"),
    "a dropout of everything": lambda fields: fields["head"].update(dropout=1.0),
    "layers in words": lambda fields: fields["base"].update(layers="3"),
    "a size of the file in words": lambda fields: fields.update(size_bytes="small"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_l3_fields_and_values(
    golden: Callable[[str], Path], base: Backbone, edit: Callable[[Fields], object]
) -> None:
    folder = change(golden("pfeiffer"), edit)
    with pytest.raises(AdapterFileError, match=r"adapter\.json is damaged or no adapter manifest"):
        load_adapter(folder, base)


FUSION_EDITS: dict[str, Callable[[Fields], object]] = {
    "an unknown field": lambda fusion: fusion["config"].update(tomorrow=1),
    "a dropout of everything": lambda fusion: fusion["config"].update(dropout=1),
    "a depth below all": lambda fusion: fusion["config"].update(drop_depth=-1),
    "nothing learned": lambda fusion: fusion["config"].update(query=False, key=False, value=False),
    "a layer in words": lambda fusion: fusion["kept"].update(first=["rte"]),
    "a number for a name": lambda fusion: fusion["kept"].update({"0": [1]}),
}


@pytest.mark.parametrize("edit", FUSION_EDITS.values(), ids=FUSION_EDITS)
def test_l3_fields_and_values_of_a_fusion(
    golden: Callable[[str], Path], base: Backbone, edit: Callable[[Fields], object]
) -> None:
    folder = change(golden("fusion"), lambda fields: edit(fields["fusion"]))
    with pytest.raises(AdapterFileError, match=r"adapter\.json is damaged or no adapter manifest"):
        load_adapter(folder, base)


def test_l3_says_where_what_is_expected_and_what_was_found(golden: Callable[[str], Path]) -> None:
    """Also inside of a fusion's sources, which are configurations of their own."""
    folder = golden("fusion")
    change(folder, lambda fields: fields["fusion"]["sources"]["rte"].update(bottleneck_size=2.5))
    words = r"\(fusion\.sources\.rte: .*bottleneck_size must be a whole number, found 2\.5"
    with pytest.raises(AdapterFileError, match=words):
        read_manifest(folder)


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "a changed value": lambda content: content.replace(b'"pfeiffer"\n', b'"pfeiffer2"\n', 1),
    "a default written out": lambda content: content.replace(
        b'"drop_depth": 0', b'"drop_depth": 0,\n    "scaling": 1.0'
    ),
    "other spaces": lambda content: json.dumps(json.loads(content)).encode(),
    "another order": lambda content: (
        json.dumps(json.loads(content), indent=2, sort_keys=True) + "\n"
    ).encode(),
    "no newline": lambda content: content.rstrip(),
    "another digest": lambda content: content.replace(b'"digest": "', b'"digest": "0', 1),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_l4_one_spelling(
    golden: Callable[[str], Path], base: Backbone, spell: Callable[[bytes], bytes]
) -> None:
    path = golden("pfeiffer") / "adapter.json"
    content = path.read_bytes()
    path.write_bytes(spell(content))
    assert path.read_bytes() != content
    with pytest.raises(AdapterFileError, match=r"adapter\.json was changed"):
        load_adapter(path.parent, base)


@pytest.mark.parametrize(
    ("case", "kind"), [("pfeiffer", "head"), ("head", "adapter"), ("fusion", "adapter")]
)
def test_l5_the_kind_is_that_of_the_configuration(
    golden: Callable[[str], Path], base: Backbone, case: str, kind: str
) -> None:
    folder = change(golden(case), lambda fields: fields.update(kind=kind))
    with pytest.raises(AdapterFileError, match=f"kind is {kind}, but"):
        load_adapter(folder, base)


@pytest.mark.parametrize("names", [[], ["weights.bin"], ["adapter.safetensors", "more"]])
def test_l6_the_files(golden: Callable[[str], Path], base: Backbone, names: list[str]) -> None:
    files = dict.fromkeys(names, "0" * 64)
    folder = change(golden("pfeiffer"), lambda fields: fields.update(files=files))
    with pytest.raises(AdapterFileError, match=r"must name adapter\.safetensors"):
        load_adapter(folder, base)


@pytest.mark.parametrize("cut", [slice(0, -1), slice(0, 0), slice(1, None)])
def test_l7_damaged_weights(golden: Callable[[str], Path], base: Backbone, cut: slice) -> None:
    path = golden("pfeiffer") / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[cut])
    with pytest.raises(AdapterFileError, match=r"adapter\.safetensors is damaged: SHA-256"):
        load_adapter(path.parent, base)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_type", "roberta"),
        ("layers", LAYERS + 1),
        ("hidden_size", HIDDEN * 2),
        ("weights_sha256", "0" * 64),
    ],
)
def test_l8_another_base(
    golden: Callable[[str], Path], base: Backbone, field: str, value: object
) -> None:
    folder = change(golden("pfeiffer"), lambda fields: fields["base"].update({field: value}))
    with pytest.raises(WrongBaseError, match=f"{field} {value} expected, .* found"):
        load_adapter(folder, base)


def test_l8_the_name_is_for_people(golden: Callable[[str], Path], base: Backbone) -> None:
    folder = change(golden("pfeiffer"), lambda fields: fields["base"].update(name="renamed"))
    assert load_adapter(folder, base).adapter is not None


def test_l9_a_base_that_is_trained(golden: Callable[[str], Path], base: Backbone) -> None:
    base.unfreeze_top(1)
    with pytest.raises(WrongBaseError, match="a frozen base expected"):
        load_adapter(golden("pfeiffer"), base)


UNFIT: dict[str, tuple[str, Callable[[Fields], object], str]] = {
    "drop depth": (
        "pfeiffer",
        lambda fields: fields["adapter"].update(drop_depth=LAYERS),
        "drop_depth must be 0…2 over 3 layers, found 3",
    ),
    "sizes": (
        "parallel",
        lambda fields: fields["adapter"].update(layer_sizes=[1, 2]),
        "layer_sizes must name 3 sizes",
    ),
    "fused layer": (
        "fusion",
        lambda fields: fields["fusion"]["kept"].update({"3": ["rte"]}),
        "found layer 3",
    ),
    "fused source": (
        "fusion",
        lambda fields: fields["fusion"]["kept"].update({"0": ["rte", "sst-2.v1"]}),
        "cannot keep",
    ),
    "vocabulary": (
        "masked-lm",
        lambda fields: fields["head"].update(labels=23),
        r"\(24, 8, 1e-12\) of golden-base, found \(23, 8, 1e-12\)",
    ),
}


@pytest.mark.parametrize(("case", "edit", "message"), UNFIT.values(), ids=UNFIT)
def test_l10_a_configuration_that_does_not_fit(
    golden: Callable[[str], Path],
    base: Backbone,
    case: str,
    edit: Callable[[Fields], object],
    message: str,
) -> None:
    with pytest.raises(AdapterFileError, match=f"cannot be built over golden-base: .*{message}"):
        load_adapter(change(golden(case), edit), base)


def test_l10_a_pooler_that_the_base_was_built_without(golden: Callable[[str], Path]) -> None:
    folder = golden("pooled-head")
    config = BertConfig.from_pretrained(GOLDEN / "base")
    model = BertModel(config, add_pooling_layer=False)
    expected = read_manifest(folder).base.weights_sha256
    poor = Backbone.from_model(model, name="poor", weights_sha256=expected)
    with pytest.raises(AdapterFileError, match=r"cannot be built over poor: .*pooler"):
        load_adapter(folder, poor)


@pytest.mark.parametrize("case", CASES)
def test_l11_every_key_is_needed(golden: Callable[[str], Path], base: Backbone, case: str) -> None:
    folder = golden(case)
    tensors = load((folder / "adapter.safetensors").read_bytes())
    for name in tensors:
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        with pytest.raises(AdapterFileError, match=f"missing {re.escape(name)}$"):
            load_adapter(reweigh(folder, save(rest)), base)


@pytest.mark.parametrize("case", CASES)
def test_l11_no_key_may_be_left_over(
    golden: Callable[[str], Path], base: Backbone, case: str
) -> None:
    folder = golden(case)
    tensors = load((folder / "adapter.safetensors").read_bytes())
    more = {**tensors, "adapter.feed_forward.9.up.bias": torch.zeros(HIDDEN)}
    with pytest.raises(AdapterFileError, match=r"left over adapter\.feed_forward\.9\.up\.bias$"):
        load_adapter(reweigh(folder, save(more)), base)


@pytest.mark.parametrize("case", CASES)
def test_l12_every_shape_and_type_is_compared(
    golden: Callable[[str], Path], base: Backbone, case: str
) -> None:
    folder = golden(case)
    tensors = load((folder / "adapter.safetensors").read_bytes())
    for name, tensor in tensors.items():
        longer = {**tensors, name: torch.cat([tensor, tensor[:1]])}
        with pytest.raises(AdapterFileError, match=f"{re.escape(name)} has shape .* instead of"):
            load_adapter(reweigh(folder, save(longer)), base)
        halved = {**tensors, name: tensor.half()}
        with pytest.raises(AdapterFileError, match=f"{re.escape(name)} is torch.float16 instead"):
            load_adapter(reweigh(folder, save(halved)), base)


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x80\x04N."])
def test_l13_weights_in_another_format(
    golden: Callable[[str], Path], base: Backbone, content: bytes
) -> None:
    with pytest.raises(AdapterFileError, match="is no safetensors"):
        load_adapter(reweigh(golden("pfeiffer"), content), base)


@pytest.mark.parametrize(("case", "sets"), [("shared", 1), ("grouped", 2), ("pfeiffer", 3)])
def test_l14_what_is_shared_comes_back_shared(base: Backbone, case: str, sets: int) -> None:
    adapter = load_adapter(GOLDEN / "format-1" / case, base).adapter
    assert isinstance(adapter, Adapter)
    assert len({id(adapter.bottleneck(layer)) for layer in range(LAYERS)}) == sets


def test_every_numbered_requirement_has_a_test() -> None:
    stated = re.findall(r"^- \*\*L(\d+)\*\* A reader MUST", PAGE.read_text(), re.MULTILINE)
    tested = {found[1] for name in globals() if (found := re.match(r"test_l(\d+)_", name))}
    assert stated == [str(number) for number in range(1, len(stated) + 1)]
    assert set(stated) == tested
