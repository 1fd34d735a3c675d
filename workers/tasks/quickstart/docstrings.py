"""Sentences from the docstrings of installed packages: parsed with `ast`, never imported.

The same package versions give the same sentences. They are kept in the user's cache folder; what
is made of them is left to `quickstart`.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from adapter_lib.storage.atomic_write import write_atomically
from workers.contract.paths import user_cache
from workers.errors import TaskError
from workers.tasks.quickstart import prose

log = logging.getLogger(__name__)

LIBRARIES = (
    "matplotlib",
    "mlflow",
    "networkx",
    "pandas",
    "ray",
    "scipy",
    "sqlalchemy",
    "torch",
)
"""Top-level packages, each also the name of its distribution, that the lock file installs."""

_BYTES_PER_LIBRARY = 5_000_000
"""Enough source for the tasks; the rest of a large package would only take time to parse."""

_SKIPPED_FOLDERS = frozenset(
    {"tests", "test", "testing", "_vendor", "_private", "thirdparty_files", "extern", "_inductor"}
)


@dataclass(frozen=True)
class Docstring:
    """The sentences of one docstring, in order; none of them stands in another docstring.

    Attributes:
        module: dotted path of the module, the library first.
        name: class or function within the module, empty for the module itself.
    """

    module: str
    name: str
    sentences: tuple[str, ...]

    @property
    def library(self) -> str:
        return self.module.partition(".")[0]


@lru_cache(maxsize=1)
def load_docstrings() -> tuple[Docstring, ...]:
    """Return all docstrings that hold sentences, from the cache where it has them.

    Raises:
        TaskError: a library is not installed.
    """
    path = _cache_path()
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        if digest != _digest(text):
            raise ValueError("its content is not what was written")
        rows = json.loads(text)
        return tuple(Docstring(r["module"], r["name"], tuple(r["sentences"])) for r in rows)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("cannot read the cache %s (%s); building it again", path, error)
    docstrings = build_docstrings()
    try:
        text = json.dumps([asdict(docstring) for docstring in docstrings])
        write_atomically(path, f"{_digest(text)}\n{text}".encode())
    except OSError as error:
        log.warning("cannot write the cache %s (%s); it is built again next time", path, error)
    return docstrings


def build_docstrings() -> tuple[Docstring, ...]:
    """Parse the installed packages.

    Raises:
        TaskError: a library is not installed.
    """
    seen: set[str] = set()
    kept: list[Docstring] = []
    for library in LIBRARIES:
        for module, name, text in _documented(library):
            fresh = []
            for sentence in prose.sentences_of(text, unwanted_words=_library_words()):
                key = "".join(filter(str.isalpha, sentence)).lower()
                if key not in seen:
                    seen.add(key)
                    fresh.append(sentence)
            if fresh:
                kept.append(Docstring(module, name, tuple(fresh)))
    return tuple(kept)


def _library_words() -> frozenset[str]:
    """Return the words that would give away which library a sentence is from."""
    return frozenset(LIBRARIES) | {"pytorch", "numpy", "sklearn", "scikit", "alchemy", "pyplot"}


def _cache_path() -> Path:
    versions = " ".join(f"{library} {_version(library)}" for library in LIBRARIES)
    digest = hashlib.sha256(versions.encode())
    for source in (Path(__file__), Path(prose.__file__)):
        digest.update(source.read_bytes())  # what they do is part of what is kept
    return user_cache() / f"docstrings-{digest.hexdigest()[:16]}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError as error:
        raise TaskError(
            f"the built-in tasks read the documentation of {library}, which is not installed; "
            "install the locked requirements"
        ) from error


def _documented(library: str) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and docstring of everything documented in a library's chosen files."""
    root = _root(library)
    for file in _chosen_files(root):
        parts = [library, *file.relative_to(root).with_suffix("").parts]
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            # Doubtful escapes in other people's strings must not decide which files are read.
            with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
                tree = ast.parse(file.read_bytes())
        except SyntaxError:
            continue  # a template, or code for another Python
        for name, text in _docstrings_in(tree, ""):
            yield module, name, text


def _root(library: str) -> Path:
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise TaskError(f"the package {library} is not installed; install the locked requirements")
    return Path(spec.submodule_search_locations[0])


def _chosen_files(root: Path) -> list[Path]:
    """Choose files in an order that spreads over the whole package, up to a total size."""
    files = {
        file.relative_to(root).as_posix(): file
        for file in root.rglob("*.py")
        if _SKIPPED_FOLDERS.isdisjoint(file.relative_to(root).parts)
    }
    chosen: list[str] = []
    size_bytes = 0
    for name in sorted(files, key=lambda name: hashlib.sha256(name.encode()).digest()):
        size_bytes += files[name].stat().st_size
        if size_bytes > _BYTES_PER_LIBRARY:
            break
        chosen.append(name)
    return [files[name] for name in sorted(chosen)]


def _docstrings_in(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Yield the docstrings of a module, its classes, and their functions; not of inner ones."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node)
        if text:
            yield name, text
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _docstrings_in(child, f"{name}.{child.name}".lstrip("."))
