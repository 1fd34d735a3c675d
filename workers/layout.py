"""Every path of a workspace, named once."""

import os
from dataclasses import dataclass
from pathlib import Path


def user_cache() -> Path:
    """Return this user's folder for what can be computed again, on this machine."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "adaptersweep"


@dataclass(frozen=True)
class TrialPaths:
    """The files of one trial. `result.json` comes last: with it, the trial is done for good."""

    folder: Path

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
    """Where everything of one installation lives: a folder that all nodes see."""

    root: Path

    def trial(self, trial_id: str) -> TrialPaths:
        return TrialPaths(self.root / "trials" / trial_id[:2] / trial_id)

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
