"""The file of an export: JSON, one line for each trial, sealed with a checksum; see docs/export.md.

What a catalog hands out and takes in is left to `orchestrator.catalog`.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from adapter_lib.storage.atomic_write import write_atomically
from orchestrator.catalog.exchange.privacy import public_measurement, public_sweep, public_trial
from orchestrator.catalog.exchange.sharing import SharingError, Whole, as_text, take_apart
from orchestrator.catalog.exchanged import Exchanged
from orchestrator.errors import ExportFileError

FORMAT = 1
LARGEST_BYTES = 256 * 2**20
"""Of a file that is written or read."""

_KINDS = ("sweeps", "trials", "measurements")
_BODY = ("shared", *_KINDS)
_NOT_OURS = "give a file that `adaptersweep export` wrote"
_GET_AGAIN = "get it again, or export anew"


def write_export(content: Exchanged, path: Path, *, with_curves: bool = True) -> int:
    """Write a file that holds the content, and return its size in bytes.

    Raises:
        ExportFileError: it would be too large to be read again.
        OSError: it cannot be written.
    """
    text = export_text(content, with_curves=with_curves).encode()
    if len(text) > LARGEST_BYTES:
        raise ExportFileError(
            f"expected an export of at most {LARGEST_BYTES:,} bytes, found {len(text):,}; export "
            "sweep by sweep, or give --without-curves"
        )
    write_atomically(path, text)
    return len(text)


def export_text(content: Exchanged, *, with_curves: bool = True) -> str:
    """Return the text of the file: the same for the same content."""
    sweeps = [_plain(public_sweep(each)) for each in content.sweeps]
    trials = []
    for each in map(public_trial, content.trials):
        plain = _plain(each, "trial", "result")
        if not with_curves and "result" in plain:
            plain["result"].pop("curve", None)
        trials.append(plain)
    measured = [_plain(public_measurement(each)) for each in content.measurements]
    parts, shared = take_apart([*sweeps, *trials, *measured])
    ends = len(sweeps), len(sweeps) + len(trials)
    body = {
        "shared": shared,
        "sweeps": parts[: ends[0]],
        "trials": parts[ends[0] : ends[1]],
        "measurements": parts[ends[1] :],
    }
    lines = [f'{{"format":{FORMAT},', f'"sha256":"{_digest(body)}",']
    entries = [f"{as_text(name)}:{as_text(part)}" for name, part in shared.items()]
    lines += ['"shared":{', ",\n".join(entries), "},"]
    for kind in _KINDS:
        lines += [f'"{kind}":[', ",\n".join(map(as_text, body[kind])), "],"]
    return "\n".join(lines).removesuffix(",") + "}\n"


def _plain(model: BaseModel, *parts: str) -> dict[str, Any]:
    """Return a model as JSON values without what is usual at its top, and at that of `parts`."""
    found: dict[str, Any] = model.model_dump(mode="json")
    for part in parts:
        inner = getattr(model, part)
        if inner is not None:
            found[part] = _unusual(inner, found[part])
    return _unusual(model, found)


def _unusual(model: BaseModel, plain: dict[str, Any]) -> dict[str, Any]:
    return {
        name: plain[name]
        for name, field in type(model).model_fields.items()
        if name in plain
        and (
            field.is_required()
            or getattr(model, name) != field.get_default(call_default_factory=True)
        )
    }


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(as_text(body).encode()).hexdigest()


def read_export(path: Path) -> Exchanged:
    """Return what a file holds, checked.

    Raises:
        ExportFileError: it cannot be read, is no export, was damaged, or is of a newer format; says
            where in the file.
    """
    body = _body(path, _json(path))
    whole = Whole(body["shared"])
    found: dict[str, list[Any]] = {}
    for kind in _KINDS:
        found[kind] = []
        for number, each in enumerate(body[kind]):
            try:
                found[kind].append(whole.of(each))
            except (SharingError, RecursionError) as error:
                raise ExportFileError(f"{path}: {kind}[{number}]: {error}; {_GET_AGAIN}") from error
    try:
        return Exchanged.model_validate(found)
    except ValidationError as error:
        raise _refused(path, error, found) from error


def _json(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ExportFileError(f"{path} cannot be read: {error.strerror}; {_NOT_OURS}") from error
    if len(content) > LARGEST_BYTES:
        raise ExportFileError(
            f"{path}: expected at most {LARGEST_BYTES:,} bytes, found more; {_NOT_OURS}"
        )
    try:
        return json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ExportFileError(f"{path}:{line}: not a text in UTF-8; {_NOT_OURS}") from error
    except json.JSONDecodeError as error:
        raise ExportFileError(
            f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}; {_GET_AGAIN}"
        ) from error
    except (RecursionError, ValueError) as error:  # ValueError: a number of too many digits
        raise ExportFileError(f"{path}: not JSON of an export: {error}; {_NOT_OURS}") from error


def _body(path: Path, found: Any) -> dict[str, Any]:
    """Return what is sealed, after a look at the format and at the seal."""
    if not isinstance(found, dict) or type(found.get("format")) is not int:
        raise ExportFileError(f"{path}: expected an object with a format number; {_NOT_OURS}")
    if found["format"] != FORMAT:
        newer = found["format"] > FORMAT
        raise ExportFileError(
            f"{path}: expected format {FORMAT}, found {found['format']}; "
            f"{'upgrade adaptersweep' if newer else _NOT_OURS}"
        )
    expected: dict[str, type] = dict.fromkeys(_KINDS, list) | {"shared": dict, "sha256": str}
    for name, kind in expected.items():
        if not isinstance(found.get(name), kind):
            raise ExportFileError(f"{path}: {name}: expected a {kind.__name__}; {_GET_AGAIN}")
    if extra := sorted(found.keys() - expected.keys() - {"format"}):
        raise ExportFileError(f"{path}: {extra[0]}: no such key in format {FORMAT}; {_NOT_OURS}")
    body = {name: found[name] for name in _BODY}
    try:
        digest = _digest(body)
    except (ValueError, RecursionError) as error:  # NaN, which is no JSON
        raise ExportFileError(f"{path}: not JSON of an export: {error}; {_NOT_OURS}") from error
    if digest != found["sha256"]:
        raise ExportFileError(
            f"{path}: sha256: expected {found['sha256'][:12]}…, found {digest[:12]}…: it was "
            f"changed after it was exported; {_GET_AGAIN}"
        )
    return body


def _refused(path: Path, error: ValidationError, found: dict[str, list[Any]]) -> ExportFileError:
    first = error.errors()[0]
    place = _place(first["loc"])
    of = ""
    match first["loc"]:
        case ("trials", int(number), *_):
            of = f" (trial {found['trials'][number].get('trial_id', '?')})"
    return ExportFileError(f"{path}: {place}{of}: {first['msg']}; {_GET_AGAIN}")


def _place(keys: Sequence[str | int]) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "all of it"
