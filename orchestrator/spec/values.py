"""The small types of the sweep YAML: a value or a list of them, and what a value may be."""

import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


def _as_tuple(value: Any) -> Any:
    """Turn a single value into a grid of one; an empty list is caught by the length check."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _as_tuples(value: Any) -> Any:
    """Turn a list of numbers into a grid of one list."""
    if value is None:
        return (None,)
    nested = isinstance(value, list | tuple) and any(isinstance(v, list | tuple) for v in value)
    return value if nested else (value,)


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"expected a number, found {str(value).lower()}")
    return value


def no_booleans_within(value: Any) -> Any:
    """Refuse true and false among the values of a mapping, where they would pass for 1 and 0."""
    return {k: _no_boolean(v) for k, v in value.items()} if isinstance(value, dict) else value


def spelled(pattern: str, words: str) -> AfterValidator:
    """Return a check that a text matches `pattern` as a whole; `words` say what that means."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {words}")
        return value

    return AfterValidator(check)


OneOrMany = Annotated[tuple[T, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
NULL_IS_A_VALUE = BeforeValidator(_as_tuple)
"""For an axis that may be left out and has `null` among its values, which is then a grid of one."""
LARGEST = 2**31 - 1
"""The largest size or count: what a database column of whole numbers holds."""
LARGEST_SEED = 2**63 - 1
Whole = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[float, BeforeValidator(_no_boolean), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Factor = Annotated[Number, Field(ge=1e-3, le=LARGEST)]
"""By what a hidden size is divided; a bottleneck of a thousand times that size is no bottleneck."""
Count = Annotated[Whole, Field(ge=1, le=LARGEST)]
Depth = Annotated[Whole, Field(ge=0, le=LARGEST)]
Seed = Annotated[Whole, Field(ge=0, le=LARGEST_SEED)]
Length = Annotated[Whole, Field(ge=8, le=LARGEST)]
Sizes = Annotated[
    tuple[Annotated[tuple[Count, ...], Field(min_length=1)] | None, ...],
    BeforeValidator(_as_tuples),
    Field(min_length=1),
]
"""One list of sizes, or a list of such lists; null only in conditions."""
Name = Annotated[
    str,
    spelled(
        r"[A-Za-z0-9][A-Za-z0-9_./-]{0,79}",
        "a name of at most 80 letters, digits, `_`, `.`, `/` and `-`",
    ),
]


class Section(BaseModel):
    """A part of the YAML: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
