"""Every path of a workspace, named once."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from workers.contract.storage.addresses import is_url, workspace_address
from workers.contract.storage.found import (
    Found,
    Size,
    found_objects,
    object_sizes,
    size_in_folder,
)
from workers.contract.storage.object_storage import ObjectStorage, at_once
from workers.contract.storage.scratch import scratch_folder
from workers.contract.storage.trial_files import PRUNED, FolderFiles, ObjectFiles, TrialFiles
from workers.errors import NameRefusedError

_Item = TypeVar("_Item")

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
        folder: where they are, or for object storage a local one of this process.
        storage: the objects that they are; None for a folder.
    """

    folder: Path
    attempt: int | None = None
    storage: ObjectStorage | None = None

    @property
    def files(self) -> TrialFiles:
        """Return what reads and writes them where they are for good."""
        if self.storage is None:
            return FolderFiles(self.folder)
        return ObjectFiles(self.storage, self.folder)

    def place(self, name: str = "") -> str:
        """Return where a file is for good, or all of them are, for people."""
        root = str(self.folder) if self.storage is None else self.storage.url
        return f"{root}/{name}" if name else root

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
    def pruned(self) -> Path:
        """Return the file that says that adapter and checkpoint of a finished trial were let go."""
        return self.folder / PRUNED

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions.safetensors"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"


@dataclass(frozen=True)
class Workspace:
    """Where everything of one installation lives: a folder that all nodes see, or objects.

    Attributes:
        root: the folder; for object storage a local one, which goes with this process.
        attempts: for a worker, trial → the attempt that it was given the trial under.
    """

    root: Path
    attempts: Mapping[str, int] = field(default_factory=dict)
    storage: ObjectStorage | None = None

    @classmethod
    def at(cls, address: str | Path) -> "Workspace":
        """Return the workspace at the path of a folder, or at the URL of object storage.

        Raises:
            StorageError: it is a URL that cannot be used.
        """
        found = workspace_address(address)
        if not is_url(found):
            return cls(Path(found).resolve())
        return cls(scratch_folder(), storage=ObjectStorage.open(found))

    def patient(self, patience_s: float) -> "Workspace":
        """Return the same one, for whose storage is waited so long."""
        return replace(self, storage=self.storage and self.storage.patient(patience_s))

    @property
    def address(self) -> str:
        """Return what gives this workspace again, on every node."""
        return str(self.root) if self.storage is None else self.storage.url

    def each(self, call: Callable[[_Item], object], items: Iterable[_Item]) -> None:
        """Call for each item; several at a time where files are a way there and back away."""
        if self.storage is not None:
            at_once(call, items)
            return
        for item in items:
            call(item)

    @property
    def is_there(self) -> bool:
        """Tell whether it was not moved away, deleted or unmounted, as a folder may be."""
        return self.storage is not None or self.trials.is_dir()

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
        storage = self.storage and self.storage.below(f"trials/{trial_id[:2]}/{trial_id}")
        return TrialPaths(folder, self.attempts.get(trial_id), storage)

    def found(self, trial_ids: Iterable[str]) -> Mapping[str, Found]:
        """Look for what trials have left, for many of them at once.

        Raises:
            StorageError: object storage does not answer.
        """
        ids = list(trial_ids)
        if self.storage is None:
            return {i: _in_folder(self.trial(i)) for i in ids}
        return found_objects(self.storage, ids)

    def sizes(self, trial_ids: Iterable[str]) -> Mapping[str, Size]:
        """Return how many bytes trials have left, for many of them at once.

        Raises:
            StorageError: object storage does not answer.
        """
        ids = list(trial_ids)
        if self.storage is None:
            return {i: size_in_folder(self.trial(i).folder) for i in ids}
        return object_sizes(self.storage, ids)

    @property
    def sent(self) -> Path:
        """Return where YAMLs and folders lie that were sent to a cluster, by hash.

        With object storage each node has its own.
        """
        return (self.root if self.storage is None else user_cache()) / "sent"

    @property
    def catalog_url(self) -> str:
        return f"sqlite:///{self.root / 'catalog.sqlite'}"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.root / 'mlflow.sqlite'}"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow-artifacts"

    def report(self, sweep: str) -> Path:
        """Return where the report of a sweep is: `report.html` in a folder of its own."""
        return self.root / "reports" / sweep / "report.html"

    def keep_report(self, sweep: str) -> str:
        """Keep what was written there for good, and return where that is.

        Raises:
            StorageError: object storage does not take it.
        """
        path = self.report(sweep)
        if self.storage is None:
            return str(path)
        name = path.relative_to(self.root).as_posix()
        self.storage.write(name, path.read_bytes())
        return f"{self.storage.url}/{name}"

    @property
    def experiments(self) -> Path:
        return self.root / "ray"


def _in_folder(paths: TrialPaths) -> Found:
    return Found(paths.result.exists(), paths.adapter.is_dir(), paths.pruned.exists())
