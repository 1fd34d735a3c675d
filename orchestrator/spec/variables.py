"""Variables of a YAML: `variables:` declares them, `$(name)` stands for one, `--set` gives it.

A variable that stands alone and without quotes is its value, of its kind, and may be a list; in
quotes or inside of a text it is text. `$$(` is `$(` itself.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from orchestrator.errors import SpecError
from orchestrator.spec.document import LARGEST_BYTES, MOST_VALUES, compose_any, shown

KEY = "variables"
_CORE = "tag:yaml.org,2002:"
_INT, _FLOAT, _BOOL, _NULL, _TEXT = (_CORE + t for t in ("int", "float", "bool", "null", "str"))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_USE = re.compile(r"(\$?)\$\(([^()]*)\)")
_LITERAL = re.compile(r"\$\([^()]*\)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
"""Such as 1e-4, which YAML takes for text."""


class FilledIn(yaml.ScalarNode):
    """A scalar that came out of a variable, and of which."""

    variables: str


@dataclass(frozen=True)
class _Variable:
    """One variable: where it is declared, and its value, None where it must be given."""

    where: str
    value: yaml.Node | None


def fill_in(
    root: yaml.MappingNode, given: Sequence[str], path: Path
) -> tuple[yaml.MappingNode, bool]:
    """Return the nodes with values in place of variables, and whether there were any.

    Args:
        given: `name=value` each, as `--set` has them.
        path: of the sweep, for messages about what was given.

    Raises:
        SpecError: what is declared, given or used is no variable, or of another kind.
    """
    declared = next(((k, v) for k, v in root.value if k.value == KEY), None)
    variables = _declared(declared[1]) if declared else {}
    for name, text in _given(given, variables, path).items():
        value = _parsed(name, text, variables[name])
        variables[name] = _Variable(variables[name].where, value)
    filling = _Filling(variables)
    kept = [(key, value) for key, value in root.value if key.value != KEY]
    filled = _changed(_like(root, kept), filling.filled)
    unused = [
        name.partition("=")[0] for name in given if name.partition("=")[0] not in filling.used
    ]
    if unused:
        raise SpecError(
            f"--set {unused[0]}: {path} declares this variable and uses it nowhere; write "
            f"`$({unused[0]})` where it is meant, or drop it"
        )
    assert isinstance(filled, yaml.MappingNode)
    return filled, bool(declared or filling.used)


def as_text(root: yaml.Node) -> str:
    """Write nodes without variables, so that reading gives the same values."""

    def escaped(node: yaml.ScalarNode, at: tuple[str, ...]) -> yaml.Node:
        text = _LITERAL.sub(lambda use: f"${use[0]}", node.value)
        return yaml.ScalarNode(node.tag, text, style=node.style)

    written = _changed(root, escaped)
    text: str = yaml.serialize(written, Dumper=yaml.SafeDumper, allow_unicode=True, width=100)
    return text


def _changed(
    root: yaml.Node, change: Callable[[yaml.ScalarNode, tuple[str, ...]], yaml.Node]
) -> yaml.Node:
    """Return nodes with every scalar changed; what an alias repeats is changed once.

    Args:
        change: takes a scalar, and the keys that lead to it.
    """
    done: dict[int, yaml.Node] = {}

    def of(node: yaml.Node, at: tuple[str, ...]) -> yaml.Node:
        if id(node) not in done:
            if isinstance(node, yaml.MappingNode):
                pairs = [(key, of(value, (*at, key.value))) for key, value in node.value]
                done[id(node)] = _like(node, pairs)
            elif isinstance(node, yaml.SequenceNode):
                done[id(node)] = _like(node, [of(item, at) for item in node.value])
            else:
                assert isinstance(node, yaml.ScalarNode)
                done[id(node)] = change(node, at)
        return done[id(node)]

    return of(root, ())


def _like(node: yaml.CollectionNode, value: list[Any]) -> yaml.CollectionNode:
    """Return a list or keys with other content."""
    return type(node)(node.tag, value, node.start_mark, node.end_mark, flow_style=node.flow_style)


def _declared(node: yaml.Node) -> dict[str, _Variable]:
    if not isinstance(node, yaml.MappingNode):
        raise SpecError(
            f"{_place(node)}: {KEY}: expected names with their defaults, such as `epochs: 3`"
        )
    found = {}
    for key, value in node.value:
        where = f"{_place(key)}: {KEY}.{key.value}"
        if not _NAME.fullmatch(key.value):
            raise SpecError(
                f"{_place(key)}: {KEY}: expected a name of letters, digits and `_`, found "
                f"{shown(key.value)}"
            )
        scalars = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if not scalars or not all(isinstance(each, yaml.ScalarNode) for each in scalars):
            raise SpecError(
                f"{where}: expected text, a number, true, false or a list of these as its default, "
                "or null where it must be given"
            )
        if any(each.tag == _TEXT and _USE.search(each.value) for each in scalars):
            raise SpecError(f"{where}: a variable cannot name another one; write out its default")
        none = isinstance(value, yaml.ScalarNode) and value.tag == _NULL
        found[key.value] = _Variable(where, None if none else value)
    return found


def _given(given: Sequence[str], variables: Mapping[str, _Variable], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise SpecError(f"--set: expected NAME=VALUE, found {shown(each)}")
        if name in found:
            raise SpecError(f"--set {name}: given twice; keep one")
        if name not in variables:
            near = difflib.get_close_matches(name, variables, n=1)
            meant = f"did you mean `{near[0]}`? " if near else ""
            known = ", ".join(variables) or "none"
            raise SpecError(
                f"--set {shown(name)[1:-1]}: {path} declares no such variable; {meant}"
                f"known there: {known}; declare it under `{KEY}:` with a default"
            )
        found[name] = text
    return found


def _parsed(name: str, text: str, variable: _Variable) -> yaml.Node:
    """Return what was given for a variable: of the kind of its default, or a list of such.

    Raises:
        SpecError: it is of another kind.
    """
    default = variable.value
    listed = isinstance(default, yaml.SequenceNode) and text.startswith("[")
    if isinstance(default, yaml.SequenceNode):
        default = default.value[0]
    kind, words = _kind(default)
    if kind == {_TEXT} and not listed:
        return yaml.ScalarNode(_TEXT, text, style='"')
    node = compose_any(f"--set {name}", text)
    values = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for value in values or [None]:
        if not isinstance(value, yaml.ScalarNode) or not _tags(value) & kind:
            found = "a list or keys" if isinstance(value, yaml.CollectionNode) else shown(text)
            raise SpecError(f"--set {name}: expected {words}, found {found}, for {variable.where}")
    assert node is not None
    return node


def _kind(default: yaml.Node | None) -> tuple[set[str], str]:
    """Return the tags that values of a variable may have, and words for them."""
    if not isinstance(default, yaml.ScalarNode):
        return {_INT, _FLOAT, _BOOL, _TEXT}, "text, a number, true or false, or a list of these"
    like = f", as its default {shown(default.value)}, or a list of such"
    tags = _tags(default)
    if _FLOAT in tags and _INT not in tags:
        return {_INT, _FLOAT}, f"a number{like}"
    if _INT in tags:
        return {_INT}, f"a whole number{like}"
    return (tags, f"true or false{like}") if tags == {_BOOL} else ({_TEXT}, f"text{like}")


def _tags(node: yaml.ScalarNode) -> set[str]:
    """Return what a scalar may pass for."""
    looks_like_a_number = node.style is None and node.tag == _TEXT and _NUMBER.fullmatch(node.value)
    return {_FLOAT} if looks_like_a_number else {node.tag}


@dataclass
class _Filling:
    """Puts values in place of variables, in bounded space."""

    variables: Mapping[str, _Variable]
    used: set[str] = field(default_factory=set)
    _values: int = 0
    _characters: int = 0

    def filled(self, node: yaml.ScalarNode, at: tuple[str, ...]) -> yaml.Node:
        """Return a scalar, or another node in its place where something in it is a variable."""
        if node.tag != _TEXT or not _USE.search(node.value):
            return node
        whole = _USE.fullmatch(node.value)
        if whole and not whole[1] and node.style is None:
            return self._value(whole[2], node, at)
        text = _USE.sub(lambda use: self._text(use, node, at), node.value)
        names = " ".join(use[0] for use in _USE.finditer(node.value))
        return _scalar(yaml.ScalarNode(_TEXT, text, style=node.style), node, names)

    def _value(self, name: str, node: yaml.ScalarNode, at: tuple[str, ...]) -> yaml.Node:
        value = self._found(name, node, at)
        if isinstance(value, yaml.ScalarNode):
            return _scalar(value, node, node.value)
        self._values += len(value.value)
        if self._values > MOST_VALUES:
            raise SpecError(
                f"{_place(node)}: {'.'.join(at)}: expected variables with at most {MOST_VALUES:,} "
                "values wherever they are used, found more; split the sweep"
            )
        items = [_scalar(item, node, node.value) for item in value.value]
        return yaml.SequenceNode(value.tag, items, node.start_mark, node.end_mark, flow_style=True)

    def _text(self, use: re.Match[str], node: yaml.ScalarNode, at: tuple[str, ...]) -> str:
        if use[1]:
            return use[0][1:]
        value = self._found(use[2], node, at)
        if not isinstance(value, yaml.ScalarNode):
            raise SpecError(
                f"{_place(node)}: {'.'.join(at)}: expected one value inside of a text, found a "
                f"list, for `$({use[2]})`; let the variable stand alone and without quotes"
            )
        self._characters += len(value.value)
        if self._characters > LARGEST_BYTES:
            raise SpecError(
                f"{_place(node)}: {'.'.join(at)}: expected variables of at most "
                f"{LARGEST_BYTES:,} characters wherever they are used, found more; shorten them"
            )
        return str(value.value)

    def _found(self, name: str, node: yaml.Node, at: tuple[str, ...]) -> yaml.Node:
        variable = self.variables.get(name)
        where = f"{_place(node)}: {'.'.join(at)}"
        if variable is None:
            known = ", ".join(self.variables) or "none"
            raise SpecError(
                f"{where}: {shown(f'$({name})')} names no variable, known are: {known}; declare it "
                f"under `{KEY}:`, or write `$$(` for the characters themselves"
            )
        if variable.value is None:
            raise SpecError(
                f"{where}: `$({name})` has no value; give it with `--set {name}=VALUE`, or a "
                f"default at {variable.where}"
            )
        self.used.add(name)
        return variable.value


def _scalar(value: yaml.ScalarNode, place: yaml.Node, names: str) -> FilledIn:
    node = FilledIn(value.tag, value.value, place.start_mark, place.end_mark, style=value.style)
    node.variables = names
    return node


def _place(node: yaml.Node) -> str:
    return f"{node.start_mark.name}:{node.start_mark.line + 1}"
