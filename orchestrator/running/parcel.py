"""A sweep with the local folders that it names, in one archive that travels to a cluster.

Every folder goes under the hash of its content, and so it is kept in the workspace there: what was
sent before is not kept twice. Sending the archive is left to `orchestrator.running.cluster_jobs`.
"""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from orchestrator.errors import SchedulingError
from orchestrator.spec.document import compose
from orchestrator.spec.read import read_spec
from orchestrator.spec.source import SpecSource
from workers.contract.checksums import folder_digest
from workers.contract.frozen import Frozen
from workers.contract.paths import Workspace

MOST_BYTES = 100 * 2**20
"""What the server of Ray's Jobs API takes in one request."""

_ORDER, _SWEEP, _FOLDERS = "order.json", "sweep.yaml", "folders"
_DIGITS = 20
_FOLDER = "folder:"


class Order(Frozen):
    """How the driver on the cluster is to be started.

    Attributes:
        name: of the YAML's file, for messages.
        workspace: on the cluster.
        environment: what else `submit` is given, in variables, which other users do not see.
        options: of `submit`.
        person: on whose behalf, as user@host.
    """

    name: str
    workspace: str
    environment: dict[str, str]
    options: tuple[str, ...]
    person: str


@dataclass(frozen=True)
class Parcel:
    """A YAML, and the local folders that it names: hash → folder."""

    text: str
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return a hash of everything in it; the text has the hashes of the folders."""
        return _short(hashlib.sha256(self.text.encode()).hexdigest())

    def write(self, order: Order, to: Path) -> None:
        """Write the archive; the same content gives the same bytes.

        Raises:
            SchedulingError: it is more than a cluster takes.
        """
        with zipfile.ZipFile(to, "w") as archive:
            _add(archive, _ORDER, order.model_dump_json().encode())
            _add(archive, _SWEEP, self.text.encode())
            for digest, folder in sorted(self.folders.items()):
                for path in _files(folder):
                    name = f"{_FOLDERS}/{digest}/{path.relative_to(folder).as_posix()}"
                    _add(archive, name, path.read_bytes())


def pack(path: Path, workspace: str, given: Sequence[str] = ()) -> tuple[str, Parcel]:
    """Return a sweep's name, and the sweep with the local folders that its YAML names.

    Absolute paths that are not on this machine, or lie in the workspace, are taken for the
    cluster's own, and stay as they are. What the YAML extends travels in it.

    Args:
        given: values of its variables, `name=value` each.

    Raises:
        SpecError: the YAML is wrong, or a folder is not there.
        SchedulingError: the folders are more than a cluster takes.
    """
    spec, source = read_spec(path, given)
    written = SpecSource(path, source.text, compose(path, source.text))
    places = [
        (("base_models", name, "source"), base.source.removeprefix(_FOLDER), _FOLDER)
        for name, base in spec.base_models.items()
        if base.source.startswith(_FOLDER)
    ]
    places += [
        (("tasks", name, "folder"), task.folder, "")
        for name, task in spec.tasks.items()
        if task.folder is not None
    ]
    chosen = {}
    for keys, named, before in places:
        folder = _local(source, keys, named, workspace)
        if folder is not None:
            chosen[keys] = (folder, before)
    _check_size([folder for folder, _ in chosen.values()], workspace)
    folders: dict[str, Path] = {}
    words: dict[int, tuple[yaml.Node, str]] = {}
    for keys, (folder, before) in chosen.items():
        digest = _short(folder_digest(folder)[1])
        folders[digest] = folder
        node = written.locate(keys).node
        words[node.start_mark.index] = (node, f'"{before}../{digest}"')
    return spec.name, Parcel(_replaced(source.text, words), folders)


def unpack(folder: Path, workspace: Workspace, order: Order) -> Path:
    """Put what was sent, an archive that lies in `folder` file by file, into the workspace.

    Returns:
        The YAML, beside the folders that it names.

    Raises:
        SchedulingError: a folder did not arrive as it was sent.
    """
    sent = sorted((folder / _FOLDERS).iterdir()) if (folder / _FOLDERS).is_dir() else []
    for each in sent:
        target = workspace.sent / each.name
        if target.exists():
            continue
        if _short(folder_digest(each)[1]) != each.name:
            raise SchedulingError(
                f"expected a folder whose content has the hash {each.name}, found another in "
                f"{each}; submit again"
            )
        _put(each, target)
    text = (folder / _SWEEP).read_text(encoding="utf-8")
    place = workspace.sent / Parcel(text).digest
    place.mkdir(parents=True, exist_ok=True)
    target = place / order.name
    target.write_text(text, encoding="utf-8")
    return target


def read_order(folder: Path) -> Order:
    """Read what came with the archive that lies in `folder`."""
    return Order.model_validate_json((folder / _ORDER).read_text(encoding="utf-8"))


def _local(source: SpecSource, keys: tuple[str, ...], named: str, workspace: str) -> Path | None:
    """Return a folder of this machine that must travel, None for one of the cluster's own.

    Raises:
        SpecError: a relative path leads nowhere.
    """
    given = Path(named)
    folder = source.path.resolve().parent / given
    if given.is_absolute() and (not folder.is_dir() or folder.is_relative_to(workspace)):
        return None
    if not folder.is_dir():
        raise source.error(
            keys,
            f"expected a folder to send along, found none in {folder}; correct it, or give the "
            "absolute path of a folder of the cluster",
        )
    return folder.resolve()


def _check_size(folders: Sequence[Path], workspace: str) -> None:
    sizes = {folder: sum(p.stat().st_size for p in _files(folder)) for folder in folders}
    if sum(sizes.values()) <= MOST_BYTES:
        return
    largest = max(sizes, key=lambda folder: sizes[folder])
    mib = 2**20
    raise SchedulingError(
        f"the sweep names {sum(sizes.values()) / mib:,.0f} MiB of local folders, the largest is "
        f"{largest} with {sizes[largest] / mib:,.0f} MiB, and Ray's Jobs API takes "
        f"{MOST_BYTES / mib:.0f} MiB; copy it to the cluster, such as to "
        f"{Path(workspace) / 'sent' / largest.name}, and give that path in the YAML"
    )


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(p for p in folder.rglob("*") if p.is_file())


def _replaced(text: str, words: dict[int, tuple[yaml.Node, str]]) -> str:
    """Return the YAML with other words in place of some of its nodes."""
    for start in sorted(words, reverse=True):
        node, word = words[start]
        text = text[:start] + word + text[node.end_mark.index :]
    return text


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name)  # of 1980, so that the time of packing changes nothing
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _put(folder: Path, target: Path) -> None:
    """Copy a folder in one step, so that it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copytree(folder, draft, dirs_exist_ok=True)
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.exists():  # else somebody else was faster, with the same content
            raise


def _short(digest: str) -> str:
    return digest[:_DIGITS]
