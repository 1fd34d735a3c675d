"""The runs of one sweep in MLflow: find or create them, send to them, end them.

Each call can be repeated without changing anything. When to call what is left to
`orchestrator.mlflow.mirror`. MLflow is imported on first use: it takes over a second.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock

from orchestrator.addresses import redacted
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.engines import knock
from orchestrator.errors import OrchestratorError, TrackingError
from orchestrator.mlflow.run_content import (
    NOTE,
    SHARED_VIEW,
    STATE,
    SWEEP,
    TRIAL_ID,
    VIEW,
    Point,
    experiment_name,
)
from orchestrator.mlflow.store_file import (
    STORE_TIMEOUT_S,
    artifact_folder,
    follow_move,
    holds_store,
    store_path,
)
from orchestrator.stores import Stores

NOTE_LIMIT_CHARS = 7_900
"""MLflow cuts the tags of a run off at 8000 characters; an experiment's may be longer."""

# Opens on the table of runs; without it, MLflow's pages expect traces of language models.
_TAGS = {"mlflow.experimentKind": "custom_model_development", **SHARED_VIEW}

_SERVED_DATABASES = frozenset({"postgresql", "mysql", "mssql"})
"""Those of MLflow's that are no file."""
_POINTS_PER_CALL = 1000
_PARAMETERS_PER_CALL = 100
_RUNS_PER_PAGE = 1000


class Client(Protocol):
    """MLflow's own client, which has no types that help."""

    def __getattr__(self, name: str) -> Any: ...


def prepare_store(tracking_uri: str) -> None:
    """Make the store if it is a SQLite one and is not there, or was moved with its workspace.

    Call it once, before any thread starts: it is also where MLflow is imported, which must not
    happen in one thread while another builds SQL. A server is not asked anything.

    Raises:
        TrackingError: the file is damaged, another program's, or cannot be written.
    """
    _set_defaults()
    path = store_path(tracking_uri)
    if path is None:
        _client(tracking_uri)
        return
    with translated(tracking_uri):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of several processes that open a fresh database together, all but one would fail.
        with FileLock(f"{path}.lock", timeout=STORE_TIMEOUT_S):
            # What MLflow cannot open it tries again for two minutes, so that is found out first.
            if not holds_store(path):
                path.touch()
            client = _client(tracking_uri)
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
            follow_move(path)


def connect(tracking_uri: str) -> Client:
    """Return a client of a tracking store; none is created.

    Raises:
        TrackingError: a SQLite store is not there, damaged, or another program's; a server that
            is down shows at the first call.
    """
    path = store_path(tracking_uri)
    if path is not None and not holds_store(path):
        raise TrackingError(
            f"no MLflow store in {path}; submit a sweep first, or give --workspace or --tracking"
        )
    return _client(tracking_uri)


def _set_defaults() -> None:
    """Set what MLflow reads when it is imported."""
    # A repeated request to create something makes two of it: the outbox retries, and looks first.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # it would write into live displays


def _client(tracking_uri: str) -> Client:
    _set_defaults()
    from mlflow import MlflowClient, artifacts, models  # noqa: F401

    with translated(tracking_uri):
        if urlsplit(tracking_uri).scheme.partition("+")[0] in _SERVED_DATABASES:
            knock(tracking_uri)  # MLflow itself would try it for 100 seconds
        try:
            return MlflowClient(tracking_uri, registry_uri=tracking_uri)  # type: ignore[no-any-return]
        except ValueError as error:  # such as a port that is no number
            raise _tracking_error(tracking_uri, error) from error


@contextmanager
def translated(tracking_uri: str) -> Iterator[None]:
    """Turn what MLflow raises into a TrackingError that names the store."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except OrchestratorError:
        raise
    except (MlflowException, RequestException, OSError) as error:
        raise _tracking_error(tracking_uri, error) from error
    except Exception as error:
        if not hasattr(error, "orig"):
            raise
        # MLflow lets some errors of its database through, which carry the driver's own.
        raise _tracking_error(tracking_uri, error) from error


def _tracking_error(tracking_uri: str, error: Exception) -> TrackingError:
    message = str(error).strip().partition("\n")[0]
    return TrackingError(redacted(f"MLflow at {tracking_uri}: {message}"))


@contextmanager
def tolerated(error_code: str) -> Iterator[None]:
    """Let one answer of MLflow pass, such as that something is there already."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != error_code:
            raise


