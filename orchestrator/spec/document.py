"""A sweep's text as YAML: nodes with their lines, and the plain values that they stand for.

Whatever the text is, it is read in bounded time and space, or refused with its line. Of YAML's
values there are text, numbers, true, false and null, lists, and keys that are text; no other tags.
Anchors, aliases and merge keys (`<<`) work. Which keys and values mean something is left to
`orchestrator.spec.read`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent, NodeEvent

from orchestrator.errors import SpecError

LARGEST_BYTES = 2**20
DEEPEST = 20
"""Levels of keys and lists; a sweep needs seven."""
MOST_VALUES = 50_000
"""Keys and values of a file, those behind an alias counted wherever it stands."""
MOST_DIGITS = 100
LONGEST_SHOWN = 60
"""Characters of a value that a message quotes."""

_CORE = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _TEXT = (_CORE + t for t in ("null", "bool", "int", "float", "str"))
_MERGE, _LIST, _KEYS = (_CORE + t for t in ("merge", "seq", "map"))
_READ_AS_TEXT = (_CORE + "timestamp", _CORE + "value")
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def read_text(path: Path) -> str:
    """Return the text of the file at `path`.

    Raises:
        SpecError: it is not there, cannot be read, is too large, or is no text in UTF-8.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise SpecError(f"{path}: no such file; give the path of a sweep YAML") from error
    except IsADirectoryError as error:
        raise SpecError(f"{path}: not a text file but a folder; give a sweep YAML") from error
    except OSError as error:
        raise SpecError(
            f"{path}: cannot be read: {error.strerror}; give the path of a sweep YAML"
        ) from error
    if len(content) > LARGEST_BYTES:
        raise SpecError(
            f"{path}: expected a sweep YAML of at most {LARGEST_BYTES:,} bytes, found more; "
            "name values in lists, which make a grid, and leave data in files of its own"
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(f"{path}:1: not a text file in UTF-8 but in UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError(
            f"{path}:{line}: not a text file in UTF-8: found byte 0x{content[error.start]:02x}; "
            "save it as UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def compose(path: Path, text: str) -> yaml.MappingNode:
    """Return the text's nodes; every key is text and stands once, and merge keys are merged.

    Args:
        path: for messages.

    Raises:
        SpecError: not YAML, no mapping at the top, a key twice, an anchor inside of itself, or
            more levels or values than any sweep needs.
    """
    root = compose_any(str(path), text)
    if not isinstance(root, yaml.MappingNode):
        kind = type(root).__name__.removesuffix("Node").lower()
        found = "an empty file" if root is None else f"a {kind}"
        raise SpecError(
            f"{path}:1: a sweep is a mapping that starts with `name:`, found {found}; "
            "see sweeps/quickstart.yaml"
        )
    return root


def compose_any(name: str, text: str) -> yaml.Node | None:
    """Return the node of any YAML, None for an empty one.

    Args:
        name: of what holds the text, for messages.

    Raises:
        SpecError: as `compose` says, but that it may be other than a mapping.
    """
    try:
        loader = _Composer(text, name)
        try:
            root: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except _RefusedError as error:
        raise SpecError(f"{name}:{error.line}: {error}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SpecError(
            f"{name}:{line}: not YAML: found character U+{error.character:04X}; remove it"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise SpecError(
            f"{name}:{line}: not YAML: {error.problem or error.context}; "
            "check indentation, colons and quotes on this line and the one before"
        ) from error
    return root


def plain(node: yaml.Node, error: Callable[[tuple[str | int, ...], str], SpecError]) -> Any:
    """Return what a node from `compose` stands for, in Python's own values.

    Args:
        error: builds the error for a key path and what is wrong there.

    Raises:
        SpecError: a tag that has no meaning here, or a number that people and YAML read otherwise.
    """

    def value_of(node: yaml.Node, keys: tuple[str | int, ...]) -> Any:
        if isinstance(node, yaml.ScalarNode):
            try:
                return _scalar(node)
            except ValueError as wrong:
                raise error(keys, str(wrong)) from wrong
        if node.tag not in (_LIST, _KEYS):
            raise error(keys, _foreign(node.tag))
        if isinstance(node, yaml.SequenceNode):
            return [value_of(item, (*keys, i)) for i, item in enumerate(node.value)]
        return {key.value: value_of(value, (*keys, key.value)) for key, value in node.value}

    return value_of(node, ())


def shown(text: str) -> str:
    """Return text as messages quote it, in one line and not too long."""
    line = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return f"`{line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + '…'}`"


class _RefusedError(Exception):
    """Something that is YAML but that no sweep needs; `line` counts from 1."""

    def __init__(self, mark: Any, problem: str) -> None:
        super().__init__(problem)
        self.line = mark.line + 1


class _Composer(yaml.SafeLoader):
    """Composes nodes within the bounds; dates are text, as everything that is no number."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as its base class has it
        first: [(tag, pattern) for tag, pattern in known if tag not in _READ_AS_TEXT]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name  # so that marks say which file they are of
        self._depth = 0
        self._values = 0
        self._weights: dict[yaml.Node, int] = {}
        self._open: list[str | None] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if isinstance(event, AliasEvent):
            if event.anchor in self._open:
                raise _RefusedError(mark, f"`*{event.anchor}` stands inside of what it names")
            node = super().compose_node(parent, index)
            self._count(self._weights[node] if node is not None else 1, mark)
            return node
        if self._depth == DEEPEST:
            raise _RefusedError(mark, f"expected lists and keys at most {DEEPEST} deep")
        before, self._depth = self._values, self._depth + 1
        self._open.append(event.anchor)
        self._count(1, mark)
        node = super().compose_node(parent, index)
        assert node is not None
        self._open.pop()
        self._depth -= 1
        self._weights[node] = self._values - before
        if isinstance(node, yaml.MappingNode):
            node.value = _merged(node)
        return node

    def _count(self, more: int, mark: Any) -> None:
        self._values += more
        if self._values > MOST_VALUES:
            raise _RefusedError(
                mark,
                f"expected at most {MOST_VALUES:,} keys and values, each counted wherever an "
                "alias (`*`) repeats it, found more; split the sweep",
            )


_Pair = tuple[yaml.Node, yaml.Node]


def _merged(node: yaml.MappingNode) -> list[_Pair]:
    """Return a mapping's pairs, its own before those that `<<` brings along, each key once."""
    own: dict[str, _Pair] = {}
    for key, value in node.value:
        _check_key(key)
        if key.value in own:
            first = own[key.value][0].start_mark.line + 1
            raise _RefusedError(
                key.start_mark,
                f"{key.value}: this key stands twice, first on line {first}; keep one",
            )
        own[key.value] = (key, value)
    merging = [name for name, (key, _) in own.items() if key.tag == _MERGE]
    for name in merging:
        for key, value in _brought(own.pop(name)[1]):
            own.setdefault(key.value, (key, value))
    return list(own.values())


def _check_key(key: yaml.Node) -> None:
    problem = ""
    if not isinstance(key, yaml.ScalarNode):
        problem = "expected text as a key, found a list or keys"
    elif not key.tag.startswith(_CORE):
        problem = f"{shown(key.value)}: {_foreign(key.tag)}"
    elif _NOT_TEXT.search(key.value):
        problem = f"{shown(key.value)}: {_no_text(key.value)}"
    if problem:
        raise _RefusedError(key.start_mark, problem)


def _brought(value: yaml.Node) -> Iterator[_Pair]:
    parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for part in parts:
        if not isinstance(part, yaml.MappingNode):
            raise _RefusedError(
                value.start_mark, "expected `*` and the name of keys and values after `<<:`"
            )
        yield from part.value


def _scalar(node: yaml.ScalarNode) -> Any:
    """Return a scalar's value; a ValueError says what is wrong with it."""
    text, tag = str(node.value), node.tag
    if tag in (_TEXT, _MERGE):
        if _NOT_TEXT.search(text):
            raise ValueError(_no_text(text))
        return text
    if tag not in (_NULL, _BOOL, _INT, _FLOAT):
        raise ValueError(_foreign(tag))
    written = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # without a tag of its own
    if written != tag and (written, tag) != (_INT, _FLOAT):
        raise ValueError(f"{shown(text)} is not what its tag {_short(tag)} says; drop the tag")
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() in ("yes", "true", "on")
    number = _number(text)
    return float(number) if tag == _FLOAT else number


def _number(text: str) -> int | float:
    digits = text.replace("_", "").lower()
    unsigned = digits.lstrip("+-")
    if len(digits) > MOST_DIGITS:
        raise ValueError(
            f"expected a number of at most {MOST_DIGITS} digits, found {shown(text)}; put it in "
            "quotes if it is meant as text"
        )
    octal = len(unsigned) > 1 and unsigned.isdigit() and unsigned.startswith("0")
    if ":" in unsigned or octal:
        meant = "to base 60" if ":" in unsigned else "to base 8"
        raise ValueError(
            f"found {shown(text)}, which YAML reads as a number {meant}; write it without "
            f"{'a colon' if ':' in unsigned else 'the leading 0'}, or put it in quotes if it is "
            "meant as text"
        )
    if unsigned in (".inf", ".nan"):
        return float(digits.replace(".", ""))
    try:
        whole = unsigned.isdigit() or unsigned[:2] in ("0x", "0b")
        return int(digits, 0) if whole else float(digits)
    except ValueError as error:  # underscores alone, such as 0x_
        raise ValueError(f"expected a number, found {shown(text)}; write its digits") from error


def _foreign(tag: str) -> str:
    return (
        f"expected text, a number, true, false, null, a list or keys without a tag, found the tag "
        f"{_short(tag)}; drop it"
    )


def _short(tag: str) -> str:
    return shown(f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag)


def _no_text(text: str) -> str:
    character = _NOT_TEXT.search(text)
    assert character is not None
    return f"expected text, found the character U+{ord(character[0]):04X} in it; remove it"


_RESOLVER: Any = _Composer("")
"""Knows what scalars without a tag are."""
