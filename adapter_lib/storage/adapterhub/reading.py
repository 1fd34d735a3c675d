"""Read folders that AdapterHub wrote: an adapter, a head, a fusion, or a whole set-up.

That is what its `save_adapter`, `save_head`, `save_adapter_fusion` and `save_adapter_setup` leave.

Nothing is downloaded: give a local folder. Everything returned is on the CPU in evaluation mode.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import (
    AdapterFileError,
    ConfigurationError,
    UnsupportedSettingError,
    shortened,
)
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.modules.state import check_claim, copy_state, describe_mismatch
from adapter_lib.storage.adapterhub.adapter_config import read_adapter_config
from adapter_lib.storage.adapterhub.folders import (
    ADAPTER_FILES,
    FUSION_FILES,
    HEAD_FILES,
    FileNames,
    read_config,
    read_json,
    read_weights,
)
from adapter_lib.storage.adapterhub.fusion_config import read_fusion_config
from adapter_lib.storage.adapterhub.head_config import read_head_config
from adapter_lib.storage.adapterhub.keys import (
    Naming,
    adapter_keys,
    decoder_key,
    fusion_keys,
    fusion_name,
    head_keys,
    is_name,
    layer_of,
    naming_for,
    second_name,
    without_prefix,
)
from adapter_lib.storage.adapterhub.places import Places
from adapter_lib.transformer.backbone import Backbone

SETUP_FILE = "adapter_setup.json"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HubAdapter:
    name: str
    adapter: Adapter


@dataclass(frozen=True)
class HubHead:
    """Attributes:
    labels: names of the labels in order, empty where the file has none.
    """

    name: str
    head: Head
    labels: tuple[str, ...]


@dataclass(frozen=True)
class HubSetup:
    """Attributes:
    name: of the adapter, or of the fused ones joined by commas.
    head_name: of the head.
    labels: names of the labels in order, empty where the file has none.
    """

    name: str
    model: AdapterModel
    head_name: str
    labels: tuple[str, ...]


def read_adapter(folder: Path | str, backbone: Backbone) -> HubAdapter:
    """Return the adapter in a folder, to be used over `backbone`.

    Raises:
        UnsupportedSettingError: this library cannot represent a setting; the message names it.
        UnsupportedArchitectureError: files of this architecture are not exchanged.
        WrongBaseError: the adapter is for another architecture or hidden size.
        AdapterFileError: files are missing or damaged, or tensors missing, left over, or of
            another shape or type, as for a base of another number of layers.
    """
    folder = Path(folder)
    content, found = _read(folder, ADAPTER_FILES, backbone)
    layers, hidden_size = backbone.layers_count, backbone.hidden_size
    config = read_adapter_config(
        content,
        where=str(folder / ADAPTER_FILES.config),
        places=Places.of(backbone),
        hidden_size=hidden_size,
    )
    claimed = config.parameter_count(layers=layers, hidden_size=hidden_size)
    check_claim(claimed, found, folder / ADAPTER_FILES.config)
    adapter = Adapter(config, layers=layers, hidden_size=hidden_size, generator=torch.Generator())
    keys = adapter_keys(adapter, content["name"], _naming(backbone))
    _take_second_names(found, keys, folder)
    _fill(adapter.state_dict(), found, keys, folder)
    return HubAdapter(content["name"], adapter.eval())


def read_head(folder: Path | str, backbone: Backbone) -> HubHead:
    """Return the head in a folder.

    Raises:
        As `read_adapter`; AdapterFileError also if a head for masked words has another token
            embedding than the base.
    """
    folder = Path(folder)
    content, found = _read(folder, HEAD_FILES, backbone)
    config, labels = read_head_config(
        content,
        where=str(folder / HEAD_FILES.config),
        model_config=backbone.model.config,
    )
    sizes = {"hidden_size": backbone.hidden_size, "embedding_size": backbone.embedding_size}
    check_claim(config.parameter_count(**sizes), found, folder / HEAD_FILES.config)
    head = Head.over(backbone, config, generator=torch.Generator())
    if config.kind is HeadKind.MASKED_LM:
        _take_decoder(found, decoder_key(content["name"]), backbone, folder)
    _fill(head.state_dict(), found, head_keys(head, content["name"]), folder)
    return HubHead(content["name"], head.eval(), labels)


def read_fusion(
    folder: Path | str, backbone: Backbone, *, sources: Mapping[str, Adapter]
) -> Fusion:
    """Return the fusion in a folder over adapters that were read before.

    A layer in which no source has an adapter is a dropped one; what AdapterHub stored for it has
    no effect there either.

    Args:
        sources: must be those that the fusion names; their order does not matter.

    Raises:
        As `read_adapter`; AdapterFileError also if the sources are others.
    """
    folder = Path(folder)
    content, found = _read(folder, FUSION_FILES, backbone)
    Places.of(backbone).check_unshared("fusions")
    name = content["name"]
    names = content.get("adapter_names", name.split(","))
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise AdapterFileError(
            f"expected names as adapter_names in {folder / FUSION_FILES.config}, found "
            f"{shortened(names)}"
        )
    if sorted(names) != sorted(sources):
        raise AdapterFileError(
            f"expected the adapters {shortened(names)} for the fusion in {folder}, found "
            f"{list(sources)}; read them first"
        )
    config = read_fusion_config(
        content, where=str(folder / FUSION_FILES.config), model_config=backbone.model.config
    )
    try:
        fusion = Fusion(
            config,
            {source: sources[source] for source in names},
            layers=backbone.layers_count,
            hidden_size=backbone.hidden_size,
            generator=torch.Generator(),
        )
    except ConfigurationError as error:
        raise AdapterFileError(
            f"the fusion in {folder} cannot be built over its adapters: {error}"
        ) from error
    naming = _naming(backbone)
    idle = set(range(backbone.layers_count)) - set(fusion.kept)
    own = _of_fusion(found, name)
    used = {key: tensor for key, tensor in own.items() if layer_of(key, naming) not in idle}
    _fill(fusion.fused.state_dict(), used, fusion_keys(fusion, name, naming), folder)
    return fusion.eval()


def read_setup(folder: Path | str, backbone: Backbone) -> HubSetup:
    """Return the whole model in a folder: one adapter or one fusion, and one head.

    Raises:
        As `read_adapter`; UnsupportedSettingError for every other composition.
    """
    folder = Path(folder)
    path = folder / SETUP_FILE
    content = read_json(path)
    names = _composition(content.get("adapter_setup"), path)
    head_name = content.get("head_setup")
    for name in (*names, *([head_name] if isinstance(head_name, str) else [])):
        if not is_name(name) or len(set(names)) < len(names):
            raise AdapterFileError(
                f"expected names of different folders beside {path}, found {shortened(names)} and "
                f"{shortened(repr(head_name))}"
            )
    if not isinstance(head_name, str):
        raise UnsupportedSettingError(
            f"{path} has head_setup={head_name!r}, which this library cannot represent; it has "
            "the name of one head only"
        )
    head = read_head(folder / head_name, backbone)
    sources = {name: read_adapter(folder / name, backbone).adapter for name in names}
    name = ",".join(names)
    part = (
        read_fusion(folder / name, backbone, sources=sources) if len(names) > 1 else sources[name]
    )
    model = AdapterModel(backbone, head.head, part, labels=head.labels)
    return HubSetup(name, model, head.name, head.labels)


def read_model(folder: Path | str, backbone: Backbone) -> AdapterModel:
    """Return what a folder holds as a model over `backbone`, on its device, with label names.

    Args:
        folder: a whole set-up, or one adapter with its head beside it, as AdapterHub's
            `save_adapter` writes them.

    Raises:
        As `read_setup`, `read_adapter` and `read_head`.
        AdapterFileError: also if the folder holds an adapter without a head.
    """
    folder = Path(folder)
    if (folder / SETUP_FILE).is_file():
        model = read_setup(folder, backbone).model
    else:
        if (folder / ADAPTER_FILES.config).is_file() and not (folder / HEAD_FILES.config).exists():
            raise AdapterFileError(
                f"expected an adapter and its head in {folder}, found no {HEAD_FILES.config}; read "
                "the adapter alone with read_adapter of the same module and give it a head of its "
                "own, or save it with AdapterHub's with_head=True"
            )
        head, adapter = read_head(folder, backbone), read_adapter(folder, backbone)
        model = AdapterModel(backbone, head.head, adapter.adapter, labels=head.labels)
    return model.to(backbone.token_embedding.device).eval()


def _naming(backbone: Backbone) -> Naming:
    return naming_for(backbone.identity.model_type)


def _read(
    folder: Path, files: FileNames, backbone: Backbone
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return configuration and tensors, by their names inside the base model."""
    naming = _naming(backbone)
    content = read_config(folder, files, backbone.identity)
    weights = read_weights(folder, files)
    found = {without_prefix(key, naming): tensor for key, tensor in weights.items()}
    if len(found) < len(weights):
        raise AdapterFileError(
            f"expected each tensor in {folder} once, found some with and without the prefix "
            f"{naming.prefix!r}; fetch the adapter again"
        )
    return content, found


