"""The registry of winners, in MLflow's model registry: register, find, pull and verify.

A registered model per base and task, found by its tags; a version per adapter, with checksums of
its files; aliases such as `champion`. MLflow does not check what it hands out, so `pull` does.
Which trials win is left to `orchestrator.selection`.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.catalog.catalog import Catalog
from orchestrator.errors import RegistryError
from orchestrator.mlflow_runs import Client, connect, experiment_id, tolerated, translated
from orchestrator.selection import Winner
from orchestrator.stores import Stores
from workers.digest import folder_digest
from workers.frozen import Frozen
from workers.results import AdapterFiles
from workers.trial import Trial

MODEL_TYPE = "adapter"
FLAVOR = "adaptersweep"
MODEL_FILE = "MLmodel"
MODEL_VERSIONS = "mlflow.modelVersions"
"""The tag by which MLflow's pages link a trial's model to its versions in the registry."""

_LISTED = 20


class RegisteredAdapter(Frozen):
    """One version in the registry.

    Attributes:
        name, version: MLflow's.
        aliases: those that name this version now.
        score, metric: on validation; `score_mean` and `score_std` over `seeds` seeds.
        base_weights_sha256: of the base model that it was trained over.
        files: each file's SHA-256; `digest` is one over them all (`workers.digest`).
    """

    name: str
    version: str
    aliases: tuple[str, ...] = ()
    task: str
    base: str
    base_weights_sha256: str
    trial_id: str
    kind: str
    metric: str
    score: float
    score_mean: float
    score_std: float | None = None
    seeds: int
    drop_depth: int
    parameters: int
    size_bytes: int
    digest: str
    files: dict[str, str]

    @property
    def reference(self) -> str:
        """Return a name to pull it by."""
        return f"{self.task}@{self.aliases[0] if self.aliases else self.version}"


def register_winner(catalog: Catalog, stores: Stores, winner: Winner) -> RegisteredAdapter:
    """Make a winner's adapter a version, and let the alias name it.

    The same adapter of the same trial is one version, however often it is registered. Where an
    alias moves, the move is kept in the catalog, since MLflow forgets it.

    Raises:
        RegistryError: the trial left no adapter, or its files are not those it committed.
        TrackingError: MLflow does not answer, or refuses.
    """
    trial, result = winner.standing.best, winner.standing.result
    folder = stores.workspace.trial(trial.trial_id).adapter
    if result.adapter is None:
        raise RegistryError(
            f"{trial.label} left no adapter to register; let `select` choose among other methods"
        )
    _verify(folder, result.adapter.files, result.adapter.digest)
    tags = _version_tags(winner, result.adapter, folder)
    client = connect(stores.tracking_uri)
    with translated(stores.tracking_uri):
        name = _registered_model(client, trial)
        version = _existing_version(client, name, tags)
        if version is None:
            version = _create_version(client, catalog, stores, name=name, trial=trial, tags=tags)
        for key, value in tags.items():
            if version.tags.get(key) != value:
                client.set_model_version_tag(name, version.version, key, value)
        client.set_registered_model_alias(name, winner.alias, version.version)
        found = _registered(client, name, client.get_model_version(name, version.version))
    catalog.record_registration(
        name=name,
        version=found.version,
        alias=winner.alias,
        trial_id=trial.trial_id,
        score=found.score,
        digest=found.digest,
    )
    return found


def find(reference: str, *, tracking_uri: str, base: str | None = None) -> RegisteredAdapter:
    """Return what `TASK@ALIAS` or `TASK@VERSION` names now.

    Args:
        base: the base model's short name, where the task has adapters of several; `BASE/TASK@…`
            says the same.

    Raises:
        RegistryError: nothing, or more than one adapter, has that name; says what there is.
        TrackingError: MLflow does not answer.
    """
    task, at, selector = reference.rpartition("@")
    if not (task and at and selector):
        raise RegistryError(
            f"expected TASK@ALIAS or TASK@VERSION, such as rte@champion, found {reference!r}"
        )
    client = connect(tracking_uri)
    with translated(tracking_uri):
        models = _models(client)
        fitting = [m for m in models if _fits(m, task, base)]
        if not fitting:
            known = _listing(r for m in models for r in _references(m))
            over = f" over base {base}" if base else ""
            raise RegistryError(f"no adapter of {task}{over} is registered; there are: {known}")
        if len(fitting) > 1:
            bases = ", ".join(sorted(m.tags["base"] for m in fitting))
            raise RegistryError(
                f"{reference} is there over several base models: {bases}; say which with --base"
            )
        model = client.get_registered_model(fitting[0].name)
        number = selector if selector.isdecimal() else model.aliases.get(selector)
        if number is not None:
            with tolerated("RESOURCE_DOES_NOT_EXIST"):
                return _registered(client, model.name, client.get_model_version(model.name, number))
        versions = client.search_model_versions(f"name = '{model.name}'")
        known = _listing([*_references(model), *(f"{task}@{v.version}" for v in versions)])
    raise RegistryError(f"{task} has no adapter {selector!r}; it has: {known}")


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
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
        fetched = _download(adapter, Path(temporary), tracking_uri)
        (fetched / MODEL_FILE).unlink(missing_ok=True)
        _verify(fetched, adapter.files, adapter.digest)
        if target.exists():
            target.rename(Path(temporary) / "replaced")
        fetched.rename(target)
    return target


def registered(tracking_uri: str) -> list[RegisteredAdapter]:
    """Return every version that an alias names, by task and base.

    Raises:
        TrackingError: MLflow does not answer.
    """
    client = connect(tracking_uri)
    with translated(tracking_uri):
        found = [
            _registered(client, model.name, client.get_model_version(model.name, version))
            for model in _models(client)
            for version in sorted(set(model.aliases.values()), key=int)
        ]
    return sorted(found, key=lambda a: (a.task, a.base, int(a.version)))


def _registered_model(client: Client, trial: Trial) -> str:
    """Return the name of the model of this task and base, created where it is missing."""
    tags = {
        FLAVOR: "adapter",
        "task": trial.task.name,
        "base": trial.base.name,
        "base_identity": trial.base.identity,
    }
    plain = re.sub(r"[^\w.-]", "-", f"{trial.task.name}--{trial.base.name}")
    # Another task or base may have become the same word; then a piece of hash tells them apart.
    mark = hashlib.sha256(json.dumps(tags).encode()).hexdigest()[:6]
    for name in (plain, f"{plain}-{mark}"):
        with tolerated("RESOURCE_ALREADY_EXISTS"):
            client.create_registered_model(
                name, tags=tags, description=f"Adapters of {trial.task.name} on {trial.base.name}."
            )
        if tags.items() <= client.get_registered_model(name).tags.items():
            return name
    raise RegistryError(
        f"the registered model {plain} has other tags than {tags}; rename it in MLflow"
    )


def _version_tags(winner: Winner, files: AdapterFiles, folder: Path) -> dict[str, str]:
    standing = winner.standing
    manifest = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))
    values = {
        "task": standing.best.task.name,
        "base": standing.best.base.name,
        "base_weights_sha256": manifest["base"]["weights_sha256"],
        "trial_id": standing.best.trial_id,
        "kind": files.kind,
        "metric": standing.metric,
        "score": standing.score,
        "score_mean": standing.mean,
        "score_std": standing.std,
        "seeds": standing.seeds,
        "drop_depth": standing.result.depth,
        "parameters": standing.result.parameters.stored,
        "size_bytes": files.size_bytes,
        "digest": files.digest,
        "files": json.dumps(files.files, sort_keys=True),
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _existing_version(client: Client, name: str, tags: Mapping[str, str]) -> Any:
    same = {key: tags[key] for key in ("trial_id", "digest")}
    found = client.search_model_versions(f"name = '{name}'")
    return next((v for v in found if same.items() <= v.tags.items()), None)


def _create_version(
    client: Client,
    catalog: Catalog,
    stores: Stores,
    *,
    name: str,
    trial: Trial,
    tags: Mapping[str, str],
) -> Any:
    """Upload the files as a logged model of the trial's run, and make it a version."""
    from mlflow.models import Model

    sweep = catalog.sweep_of(trial.trial_id)
    run_id = catalog.mlflow_runs(sweep, stores.tracking_uri).get(trial.trial_id)
    logged = client.create_logged_model(
        experiment_id(client, stores, sweep),
        name=name,
        source_run_id=run_id,
        model_type=MODEL_TYPE,
        tags={key: value for key, value in tags.items() if key != "files"},
    )
    client.log_model_artifacts(logged.model_id, str(stores.workspace.trial(trial.trial_id).adapter))
    with tempfile.TemporaryDirectory() as temporary:
        model_file = Path(temporary) / MODEL_FILE
        flavors = {FLAVOR: {"kind": tags["kind"], "manifest": "adapter.json"}}
        Model(run_id=run_id, flavors=flavors, model_id=logged.model_id).save(str(model_file))
        client.log_model_artifact(logged.model_id, str(model_file))
    client.finalize_logged_model(logged.model_id, "READY")
    # In a database of our own, MLflow would look the model up at the process's global address.
    by_server = stores.tracking_uri.startswith("http")
    version = client.create_model_version(
        name,
        source=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id if by_server else None,
        tags=dict(tags),
        description=trial.label,
    )
    versions = json.dumps([{"name": name, "version": version.version}])
    client.set_logged_model_tags(logged.model_id, {MODEL_VERSIONS: versions})
    return version


