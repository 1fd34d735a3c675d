"""Bring the fields of a frozen configuration to the types and bounds that they are annotated with.

What goes with what is left to its class.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields, is_dataclass
from enum import StrEnum
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, NoReturn, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from adapter_lib.errors import ConfigurationError

_LARGEST_NUMBER = 3.4028234663852886e38
"""What float32 can hold, in which adapters compute."""
LARGEST = (1 << 31) - 1
"""The largest whole number of a configuration: what counts rows or columns has to be below it."""
_BOUNDS: Mapping[type, tuple[str, Callable[[Any, Any], bool]]] = {
    Ge: ("at least", operator.ge),
    Gt: ("above", operator.gt),
    Le: ("at most", operator.le),
    Lt: ("below", operator.lt),
}


def settle(configuration: Any) -> None:
    """Convert each field of a frozen dataclass where that loses nothing.

    The word for a member of an enumeration becomes the member, a list a tuple, a mapping with all
    fields of another configuration that configuration, and a number of NumPy's a plain one.

    Raises:
        ConfigurationError: a field is of another type, a number out of its bounds, not finite, or
            a whole one above `LARGEST`; the message names the field.
    """
    kind: Any = type(configuration)
    for name, expected in _types_of(kind).items():
        found = getattr(configuration, name)
        settled = _settled(found, expected, f"{kind.__name__}.{name}")
        if settled is not found:
            object.__setattr__(configuration, name, settled)


@cache
def _types_of(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _settled(found: Any, expected: Any, where: str) -> Any:
    if get_origin(expected) is Annotated:
        expected, *bounds = get_args(expected)
        return _bounded(_settled(found, expected, where), bounds, where)
    if get_origin(expected) in (Union, UnionType):  # with None, the only one in configurations
        if found is None:
            return None
        (given,) = (kind for kind in get_args(expected) if kind is not NoneType)
        return _settled(found, given, where)
    if get_origin(expected) is tuple:
        return _settled_items(found, get_args(expected)[0], where)
    if expected is bool:
        return _settled_flag(found, where)
    if expected is int:
        return _settled_whole(found, where)
    if expected is float:
        return _settled_number(found, where)
    if isinstance(found, expected):
        return found
    if isinstance(expected, type) and is_dataclass(expected) and isinstance(found, Mapping):
        names = [field.name for field in fields(expected)]
        if found.keys() != set(names):
            refuse(where, f"an object of {', '.join(names)}", dict(found))
        return expected(**found)
    if issubclass(expected, StrEnum):
        return _settled_word(found, expected, where)
    return refuse(where, f"of type {expected.__name__}", found)


def _bounded(settled: Any, bounds: Sequence[Any], where: str) -> Any:
    for bound in bounds:
        if type(bound) in _BOUNDS:
            words, holds = _BOUNDS[type(bound)]
            (limit,) = astuple(bound)
            if not holds(settled, limit):
                refuse(where, f"{words} {limit}", settled)
    return settled


def _settled_items(found: Any, expected: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(found, list | tuple):
        refuse(where, "a tuple", found)
    return tuple(_settled(item, expected, f"{where}[{i}]") for i, item in enumerate(found))


def _settled_word(found: Any, expected: type[StrEnum], where: str) -> StrEnum:
    words = [member.value for member in expected]
    if not isinstance(found, str) or found not in words:
        refuse(where, f"one of {', '.join(words)}", found)
    return expected(found)


def _settled_flag(found: Any, where: str) -> bool:
    if type(found) is not bool and type(found).__name__ in ("bool_", "bool"):  # NumPy's
        found = found.item()
    if type(found) is not bool:
        refuse(where, "True or False", found)
    return found


def _settled_whole(found: Any, where: str) -> int:
    if type(found) is not int:
        if isinstance(found, bool) or not isinstance(found, Integral):
            refuse(where, "a whole number", found)
        found = int(found)
    if abs(found) > LARGEST:
        refuse(where, f"a whole number up to {LARGEST}", found)
    return int(found)


def _settled_number(found: Any, where: str) -> float:
    """Return a finite number; a whole one stays whole, as it would be written otherwise."""
    if type(found) not in (float, int):
        if isinstance(found, bool) or not isinstance(found, Real):
            refuse(where, "a number", found)
        found = int(found) if isinstance(found, Integral) else float(found)
    if not -_LARGEST_NUMBER <= found <= _LARGEST_NUMBER:
        refuse(where, "a finite number", found)
    number: float = found
    return number


def refuse(where: str, wanted: str, found: Any) -> NoReturn:
    """Raise ConfigurationError for a field."""
    shown = repr(found)
    if len(shown) > 80:
        shown = f"{shown[:77]}…"
    raise ConfigurationError(f"{where} must be {wanted}, found {shown}")