def _fill(
    target: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    keys: Mapping[str, str],
    folder: Path,
) -> None:
    """Copy tensors under AdapterHub's names into those under ours, if they all fit."""
    expected = {keys[ours]: tensor for ours, tensor in target.items()}
    if mismatch := describe_mismatch(expected, found):
        raise AdapterFileError(
            f"the weights in {folder} do not fit its configuration and this base: {mismatch}"
        )
    copy_state(expected, found)


def _take_second_names(found: dict[str, Tensor], keys: Mapping[str, str], folder: Path) -> None:
    """Take out what is stored once more under another name."""
    for key in keys.values():
        if (second := second_name(key)) is None or key not in found:
            continue
        copy = found.pop(second, None)
        if copy is None or not _equal(copy, found[key]):
            raise AdapterFileError(
                f"expected {second} in {folder} to be {key} once more, found "
                f"{'none' if copy is None else 'another'}; fetch the adapter again"
            )


def _take_decoder(found: dict[str, Tensor], key: str, backbone: Backbone, folder: Path) -> None:
    """Take the copy of the base's token embedding out, which is not trained."""
    decoder, embedding = found.pop(key, None), backbone.token_embedding
    if decoder is None or not _equal(decoder, embedding.detach().cpu()):
        raise AdapterFileError(
            f"expected the token embedding of {backbone.identity.name} as {key} in {folder}, found "
            f"{'none' if decoder is None else 'another'}; this library ties them"
        )


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def _of_fusion(found: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Leave out other fusions of the same model.

    AdapterHub stores those whose name begins with this one's in the same file, and again in their
    own.
    """
    others = {
        other
        for other in map(fusion_name, found)
        if other is not None and other != name and other.startswith(name)
    }
    if others:
        _logger.info("fusions %s are stored next to %s, left out", sorted(others), name)
    return {key: tensor for key, tensor in found.items() if fusion_name(key) not in others}


def _composition(setup: Any, path: Path) -> list[str]:
    """Return the names of one adapter, or of those of one fusion."""
    kind, children = _kind_and_children(setup)
    while kind == "Stack" and len(children) == 1:
        setup = children[0]
        kind, children = _kind_and_children(setup)
    if kind == "single" and len(children) == 1 and isinstance(children[0], str):
        return [children[0]]
    if kind == "Fuse" and len(children) > 1 and not setup.get("kwargs"):
        singles = [_kind_and_children(child) for child in children]
        if all(
            kind == "single" and len(names) == 1 and isinstance(names[0], str)
            for kind, names in singles
        ):
            return [names[0] for _, names in singles]
    raise UnsupportedSettingError(
        f"{path} has adapter_setup={shortened(repr(kind))}, which this library cannot represent; "
        "it has one adapter or one Fuse of adapters only"
    )


def _kind_and_children(setup: Any) -> tuple[Any, list[Any]]:
    """Return a composition's kind and parts, no parts where it is none."""
    if not isinstance(setup, dict):
        return setup, []
    children = setup.get("children")
    return setup.get("type"), children if isinstance(children, list) else []
