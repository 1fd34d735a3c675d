"""Where a submission reads and writes: the workspace, the catalog, and MLflow's store."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.addresses import redacted, without_user
from orchestrator.errors import OrchestratorError
from workers.contract.paths import Workspace

EMBEDDED = "sqlite in the workspace"


@dataclass(frozen=True)
class Stores:
    """The three places, as given or at their embedded defaults inside the workspace."""

    workspace: Workspace
    catalog_url: str
    tracking_uri: str

    @classmethod
    def at(
        cls, folder: Path, *, catalog: str | None = None, tracking: str | None = None
    ) -> "Stores":
        """Fill in the embedded defaults below `folder`.

        Raises:
            OrchestratorError: `folder` is a URL, which needs a mounted path.
        """
        if "://" in str(folder) or ":/" in str(folder):
            raise OrchestratorError(
                f"the workspace must be a folder that every node sees, found {folder}; mount the "
                "shared storage and give its path"
            )
        workspace = Workspace(folder.resolve())
        return cls(workspace, catalog or workspace.catalog_url, tracking or workspace.tracking_uri)

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
        """Create the workspace's folders; the one of trials tells it from what was moved away.

        Raises:
            OrchestratorError: it cannot be written.
        """
        try:
            self.workspace.trials.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OrchestratorError(
                f"cannot write the workspace {self.workspace.root}: {error}; give another "
                "with --workspace"
            ) from error
