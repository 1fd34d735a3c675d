"""Checkpoints as files: a dictionary of tensors and plain values, and the SHA-256 of its bytes.

What is in one is left to `workers.training.trainer`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch

from adapter_lib.storage.atomic_write import replacing
from workers.errors import CheckpointError

_DIGEST_BYTES = hashlib.sha256().digest_size
_CHUNK_BYTES = 1 << 20


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint, durably; until it is whole, the old one stays.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as temporary:
        with temporary.open("wb") as stream:
            _save(state, stream)
        digest = _digest(temporary, temporary.stat().st_size)
        with temporary.open("ab") as stream:
            stream.write(digest)  # which torch looks past


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what was written, all tensors on the CPU.

    Its checksum is compared with every byte before any of them is understood.

    Raises:
        CheckpointError: it is cut, damaged, or no checkpoint.
    """
    try:
        size = path.stat().st_size - _DIGEST_BYTES
        with path.open("rb") as stream:
            stream.seek(max(0, size))
            expected = stream.read()
        if size < 0 or _digest(path, size) != expected:
            raise CheckpointError(f"{path} is damaged: its checksum differs")
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, EOFError, UnpicklingError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, expected a checkpoint")
    return state


def _save(state: Mapping[str, Any], stream: BinaryIO) -> None:
    try:
        torch.save(state, stream)
    except RuntimeError as error:  # as which torch reports a full disk too
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def _digest(path: Path, size: int) -> bytes:
    """Return the SHA-256 of a file's first `size` bytes."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        for start in range(0, size, _CHUNK_BYTES):
            found.update(stream.read(min(_CHUNK_BYTES, size - start)))
    return found.digest()
