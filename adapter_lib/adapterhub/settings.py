"""Take settings out of an AdapterHub configuration one by one, until none is left unexplained."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from adapter_lib.errors import AdapterFileError, UnsupportedSettingError

_MISSING = object()


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
        return float(value)

    def skip(self, names: Iterable[str]) -> None:
        """Drop settings that have no effect next to those already taken."""
        for name in names:
            self._values.pop(name, None)

    def finish(self) -> None:
        """Raise UnsupportedSettingError if settings are left."""
        if self._values:
            raise UnsupportedSettingError(
                f"{self._where} has settings that this library does not know: "
                f"{', '.join(map(repr, sorted(self._values)))}"
            )

    def refuse(self, name: str, value: Any, wanted: str) -> NoReturn:
        """Raise UnsupportedSettingError for a setting."""
        raise UnsupportedSettingError(
            f"{self._where} has {name}={value!r}, which this library cannot represent; it has "
            f"{wanted} only"
        )
