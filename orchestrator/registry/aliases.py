"""One alias of a registered model: what it names, moving it, and the marks that moves leave.

When it may move is left to `orchestrator.registry.registration`; what it named earlier to the
catalog.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from filelock import FileLock
from filelock import Timeout as LockTimeout

from orchestrator.catalog.alias_moves import named_before
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.process import person
from orchestrator.catalog.records import AliasMove, MoveKind
from orchestrator.catalog.store import now
from orchestrator.errors import RegistryError
from orchestrator.mlflow.runs import Client, tolerated
from orchestrator.mlflow.store_file import store_path
from orchestrator.registry.registered import WITHDRAWN
from orchestrator.stores import Stores

LOCK_LIMIT_S = 300.0
"""For how long to wait for another process that registers; it may upload large files."""


@dataclass(frozen=True)
class Alias:
    """An alias of the registered model `model`, as this catalog and its MLflow know it.

    Attributes:
        sweep: what moves it now; None where a person does.
    """

    client: Client
    catalog: Catalog
    model: str
    task: str
    base: str
    alias: str
    sweep: str | None = None

    def named(self) -> str | None:
        """Return the version that it names; a move that this catalog did not see is noted."""
        aliases = self.client.get_registered_model(self.model).aliases
        version = None if self.alias not in aliases else str(aliases[self.alias])
        past = self.past()
        if version is not None and past[-1:] != [version]:
            before = past[-1] if past else None
            why = "found in MLflow; it was moved without this catalog"
            self.record(MoveKind.FOUND, why, before=before, after=version)
        return version

    def past(self) -> list[str]:
        """Return the versions that it named, the present one last, without what was undone."""
        return named_before(self.catalog.alias_moves(name=self.model, alias=self.alias))

    def move(
        self, kind: MoveKind, why: str, *, before: str | None, after: str, **about: Any
    ) -> None:
        """Let it name version `after`, and record that; see `record`."""
        self.client.set_registered_model_alias(self.model, self.alias, after)
        self._mark(after, withdrawn=False)
        self.record(kind, why, before=before, after=after, **about)

    def withdraw(self, version: str) -> None:
        """Mark a version as one that the alias was rolled back from."""
        self._mark(version, withdrawn=True)

    def withdrawn_from(self, version: Any) -> bool:
        """Tell whether it was rolled back from one of MLflow's versions."""
        return self.alias in _withdrawn(version)

    def record(
        self,
        kind: MoveKind,
        why: str,
        *,
        before: str | None,
        after: str | None,
        trial_id: str | None = None,
        score: float | None = None,
    ) -> None:
        """Write into the catalog that it went from one version to another, or that it stayed."""
        move = AliasMove(
            name=self.model,
            task=self.task,
            base=self.base,
            alias=self.alias,
            kind=kind,
            from_version=before,
            to_version=after,
            trial_id=trial_id,
            score=score,
            why=why,
            sweep=self.sweep,
            moved_by=person(),
            moved_at=now(),
        )
        self.catalog.record_move(move)

    def _mark(self, version: str, *, withdrawn: bool) -> None:
        with tolerated("RESOURCE_DOES_NOT_EXIST"):
            before = _withdrawn(self.client.get_model_version(self.model, version))
            after = before | {self.alias} if withdrawn else before - {self.alias}
            if after != before:
                text = json.dumps(sorted(after))
                self.client.set_model_version_tag(self.model, version, WITHDRAWN, text)


@contextmanager
def alone(catalog: Catalog, stores: Stores) -> Iterator[None]:
    """Wait until no other process with this catalog or this store registers; keep them out.

    Raises:
        RegistryError: another one did not end in time.
    """
    path = store_path(stores.tracking_uri)
    with ExitStack() as locks:
        locks.enter_context(catalog.registering(LOCK_LIMIT_S))
        if path is not None:
            try:
                locks.enter_context(FileLock(f"{path}.registry.lock", timeout=LOCK_LIMIT_S))
            except LockTimeout as error:
                raise RegistryError(
                    f"another process has been registering in {path} for {LOCK_LIMIT_S:.0f} s; "
                    "wait for it, or end it, and submit again"
                ) from error
        yield


def _withdrawn(version: Any) -> set[str]:
    try:
        found = json.loads(version.tags.get(WITHDRAWN, "[]"))
    except json.JSONDecodeError:
        return set()
    return {str(alias) for alias in found} if isinstance(found, list) else set()
