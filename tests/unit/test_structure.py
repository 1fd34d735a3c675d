"""The measures of the layout: few parts, few floors, one place for each name, short functions.

Which part may import which is held by the import contracts in `pyproject.toml`.
"""

import ast
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapter_lib", "workers", "orchestrator", "dashboards")
MEASURES = {"adapter_lib": (10, 6, 30), "workers": (11, 8, 40), "orchestrator": (13, 9, 41)}
"""Package → the most parts, floors and arrows between parts that it may have."""
LONGEST_FUNCTION, LONGEST_FILE, MEDIAN_FUNCTION = 50, 400, 8


@cache
def arrows(package: str) -> frozenset[tuple[str, str]]:
    """Return which part imports which, parts being what lies directly below the package."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = (name.split(".")[1:2] for name in (module, imported))
            if one and other and one != other:
                found.add((one[0], other[0]))
    return frozenset(found)


def parts(package: str) -> set[str]:
    folder = ROOT / package
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return names | {path.parent.name for path in folder.glob("*/__init__.py")}


def floors(package: str) -> int:
    """Return the length of the longest chain of parts in which each imports the next."""
    below: dict[str, set[str]] = {part: set() for part in parts(package)}
    for part, imported in arrows(package):
        below[part].add(imported)

    @cache
    def height(part: str) -> int:
        return 1 + max(map(height, below[part]), default=0)

    return max(map(height, below))


def files(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def function_lengths() -> dict[str, int]:
    found = {}
    for path in files(*PACKAGES):
        if "migrations" in path.parts:  # which never change once they are released
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                where = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                found[where] = node.end_lineno - node.lineno + 1
    return found


@pytest.mark.parametrize("package", MEASURES)
def test_a_package_has_few_parts_and_floors(package: str) -> None:
    most_parts, most_floors, most_arrows = MEASURES[package]
    assert len(parts(package)) <= most_parts
    assert floors(package) <= most_floors
    assert len(arrows(package)) <= most_arrows


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_of_a_file_stands_twice_in_a_package(package: str) -> None:
    names = Counter(path.stem for path in files(package) if path.stem != "__init__")
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_one_function_called_submit_in_each_part(package: str) -> None:
    found = Counter(
        path.relative_to(ROOT / package).parts[0]
        for path in files(package)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "submit"
    )
    assert max(found.values(), default=0) <= 1


def test_files_and_functions_are_short() -> None:
    lengths = function_lengths()
    assert {k: n for k, n in lengths.items() if n > LONGEST_FUNCTION} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in files(*PACKAGES)}
    assert {k: n for k, n in sizes.items() if n > LONGEST_FILE} == {}


def test_every_part_is_named_where_the_architecture_is_explained() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {
        f"{path.parent.relative_to(ROOT)}/"
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if "versions" not in path.parts
    }
    assert [folder for folder in sorted(folders) if f"`{folder}`" not in page] == []


def test_every_module_begins_with_a_sentence() -> None:
    silent = []
    for path in files(*PACKAGES):
        if "versions" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []
