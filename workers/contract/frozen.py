"""The pydantic base class of every value that drivers and workers exchange."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def renamed(data: Any, **names: str) -> Any:
    """Return what a `before` validator got, with the names that fields have now.

    So that what was written under earlier names can still be read.

    Args:
        names: earlier name → the name now.
    """
    if not isinstance(data, dict):
        return data
    return {names.get(name, name): value for name, value in data.items()}
