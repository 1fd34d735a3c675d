"""Read a sweep YAML; say file, line, key path, value and what would be right when it is wrong."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapter_lib.config.settings import usual_values
from orchestrator.errors import SpecError
from orchestrator.spec.document import LONGEST_SHOWN, compose, plain, read_text, shown
from orchestrator.spec.model import SweepSpec

KeyPath = tuple[str | int, ...]
MOST_PROBLEMS = 20
"""Wrong places that one message names."""


@dataclass(frozen=True)
class SpecSource:
    """A YAML file kept with its node tree, so that any later error can name its line."""

    path: Path
    text: str
    root: yaml.Node

    def locate(self, keys: Sequence[str | int]) -> tuple[int, str, yaml.Node]:
        """Return line (from 1), readable key path and node, as deep as the YAML itself goes."""
        node, line, words = self.root, self.root.start_mark.line + 1, ""
        for key in keys:
            found = _child(node, key)
            if found is None:
                continue  # a step of the checker, such as a branch of a union, not of the file
            line, node = found
            words += f"[{key}]" if isinstance(key, int) else ("." if words else "") + _word(key)
        return line, words or "(top)", node

    def has(self, keys: Sequence[str | int]) -> bool:
        """Tell whether every step of `keys` stands in the file."""
        node = self.root
        for key in keys:
            found = _child(node, key)
            if found is None:
                return False
            _, node = found
        return True

    def error(self, keys: Sequence[str | int], problem: str) -> SpecError:
        """Build the error for `keys`; `problem` says expected, found and what would be right."""
        line, words, _ = self.locate(keys)
        return SpecError(f"{self.path}:{line}: {words}: {problem}")


def read_spec(path: Path) -> tuple[SweepSpec, SpecSource]:
    """Read and check the YAML at `path`.

    Raises:
        SpecError: not a file, not YAML, not a mapping, a key twice, or any value out of place. All
            problems that can be seen at once are in one message, a line each.
    """
    text = read_text(path)
    source = SpecSource(path, text, compose(path, text))
    values = plain(source.root, source.error)
    try:
        return SweepSpec.model_validate(values), source
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SpecError("\n".join(_explain(source, details))) from error


def _word(key: str) -> str:
    """Return a key as it is where it can stand in a line of a message."""
    return key if key.isprintable() and len(key) <= LONGEST_SHOWN else shown(key)


def _child(node: yaml.Node, key: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    return None


_WORDS = {
    "too_short": "expected at least one value",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "string_type": "expected text; put it in quotes if it is meant as text",
    "model_type": "expected keys and values, such as `epochs: 3`",
    "dataclass_type": "expected keys and values, such as `norm_before: true`",
    "mapping_type": "expected keys and values, such as `rte: {hub: glue/rte}`",
    "finite_number": "expected a finite number",
    "int_parsing_size": "expected a whole number of fewer digits",
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected {ge:g} or more",
    "less_than": "expected less than {lt:g}",
}


def _explain(source: SpecSource, details: Sequence[ErrorDetails]) -> list[str]:
    """Return a line for each place that is wrong; alternatives of one place share its line."""
    problems: dict[str, dict[str, None]] = {}
    found: dict[str, str] = {}
    for detail in details:
        if len(problems) > MOST_PROBLEMS:
            break
        keys: KeyPath = tuple(detail["loc"])
        problem = _problem(detail)
        line, words, node = source.locate(keys)
        where = f"{source.path}:{line}: {words}"
        if detail["type"] == "too_short" and node.value:
            continue  # wrong items were left out before counting; they have lines of their own
        if detail["type"] == "missing":
            where, problem = f"{where}: {problem}", "add it"
        problems.setdefault(where, {})[problem] = None
        if "expected" in problem and "found" not in problem:
            found[where] = f", found {_shown(node)}"
    lines = [
        f"{where}: {', or '.join(wanted)}{found.get(where, '')}"
        for where, wanted in problems.items()
    ]
    if len(lines) > MOST_PROBLEMS:
        lines[MOST_PROBLEMS:] = [f"{source.path}: and more; correct these first"]
    return lines


def _problem(detail: ErrorDetails) -> str:
    kind, keys = detail["type"], tuple(detail["loc"])
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown_key(keys)
    if kind == "missing":
        return f"the key `{keys[-1]}` is missing"
    if kind in _WORDS:
        return _WORDS[kind].format(**detail.get("ctx", {}))
    return detail["msg"].removeprefix("Value error, ").replace("Input should be", "expected")


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shown(node.value)
    if isinstance(node, yaml.SequenceNode):
        return "a list" if node.value else "an empty list"
    return "keys and values"


def _unknown_key(keys: KeyPath) -> str:
    allowed = _allowed_keys(keys[:-1])
    near = difflib.get_close_matches(str(keys[-1]), allowed, n=1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    return f"unknown key; {meant}known here: {', '.join(allowed)}"


def _allowed_keys(keys: KeyPath) -> list[str]:
    """Return the keys that the section at `keys` knows, by following the model's fields."""
    section: Any = SweepSpec
    for key in keys:
        if isinstance(key, str) and key in getattr(section, "model_fields", {}):
            section = _section_in(section.model_fields[key].annotation) or section
    return list(usual_values(section))


def _section_in(annotation: Any) -> type | None:
    """Return the section, or the dataclass in place of one, that a field may hold."""
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or is_dataclass(annotation)
    ):
        return annotation
    for part in get_args(annotation):
        found = _section_in(part)
        if found is not None:
            return found
    return None
