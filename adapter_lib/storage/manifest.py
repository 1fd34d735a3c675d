"""`adapter.json`: everything about an adapter on disk except its weights.

The file has exactly one valid spelling, so any changed byte is found: it is written by `render`,
and reading renders what was read and compares. Weights are left to `adapter_lib.storage.files`.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    NonNegativeInt,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema, from_json

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, HeadConfig
from adapter_lib.errors import AdapterFileError, ConfigurationError, shortened
from adapter_lib.transformer.backbone import BaseIdentity

FORMAT_VERSION = 1
MANIFEST_NAME = "adapter.json"
WEIGHTS_NAME = "adapter.safetensors"


class ArtifactKind(StrEnum):
    ADAPTER = "adapter"
    FUSION = "fusion"
    HEAD = "head"


class _ItsOwnFields:
    """Lets pydantic leave the fields of a configuration to its class, which checks them itself."""

    def __get_pydantic_core_schema__(self, kind: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            partial(self.made, kind),
            serialization=core_schema.plain_serializer_function_ser_schema(kind.as_fields),
        )

    def made(self, kind: Any, fields: Any) -> Any:
        if isinstance(fields, kind):
            return fields
        if not isinstance(fields, dict):
            raise ValueError("expected a JSON object")
        try:
            configuration = kind(**fields)
        except (TypeError, ConfigurationError) as error:
            raise ValueError(str(error)) from error
        if missing := sorted(configuration.as_fields().keys() - fields.keys()):
            raise ValueError(f"expected {', '.join(missing)} too")
        return configuration


class _Exact(BaseModel):
    """Takes exactly the fields that it names, and none of another type."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class FusionManifest(_Exact):
    """Attributes:
    config: of the fusion itself.
    sources: name → configuration of each source, in the fusion's order.
    kept: layer → names of the sources fused there.
    """

    config: Annotated[FusionConfig, _ItsOwnFields()]
    sources: dict[str, Annotated[AdapterConfig, _ItsOwnFields()]]
    kept: dict[int, tuple[str, ...]]


class AdapterManifest(_Exact):
    """What an adapter folder holds.

    Attributes:
        task: the task's card, as plain JSON values.
        provenance: where the weights come from, as plain JSON values.
        parameters: how many numbers are stored.
        size_bytes: of the files below together.
        files: name → SHA-256 of every other file in the folder.
        adapter: the adapter's configuration, for kind `adapter` only.
        fusion: for kind `fusion` only.
        digest: SHA-256 of this manifest, rendered with an empty digest.
    """

    kind: ArtifactKind
    base: BaseIdentity
    head: Annotated[HeadConfig, _ItsOwnFields()]
    task: dict[str, Any]
    provenance: dict[str, Any]
    parameters: NonNegativeInt
    size_bytes: NonNegativeInt
    files: dict[str, str]
    adapter: Annotated[AdapterConfig, _ItsOwnFields()] | None
    fusion: FusionManifest | None
    digest: str = ""
    format_version: int = FORMAT_VERSION

    @model_validator(mode="after")
    def _holds_what_its_kind_says(self) -> Self:
        held = self.adapter is not None, self.fusion is not None
        if held != (self.kind is ArtifactKind.ADAPTER, self.kind is ArtifactKind.FUSION):
            raise ValueError(f"kind is {self.kind}, but another configuration is given")
        return self

    def sealed(self) -> Self:
        """Return the manifest with its digest filled in."""
        digest = hashlib.sha256(render(self.model_copy(update={"digest": ""}))).hexdigest()
        return self.model_copy(update={"digest": digest})


def plain_json(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return `values` as they come back from JSON: tuples become lists, keys strings.

    Raises:
        AdapterFileError: a value is not JSON; NaN and infinity are not either.
    """
    try:
        plain: dict[str, Any] = from_json(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AdapterFileError(
            f"{what} must hold plain JSON values: {error}; convert them before saving"
        ) from error
    return plain


def render(manifest: AdapterManifest) -> bytes:
    """Return the only valid bytes of `adapter.json` for this manifest."""
    return (json.dumps(manifest.model_dump(), indent=2, allow_nan=False) + "\n").encode()


def parse(content: bytes, path: Path) -> AdapterManifest:
    """Return the manifest in `content`, which was read from `path`.

    Raises:
        AdapterFileError: another format version, a missing field, or a changed byte.
    """
    try:
        fields = from_json(content)
        version = fields.get("format_version") if isinstance(fields, dict) else None
        if version not in (FORMAT_VERSION, None):
            raise AdapterFileError(
                f"expected format version {FORMAT_VERSION}, found {shortened(version)} in {path}; "
                "use the release of adaptersweep that wrote it"
            )
        manifest = AdapterManifest.model_validate_json(content)
        unchanged = manifest.sealed() == manifest and render(manifest) == content
    except ValueError as error:  # pydantic's and JSON's errors are such
        found = _first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise AdapterFileError(
            f"{path} is damaged or no adapter manifest ({found}); fetch the adapter again"
        ) from error
    if not unchanged:
        raise AdapterFileError(
            f"{path} was changed after it was written: its digest does not match; fetch the "
            "adapter again"
        )
    return manifest


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(map(str, problem["loc"])) or "the whole"
    found = "none" if problem["type"] == "missing" else shortened(repr(problem["input"]))
    return shortened(f"{where}: {problem['msg']}") + f", found {found}"
