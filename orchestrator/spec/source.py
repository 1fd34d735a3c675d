"""A sweep's nodes with the files and lines where they stand, so that any later error can say where.

Reading and checking is left to `orchestrator.spec.read`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import yaml

from orchestrator.errors import SpecError
from orchestrator.spec.document import LONGEST_SHOWN, shown

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a key path leads, as deep as the YAML itself goes.

    Attributes:
        file: the sweep's own, or one that it extends.
        line: from 1.
        words: the key path for people.
    """

    file: str
    line: int
    words: str
    node: yaml.Node


@dataclass(frozen=True)
class SpecSource:
    """A sweep YAML with its node tree.

    Attributes:
        text: what says all of it: without what it extends and without variables.
        moved: where keys stand that a block takes from elsewhere, such as from one of its points.
    """

    path: Path
    text: str
    root: yaml.Node
    moved: Mapping[KeyPath, KeyPath] = field(default_factory=dict)

    def moving(self, moved: Mapping[KeyPath, KeyPath]) -> Self:
        """Return it with other places for some keys, and all below them."""
        return replace(self, moved=moved)

    def locate(self, keys: Sequence[str | int]) -> Place:
        """Return where `keys` lead."""
        node, mark, words = self.root, self.root.start_mark, ""
        for key in self.standing(keys):
            found = _child(node, key)
            if found is None:
                continue  # a step of the checker, such as a branch of a union, not of the file
            mark, node = found
            words += f"[{key}]" if isinstance(key, int) else ("." if words else "") + _word(key)
        return Place(mark.name, mark.line + 1, words or "(top)", node)

    def has(self, keys: Sequence[str | int]) -> bool:
        """Tell whether every step of `keys` stands in the YAML."""
        node, standing = self.root, self.standing(keys)
        if standing is not keys:
            return True
        for key in keys:
            found = _child(node, key)
            if found is None:
                return False
            _, node = found
        return True

    def error(self, keys: Sequence[str | int], problem: str) -> SpecError:
        """Build the error for `keys`; `problem` says expected, found and what would be right."""
        place = self.locate(keys)
        return SpecError(f"{place.file}:{place.line}: {place.words}: {problem}")

    def standing(self, keys: Sequence[str | int]) -> Sequence[str | int]:
        """Return the key path at which `keys` stand, another one where they are moved."""
        if not self.moved:
            return keys
        whole = tuple(keys)
        for length in range(len(whole), 0, -1):
            place = self.moved.get(whole[:length])
            if place is not None:
                return (*place, *whole[length:])
        return keys


def _word(key: str) -> str:
    """Return a key as it is where it can stand in a line of a message."""
    return key if key.isprintable() and len(key) <= LONGEST_SHOWN else shown(key)


def _child(node: yaml.Node, key: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """Return where a key or an item of a list begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark, node.value[key]
    return None
