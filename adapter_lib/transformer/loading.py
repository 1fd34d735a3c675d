"""Load a transformers model from a folder, refusing files that do not belong together."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import MODEL_MAPPING, AutoConfig

from adapter_lib.config.base_files import (
    CONFIG,
    find_weights,
    hash_files,
    read_json,
    read_sizes,
    weight_files,
    weight_names,
)
from adapter_lib.errors import AdapterLibError, BaseModelError
from adapter_lib.transformer.architectures import check_supported

_ROOM_BYTES, _ROOM_SHARE = 1 << 30, 8
"""A model may take so many bytes in memory, or so many times what its files have."""


def load_transformer(folder: Path) -> tuple[nn.Module, str]:
    """Return the model in a folder, in float32, and the SHA-256 of its weights' files.

    With its pooler if that was saved.

    Raises:
        BaseModelError: configuration or weights are missing, unreadable or of different models.
        UnsupportedArchitectureError: no file in `adapter_lib.transformer.architectures` describes
            it.
    """
    weights = find_weights(folder)
    files = weight_files(weights)
    read_sizes(read_json(folder / CONFIG), where=folder / CONFIG)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        check_supported(config.model_type)
        model_class = MODEL_MAPPING[type(config)]
        options = inspect.signature(model_class).parameters
        names = weight_names(weights)
        if names is None:
            names = torch.load(weights, map_location="meta", weights_only=True)
        pooled = any(".pooler." in f".{name}" for name in names)
        _check_room(model_class, config, files)
        model, found = model_class.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=True,
            **({"add_pooling_layer": pooled} if "add_pooling_layer" in options else {}),
        )
    except (AdapterLibError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # transformers raises anything for files that are damaged
        raise BaseModelError(
            f"cannot load the base model in {folder}: {error!r:.500}; get its files again"
        ) from error
    if absent := sorted({*found["missing_keys"], *map(str, found["mismatched_keys"])}):
        raise BaseModelError(
            f"the weights in {folder} do not fit its config.json: {', '.join(absent)} would "
            "stay random; download the model again"
        )
    return model, hash_files(files)


def _check_room(model_class: Any, config: Any, files: Sequence[Path]) -> None:
    """Refuse a configuration of a model that is far larger than its weights, before it is built."""
    with torch.device("meta"):
        empty = model_class(config)
    wanted = sum(t.numel() * t.element_size() for t in (*empty.parameters(), *empty.buffers()))
    stored = sum(file.stat().st_size for file in files)
    if wanted > max(_ROOM_BYTES, _ROOM_SHARE * stored):
        raise BaseModelError(
            f"{files[0].parent / CONFIG} describes a model of {wanted:,} bytes, and its weights "
            f"are {stored:,} bytes; get both again"
        )
