"""Every path of a workspace, named once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workers.errors import NameRefusedError

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def user_cache() -> Path:
    """Return this user's folder for what can be computed again, on this machine."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "adaptersweep"


@dataclass(frozen=True)
class TrialPaths:
    """The files of one trial. `result.json` comes last: with it, the trial is done for good.

    Attributes:
        attempt: the number of the attempt that works here, None for who only reads, and for who
            works without a catalog; see `workers.contract.claims`.
    """

    folder: Path
    attempt: int | None = None

    @property
    def trial(self) -> Path:
        return self.folder / "trial.json"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    @property
    def failure(self) -> Path:
        return self.folder / "failure.json"

    @property
    def claim(self) -> Path:
        return self.folder / "claim"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"


@dataclass(frozen=True)
class Workspace:
    """Where everything of one installation lives: a folder that all nodes see.

    Attributes:
        attempts: for a worker, trial → the attempt that it was given the trial under.
    """

    root: Path
    attempts: Mapping[str, int] = field(default_factory=dict)

    @property
    def trials(self) -> Path:
        return self.root / "trials"

    def trial(self, trial_id: str) -> TrialPaths:
        """Return the paths of a trial's files.

        Raises:
            NameRefusedError: the id is no name of a folder, so that it could lead elsewhere.
        """
        if not _TRIAL_ID.fullmatch(trial_id):
            raise NameRefusedError(
                f"expected the id of a trial, letters and digits, found {trial_id[:80]!r}; whoever "
                "wrote it into the catalog or the workspace did not mean a trial: restore them"
            )
        folder = self.trials / trial_id[:2] / trial_id
        return TrialPaths(folder, self.attempts.get(trial_id))

    @property
    def sent(self) -> Path:
        """Return where YAMLs and folders lie that were sent to a cluster, by hash."""
        return self.root / "sent"

    @property
    def catalog_url(self) -> str:
        return f"sqlite:///{self.root / 'catalog.sqlite'}"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.root / 'mlflow.sqlite'}"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow-artifacts"

    @property
    def experiments(self) -> Path:
        return self.root / "ray"
