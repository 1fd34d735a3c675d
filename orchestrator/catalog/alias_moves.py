"""The history of the registry's aliases: what each named since when, who moved it, and why.

What an alias names now is MLflow's to say; MLflow forgets what it named before.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from filelock import FileLock
from sqlalchemy import insert, select, text

from orchestrator.catalog.records import AliasMove, MoveKind
from orchestrator.catalog.rows import by_name
from orchestrator.catalog.store import Store
from orchestrator.catalog.tables import alias_moves
from orchestrator.errors import CatalogUnavailableError

_REGISTRY_LOCK = 0x61_64_61_70_75  # 'adapu': any number that nothing else in the database uses
_LOCK_POLL_S = 0.2


class Aliases(Store):
    """The part of the catalog that keeps the moves of aliases, and who may move them now."""

    @contextmanager
    def registering(self, limit_s: float) -> Iterator[None]:
        """Be the one process with this catalog that registers; it may take longer than a write.

        Raises:
            CatalogUnavailableError: another one did not end in `limit_s` seconds.
        """
        path = self._engine.url.database
        with ExitStack() as held:
            try:
                if self._engine.dialect.name == "sqlite":
                    held.enter_context(FileLock(f"{path}.registry.lock", timeout=limit_s))
                else:
                    held.enter_context(self._advisory_lock(limit_s))
            except TimeoutError as error:
                raise CatalogUnavailableError(
                    f"another process has been registering with the catalog at {self.url} for "
                    f"{limit_s:.0f} s; wait for it, or end it, and submit again"
                ) from error
            yield

    @contextmanager
    def _advisory_lock(self, limit_s: float) -> Iterator[None]:
        deadline = time.monotonic() + limit_s
        autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with self._translated(), autocommit.connect() as connection:
            while not connection.scalar(text(f"SELECT pg_try_advisory_lock({_REGISTRY_LOCK})")):
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(_LOCK_POLL_S)
            try:
                yield
            finally:
                connection.execute(text(f"SELECT pg_advisory_unlock({_REGISTRY_LOCK})"))

    def record_move(self, move: AliasMove) -> bool:
        """Write down a move; False for what was the last entry already, such as one more refusal.

        `id` of the move is given by the database.
        """
        with self._writing() as connection:
            query = select(alias_moves).where(
                alias_moves.c.name == move.name, alias_moves.c.alias == move.alias
            )
            latest = connection.execute(query.order_by(alias_moves.c.id.desc()).limit(1))
            told_apart = {"id", "moved_by", "moved_at"}
            known = [AliasMove.model_validate(row) for row in by_name(latest)]
            values = move.model_dump(exclude={"id"})
            if known and known[0].model_dump(exclude=told_apart) == move.model_dump(
                exclude=told_apart
            ):
                return False
            connection.execute(insert(alias_moves).values(values))
        return True

    def alias_moves(
        self,
        *,
        task: str | None = None,
        alias: str | None = None,
        name: str | None = None,
    ) -> list[AliasMove]:
        """Return the history of aliases, the oldest entry first."""
        wanted = {"task": task, "alias": alias, "name": name}
        query = select(alias_moves).where(
            *(alias_moves.c[key] == value for key, value in wanted.items() if value is not None)
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(alias_moves.c.id))
            return [AliasMove.model_validate(row) for row in by_name(rows)]


def named_before(moves: Iterable[AliasMove]) -> list[str]:
    """Return the versions that an alias named, the present one last, without what was undone.

    A roll-back leaves out what came after the version that it went back to, by the order of the
    moves, or by number where the alias had never named that version.
    """
    named: list[str] = []
    for move in moves:
        if move.kind is MoveKind.STAYED or move.to_version is None:
            continue
        if move.kind is MoveKind.ROLLED_BACK:
            undone = undone_by(named, move.to_version)
            named = [version for version in named if version not in undone]
        if named[-1:] != [move.to_version]:
            named.append(move.to_version)
    return named


def undone_by(named: Sequence[str], target: str) -> list[str]:
    """Return which of the versions that an alias named a roll-back to `target` undoes."""
    if target in named:
        last = max(index for index, version in enumerate(named) if version == target)
        return [version for version in named[last + 1 :] if version != target]
    return [version for version in named if int(version) > int(target)]
