"""The one base of every value that crosses layers."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
