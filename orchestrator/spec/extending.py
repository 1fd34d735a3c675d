"""A sweep YAML on top of the one that it extends: what it says itself wins, key by key.

Lists and values are replaced as a whole, and so is an entry of `tasks` or `base_models` whose
source is said anew; an adapter's size replaces the size that was, however either is given.
"""

import os.path
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from orchestrator.errors import SpecError
from orchestrator.spec.axes import SIZES
from orchestrator.spec.document import compose, read_text, shown

KEY = "extends"
LONGEST_CHAIN = 10
_TEXT = "tag:yaml.org,2002:str"
_SOURCES = {"base_models": ("source",), "tasks": ("hub", "folder", "builtin")}
"""What says where an entry comes from, one of them each."""
_WHOLE = ("arrangement",)
"""Keys whose keys and values are one value."""
_FOLDER = "folder:"

_Pair = tuple[yaml.Node, yaml.Node]


@dataclass(frozen=True)
class Composed:
    """The nodes of a YAML, over those of what it extends.

    Attributes:
        text: of the YAML itself.
        files: its own, and what it extends.
    """

    root: yaml.MappingNode
    text: str
    files: tuple[Path, ...]


def compose_extended(path: Path, below: tuple[Path, ...] = ()) -> Composed:
    """Return the nodes of the YAML at `path`, over those of what it extends.

    Each node keeps the file and line where it stands.

    Args:
        below: the files that extend this one, the outermost first.

    Raises:
        SpecError: a file cannot be read or is no YAML, extends itself by any way, or more files
            extend each other than any sweep needs.
    """
    text = read_text(path)
    root = compose(path, text)
    named = _taken(root, KEY)
    if named is None:
        return Composed(root, text, (path,))
    key, value = named
    at = f"{path}:{key.start_mark.line + 1}: {KEY}"
    if not isinstance(value, yaml.ScalarNode) or value.tag != _TEXT or not value.value:
        raise SpecError(f"{at}: expected the path of one YAML, relative to this file's folder")
    other = path.parent / value.value
    chain = (*below, path)
    _check_chain(at, value.value, other, chain)
    if not any(name.value == "name" for name, _ in root.value):
        raise SpecError(
            f"{at}: expected a `name` of its own beside `{KEY}`, found none; under one name both "
            "would be the same sweep"
        )
    base = compose_extended(other, chain)
    return Composed(_laid_over(base.root, root, ()), text, (path, *base.files))


def _check_chain(at: str, written: str, other: Path, chain: tuple[Path, ...]) -> None:
    """Refuse a file that is not there, that is in the chain already, or one too many.

    Raises:
        SpecError: which of these.
    """
    try:
        there = other.is_file()
    except (OSError, ValueError):  # such as a name that no file may have
        there = False
    if not there:
        raise SpecError(
            f"{at}: expected a YAML, relative to this file's folder, found no file {shown(written)}"
        )
    if any(other.resolve() == each.resolve() for each in chain):
        words = " → ".join(map(str, (*chain, other)))
        raise SpecError(f"{at}: expected another YAML, found a circle: {words}; drop one `{KEY}`")
    if len(chain) >= LONGEST_CHAIN:
        raise SpecError(
            f"{at}: expected at most {LONGEST_CHAIN} files that extend each other, found more; "
            "put some of them together"
        )


def _taken(node: yaml.MappingNode, key: str) -> _Pair | None:
    """Take a key out of a mapping."""
    found = next((pair for pair in node.value if pair[0].value == key), None)
    if found is not None:
        node.value = [pair for pair in node.value if pair is not found]
    return found


def _laid_over(
    base: yaml.MappingNode, own: yaml.MappingNode, at: tuple[str, ...]
) -> yaml.MappingNode:
    given = {key.value for key, _ in own.value}
    if len(at) == 2 and given.intersection(_SOURCES.get(at[0], ())):
        return own
    sized = at[-1:] == ("adapter",) and given.intersection(SIZES)
    replaced: Collection[str] = SIZES if sized else ()
    pairs = {k.value: (k, v) for k, v in base.value if k.value not in replaced}
    for key, value in own.value:
        _, before = pairs.get(key.value, (None, None))
        both = isinstance(value, yaml.MappingNode) and isinstance(before, yaml.MappingNode)
        if both and key.value not in _WHOLE:
            value = _laid_over(before, value, (*at, key.value))
        pairs[key.value] = (key, value)
    return yaml.MappingNode(
        own.tag, list(pairs.values()), own.start_mark, own.end_mark, flow_style=own.flow_style
    )


def move_paths(root: yaml.MappingNode, path: Path) -> None:
    """Make relative paths that stand in another file relative to the folder of the one at `path`.

    Args:
        root: without variables.
    """
    here = path.resolve().parent
    for node in {id(node): node for node in _paths(root)}.values():  # an alias names one twice
        folder = os.path.relpath(Path(node.start_mark.name).resolve().parent, here)
        before = _FOLDER if node.value.startswith(_FOLDER) else ""
        written = node.value.removeprefix(before)
        if folder == os.curdir or not written or written.startswith(("/", "~")):
            continue
        moved = os.path.normpath(Path(folder) / written)
        node.value = before + (moved if moved.startswith(".") else f"./{moved}")


def _paths(root: yaml.MappingNode) -> Iterator[yaml.ScalarNode]:
    """Yield the nodes that are paths: folders of base models and of tasks."""
    for section, entries in root.value:
        if section.value not in _SOURCES or not isinstance(entries, yaml.MappingNode):
            continue
        for _, entry in entries.value:
            for key, value in entry.value if isinstance(entry, yaml.MappingNode) else ():
                if not isinstance(value, yaml.ScalarNode):
                    continue
                local = key.value == "source" and value.value.startswith(_FOLDER)
                local_rows = key.value == "hub" and value.value.startswith(".")
                if key.value == "folder" or local or local_rows:
                    yield value
