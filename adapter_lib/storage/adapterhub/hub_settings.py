"""Take settings out of an AdapterHub configuration one by one, until none is left unexplained."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from adapter_lib.errors import (
    AdapterFileError,
    ConfigurationError,
    UnsupportedSettingError,
    shortened,
)

_MISSING = object()


@contextmanager
def refused_in(where: object) -> Iterator[None]:
    """Turn what cannot be configured here into a refusal of the file that says it."""
    try:
        yield
    except ConfigurationError as error:
        raise UnsupportedSettingError(f"{where} cannot be represented here: {error}") from error


class Settings:
    """The settings of a configuration that have not been taken yet."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def take(self, name: str, default: Any = _MISSING) -> Any:
        """Return a setting and mark it as understood.

        Raises:
            AdapterFileError: it is missing and has no default.
        """
        value = self._values.pop(name, default)
        if value is _MISSING:
            raise AdapterFileError(f"expected the setting {name!r} in {self._where}, found none")
        return value

    def expect(self, name: str, wanted: Any) -> None:
        """Take a setting that this library has in one form only, which is also its default.

        Raises:
            UnsupportedSettingError: it has another value.
        """
        value = self.take(name, wanted)
        if value != wanted or isinstance(value, bool) != isinstance(wanted, bool):
            self.refuse(name, value, f"{wanted!r}")

    def choose(self, name: str, choices: Mapping[Any, Any], default: Any = _MISSING) -> Any:
        """Take a setting and return what it is called here.

        Raises:
            UnsupportedSettingError: it is none of the choices.
        """
        value = self.take(name, default)
        if not isinstance(value, str | bool) or value not in choices:
            self.refuse(name, value, f"one of {list(choices)}")
        return choices[value]

    def flag(self, name: str, default: Any = _MISSING) -> bool:
        """Take a setting that must be true or false.

        Raises:
            UnsupportedSettingError: it is something else.
        """
        chosen: bool = self.choose(name, {True: True, False: False}, default)
        return chosen

    def number(self, name: str, default: Any = _MISSING) -> float:
        """Take a setting that must be a number.

        Raises:
            UnsupportedSettingError: it is something else.
        """
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, value, "a number")
        if not -sys.float_info.max <= value <= sys.float_info.max:
            self.refuse(name, value, "a finite number")
        return float(value)

    def optional_number(self, name: str) -> float | None:
        """Take a setting that must be a number, None where it is missing or null.

        Raises:
            UnsupportedSettingError: it is something else.
        """
        if self._values.get(name) is None:
            self.skip([name])
            return None
        return self.number(name)

    @property
    def where(self) -> str:
        """Where the settings stand."""
        return self._where

    def whole(self, name: str) -> int:
        """Take a setting that must be a whole number.

        Raises:
            UnsupportedSettingError: it is something else.
        """
        value = self.take(name)
        if type(value) is not int:
            self.refuse(name, value, "a whole number")
        number: int = value
        return number

    def skip(self, names: Iterable[str]) -> None:
        """Drop settings that have no effect next to those already taken."""
        for name in names:
            self._values.pop(name, None)

    def finish(self) -> None:
        """Raise UnsupportedSettingError if settings are left."""
        if self._values:
            raise UnsupportedSettingError(
                f"{self._where} has settings that this library does not know: "
                f"{shortened(', '.join(map(repr, sorted(self._values))))}"
            )

    def refuse(self, name: str, value: Any, wanted: str) -> NoReturn:
        """Raise UnsupportedSettingError for a setting."""
        raise UnsupportedSettingError(
            f"{self._where} has {name}={shortened(repr(value))}, which this library cannot "
            f"represent; it has {wanted} only"
        )
