"""The pydantic base class of every value that drivers and workers exchange."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
