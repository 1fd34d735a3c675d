"""Find a base model's weight files and identify them by SHA-256.

Loading them is left to `adapter_lib.backbone`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from adapter_lib.errors import BaseModelError

_SINGLE_OR_INDEX = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_CHUNK_BYTES = 1 << 20


def find_weight_files(folder: Path) -> list[Path]:
    """Return the files that transformers loads, shards in the order of their names.

    Raises:
        BaseModelError: the folder, `config.json` or the weights are missing.
    """
    if not (folder / "config.json").is_file():
        raise BaseModelError(
            f"expected a base model with config.json, found none in {folder}; give the folder of "
            "a downloaded Hugging Face model"
        )
    for name in _SINGLE_OR_INDEX:
        path = folder / name
        if not path.is_file():
            continue
        files = _shards(path) if name.endswith(".index.json") else [path]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise BaseModelError(f"{path} names shards that are missing: {', '.join(missing)}")
        return files
    raise BaseModelError(
        f"expected one of {', '.join(_SINGLE_OR_INDEX)}, found none in {folder}; the download "
        "may be incomplete"
    )


def hash_files(files: Sequence[Path]) -> str:
    """Return the SHA-256 over the files' bytes, one after another, as `cat … | sha256sum`."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def weight_names(files: Sequence[Path]) -> set[str]:
    """Return the names of all tensors in the files, without reading safetensors' tensors.

    Raises:
        Whatever safetensors or torch raise for a damaged file.
    """
    names: set[str] = set()
    for file in files:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as stored:
                names.update(stored.keys())
        else:
            names.update(torch.load(file, map_location="meta", weights_only=True))
    return names


def hash_state(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of tensors, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _shards(index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text())["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise BaseModelError(f"{index} is not an index of weights: {error}") from error
    return [index.parent / name for name in sorted(names)]
