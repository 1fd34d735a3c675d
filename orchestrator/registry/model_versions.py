"""Make an adapter a version in MLflow's model registry: its name, its files and its tags.

Each call can be repeated without making anything twice. Which adapter, and what an alias then
names, is left to `orchestrator.registry.registration`.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.catalog.catalog import Catalog
from orchestrator.errors import RegistryError
from orchestrator.mlflow.runs import Client, experiment_id, tolerated
from orchestrator.planning.selection import Standing
from orchestrator.registry.model_card import model_card, summary
from orchestrator.registry.model_files import write_model_files
from orchestrator.registry.registered import FLAVOR, RegisteredAdapter, described
from orchestrator.stores import Stores
from workers.contract.results import AdapterFiles
from workers.contract.trial import Trial
from workers.errors import StorageError

MODEL_TYPE = "adapter"
MODEL_VERSIONS = "mlflow.modelVersions"
"""The tag by which MLflow's pages link a trial's model to its versions in the registry."""


def registered_model(client: Client, trial: Trial) -> str:
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


def version_tags(standing: Standing, files: AdapterFiles, folder: Path) -> dict[str, str]:
    """Return what a version says of itself: all that finding, comparing and pulling need."""
    manifest = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))
    values = {
        "task": standing.best.task.name,
        "task_fingerprint": standing.best.task.fingerprint,
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


@contextmanager
def registrable(stores: Stores, trial: Trial, files: Mapping[str, str]) -> Iterator[Path]:
    """Give a local folder with what a trial has committed of its adapter.

    Raises:
        RegistryError: it is gone or damaged in object storage, or that does not answer.
    """
    try:
        with stores.workspace.trial(trial.trial_id).files.adapter(files) as folder:
            yield folder
    except StorageError as error:
        raise RegistryError(f"{error}; the adapter is not registered") from error


def existing_version(client: Client, name: str, tags: Mapping[str, str]) -> Any:
    """Return the version with this trial's files, of several the first, or None."""
    same = {key: tags[key] for key in ("trial_id", "digest")}
    found = client.search_model_versions(f"name = '{name}'")
    alike = [v for v in found if same.items() <= v.tags.items()]
    return min(alike, key=lambda v: int(v.version), default=None)


def create_version(
    client: Client,
    catalog: Catalog,
    stores: Stores,
    *,
    name: str,
    standing: Standing,
    tags: Mapping[str, str],
) -> Any:
    """Upload the files as a logged model of the trial's run, and make it a version."""
    trial = standing.best
    sweep = catalog.sweep_of(trial.trial_id)
    run_id = catalog.mlflow_runs(sweep, stores.tracking_identity).get(trial.trial_id)
    logged = client.create_logged_model(
        experiment_id(client, stores, sweep),
        name=name,
        source_run_id=run_id,
        model_type=MODEL_TYPE,
        tags={key: value for key, value in tags.items() if key != "files"},
    )
    with tempfile.TemporaryDirectory() as temporary:
        with registrable(stores, trial, json.loads(tags["files"])) as folder:
            staged = _staged(Path(temporary), folder, tags)
        card = model_card(standing, catalog.settings([trial.trial_id])[trial.trial_id], name=name)
        ids = {"run_id": run_id, "model_id": logged.model_id}
        write_model_files(staged, trial.task.card, card, kind=tags["kind"], **ids)
        client.log_model_artifacts(logged.model_id, str(staged))
    client.finalize_logged_model(logged.model_id, "READY")
    # In a database of our own, MLflow would look the model up at the process's global address.
    by_server = stores.tracking_uri.startswith("http")
    version = client.create_model_version(
        name,
        source=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id if by_server else None,
        tags=dict(tags),
        description=summary(standing, name=name),
    )
    first = existing_version(client, name, tags)
    if first is not None and int(first.version) < int(version.version):
        # A driver with another catalog, which no lock of ours keeps out, was faster.
        client.delete_model_version(name, version.version)
        version = first
    versions = json.dumps([{"name": name, "version": version.version}])
    client.set_logged_model_tags(logged.model_id, {MODEL_VERSIONS: versions})
    return version


def refreshed(
    client: Client, name: str, version: Any, tags: Mapping[str, str]
) -> RegisteredAdapter:
    """Bring a version's tags up to date; a mean over fewer seeds does not replace a fuller one."""
    fuller = version.tags.get("seeds", "")
    if fuller.isdecimal() and int(fuller) > int(tags["seeds"]):
        tags = {k: v for k, v in tags.items() if k not in ("seeds", "score_mean", "score_std")}
    for key, value in tags.items():
        if version.tags.get(key) != value:
            client.set_model_version_tag(name, version.version, key, value)
    model = client.get_registered_model(name)
    return described(model, client.get_model_version(name, version.version))


def _staged(into: Path, adapter: Path, tags: Mapping[str, str]) -> Path:
    """Copy what was committed, and nothing that lies beside it, to where it is uploaded from."""
    folder = into / "adapter"
    for name in json.loads(tags["files"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(adapter / name, folder / name)
    return folder
