"""What is given from Python: a sweep as a path or as what would stand in its YAML; a condition."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from orchestrator.errors import OrchestratorError, SpecError
from orchestrator.spec.axes import Condition

GivenSweep = str | os.PathLike[str] | Mapping[str, Any]
"""The path of a YAML, or its keys and values; their relative paths begin in the current folder."""


def sweep_file(sweep: GivenSweep) -> tuple[Path, Callable[[], None]]:
    """Return the file to read, and what to call once it is not needed any more.

    Keys and values are written to a hidden file in the current folder, where their paths begin.

    Raises:
        SpecError: a value is nothing that YAML can hold.
    """
    if not isinstance(sweep, Mapping):
        return Path(sweep).absolute(), lambda: None
    try:
        text = yaml.safe_dump(dict(sweep), sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise SpecError(
            f"expected keys, numbers, text and lists, as a sweep's YAML has them: {error}; turn "
            "arrays and other objects into them"
        ) from error
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=Path.cwd(), prefix=".sweep-", suffix=".yaml", delete=False
    ) as stream:
        stream.write(text)
    path = Path(stream.name)
    return path, lambda: path.unlink(missing_ok=True)


@contextmanager
def as_file(sweep: GivenSweep) -> Iterator[Path]:
    """Give the file of a sweep while the block runs."""
    path, remove = sweep_file(sweep)
    try:
        yield path
    finally:
        remove()


def variables(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return values of a YAML's variables as `--set` takes them, `name=value` each."""
    return tuple(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in values.items()
    )


def condition(where: Mapping[str, Any]) -> Condition | None:
    """Return what trials are to meet, None for nothing.

    Raises:
        OrchestratorError: an axis or a value that no condition has.
    """
    try:
        return Condition.model_validate(dict(where)) if where else None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise OrchestratorError(
            f"where: {place}: {first['msg']}, found {first['input']!r}; expected axes of "
            f"{', '.join(Condition.model_fields)}"
        ) from error
