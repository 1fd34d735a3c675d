"""The small types of the sweep YAML: a value or a list of them, and what a value may be."""

import re
from collections.abc import Callable, Mapping
from functools import reduce
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from adapter_lib.config.fields import LARGEST as LARGEST
from adapter_lib.config.settings import Said

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
LARGEST_SEED = 2**63 - 1
Whole = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[float, BeforeValidator(_no_boolean), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Gt(0)]
NotNegative = Annotated[Number, Ge(0)]
Factor = Annotated[Number, Ge(1e-3), Le(LARGEST)]
"""By what a hidden size is divided; a bottleneck of a thousand times that size is no bottleneck."""
Count = Annotated[Whole, Ge(1), Le(LARGEST)]
Depth = Annotated[Whole, Ge(0), Le(LARGEST)]
Seed = Annotated[Whole, Ge(0), Le(LARGEST_SEED)]
Name = Annotated[
    str,
    spelled(
        # Names are folders too, so no part of one leads anywhere else.
        r"(?=.{1,80}\Z)[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*",
        "a name of at most 80 letters, digits, `_`, `.`, `/` and `-`, each part of it beginning "
        "with a letter or a digit",
    ),
]

SpecName = Annotated[
    str,
    spelled(
        r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}",
        "a name of at most 80 letters, digits, `_`, `.` and `-`",
    ),
]
"""What a YAML calls itself; unlike other names it has no parts."""


def as_written(kind: Any) -> Any:
    """Return what stands in a YAML for a field of this kind: numbers are no booleans, and finite.

    Args:
        kind: a field's annotation, of which the bounds stay.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounds = [part for part in parts[1:] if not isinstance(part, Said)]
        return reduce(lambda base, bound: Annotated[base, bound], bounds, as_written(parts[0]))
    if origin in (Union, UnionType):
        return Union[tuple(map(as_written, parts))]  # noqa: UP007 - of a tuple
    if origin is tuple:
        return Annotated[tuple[as_written(parts[0]), ...], Field(min_length=1)]  # type: ignore[misc]
    return {int: Whole, float: Number}.get(kind, kind)


def one_or_many(kind: Any) -> Any:
    """Return what is one value of a kind or a list of them; for lists, one or a list of lists."""
    grid = BeforeValidator(_as_tuples if _holds(tuple, kind) else _as_tuple)
    return Annotated[tuple[kind, ...], grid, Field(min_length=1)]


def or_left_out(kind: Any) -> Any:
    """Return what is one value of a kind, a list of them, or not given: null unless it is a value.

    That null is a grid of one.
    """
    axis = one_or_many(kind) | None
    return Annotated[axis, BeforeValidator(_as_tuple)] if _holds(NoneType, kind) else axis


def _holds(part: type, kind: Any) -> bool:
    """Tell whether `part` is among what a kind of values is made of."""
    return part in (kind, get_origin(kind)) or any(_holds(part, k) for k in get_args(kind))


class Section(BaseModel):
    """A part of the YAML: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


def with_fields(fields: Mapping[str, Any]) -> Callable[[type[S]], type[S]]:
    """Add fields to a section: name → annotation and default. Its own of the same name win."""

    def extended(section: type[S]) -> type[S]:
        name, bases = section.__name__, (section, create_model("Added", __base__=Section, **fields))
        built: Any = create_model(
            name, __base__=bases, __module__=section.__module__, __doc__=section.__doc__
        )
        return cast(type[S], built)

    return extended
