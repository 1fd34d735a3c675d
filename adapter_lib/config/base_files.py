"""The files of a base model's folder: which of them are loaded, and what they say.

Nothing here needs torch, so planning reads folders by the same rules as loading does.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from adapter_lib.errors import BaseModelError

CONFIG = "config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""In the order in which transformers looks for them: the first that is there is loaded."""
_INDEX = ".index.json"
_LARGEST_JSON_BYTES = 1 << 26
_CHUNK_BYTES = 1 << 20
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer")  # the last two: DistilBERT, GPT-2
_HIDDEN_SIZE = ("hidden_size", "dim", "n_embd")
_MOST_LAYERS = 1024
_MOST_OF_ANYTHING = 1 << 20


def find_weights(folder: Path) -> Path:
    """Return the file of weights that transformers loads, or the index of the files.

    Raises:
        BaseModelError: the folder, `config.json` or the weights are missing.
    """
    if not folder.is_dir():
        raise BaseModelError(
            f"{folder}: no such folder; expected a base model with {CONFIG} and weights"
        )
    named = read_json(folder / CONFIG).get("transformers_weights")
    names = WEIGHTS if named is None else (_inside(named, folder / CONFIG),)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    present = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
    raise BaseModelError(
        f"{folder}: expected weights in {' or '.join(names)}, found {present}; point to the "
        "folder that `save_pretrained` wrote, and see that its download is complete"
    )


def weight_files(weights: Path) -> list[Path]:
    """Return what `find_weights` found, or all files that it is an index of, in order.

    Raises:
        BaseModelError: it is no index, or names files that are missing or in other folders.
    """
    if not weights.name.endswith(_INDEX):
        return [weights]
    names = sorted({_inside(name, weights) for name in _weight_map(weights).values()})
    files = [weights.parent / name for name in names]
    if missing := [file.name for file in files if not file.is_file()]:
        raise BaseModelError(
            f"{weights} names shards that are missing: {', '.join(missing[:8])}; the download may "
            "be incomplete"
        )
    return files


def _weight_map(index: Path) -> dict[str, Any]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise BaseModelError(
            f"{index} is not an index of weights: expected a weight_map from names to files; "
            "get the file again"
        )
    return places


def weight_names(weights: Path) -> list[str] | None:
    """Return the names of all tensors in what `find_weights` found, None if it is one pickle.

    Raises:
        BaseModelError: it is damaged.
    """
    if weights.name.endswith(_INDEX):
        return list(_weight_map(weights))
    if weights.suffix != ".safetensors":
        return None
    try:
        with safe_open(weights, framework="numpy") as stored:
            return list(stored.keys())
    except (OSError, SafetensorError) as error:
        raise BaseModelError(f"cannot load {weights}: {error}; get it again") from error


def hash_files(files: Sequence[Path]) -> str:
    """Return the SHA-256 over the files' bytes, one after another, as `cat … | sha256sum`."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        BaseModelError: there is no such file, or none of reasonable size that holds an object.
    """
    if not path.is_file():
        raise BaseModelError(
            f"{path}: no such file; give the folder of a downloaded Hugging Face model"
        )
    try:
        if path.stat().st_size > _LARGEST_JSON_BYTES:
            raise BaseModelError(f"{path} is larger than {_LARGEST_JSON_BYTES} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BaseModelError(f"{path} cannot be read as JSON: {error}; get it again") from error
    if not isinstance(content, dict):
        raise BaseModelError(
            f"{path}: expected a JSON object, found a {type(content).__name__}; get it again"
        )
    return content


def read_sizes(config: Mapping[str, Any], *, where: Path) -> tuple[int, int]:
    """Return the number of layers and the hidden size that a configuration says.

    Raises:
        BaseModelError: they are missing or no such numbers, or anything is too large: what reads
            configurations makes lists as long as their numbers say.
    """
    layers, hidden_size = _first(config, _LAYERS), _first(config, _HIDDEN_SIZE)
    if not _is_count(layers) or not _is_count(hidden_size):
        raise BaseModelError(
            f"{where}: expected num_hidden_layers and hidden_size as whole numbers, found "
            f"{layers!r:.40} and {hidden_size!r:.40}; this architecture is not supported, or the "
            "file is damaged"
        )
    limits = dict.fromkeys(_LAYERS, _MOST_LAYERS)
    for name, value in config.items():
        counted = name.startswith(("num_", "n_")) or name in _HIDDEN_SIZE
        most = limits.get(name, _MOST_OF_ANYTHING)
        if counted and isinstance(value, int) and not 0 <= value <= most:
            raise BaseModelError(
                f"{where}: expected {name} to be 0…{most:,}, found {value!r:.40}; get the "
                "file again"
            )
    return layers, hidden_size


def _inside(name: object, where: Path) -> str:
    """Return a file's name if it is one in the same folder."""
    if not isinstance(name, str) or not name or Path(name).name != name or "\0" in name:
        raise BaseModelError(
            f"{where} names {name!r:.80} as a file of weights; expected one in the same folder"
        )
    return name


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if name in config), None)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
