"""Write the tables of settings in docs/sweep-yaml.md from the classes that hold the settings.

`python -m tests.setting_tables` does; `tests/unit/test_docs.py` fails where it was not done.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt

from adapter_lib.config.arrangement import Arrangement
from adapter_lib.config.configuration import AdapterConfig, FusionConfig
from adapter_lib.config.settings import REQUIRED, annotations, usual_values
from orchestrator.spec import axes
from orchestrator.spec.axes import AXES, Axes, Axis
from orchestrator.spec.values import LARGEST
from workers.contract.head_settings import HeadSettings
from workers.contract.removal import Removal
from workers.contract.trial import Drop, Pruning, Training

PAGE = Path(__file__).parents[1] / "docs/sweep-yaml.md"
SECTIONS: Mapping[str, tuple[type, type[Axes], Mapping[str, Axis]]] = {
    "adapter": (AdapterConfig, axes.AdapterAxes, axes.ADAPTER),
    "drop": (Drop, axes.DropAxes, axes.DROP),
    "head": (HeadSettings, axes.HeadAxes, axes.HEAD),
    "removal": (Removal, axes.RemovalAxes, axes.REMOVAL),
    "training": (Training, axes.TrainingAxes, axes.TRAINING),
    "config": (FusionConfig, axes.FusionAxes, axes.FUSION),
    "pruning": (Pruning, axes.PruningAxes, axes.PRUNING),
}
"""Table → the class of its settings, the section of the YAML, and the settings' axes."""
OF_FUSIONS = ("config", "pruning")
WITHOUT_DEFAULT = (("drop", "depth"),)
"""What has a value in every trial, but none that a sweep would get by saying nothing."""
HEADER = "| key | value | default | meaning |\n|---|---|---|---|\n"


def tables() -> dict[str, str]:
    """Return every part of the page that is generated, by name."""
    found = {name: HEADER + "".join(_rows(name)) for name in SECTIONS}
    return found | {
        "arrangement": HEADER + "".join(_arrangement_rows()),
        "conditions": _conditions(),
    }


def with_tables(page: str) -> str:
    """Return the page with its generated parts as they are now."""
    for name, content in tables().items():
        begin, end = f"<!-- {name}: from the code -->\n", f"<!-- end of {name} -->\n"
        page, count = re.subn(
            f"{re.escape(begin)}.*?{re.escape(end)}",
            lambda _, text=f"{begin}{content}{end}": text,  # type: ignore[misc]
            page,
            flags=re.DOTALL,
        )
        assert count == 1, f"{PAGE} needs one place for the table {name}: {begin}{end}"
    return page


def texts(kind: type) -> dict[str, str]:
    """Return the text below each field of a class."""
    (body,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in pairwise(body.body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found


def _rows(name: str) -> Iterator[str]:
    kind, section, settings = SECTIONS[name]
    meanings = texts(kind) | texts(section)
    for key, field in section.model_fields.items():
        usual = "required" if field.is_required() else ""
        if key in settings and not usual and (name, key) not in WITHOUT_DEFAULT:
            usual = _usual(settings[key].usual, settings[key].accepts)
        shown = f"{name}.{key}" if name in OF_FUSIONS else key
        yield _row(shown, field.annotation, usual, meanings[key])


def _arrangement_rows() -> Iterator[str]:
    meanings, usual = texts(Arrangement), usual_values(Arrangement)
    for key, kind in annotations(Arrangement).items():
        yield _row(key, kind, _usual(usual[key], kind), meanings[key])


def _row(key: str, kind: Any, usual: str, meaning: str) -> str:
    starts_a_sentence = meaning[:1].isupper() and meaning[1:2].islower()
    meaning = meaning.removesuffix(".")
    meaning = meaning[0].lower() + meaning[1:] if starts_a_sentence else meaning
    return f"| `{key}` | {_words(kind)} |{f' {usual} ' if usual else ' '}| {meaning} |\n"


def _conditions() -> str:
    of_parts = {
        f"[{part}](#{'fusion' if part in OF_FUSIONS else part})": {a.name for a in found.values()}
        for part, (_, _, found) in SECTIONS.items()
    }
    every = {"the trial": set(AXES).difference(*of_parts.values())} | of_parts
    return "".join(
        f"- of {part}: {', '.join(f'`{name}`' for name in AXES if name in names)}\n"
        for part, names in every.items()
    )


def _usual(value: Any, accepts: Any) -> str:
    if value is REQUIRED or (value is None and NoneType not in get_args(accepts)):
        return ""
    if isinstance(value, Arrangement):
        return "`{}`"
    plain = value.value if isinstance(value, StrEnum) else value
    return f"`{yaml.safe_dump(plain).splitlines()[0]}`"


def _words(kind: Any) -> str:
    """Say what a key may be, from its annotation."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(parts[0]) + _bounds(parts[1:])
    if origin is tuple:
        items = _words(parts[0]) + ", `null`" * (NoneType in get_args(parts[0]))
        if items.startswith("list of "):
            return f"{items}, or a list of such lists"
        return f"{items}, or a list of such" if items == "keys and values" else f"list of {items}"
    if origin in (Union, UnionType):
        every = [_words(part) for part in parts if part is not NoneType]
        return ", ".join(dict.fromkeys(every))
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in parts)
    if is_dataclass(kind):
        return "keys and values"
    if issubclass(kind, StrEnum):
        return ", ".join(f"`{member}`" for member in kind)
    return {bool: "`true`, `false`", int: "whole numbers", float: "numbers", str: "names"}[kind]


def _bounds(bounds: tuple[Any, ...]) -> str:
    words = ""
    for bound in bounds:
        match bound:
            case Ge(ge=least):
                words = f" from {least}"
            case Gt(gt=least):
                words = f" above {least}"
            case Le(le=most) if most != LARGEST:
                words += f" to {most}"
            case Lt(lt=most):
                words += f" to below {most}"
    return words


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
