"""Identify a base model's weights by SHA-256, and read what they are called.

Which files they are is left to `adapter_lib.transformer.base_files`, loading them to
`adapter_lib.transformer.backbone`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

_CHUNK_BYTES = 1 << 20


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
