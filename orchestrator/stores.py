"""Where a submission reads and writes: the workspace, the catalog, and MLflow's store."""

from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.addresses import redacted, without_user
from orchestrator.errors import OrchestratorError
from workers.contract.paths import Workspace
from workers.contract.storage.object_storage import PATIENCE_S, ObjectStorage
from workers.errors import StorageError

EMBEDDED = "sqlite in the workspace"
ASKED_PATIENCE_S = 30.0
"""For how long commands that somebody waits for wait for object storage."""
_MARK = "workspace.json"
"""What the first submission writes into object storage."""


@dataclass(frozen=True)
class Stores:
    """The three places.

    Attributes:
        catalog, tracking: as given; None for the embedded default inside of the workspace, which a
            workspace in object storage does not have.
    """

    workspace: Workspace
    catalog: str | None
    tracking: str | None

    @classmethod
    def at(
        cls, workspace: str | Path, *, catalog: str | None = None, tracking: str | None = None
    ) -> "Stores":
        """Take a folder, or the URL of object storage, as workspace.

        Raises:
            OrchestratorError: `workspace` is a URL that cannot be used.
        """
        try:
            return cls(Workspace.at(workspace).patient(ASKED_PATIENCE_S), catalog, tracking)
        except StorageError as error:
            raise OrchestratorError(f"--workspace: {error}") from error

    def patient(self) -> "Stores":
        """Return the same ones for work that goes on for hours, and waits longer for storage."""
        return replace(self, workspace=self.workspace.patient(PATIENCE_S))

    @property
    def catalog_url(self) -> str:
        """Return the address of the catalog.

        Raises:
            OrchestratorError: there is none, and none can be in the workspace.
        """
        if self.catalog is None:
            self._check_embedded("--catalog", "postgresql+psycopg://USER@HOST/NAME")
        return self.catalog or self.workspace.catalog_url

    @property
    def tracking_uri(self) -> str:
        """Return the address of MLflow's store or server.

        Raises:
            OrchestratorError: as for the catalog.
        """
        if self.tracking is None:
            self._check_embedded("--tracking", "http://HOST:5000")
        return self.tracking or self.workspace.tracking_uri

    def _check_embedded(self, option: str, example: str) -> None:
        if self.workspace.storage is not None:
            raise OrchestratorError(
                f"{option}: expected an address such as {example}, since the workspace "
                f"{self.workspace.address} is object storage, which cannot hold a database of "
                "SQLite; found none"
            )

    @property
    def tracking_identity(self) -> str:
        """Return what the catalog calls the tracking store: no secrets, and no path that moves."""
        embedded = self.workspace.catalog_url, self.workspace.tracking_uri
        if (self.catalog_url, self.tracking_uri) == embedded:
            return EMBEDDED  # both move with the workspace
        return without_user(self.tracking_uri)

    @property
    def shown_tracking(self) -> str:
        """Return the address of the tracking store as it may be printed."""
        return redacted(self.tracking_uri)

    def prepare(self) -> None:
        """Create what tells the workspace from what was moved away, and see that it can be written.

        Raises:
            OrchestratorError: it cannot be; or a database that it cannot hold is not given.
        """
        _ = self.catalog_url, self.tracking_uri  # before anything is written, or waited for
        try:
            self.workspace.trials.mkdir(parents=True, exist_ok=True)
            if self.workspace.storage is not None:
                check_storage(self.workspace.storage)
        except (OSError, StorageError) as error:
            raise OrchestratorError(
                f"cannot write the workspace {self.workspace.address}: {error}; give another "
                "with --workspace"
            ) from error


def check_storage(storage: ObjectStorage) -> None:
    """Mark object storage as a workspace, and see that it keeps to put-if-absent.

    Raises:
        StorageError: it cannot be written, or writes over what is there.
    """
    storage.create(_MARK, b'{"format": 1}\n')
    if storage.create(_MARK, b"{}\n"):
        storage.delete([_MARK])
        raise StorageError(
            f"{storage.url} writes over objects although it is asked not to (If-None-Match: *), so "
            "that two attempts could both finish a trial; take another storage, or a newer version"
        )
