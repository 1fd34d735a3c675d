"""JSON in which what stands in many places stands once, and back again.

A part that stands in several places becomes `{"$": NAME}`, named by the hash of its content. A list
of objects with the same keys becomes `{"#": {KEY: [VALUE, …], …}}`. An object of the data that
would read like one of these two becomes `{"=": OBJECT}`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

SHARED, COLUMNS, PLAIN = "$", "#", "="
_MARKS = (SHARED, COLUMNS, PLAIN)
_NAME_DIGITS = 12
_REFERENCE = 20
"""Characters of a reference."""
_LARGEST = 20_000_000
"""Values that a file may come to when all parts are back in their places."""


class SharingError(ValueError):
    """JSON that cannot be put back together; says which part."""


def as_text(value: Any) -> str:
    """Return the shortest JSON of a value; equal values in the same order have the same."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def take_apart(values: Iterable[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the values with references, and the shared parts by name."""
    columned = [_columned(value) for value in values]
    apart = _Parts()
    for value in columned:
        apart.count(value)
    found = [apart.fold(value) for value in columned]
    return found, dict(sorted(apart.shared.items()))


def _columned(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: _columned(each) for key, each in value.items()}
        return {PLAIN: found} if len(found) == 1 and next(iter(found)) in _MARKS else found
    if not isinstance(value, list):
        return value
    if len(value) > 1 and all(isinstance(each, dict) and each for each in value):
        keys = list(value[0])
        if all(list(each) == keys for each in value):
            return {COLUMNS: {key: _columned([each[key] for each in value]) for key in keys}}
    return [_columned(each) for each in value]


class _Parts:
    """Counts parts, then replaces those that stand in several places."""

    def __init__(self) -> None:
        self.shared: dict[str, Any] = {}
        self._times = Counter[str]()

    def count(self, value: Any) -> None:
        if not isinstance(value, dict | list):
            return
        text = as_text(value)
        self._times[text] += 1
        if self._times[text] == 1:  # what a part holds stands in one place, however often it does
            for each in value.values() if isinstance(value, dict) else value:
                self.count(each)

    def fold(self, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return value
        text = as_text(value)
        times, length = self._times[text], len(text)
        if times * (length - _REFERENCE) <= length + _REFERENCE:
            return self._inside(value)
        name = hashlib.sha256(text.encode()).hexdigest()[:_NAME_DIGITS]
        if name not in self.shared:
            self.shared[name] = self._inside(value)
        return {SHARED: name}

    def _inside(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.fold(each) for key, each in value.items()}
        return [self.fold(each) for each in value]


class Whole:
    """Puts values back together, each shared part once in memory."""

    def __init__(self, shared: Mapping[str, Any]) -> None:
        self._shared = shared
        self._known: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()
        self._left = _LARGEST

    def of(self, value: Any) -> Any:
        """Return a value with all its parts.

        Raises:
            SharingError: a part is missing, holds itself, or is no list of objects; or it all
                comes to more than any catalog.
        """
        found, size = self._expand(value)
        self._left -= size
        if self._left < 0:
            raise SharingError(f"expected at most {_LARGEST:,} values, found more")
        return found

    def _expand(self, value: Any) -> tuple[Any, int]:
        if isinstance(value, list):
            items = [self._expand(each) for each in value]
            return [each for each, _ in items], 1 + sum(size for _, size in items)
        if not isinstance(value, dict):
            return value, 1
        mark = next(iter(value), None) if len(value) == 1 else None
        if mark == SHARED:
            return self._part(value[SHARED])
        if mark == PLAIN and isinstance(value[PLAIN], dict):
            value, mark = value[PLAIN], None
        inner = value[COLUMNS] if mark == COLUMNS else value
        if not isinstance(inner, dict):
            raise SharingError(f"expected columns under {COLUMNS!r}, found {_short(inner)}")
        pairs = {key: self._expand(each) for key, each in inner.items()}
        size = 1 + sum(size for _, size in pairs.values())
        found = {key: each for key, (each, _) in pairs.items()}
        return (_rows(found), size) if mark == COLUMNS else (found, size)

    def _part(self, name: Any) -> tuple[Any, int]:
        if not isinstance(name, str) or name not in self._shared:
            raise SharingError(f"shared part {_short(name)} is not there")
        if name in self._open:
            raise SharingError(f"shared part {name} holds itself")
        if name not in self._known:
            self._open.add(name)
            self._known[name] = self._expand(self._shared[name])
            self._open.remove(name)
        return self._known[name]


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    lengths = {len(each) if isinstance(each, list) else None for each in columns.values()}
    if len(lengths) != 1 or None in lengths:
        raise SharingError(f"expected lists of one length in columns {', '.join(columns)}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