def experiment_id(client: Client, stores: Stores, sweep: str) -> str:
    """Return the sweep's experiment, created where it is missing.

    In a database of our own the artifacts lie in the workspace; a server decides for itself.

    Raises:
        TrackingError: the experiment was deleted, or MLflow does not answer.
    """
    name = experiment_name(sweep)
    with translated(stores.tracking_uri):
        found = client.get_experiment_by_name(name)
        if found is None:
            location = None
            if not stores.tracking_uri.startswith("http"):
                location = f"{artifact_folder(stores)}/{quote(sweep)}"
                if location.startswith("file:"):  # tells a moved workspace from a store
                    Path(unquote(urlsplit(location).path)).mkdir(parents=True, exist_ok=True)
            with tolerated("RESOURCE_ALREADY_EXISTS"):
                made = client.create_experiment(name, artifact_location=location, tags=_TAGS)
                return str(made)
            found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment {name} in MLflow at {stores.shown_tracking} was deleted; restore it "
            f"with `mlflow experiments restore`, or give the sweep another name"
        )
    return str(found.experiment_id)


def listed_runs(client: Client, uri: str, experiment: str, sweep: str) -> Iterator[Any]:
    """Yield every run that a store has of a sweep, with its tags and last metrics, oldest first."""
    token = None
    while True:
        with translated(uri):
            page = client.search_runs(
                [experiment],
                filter_string=f"tags.`{SWEEP}` = '{_quoted(sweep)}'",
                max_results=_RUNS_PER_PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
        yield from page
        token = page.token
        if not token:
            return


class SweepRuns:
    """The experiment, the parent run and the trials' runs of one sweep."""

    def __init__(self, client: Client, catalog: Catalog, stores: Stores, sweep: str) -> None:
        """Find what there is. If the store is new to this sweep, all of it will be told again."""
        self._client = client
        self._catalog = catalog
        self._uri = stores.tracking_uri
        self._store = stores.tracking_identity
        self._sweep = sweep
        self._listed = False
        self.experiment_id = experiment_id(client, stores, sweep)
        self._unnoted: dict[str | None, str] = {}
        self._folders: dict[str, str] = {}
        self._runs = catalog.mlflow_runs(sweep, self._store)
        if not self._exists(self._runs.get(None)):
            catalog.redeliver(sweep, self._store)
            self._runs = {}
        created_at = next(s.created_at for s in catalog.sweeps() if s.name == sweep)
        started_at_ms = int(created_at.timestamp() * 1000)
        self.parent = self.run(None, name=sweep, tags={SWEEP: sweep}, started_at_ms=started_at_ms)

    def known(self) -> Mapping[str | None, str]:
        """Return trial → run, and None → the parent run, as far as they exist."""
        return self._runs

    def link(self, trial_id: str) -> str | None:
        """Return where MLflow's pages show a trial's run."""
        run_id = self._runs.get(trial_id)
        return f"#/experiments/{self.experiment_id}/runs/{run_id}" if run_id else None

    def run(
        self,
        trial_id: str | None,
        *,
        name: str,
        tags: Mapping[str, str],
        started_at_ms: int | None,
    ) -> str:
        """Return a trial's run, or for None the sweep's; created where there is none.

        An earlier process may have created one and died before it could note that, so existing
        runs are looked through once before the first is created. Who creates some lets them be
        noted together by `note`.
        """
        if trial_id not in self._runs and not self._listed:
            self._adopt()
        if trial_id not in self._runs:
            with translated(self._uri):
                created = self._client.create_run(
                    self.experiment_id, start_time=started_at_ms, tags=dict(tags), run_name=name
                )
            run_id = created.info.run_id
            self._runs[trial_id] = self._unnoted[trial_id] = run_id
            self._folders[run_id] = created.info.artifact_uri
            if trial_id is None:
                self.note()
        return self._runs[trial_id]

    def note(self) -> None:
        """Keep in the catalog which runs there are by now."""
        if self._unnoted:
            self._catalog.record_mlflow_runs(self._sweep, self._unnoted, tracking_uri=self._store)
            self._unnoted = {}

    def send(
        self,
        run_id: str,
        *,
        points: Sequence[Point] = (),
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Send everything in as few requests as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(p.name, p.value, p.at_unix_ms, p.step) for p in points]
        params = [Param(k, v) for k, v in (parameters or {}).items()]
        run_tags = [RunTag(k, v) for k, v in (tags or {}).items()]
        # Some parameters and all tags, 100 at most of each, go with the first thousand points.
        first, more = params[:_PARAMETERS_PER_CALL], params[_PARAMETERS_PER_CALL:]
        room = _POINTS_PER_CALL - len(first) - len(run_tags)
        with translated(self._uri):
            self._client.log_batch(run_id, metrics[:room], first, run_tags)
            for start in range(0, len(more), _PARAMETERS_PER_CALL):
                batch = more[start : start + _PARAMETERS_PER_CALL]
                self._client.log_batch(run_id, params=batch)
            for start in range(room, len(metrics), _POINTS_PER_CALL):
                self._client.log_batch(run_id, metrics[start : start + _POINTS_PER_CALL])

    def send_folder(self, run_id: str, folder: Path, name: str | None) -> None:
        """Upload a folder's files as artifacts under `name`, for None beside each other.

        Raises:
            TrackingError: the folder is not there, or MLflow does not take it.
        """
        if not folder.is_dir():
            raise TrackingError(f"expected adapter files in {folder}, found no folder")
        with translated(self._uri):
            known = self._folders.get(run_id)
            if known is None:
                self._client.log_artifacts(run_id, str(folder), name)
                return
            # The client would ask first where they belong.
            from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

            artifacts = get_artifact_repository(known, tracking_uri=self._uri)
            artifacts.log_artifacts(str(folder), name)

    def send_file(self, run_id: str, file: Path) -> None:
        """Upload a file as an artifact, in place of one of its name."""
        with translated(self._uri):
            self._client.log_artifact(run_id, str(file))

    def end(self, run_id: str, status: str, at_unix_ms: int | None) -> None:
        """Close a run as FINISHED, FAILED or KILLED."""
        self._folders.pop(run_id, None)
        with translated(self._uri):
            self._client.set_terminated(run_id, status, at_unix_ms)

    def reopen(self, run_id: str, state: str) -> None:
        """Show a run as running, which a failure or an interruption had closed."""
        with translated(self._uri):
            self._client.update_run(run_id, status="RUNNING")
            self._client.set_tag(run_id, STATE, state)

    def tag(self, run_id: str, name: str) -> str | None:
        """Return a tag of a run, None where it has none of that name."""
        with translated(self._uri):
            found = self._client.get_run(run_id).data.tags.get(name)
        return None if found is None else str(found)

    def remove_tags(self, run_id: str, names: Iterable[str]) -> None:
        """Take those of some tags away that a run has."""
        with translated(self._uri):
            there = self._client.get_run(run_id).data.tags
            for name in names:
                if name in there:
                    self._client.delete_tag(run_id, name)

    def rename(self, run_id: str, name: str) -> None:
        with translated(self._uri):
            self._client.update_run(run_id, name=name)

    @property
    def all_link(self) -> str:
        """Return where MLflow's pages show all trials, by their score."""
        return f"#/experiments/{self.experiment_id}/runs?viewStateShareKey={VIEW}"

    def share_view(self) -> None:
        """Keep what that page shows with the experiment."""
        with translated(self._uri):
            for name, value in SHARED_VIEW.items():
                self._client.set_experiment_tag(self.experiment_id, name, value)

    def describe(self, text: str) -> None:
        """Put a description in Markdown on the experiment's and the parent run's page."""
        with translated(self._uri):
            self._client.set_experiment_tag(self.experiment_id, NOTE, text)
            self._client.set_tag(self.parent, NOTE, text)

    def _exists(self, run_id: str | None) -> bool:
        if run_id is None:
            return False
        with translated(self._uri), tolerated("RESOURCE_DOES_NOT_EXIST"):
            self._client.get_run(run_id)
            return True
        return False

    def _adopt(self) -> None:
        """Note the runs that MLflow has of this sweep and the catalog does not know."""
        for run in listed_runs(self._client, self._uri, self.experiment_id, self._sweep):
            trial_id = run.data.tags.get(TRIAL_ID)
            if trial_id not in self._runs:
                self._runs[trial_id] = self._unnoted[trial_id] = run.info.run_id
        self.note()
        self._listed = True


def _quoted(value: str) -> str:
    return value.replace("'", "\\'")
