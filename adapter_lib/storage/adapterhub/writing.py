"""Write adapters, heads, fusions and whole set-ups for AdapterHub's load functions.

The folders are those of `adapters` 1.3. Safetensors, the default here, are loaded there with
`use_safetensors=True`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import ConfigurationError, UnsupportedSettingError
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.storage.adapterhub.adapter_config import write_adapter_config
from adapter_lib.storage.adapterhub.folders import (
    ADAPTER_FILES,
    FUSION_FILES,
    HEAD_FILES,
    VERSION,
    WeightsFormat,
    write_folder,
    write_json,
)
from adapter_lib.storage.adapterhub.fusion_config import write_fusion_config
from adapter_lib.storage.adapterhub.head_config import write_head_config
from adapter_lib.storage.adapterhub.keys import (
    adapter_keys,
    decoder_key,
    fusion_keys,
    head_keys,
    is_name,
    naming_for,
    second_name,
)
from adapter_lib.storage.adapterhub.places import Places
from adapter_lib.storage.adapterhub.reading import SETUP_FILE
from adapter_lib.transformer.backbone import Backbone


def write_adapter(
    folder: Path | str,
    adapter: Adapter,
    *,
    name: str,
    backbone: Backbone,
    weights_format: WeightsFormat | str = WeightsFormat.SAFETENSORS,
) -> None:
    """Write an adapter into `folder`; other files there stay, such as its head.

    Raises:
        UnsupportedSettingError: AdapterHub cannot represent a setting; the message names it.
        UnsupportedArchitectureError: adapters of this architecture are not exchanged.
        ConfigurationError: the name cannot be part of a tensor's.
    """
    _check_name(name)
    naming = naming_for(backbone.identity.model_type)
    config = write_adapter_config(
        adapter.kept_config, places=Places.of(backbone), hidden_size=adapter.hidden_size
    )
    keys = adapter_keys(adapter, name, naming)
    weights = _renamed(adapter.state_dict(), keys, naming.prefix)
    seconds = {key: second_name(key) for key in weights}
    weights |= {again: weights[key].clone() for key, again in seconds.items() if again is not None}
    write_folder(
        folder,
        ADAPTER_FILES,
        config=_content(config, name, backbone),
        weights=weights,
        weights_format=weights_format,
    )


def write_head(
    folder: Path | str,
    head: Head,
    *,
    name: str,
    backbone: Backbone,
    labels: Sequence[str] = (),
    weights_format: WeightsFormat | str = WeightsFormat.SAFETENSORS,
) -> None:
    """Write a head into `folder`; other files there stay, such as its adapter.

    Args:
        labels: names of the labels in order, or none.

    Raises:
        UnsupportedArchitectureError: heads of this architecture are not exchanged.
        ConfigurationError: the name cannot be part of a tensor's, or `labels` do not fit.
    """
    _check_name(name)
    config = write_head_config(
        head.config,
        labels=labels,
        model_config=backbone.model.config,
        embedding_size=head.size,
    )
    state, keys = head.state_dict(), head_keys(head, name)
    if head.config.kind is HeadKind.MASKED_LM:
        keys["decoder"] = decoder_key(name)
        state["decoder"] = backbone.token_embedding.detach()
    write_folder(
        folder,
        HEAD_FILES,
        config=_content(config, name, backbone),
        weights=_renamed(state, keys, ""),
        weights_format=weights_format,
    )


def write_fusion(
    folder: Path | str,
    fusion: Fusion,
    *,
    backbone: Backbone,
    weights_format: WeightsFormat | str = WeightsFormat.SAFETENSORS,
) -> None:
    """Write a fusion without its sources, which AdapterHub expects to be loaded before.

    Raises:
        UnsupportedSettingError: AdapterHub cannot represent a setting; the message names it. It
            has no pruned fusions and no drop depth of a fusion itself.
        UnsupportedArchitectureError: fusions of this architecture are not exchanged.
    """
    naming = naming_for(backbone.identity.model_type)
    Places.of(backbone).check_unshared("fusions")
    for source in fusion.source_names:
        _check_name(source)
    _check_unpruned(fusion)
    name = ",".join(fusion.source_names)
    config = write_fusion_config(fusion.config, model_config=backbone.model.config)
    content = _content(config, name, backbone) | {"adapter_names": list(fusion.source_names)}
    write_folder(
        folder,
        FUSION_FILES,
        config=content,
        weights=_renamed(
            fusion.fused.state_dict(), fusion_keys(fusion, name, naming), naming.prefix
        ),
        weights_format=weights_format,
    )


def write_setup(
    folder: Path | str,
    model: AdapterModel,
    *,
    name: str,
    labels: Sequence[str] = (),
    weights_format: WeightsFormat | str = WeightsFormat.SAFETENSORS,
) -> None:
    """Write a whole model for `load_adapter_setup`: adapter or fusion with sources, and head.

    Args:
        name: of the head, and of an adapter; a fusion's sources have their own names.
        labels: names of the labels in order, by default the model's.

    Raises:
        As `write_adapter`, `write_head` and `write_fusion`; ConfigurationError also for a model
        without adapter.
    """
    folder = Path(folder)
    labels = labels or model.labels
    backbone, part = model.backbone, model.adapter
    if part is None:
        raise ConfigurationError("expected a model with an adapter, found none; use write_head")
    adapters = {name: part} if isinstance(part, Adapter) else _sources(part)
    write_head(
        folder / name,
        model.head,
        name=name,
        backbone=backbone,
        labels=labels,
        weights_format=weights_format,
    )
    if isinstance(part, Fusion):
        write_fusion(
            folder / ",".join(adapters), part, backbone=backbone, weights_format=weights_format
        )
    for source, adapter in adapters.items():
        write_adapter(
            folder / source, adapter, name=source, backbone=backbone, weights_format=weights_format
        )
    children = [{"type": "single", "children": [source]} for source in adapters]
    kind = "Fuse" if isinstance(part, Fusion) else "Stack"
    setup = {"type": kind, "children": children}
    write_json(
        folder / SETUP_FILE, {"adapter_setup": setup, "head_setup": name, "version": VERSION}
    )


def _content(config: Mapping[str, Any], name: str, backbone: Backbone) -> dict[str, Any]:
    base = backbone.identity
    return {
        "config": dict(config),
        "hidden_size": base.hidden_size,
        "model_class": naming_for(base.model_type).model_class,
        "model_name": base.name,
        "model_type": base.model_type,
        "name": name,
        "version": VERSION,
    }


def _sources(fusion: Fusion) -> dict[str, Adapter]:
    return {name: fusion.source(name) for name in fusion.source_names}


def _renamed(
    state: Mapping[str, Tensor], keys: Mapping[str, str], prefix: str
) -> dict[str, Tensor]:
    return {prefix + keys[ours]: tensor for ours, tensor in state.items()}


def _check_unpruned(fusion: Fusion) -> None:
    if fusion.config.drop_depth:
        raise UnsupportedSettingError(
            f"AdapterHub cannot represent drop_depth={fusion.config.drop_depth} of a fusion; it "
            "skips layers per call only"
        )
    for layer in range(fusion.layers):
        wanted = [
            name
            for name in fusion.source_names
            if layer in fusion.source(name).config.layers_of(fusion.layers)
        ]
        if list(fusion.kept.get(layer, ())) != wanted:
            raise UnsupportedSettingError(
                f"AdapterHub cannot represent a pruned fusion; in layer {layer} it would fuse "
                f"{wanted} instead of {list(fusion.kept.get(layer, ()))}"
            )


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ConfigurationError(
            f"AdapterHub's names have no dot, comma or slash, found {name!r}; give another one"
        )
