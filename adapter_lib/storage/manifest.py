"""`adapter.json`: everything about an adapter on disk except its weights.

The file has exactly one valid spelling, so any changed byte is found: it is written by `render`,
and reading renders what was read and compares. Weights are left to `adapter_lib.storage.files`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from adapter_lib.config.arrangement import Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
)
from adapter_lib.errors import AdapterFileError, ConfigurationError, shortened
from adapter_lib.transformer.backbone import BaseIdentity

_DAMAGED = (
    ValueError,  # no JSON, a number that JSON has not, an unknown word
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,  # nested too deep
    ConfigurationError,
)
"""What reading a manifest raises that somebody else wrote."""
FORMAT_VERSION = 1
MANIFEST_NAME = "adapter.json"
WEIGHTS_NAME = "adapter.safetensors"


class ArtifactKind(StrEnum):
    ADAPTER = "adapter"
    FUSION = "fusion"
    HEAD = "head"


@dataclass(frozen=True)
class FusionManifest:
    """Attributes:
    config: of the fusion itself.
    sources: name → configuration of each source, in the fusion's order.
    kept: layer → names of the sources fused there.
    """

    config: FusionConfig
    sources: dict[str, AdapterConfig]
    kept: dict[int, tuple[str, ...]]


@dataclass(frozen=True)
class AdapterManifest:
    """What an adapter folder holds.

    Attributes:
        adapter: the adapter's configuration, for kind `adapter` only.
        fusion: for kind `fusion` only.
        task: the task's card, as plain JSON values.
        provenance: where the weights come from, as plain JSON values.
        parameters: how many numbers are stored.
        size_bytes: of the files below together.
        files: name → SHA-256 of every other file in the folder.
        digest: SHA-256 of this manifest, rendered with an empty digest.
    """

    kind: ArtifactKind
    base: BaseIdentity
    head: HeadConfig
    task: dict[str, Any]
    provenance: dict[str, Any]
    parameters: int
    size_bytes: int
    files: dict[str, str]
    adapter: AdapterConfig | None = None
    fusion: FusionManifest | None = None
    digest: str = ""
    format_version: int = field(default=FORMAT_VERSION)

    def sealed(self) -> "AdapterManifest":
        """Return the manifest with its digest filled in.

        Raises:
            AdapterFileError: task or provenance are not plain JSON values.
        """
        return replace(self, digest=hashlib.sha256(render(replace(self, digest=""))).hexdigest())


def plain_json(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return `values` as they come back from JSON: tuples become lists, keys strings.

    Raises:
        AdapterFileError: a value is not JSON; NaN and infinity are not either.
    """
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AdapterFileError(
            f"{what} must hold plain JSON values: {error}; convert them before saving"
        ) from error
    return plain


def render(manifest: AdapterManifest) -> bytes:
    """Return the only valid bytes of `adapter.json` for this manifest."""
    fields = asdict(manifest)
    fields["head"] = manifest.head.as_fields()
    if manifest.adapter is not None:
        fields["adapter"] = manifest.adapter.as_fields()
    if manifest.fusion is not None:
        sources = manifest.fusion.sources
        fields["fusion"]["config"] = manifest.fusion.config.as_fields()
        fields["fusion"]["sources"] = {name: c.as_fields() for name, c in sources.items()}
    return (json.dumps(fields, indent=2, allow_nan=False) + "\n").encode()


def parse(content: bytes, path: Path) -> AdapterManifest:
    """Return the manifest in `content`, which was read from `path`.

    Raises:
        AdapterFileError: another format version, a missing field, or a changed byte.
    """
    try:
        fields = json.loads(content)
        version = fields["format_version"]
        if version != FORMAT_VERSION:
            raise AdapterFileError(
                f"expected format version {FORMAT_VERSION}, found {shortened(version)} in {path}; "
                "use the release of adaptersweep that wrote it"
            )
        manifest = _from_fields(fields)
        _check_types(manifest)
        unchanged = manifest.sealed() == manifest and render(manifest) == content
    except _DAMAGED as error:
        raise AdapterFileError(
            f"{path} is damaged or no adapter manifest ({type(error).__name__}: {shortened(error)}"
            "); fetch the adapter again"
        ) from error
    if not unchanged:
        raise AdapterFileError(
            f"{path} was changed after it was written: its digest does not match; fetch the "
            "adapter again"
        )
    return manifest


def _from_fields(fields: Mapping[str, Any]) -> AdapterManifest:
    rest = dict(fields)
    adapter, fusion, head = rest.pop("adapter"), rest.pop("fusion"), rest.pop("head")
    kind = ArtifactKind(rest["kind"])
    holds = {ArtifactKind.ADAPTER: adapter is not None, ArtifactKind.FUSION: fusion is not None}
    if {other for other, held in holds.items() if held} != {kind} - {ArtifactKind.HEAD}:
        raise ConfigurationError(f"kind is {kind}, but another configuration is given")
    return AdapterManifest(
        **{**rest, "kind": kind, "base": BaseIdentity(**rest["base"])},
        head=HeadConfig(**{**head, "kind": HeadKind(head["kind"])}),
        adapter=None if adapter is None else _adapter_config(adapter),
        fusion=None if fusion is None else _fusion(fusion),
    )


def _check_types(value: Any) -> None:
    """Raise TypeError where a field of a dataclass, or of one inside it, is of another type."""
    for name, expected in get_type_hints(type(value)).items():
        found = getattr(value, name)
        plain = get_origin(expected) is None and isinstance(expected, type)
        if is_dataclass(found):
            _check_types(found)
        elif plain and not (type(found) is expected or (expected is float and type(found) is int)):
            raise TypeError(f"{name} must be of type {expected.__name__}, found {found!r}")
        elif get_origin(expected) is dict and not isinstance(found, dict):
            raise TypeError(f"{name} must be a JSON object, found {found!r}")
    if isinstance(value, AdapterConfig) and set(map(type, value.layer_sizes)) - {int}:
        raise TypeError(f"layer_sizes must be whole numbers, found {list(value.layer_sizes)}")
    if isinstance(value, FusionManifest):
        for config in value.sources.values():
            _check_types(config)
        if {type(name) for names in value.kept.values() for name in names} - {str}:
            raise TypeError(f"kept must name sources, found {value.kept}")


def _adapter_config(fields: Mapping[str, Any]) -> AdapterConfig:
    enums = {
        "placement": Placement(fields["placement"]),
        "non_linearity": NonLinearity(fields["non_linearity"]),
        "sharing": Sharing(fields["sharing"]),
        "initialisation": Initialisation(fields["initialisation"]),
    }
    rest: dict[str, Any] = {"layer_sizes": tuple(fields.get("layer_sizes", ()))}
    if "arrangement" in fields:
        rest["arrangement"] = _arrangement(fields["arrangement"])
    return AdapterConfig(**{**fields, **enums, **rest})


def _arrangement(fields: Mapping[str, Any]) -> Arrangement:
    reads = fields["reads"]
    enums = {
        "reads": None if reads is None else Reading(reads),
        "residual": Residual(fields["residual"]),
        "norm_after": NormAfter(fields["norm_after"]),
    }
    return Arrangement(**{**fields, **enums})


def _fusion(fields: Mapping[str, Any]) -> FusionManifest:
    return FusionManifest(
        config=FusionConfig(**fields["config"]),
        sources={name: _adapter_config(config) for name, config in fields["sources"].items()},
        kept={int(layer): tuple(names) for layer, names in fields["kept"].items()},
    )
