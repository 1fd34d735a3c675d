"""The registry of winners, in MLflow's model registry: find, pull and verify.

A registered model per base and task, found by its tags; a version per adapter, with checksums of
its files; aliases such as `champion`. MLflow does not check what it hands out, so `pull` does.
Putting adapters in and moving aliases is left to `orchestrator.registry.registration`.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from adapter_lib.storage.atomic_write import replacing_folder
from orchestrator.errors import RegistryError
from orchestrator.mlflow.runs import Client, connect, tolerated, translated
from orchestrator.mlflow.store_file import present_location
from orchestrator.registry.registered import FLAVOR, RegisteredAdapter, described
from workers.contract.checksums import folder_digest, listing_digest

_LISTED = 20


def find(reference: str, *, tracking_uri: str, base: str | None = None) -> RegisteredAdapter:
    """Return what `TASK@ALIAS` or `TASK@VERSION` names now.

    Args:
        base: the base model's short name, where the task has adapters of several; `BASE/TASK@…`
            says the same.

    Raises:
        RegistryError: nothing, or more than one adapter, has that name; says what there is.
        TrackingError: MLflow does not answer.
    """
    task, selector = split_reference(reference)
    client = connect(tracking_uri)
    with translated(tracking_uri):
        model = model_of(client, reference, task=task, base=base)
        number = selector if selector.isdecimal() else model.aliases.get(selector)
        if number is not None:
            with tolerated("RESOURCE_DOES_NOT_EXIST"):
                version = client.get_model_version(model.name, number)
                return described(model, version)
        versions = client.search_model_versions(f"name = '{model.name}'")
        known = _listing([*_references(model), *(f"{task}@{v.version}" for v in versions)])
    raise RegistryError(f"{task} has no adapter {selector!r}; it has: {known}")


def model_of(client: Client, reference: str, *, task: str, base: str | None) -> Any:
    """Return the registered model of a task, over the base where several have it.

    Raises:
        RegistryError: there is none, or more than one.
    """
    models = _models(client)
    fitting = [m for m in models if _fits(m, task, base)]
    if not fitting:
        known = _listing(r for m in models for r in _references(m))
        over = f" over base {base}" if base else ""
        raise RegistryError(
            f"no adapter of {task}{over} is registered; there are: {known}; results that were "
            "imported bring none"
        )
    if len(fitting) > 1:
        bases = ", ".join(sorted(m.tags["base"] for m in fitting))
        raise RegistryError(
            f"{reference} is there over several base models: {bases}; say which with --base"
        )
    return client.get_registered_model(fitting[0].name)


def split_reference(reference: str) -> tuple[str, str]:
    """Return the task, and the alias or version, of `TASK@…`.

    Raises:
        RegistryError: it is not of that form.
    """
    task, at, selector = reference.rpartition("@")
    if not (task and at and selector):
        raise RegistryError(
            f"expected TASK@ALIAS or TASK@VERSION, such as rte@champion, found {reference!r}"
        )
    return task, selector


def pull(
    reference: str,
    target: Path,
    *,
    tracking_uri: str,
    base: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Fetch the adapter that `reference` names into the folder `target`, verified, all or nothing.

    A target that holds the same adapter already is left as it is.

    Raises:
        RegistryError: the name is unknown; the files are not those that were registered; or
            `target` holds something else and `overwrite` is False.
        TrackingError: MLflow does not answer.
    """
    adapter = find(reference, tracking_uri=tracking_uri, base=base)
    occupied = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if occupied:
        if target.is_dir() and folder_digest(target)[1] == adapter.digest:
            return target
        if not overwrite:
            raise RegistryError(
                f"{target} is there already and is not {adapter.name} version {adapter.version}; "
                "give another folder, or say --overwrite"
            )
    with replacing_folder(target) as folder:
        fetch(adapter, tracking_uri, into=folder)
    return target


def fetch(adapter: RegisteredAdapter, tracking_uri: str, *, into: Path) -> None:
    """Put the adapter's files into a folder, each verified.

    What MLflow or somebody else put beside them is left out.

    Raises:
        RegistryError: a file is missing, or is not the one that was registered.
        TrackingError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(dir=into.parent) as temporary:
        downloaded = _download(adapter, Path(temporary), tracking_uri)
        verify(downloaded, adapter.files, adapter.digest)
        for name in adapter.files:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (downloaded / name).rename(into / name)


def registered(tracking_uri: str) -> list[RegisteredAdapter]:
    """Return every version that an alias names, by task and base.

    Raises:
        TrackingError: MLflow does not answer.
    """
    client = connect(tracking_uri)
    with translated(tracking_uri):
        found = [
            described(model, client.get_model_version(model.name, version))
            for model in _models(client)
            for version in sorted(set(model.aliases.values()), key=int)
        ]
    return sorted(found, key=lambda a: (a.task, a.base, int(a.version)))


def _models(client: Client) -> list[Any]:
    """Return our registered models; others may share the registry."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_registered_models(max_results=1000, page_token=token)
        found += [m for m in page if {FLAVOR, "task", "base"} <= m.tags.keys()]
        token = page.token
        if not token:
            return [client.get_registered_model(m.name) for m in found]


def _fits(model: Any, task: str, base: str | None) -> bool:
    own = model.tags["task"], model.tags["base"]
    if base is not None:
        return own == (task, base)
    return own[0] == task or f"{own[1]}/{own[0]}" == task


def _references(model: Any) -> list[str]:
    return [f"{model.tags['task']}@{alias}" for alias in sorted(model.aliases)]


def _listing(references: Iterable[str]) -> str:
    unique = list(dict.fromkeys(references))
    more = f" and {len(unique) - _LISTED} more" if len(unique) > _LISTED else ""
    return ", ".join(unique[:_LISTED]) + more if unique else "none yet"


def _download(adapter: RegisteredAdapter, into: Path, tracking_uri: str) -> Path:
    from mlflow.artifacts import download_artifacts

    client = connect(tracking_uri)
    with translated(tracking_uri):
        location = client.get_model_version_download_uri(adapter.name, adapter.version)
        location = present_location(location, tracking_uri)
        # MLflow puts a folder there, named as it was stored, or the files themselves.
        return Path(download_artifacts(location, dst_path=str(into), tracking_uri=tracking_uri))


def verify(folder: Path, expected: Mapping[str, str], digest: str) -> None:
    """Check every file of an adapter; other files in its folder mean nothing.

    Args:
        expected: SHA-256 of each file, by its name relative to `folder`.
        digest: over all of `expected`, as in `workers.contract.checksums`.

    Raises:
        RegistryError: names the first file that is missing or changed.
    """
    if listing_digest(expected) != digest or not expected:
        raise RegistryError(
            f"the files listed for {folder} have digest {listing_digest(expected)}, and {digest} "
            "was registered; the adapter is refused: its tags were changed after it was registered"
        )
    for name, checksum in sorted(expected.items()):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise RegistryError(f"{name} leads out of {folder}; the adapter is refused")
        problem = "is missing"
        if (folder / name).is_file():
            with (folder / name).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found == checksum:
                continue
            problem = f"is damaged: expected SHA-256 {checksum}, found {found}"
        raise RegistryError(
            f"{name} in {folder} {problem}; the adapter is refused: train it again or restore it"
        )
