"""Read a sweep YAML; say file, line, key path, value and what would be right when it is wrong."""

import difflib
from collections.abc import Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapter_lib.config.settings import usual_values
from orchestrator.errors import SpecError
from orchestrator.spec.document import plain, shown
from orchestrator.spec.extending import KEY as EXTENDS
from orchestrator.spec.extending import compose_extended, move_paths
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.source import KeyPath, SpecSource
from orchestrator.spec.values import Section
from orchestrator.spec.variables import KEY as VARIABLES
from orchestrator.spec.variables import FilledIn, as_text, fill_in

S = TypeVar("S", bound=Section)

MOST_PROBLEMS = 20
"""Wrong places that one message names."""


def read_spec(path: Path, given: Sequence[str] = ()) -> tuple[SweepSpec, SpecSource]:
    """Read and check the sweep at `path`, as `read_as` says."""
    return read_as(SweepSpec, path, given)


def read_as(model: type[S], path: Path, given: Sequence[str] = ()) -> tuple[S, SpecSource]:
    """Read and check the YAML at `path`, with what it extends.

    Args:
        model: what it is checked against.
        given: values of its variables, `name=value` each.

    Raises:
        SpecError: not a file, not YAML, not a mapping, a key twice, or any value out of place. All
            problems that can be seen at once are in one message, a line each.
    """
    composed = compose_extended(path)
    root, filled = fill_in(composed.root, given, path)
    move_paths(root, path)
    alone = len(composed.files) == 1 and not filled
    text = composed.text if alone else _resolved(root, composed.files, given)
    source = SpecSource(path, text, root)
    values = plain(source.root, source.error)
    try:
        return model.model_validate(values), source
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SpecError("\n".join(_explain(model, source, details))) from error


def _resolved(root: yaml.Node, files: Sequence[Path], given: Sequence[str]) -> str:
    """Write a sweep without what it extends and without variables."""
    made_of = " over ".join(path.name for path in files)
    with_values = "".join(f" --set {each}" for each in given)
    comment = shown(f"{made_of}{with_values}")[1:-1]
    return f"# Made of {comment}\n{as_text(root)}"


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


def _explain(
    model: type[BaseModel], source: SpecSource, details: Sequence[ErrorDetails]
) -> list[str]:
    """Return a line for each place that is wrong; alternatives of one place share its line."""
    problems: dict[str, dict[str, None]] = {}
    found: dict[str, str] = {}
    for detail in details:
        if len(problems) > MOST_PROBLEMS:
            break
        keys: KeyPath = tuple(detail["loc"])
        problem = problem_of(detail, model)
        place = source.locate(keys)
        node, where = place.node, f"{place.file}:{place.line}: {place.words}"
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


def problem_of(detail: ErrorDetails, model: type[BaseModel] = SweepSpec) -> str:
    """Return in words what is wrong with a value of a YAML that is checked against `model`."""
    kind, keys = detail["type"], tuple(detail["loc"])
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown_key(keys, model)
    if kind == "missing":
        return f"the key `{keys[-1]}` is missing"
    if kind in _WORDS:
        return _WORDS[kind].format(**detail.get("ctx", {}))
    return detail["msg"].removeprefix("Value error, ").replace("Input should be", "expected")


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shown(node.value) + (f" ({node.variables})" if isinstance(node, FilledIn) else "")
    if isinstance(node, yaml.SequenceNode):
        return "a list" if node.value else "an empty list"
    return "keys and values"


def _unknown_key(keys: KeyPath, model: type[BaseModel]) -> str:
    allowed = _allowed_keys(keys[:-1], model)
    near = difflib.get_close_matches(str(keys[-1]), allowed, n=1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    return f"unknown key; {meant}known here: {', '.join(allowed)}"


def _allowed_keys(keys: KeyPath, model: type[BaseModel]) -> list[str]:
    """Return the keys that the section at `keys` knows, by following the model's fields."""
    section: Any = model
    for key in keys:
        if isinstance(key, str) and key in getattr(section, "model_fields", {}):
            section = _section_in(section.model_fields[key].annotation) or section
    return [*usual_values(section), *(() if keys else (EXTENDS, VARIABLES))]


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