def _registered(client: Client, name: str, version: Any) -> RegisteredAdapter:
    tags = dict(version.tags)
    fields = {key: tags[key] for key in RegisteredAdapter.model_fields if key in tags}
    aliases = client.get_registered_model(name).aliases
    mine = tuple(sorted(a for a, v in aliases.items() if str(v) == str(version.version)))
    return RegisteredAdapter.model_validate(
        fields
        | {
            "name": name,
            "version": str(version.version),
            "aliases": mine,
            "files": json.loads(tags.get("files", "{}")),
        }
    )


def _models(client: Client) -> list[Any]:
    """Return our registered models; others may share the registry."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_registered_models(max_results=1000, page_token=token)
        found += [m for m in page if FLAVOR in m.tags]
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
    target = into / "adapter"
    target.mkdir()
    with translated(tracking_uri):
        location = client.get_model_version_download_uri(adapter.name, adapter.version)
        fetched = Path(
            download_artifacts(location, dst_path=str(target), tracking_uri=tracking_uri)
        )
    if fetched != target:  # MLflow puts a folder into the target, named as it was stored
        fetched = fetched.rename(into / "fetched")
    return fetched


def _verify(folder: Path, expected: Mapping[str, str], digest: str) -> None:
    """Check every file of an adapter's folder.

    Raises:
        RegistryError: names the first file that is missing, left over or changed.
    """
    found, found_digest = folder_digest(folder)
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) == expected.get(name):
            continue
        problem = "is missing" if name not in found else "was not part of what was registered"
        if name in found and name in expected:
            problem = f"is damaged: expected SHA-256 {expected[name]}, found {found[name]}"
        raise RegistryError(
            f"{name} in {folder} {problem}; the adapter is refused: train it again or restore it"
        )
    if found_digest != digest:
        raise RegistryError(
            f"the files in {folder} have digest {found_digest}, and {digest} was registered; "
            "the adapter is refused: its tags were changed after it was registered"
        )
