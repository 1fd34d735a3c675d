"""What the fields of a configuration have in common: bounds of their values, and words for them.

A configuration is a frozen dataclass or a pydantic model. Each of its fields is a setting: its
annotation says what it may be, the text below it what it means, its default what is usual.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from adapter_lib.config.fields import LARGEST

Count = Annotated[int, Ge(1), Le(LARGEST)]
Depth = Annotated[int, Ge(0), Le(LARGEST)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True)
class Said:
    """How labels say a setting, as part of its annotation; without, by its name and its value.

    Attributes:
        words: with `{}` where the value stands.
        none: what is said instead where the value is None.
        spaced: the word for a member of an enumeration is said with spaces.
    """

    words: str
    none: str = ""
    spaced: bool = False


REQUIRED = Parameter.empty
"""In place of a default where a field has none."""


@cache
def usual_values(kind: type) -> Mapping[str, Any]:
    """Return the default of every field of a configuration class, in their order."""
    return {name: field.default for name, field in signature(kind).parameters.items()}


@cache
def annotations(kind: type) -> Mapping[str, Any]:
    """Return what each field of a configuration class may be, with its bounds and words."""
    return get_type_hints(kind, include_extras=True)


def unusual_words(configuration: Any, *, apart: Collection[str] = ()) -> Iterator[str]:
    """Say in short each setting that is not at its default.

    Args:
        apart: settings that are said elsewhere.
    """
    kind: Any = type(configuration)
    for name, usual in usual_values(kind).items():
        value = getattr(configuration, name)
        if name not in apart and value != usual:
            yield _said(name, value, annotations(kind)[name])


def _said(name: str, value: Any, annotation: Any) -> str:
    plain = name.replace("_", " ")
    said = next((part for part in get_args(annotation) if isinstance(part, Said)), None)
    if isinstance(value, bool):
        words = said.words if said else plain
        return words if value else f"no {words}"
    if value is None:
        return (said and said.none) or f"no {plain}"
    words = said.words if said else f"{plain} {{}}"
    if said and said.spaced:
        value = value.replace("_", " ")
    return words.format(f"{value:g}" if isinstance(value, float) else value)


def written(configuration: Any, *, always: Collection[str]) -> dict[str, Any]:
    """Return a dataclass's fields as plain values: `always`, and those that are not as usual.

    What was written or hashed before a setting existed thereby keeps its bytes and its hash.
    """
    kind: Any = type(configuration)
    found = {}
    for name, usual in usual_values(kind).items():
        value = getattr(configuration, name)
        if name in always or value != usual:
            nested = is_dataclass(value) and not isinstance(value, type)
            found[name] = asdict(value) if nested else value
    return found
