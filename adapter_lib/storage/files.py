"""Save an adapter, fusion or head as a folder that can be verified, and load it again.

A folder holds `adapter.json` (see `adapter_lib.storage.manifest`) and `adapter.safetensors`, with
keys `adapter.…` and `head.…`. A fusion's folder also holds its frozen sources, for the layers that
they are fused in. Shared parameter sets are stored once; dropped layers have no tensors.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from adapter_lib.config.configuration import AdapterConfig
from adapter_lib.errors import (
    AdapterFileError,
    ConfigurationError,
    WrongBaseError,
    shortened,
)
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.modules.state import check_claim, copy_state, describe_mismatch
from adapter_lib.storage.atomic_write import replacing_folder
from adapter_lib.storage.manifest import (
    MANIFEST_NAME,
    WEIGHTS_NAME,
    AdapterManifest,
    ArtifactKind,
    FusionManifest,
    parse,
    plain_json,
    render,
)
from adapter_lib.transformer.backbone import Backbone, BaseIdentity

_LABELS = ("labels", "label_names")
"""Where a task names what its head tells apart; the latter in this project's task cards."""
_LARGEST_MANIFEST = 1 << 26
"""Bytes of a manifest, most of which would be its task and provenance."""


def save_adapter(
    folder: Path | str,
    model: AdapterModel,
    *,
    task: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> AdapterManifest:
    """Write the model without its backbone into `folder`, replacing what is there.

    Args:
        task: whatever describes it; the model's labels become part of it, as `labels`, where it
            names none itself.
        provenance: whatever says where the weights come from.

    The folder appears complete or not at all.

    Raises:
        AdapterFileError: weights are not float32, or `task` or `provenance` are not plain JSON.
        ConfigurationError: the backbone is trained too; an adapter folder cannot hold that.
    """
    folder = Path(folder)
    _check_storable(model)
    about = dict(task or {})
    if model.labels and not any(name in about for name in _LABELS):
        about["labels"] = list(model.labels)
    state = {name: t.detach().cpu().contiguous() for name, t in _own_state(model).items()}
    if wrong := [name for name, tensor in state.items() if tensor.dtype != torch.float32]:
        raise AdapterFileError(
            f"adapters are stored in float32, found {state[wrong[0]].dtype} in {wrong[0]}; call "
            ".float() before saving"
        )
    weights = save(state)
    manifest = AdapterManifest(
        kind=_kind(model),
        base=model.backbone.identity,
        head=model.head.config,
        adapter=model.adapter.kept_config if isinstance(model.adapter, Adapter) else None,
        fusion=_fusion_manifest(model.adapter) if isinstance(model.adapter, Fusion) else None,
        task=plain_json(about, "task"),
        provenance=plain_json(provenance or {}, "provenance"),
        parameters=sum(tensor.numel() for tensor in state.values()),
        size_bytes=len(weights),
        files={WEIGHTS_NAME: hashlib.sha256(weights).hexdigest()},
    ).sealed()
    with replacing_folder(folder) as new:
        (new / WEIGHTS_NAME).write_bytes(weights)
        (new / MANIFEST_NAME).write_bytes(render(manifest))
    return manifest


def read_manifest(folder: Path | str) -> AdapterManifest:
    """Return the folder's manifest after verifying it and every file that it names.

    Raises:
        AdapterFileError: a file is missing or damaged, or of another format version.
    """
    return _read_verified(Path(folder))[0]


def load_adapter(folder: Path | str, backbone: Backbone) -> AdapterModel:
    """Return the verified model over `backbone`, on its device, in evaluation mode.

    Raises:
        AdapterFileError: a file is missing or damaged, its configuration cannot be built over this
            base, or its keys, shapes or types are not those of its configuration.
        WrongBaseError: the adapter belongs to another base model.
    """
    folder = Path(folder)
    manifest, weights = _read_verified(folder)
    _check_base(manifest.base, backbone, folder)
    state = _tensors(weights, folder / WEIGHTS_NAME)
    check_claim(_claimed(manifest, backbone), state, folder / MANIFEST_NAME)
    try:
        model = AdapterModel(
            backbone,
            Head.over(backbone, manifest.head, generator=torch.Generator()),
            _build(manifest, backbone),
            labels=_labels(manifest),
        )
    except ConfigurationError as error:
        raise AdapterFileError(
            f"the configuration in {folder / MANIFEST_NAME} cannot be built over "
            f"{backbone.identity.name}: {error}"
        ) from error
    own = _own_state(model)
    if mismatch := describe_mismatch(own, state):
        raise AdapterFileError(
            f"{folder / WEIGHTS_NAME} does not fit {MANIFEST_NAME} next to it: {mismatch}"
        )
    copy_state(own, state)
    device = next(backbone.parameters()).device
    return model.to(device).eval()


def _labels(manifest: AdapterManifest) -> tuple[str, ...]:
    """Return the names that a task has for the head's labels, or none where it has others."""
    for field in _LABELS:
        names = manifest.task.get(field)
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            fits = len(set(names)) == len(names) == manifest.head.labels
            return tuple(names) if fits else ()
    return ()


def _tensors(weights: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return load(weights)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:  # also unknown types
        raise AdapterFileError(f"{path} is no safetensors: {shortened(error)}") from error


def _claimed(manifest: AdapterManifest, backbone: Backbone) -> int:
    """Return how many numbers a manifest describes at least, before anything is built from it."""
    layers, d = backbone.layers_count, backbone.hidden_size
    sizes = {"hidden_size": d, "embedding_size": backbone.embedding_size}
    total = manifest.head.parameter_count(**sizes)
    configs = [manifest.adapter] if manifest.adapter is not None else []
    if manifest.fusion is not None:
        configs = list(manifest.fusion.sources.values())
    for config in configs:
        if len(config.layer_sizes) in (0, layers):  # others are refused when it is built
            whole = config.parameter_count(layers=layers, hidden_size=d)
            # A source is built for all layers, and stored for those that are fused.
            total += whole if manifest.fusion is None else whole // layers
    return total


def _check_storable(model: AdapterModel) -> None:
    if not model.backbone.frozen:
        raise ConfigurationError(
            "expected a model over a frozen base, found one whose base is trained too; an "
            "adapter folder cannot hold it"
        )


def _own_state(model: AdapterModel) -> dict[str, Tensor]:
    """Return everything but the backbone, by the names used on disk."""
    state = model.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.startswith("backbone.")}


def _kind(model: AdapterModel) -> ArtifactKind:
    if model.adapter is None:
        return ArtifactKind.HEAD
    return ArtifactKind.FUSION if isinstance(model.adapter, Fusion) else ArtifactKind.ADAPTER


def _fusion_manifest(fusion: Fusion) -> FusionManifest:
    return FusionManifest(
        config=fusion.config,
        sources={name: fusion.source(name).config for name in fusion.source_names},
        kept=dict(fusion.kept),
    )


def _build(manifest: AdapterManifest, backbone: Backbone) -> Adapter | Fusion | None:
    layers, hidden_size = backbone.layers_count, backbone.hidden_size

    def adapter(config: AdapterConfig) -> Adapter:
        return Adapter(config, layers=layers, hidden_size=hidden_size, generator=torch.Generator())

    if manifest.adapter is not None:
        return adapter(manifest.adapter)
    if manifest.fusion is None:
        return None
    return Fusion(
        manifest.fusion.config,
        {name: adapter(config) for name, config in manifest.fusion.sources.items()},
        layers=layers,
        hidden_size=hidden_size,
        generator=torch.Generator(),
        kept=manifest.fusion.kept,
    )


def _check_base(expected: BaseIdentity, backbone: Backbone, folder: Path) -> None:
    found = backbone.identity
    differences = [
        f"{field} {getattr(expected, field)} expected, {getattr(found, field)} found"
        for field in ("model_type", "layers", "hidden_size", "weights_sha256")
        if getattr(expected, field) != getattr(found, field)
    ]
    if not backbone.frozen:
        differences.append("a frozen base expected, one that is being trained found")
    if differences:
        raise WrongBaseError(
            f"the adapter in {folder} belongs to {expected.name!r}, not to {found.name!r}: "
            f"{'; '.join(differences)}; load it onto its own base"
        )


def _read_verified(folder: Path) -> tuple[AdapterManifest, bytes]:
    """Read every file once, so that what was verified is what is used."""
    path = folder / MANIFEST_NAME
    manifest = parse(_read(path, at_most=_LARGEST_MANIFEST), path)
    if set(manifest.files) != {WEIGHTS_NAME}:
        found_names = shortened(list(manifest.files))
        raise AdapterFileError(f"{path} must name {WEIGHTS_NAME}, found {found_names}")
    content = _read(folder / WEIGHTS_NAME, at_most=2 * manifest.size_bytes + (1 << 20))
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.files[WEIGHTS_NAME]:
        raise AdapterFileError(
            f"{folder / WEIGHTS_NAME} is damaged: SHA-256 {manifest.files[WEIGHTS_NAME]} "
            f"expected, {found} found; fetch the adapter again"
        )
    return manifest, content


def _read(path: Path, *, at_most: int) -> bytes:
    """Return a file's content, or refuse one that is larger, or that is none to be read whole."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise AdapterFileError(f"cannot read {path}: not a regular file")
        if size > at_most:
            raise AdapterFileError(
                f"{path} is damaged: at most {at_most} bytes expected, {size} found; fetch the "
                "adapter again"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a name that no file can have is a ValueError
        what = getattr(error, "strerror", None) or error
        raise AdapterFileError(f"cannot read {path}: {what}") from error
