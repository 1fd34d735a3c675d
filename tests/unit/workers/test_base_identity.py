"""One base, one identity: what is loaded is hashed, and what is not is not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, BertModel

from adapter_lib.config.base_files import WEIGHTS, find_weights, hash_files, weight_files
from adapter_lib.errors import BaseModelError
from adapter_lib.transformer.backbone import Backbone
from workers.bases.base_models import folder_identity, pin_base_model
from workers.batches.tokens import tokenizer_for
from workers.errors import BaseModelSourceError

TEXT = "good film unknown"


@pytest.fixture
def base(toy_base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_base, tmp_path / "base"))


def write_weights(folder: Path, name: str, seed: int) -> None:
    """Write other weights in one of the four ways that transformers knows."""
    torch.manual_seed(seed)
    model = BertModel(AutoConfig.from_pretrained(folder), add_pooling_layer=False)
    with_index = name.endswith(".index.json")
    if ".bin" not in name:
        model.save_pretrained(folder, max_shard_size="20KB" if with_index else "1GB")
        return
    state = model.state_dict()
    if not with_index:
        torch.save(state, folder / name)
        return
    places = {weight: f"pytorch_model-{i % 2}.bin" for i, weight in enumerate(state)}
    for shard in set(places.values()):
        torch.save({w: t for w, t in state.items() if places[w] == shard}, folder / shard)
    (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": places}))


def loaded(folder: Path) -> list[torch.Tensor]:
    return list(Backbone.from_folder(folder).parameters())


@pytest.mark.parametrize("preferred", range(4), ids=WEIGHTS)
def test_of_several_formats_the_one_that_is_loaded_is_hashed(base: Path, preferred: int) -> None:
    """Every format but those that transformers prefers lies there too, of another model."""
    (base / "model.safetensors").unlink()
    alone = shutil.copytree(base, base.parent / "alone")
    for place in (base, alone):
        write_weights(place, WEIGHTS[preferred], seed=1)
    before = folder_identity(base)
    assert before == folder_identity(alone)
    for other in WEIGHTS[preferred + 1 :]:
        write_weights(base, other, seed=2)
    pairs = list(zip(loaded(base), loaded(alone), strict=True))
    assert all(torch.equal(one, other) for one, other in pairs), "transformers prefers as we do"
    assert folder_identity(base) == before
    changed = [file for file in base.iterdir() if file.name.startswith(WEIGHTS[preferred][:5])]
    assert changed
    write_weights(base, WEIGHTS[preferred], seed=3)
    assert folder_identity(base) != before


@pytest.mark.parametrize("number", [0, -1])
def test_every_shard_counts(base: Path, number: int) -> None:
    (base / "model.safetensors").unlink()
    write_weights(base, WEIGHTS[1], seed=1)
    shards, before = weight_files(find_weights(base)), folder_identity(base)
    assert len(shards) > 2
    declared = hash_files(shards)
    assert pin_base_model("a", f"folder:{base}", sha256=declared).identity == before
    content = bytearray(shards[number].read_bytes())
    content[-1] ^= 1
    shards[number].write_bytes(content)
    assert folder_identity(base) != before
    with pytest.raises(BaseModelSourceError, match="expected weights with sha256"):
        pin_base_model("a", f"folder:{base}", sha256=declared)


def test_a_configuration_that_names_its_weights_is_followed(base: Path) -> None:
    """transformers loads them; `model.safetensors` beside them means nothing then."""
    path = base / "config.json"
    named = json.dumps(json.loads(path.read_text()) | {"transformers_weights": "mine.safetensors"})
    (base / "model.safetensors").rename(base / "mine.safetensors")
    found = []
    for seed in (2, 3):
        write_weights(base, WEIGHTS[0], seed=seed)
        path.write_text(named)  # which writing a model drops
        found.append((folder_identity(base), loaded(base)))
    assert [file.name for file in weight_files(find_weights(base))] == ["mine.safetensors"]
    assert found[0][0] == found[1][0]
    assert all(torch.equal(one, other) for one, other in zip(found[0][1], found[1][1], strict=True))


def without_fast_file(base: Path) -> Path:
    """Leave the words alone, as a tokenizer of before 2020 does."""
    words = json.loads((base / "tokenizer.json").read_text())["model"]["vocab"]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (base / name).unlink()
    (base / "vocab.txt").write_text("\n".join(sorted(words, key=words.__getitem__)) + "\n")
    return base


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("added_tokens.json", {"good film": 26}),
        ("special_tokens_map.json", {"unk_token": "bad", "sep_token": "[MASK]"}),
        ("special_tokens_map.json", {"cls_token": "[MASK]"}),
        ("tokenizer_config.json", {"do_lower_case": False, "unk_token": "bad"}),
    ],
)
def test_every_file_that_changes_a_tokenizer_changes_the_identity(
    base: Path, name: str, content: dict[str, object]
) -> None:
    without_fast_file(base)
    other = shutil.copytree(base, base.parent / "other")
    (other / name).write_text(json.dumps(content))
    ids = [tokenizer_for(folder)(TEXT).input_ids for folder in (base, other)]
    assert ids[0] != ids[1]
    assert folder_identity(base) != folder_identity(other)


def rename_word(folder: Path, one: str, other: str) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    words = content["model"]["vocab"]
    words[one], words[other] = words[other], words[one]
    path.write_text(json.dumps(content))


def test_the_words_themselves_count(base: Path) -> None:
    before = folder_identity(base)
    rename_word(base, "good", "bad")
    assert folder_identity(base) != before


@pytest.mark.parametrize(
    "name",
    ["README.md", ".gitattributes", "chat_template.jinja", "generation_config.json", "model.onnx"],
)
def test_what_is_not_loaded_does_not_count(base: Path, name: str) -> None:
    before = folder_identity(base)
    (base / name).write_text("{}")
    assert folder_identity(base) == before


def test_a_copy_of_the_same_size_and_time_is_another_file(base: Path) -> None:
    """As `cp -p` and archives make them, under the same name in a process that goes on."""
    before, path = folder_identity(base), base / "model.safetensors"
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert folder_identity(base) != before


@pytest.mark.parametrize(
    "shard",
    ["../outside.safetensors", "/outside.safetensors", "deep/x.safetensors", "", 3, None, "a\0b"],
)
def test_an_index_names_files_of_its_own_folder_alone(base: Path, shard: object) -> None:
    shutil.move(base / "model.safetensors", base.parent / "outside.safetensors")
    index = base / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"embeddings.word_embeddings.weight": shard}}))
    with pytest.raises(BaseModelError, match="expected one in the same folder"):
        Backbone.from_folder(base)
    with pytest.raises(BaseModelSourceError, match="expected one in the same folder"):
        folder_identity(base)


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "shard").unlink(),
        lambda f: (f / "model.safetensors.index.json").write_text("[]"),
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {}}'),
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": 3}'),
        lambda f: (f / "model.safetensors.index.json").write_bytes(b"\xff"),
    ],
)
def test_an_index_that_leads_nowhere_is_refused(
    base: Path, damage: Callable[[Path], object]
) -> None:
    (base / "model.safetensors").rename(base / "shard")
    index = base / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"embeddings.word_embeddings.weight": "shard"}}))
    damage(base)
    with pytest.raises(BaseModelSourceError):
        folder_identity(base)
    with pytest.raises(BaseModelError):
        Backbone.from_folder(base)
