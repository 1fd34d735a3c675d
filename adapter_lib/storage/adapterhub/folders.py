"""AdapterHub's files: a JSON configuration next to weights, either safetensors or pickled.

Pickled weights are read with `weights_only=True`, which builds tensors and nothing else.
"""

import json
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from adapter_lib.config.fields import refuse
from adapter_lib.errors import AdapterFileError, WrongBaseError, shortened
from adapter_lib.storage.atomic_write import replacing, write_atomically
from adapter_lib.transformer.backbone import BaseIdentity

VERSION = "adapters.1.3.0"
_UNREADABLE = (
    OSError,
    SafetensorError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    tarfile.TarError,
    struct.error,
    EOFError,
    RuntimeError,
    RecursionError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
)
"""What a damaged file makes torch's and safetensors' readers raise; pickles can raise anything."""


class WeightsFormat(StrEnum):
    SAFETENSORS = "safetensors"  # AdapterHub reads it with use_safetensors=True
    TORCH = "torch"  # its default


@dataclass(frozen=True)
class FileNames:
    config: str
    safetensors: str
    torch: str


ADAPTER_FILES = FileNames("adapter_config.json", "adapter.safetensors", "pytorch_adapter.bin")
HEAD_FILES = FileNames("head_config.json", "model_head.safetensors", "pytorch_model_head.bin")
FUSION_FILES = FileNames(
    "adapter_fusion_config.json",
    "model_adapter_fusion.safetensors",
    "pytorch_model_adapter_fusion.bin",
)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        AdapterFileError: the file is missing or holds something else.
    """
    try:
        _check_regular(path)
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except (OSError, ValueError, RecursionError) as error:
        raise AdapterFileError(
            f"cannot read {path}: {shortened(error)}; give a folder that AdapterHub's save "
            "functions wrote"
        ) from error
    if not isinstance(content, dict):
        raise AdapterFileError(f"expected an object in {path}, found {type(content).__name__}")
    return content


def _check_regular(path: Path) -> None:
    """Raise ValueError for a pipe or a device, which could keep a reader for ever."""
    if path.exists() and not path.is_file():
        raise ValueError("not a regular file")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def read_config(folder: Path, files: FileNames, base: BaseIdentity) -> dict[str, Any]:
    """Return the configuration in a folder, with `config`, `name` and more.

    Raises:
        AdapterFileError: it is missing, damaged or incomplete.
        WrongBaseError: it is for another architecture or hidden size.
    """
    path = folder / files.config
    content = read_json(path)
    if not isinstance(content.get("config"), dict) or not isinstance(content.get("name"), str):
        raise AdapterFileError(
            f"expected `config` and `name` in {path}, found "
            f"{shortened(', '.join(content)) or 'nothing'}"
        )
    expected = {"model_type": base.model_type, "hidden_size": base.hidden_size}
    for field, value in expected.items():
        found, model = content.get(field), content.get("model_name")
        if found != value:
            raise WrongBaseError(
                f"{path} is for {field} {shortened(found)}, not for {value} as in "
                f"{base.name!r}; load it onto {shortened(repr(model))}"
            )
    return content


def read_weights(folder: Path, files: FileNames) -> dict[str, Tensor]:
    """Return the tensors in a folder, preferably from safetensors.

    Raises:
        AdapterFileError: there are none, or the file is damaged or holds more than tensors.
    """
    path = folder / files.safetensors
    try:
        if path.is_file():
            return load_file(path)
        path = folder / files.torch
        _check_regular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the protocol of what is refused in a moment
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise AdapterFileError(
            f"expected {files.safetensors} or {files.torch}, found neither in {folder}"
        ) from error
    except _UNREADABLE as error:
        raise AdapterFileError(f"cannot read weights from {path}: {shortened(error)}") from error
    if not isinstance(state, dict) or not all(map(_is_named_tensor, state.items())):
        raise AdapterFileError(f"expected named tensors in {path}, found {type(state).__name__}")
    return dict(state)


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    """Say whether it is a name and a tensor whose numbers all stand in memory."""
    name, tensor = item
    plain = isinstance(tensor, Tensor) and tensor.layout is torch.strided
    return isinstance(name, str) and plain and tensor.device.type == "cpu"


def write_folder(
    folder: Path | str,
    files: FileNames,
    *,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    weights_format: WeightsFormat | str,
) -> None:
    """Write configuration and weights, each file complete or not at all; other files stay."""
    folder = Path(folder)
    if weights_format not in list(WeightsFormat):
        refuse("weights_format", f"one of {', '.join(WeightsFormat)}", weights_format)
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()}
    if weights_format == WeightsFormat.SAFETENSORS:
        write_atomically(folder / files.safetensors, save(state))
        (folder / files.torch).unlink(missing_ok=True)
    else:
        with replacing(folder / files.torch) as pickled, pickled.open("wb") as stream:
            torch.save({key: tensor.clone() for key, tensor in state.items()}, stream)
        (folder / files.safetensors).unlink(missing_ok=True)
    write_json(folder / files.config, config)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file as AdapterHub does, complete or not at all."""
    write_atomically(path, json.dumps(content, indent=2, sort_keys=True).encode())
