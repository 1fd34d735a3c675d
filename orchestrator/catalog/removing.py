"""Take back what the catalog holds: a sweep that nobody wants, results whose files are gone.

Nothing of a trial that another sweep asks for, that another trial builds on, or that the registry
has ever named is taken. Which files go with it is left to the caller.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from orchestrator.catalog.records import MoveKind, OutboxKind, TrialState
from orchestrator.catalog.store import Store, chunks, clock
from orchestrator.catalog.submissions import check_known, living
from orchestrator.catalog.tables import (
    alias_moves,
    attempts,
    dependencies,
    epochs,
    mlflow_runs,
    outbox,
    scores,
    submissions,
    sweep_trials,
    sweeps,
    trials,
)
from orchestrator.errors import CatalogError


@dataclass(frozen=True)
class Removal:
    """What removing a sweep takes, and what it leaves.

    Attributes:
        trials: those that only this sweep asks for.
        finished: how many of them are finished.
        shared: trials that stay because another sweep asks for them, or builds on them.
        registered: trials that stay because the registry names them, or names what builds on them.
    """

    sweep: str
    trials: tuple[str, ...]
    finished: int
    shared: int
    registered: int


class Removing(Store):
    """The part of the catalog that forgets."""

    def removal(self, sweep: str) -> Removal:
        """Say what removing a sweep would take; changes nothing.

        Raises:
            CatalogError: there is no such sweep, or somebody works on it.
        """
        with self._reading() as connection:
            return _removal(connection, sweep)

    def remove_sweep(self, sweep: str, dispose: Callable[[Sequence[str]], None]) -> Removal:
        """Remove a sweep with its submissions and the trials that only it asks for.

        What the registry names stays, and so does the sweep then, with that alone.

        Args:
            dispose: removes the files of trials; nobody else writes the catalog meanwhile, so that
                none of them can be asked for again before they are gone.

        Raises:
            CatalogError: there is no such sweep, or somebody works on it.
        """
        with self._writing() as connection:
            removal = _removal(connection, sweep)
            for part in chunks(removal.trials):
                for each in (sweep_trials, scores, epochs, attempts, outbox, mlflow_runs):
                    connection.execute(delete(each).where(each.c.trial_id.in_(part)))
                here = dependencies.c.trial_id.in_(part)
                connection.execute(delete(dependencies).where(here))
            for part in chunks(removal.trials):
                connection.execute(delete(trials).where(trials.c.trial_id.in_(part)))
            if not removal.registered:
                _remove_rest(connection, sweep)
            dispose(removal.trials)
        return removal

    def archive(self, sweep: str, *, undo: bool = False) -> bool:
        """Put a sweep out of sight, or back; False where it was there already.

        Raises:
            CatalogError: there is no such sweep.
        """
        with self._writing() as connection:
            check_known(connection, sweep)
            there = (
                sweeps.c.archived_at.is_(None) if not undo else sweeps.c.archived_at.is_not(None)
            )
            changed = connection.execute(
                update(sweeps)
                .where(sweeps.c.name == sweep, there)
                .values(archived_at=None if undo else clock(connection))
            )
        return changed.rowcount == 1

    def forget_results(self, trial_ids: Iterable[str]) -> set[str]:
        """Make finished trials pending again, as if they had never run; return which they were.

        Only for those whose files are gone: a result that is there counts for good.
        """
        forgotten = set[str]()
        measured = ("score", "test_score", "best_epoch", "duration_s")
        empty = dict.fromkeys((*measured, "trained_parameters", "stored_parameters"), None)
        with self._writing() as connection:
            for part in chunks(trial_ids):
                rows = connection.scalars(
                    update(trials)
                    .where(trials.c.trial_id.in_(part), trials.c.state == TrialState.FINISHED)
                    .values(
                        state=TrialState.PENDING.value,
                        result=None,
                        claimed_by=None,
                        ended_at=None,
                        **empty,
                    )
                    .returning(trials.c.trial_id)
                ).all()
                forgotten.update(rows)
            for part in chunks(sorted(forgotten)):
                for each in (scores, epochs):
                    connection.execute(delete(each).where(each.c.trial_id.in_(part)))
                told = outbox.c.trial_id.in_(part), outbox.c.kind == OutboxKind.TRIAL_FINISHED
                connection.execute(delete(outbox).where(*told))  # it will be told anew
        return forgotten


def _removal(connection: Connection, sweep: str) -> Removal:
    _check_idle(connection, sweep)
    own = sweep_trials.c.sweep == sweep
    linked = set(connection.scalars(select(sweep_trials.c.trial_id).where(own)))
    others = select(sweep_trials.c.trial_id).where(sweep_trials.c.sweep != sweep)
    shared = linked & set(connection.scalars(others))
    moves = select(alias_moves.c.trial_id).where(alias_moves.c.kind != MoveKind.STAYED)
    named = linked & set(connection.scalars(moves))
    parents = parents_of_all(connection)
    registered = with_ancestors(named, parents) & linked
    # A trial of another sweep may build on one that only this sweep asks for.
    outside = {child for child in parents if child not in linked}
    shared = (with_ancestors(shared | outside, parents) & linked) - registered
    taken = sorted(linked - shared - registered)
    finished = 0
    for part in chunks(taken):
        here = trials.c.trial_id.in_(part), trials.c.state == TrialState.FINISHED
        finished += len(connection.scalars(select(trials.c.trial_id).where(*here)).all())
    return Removal(sweep, tuple(taken), finished, len(shared), len(registered))


def parents_of_all(connection: Connection) -> dict[str, list[str]]:
    """Return the parents of every trial that has some."""
    edges = connection.execute(select(dependencies.c.trial_id, dependencies.c.parent_id)).all()
    parents: dict[str, list[str]] = {}
    for child, parent in edges:
        parents.setdefault(child, []).append(parent)
    return parents


def with_ancestors(chosen: set[str], parents: dict[str, list[str]]) -> set[str]:
    """Return the trials and all that they build on."""
    found, front = set(chosen), list(chosen)
    while front:
        new = [p for p in parents.get(front.pop(), ()) if p not in found]
        found.update(new)
        front += new
    return found


def _check_idle(connection: Connection, sweep: str) -> None:
    """Refuse a sweep that is not there, or that a living submission works on."""
    check_known(connection, sweep)
    for found in living(connection, sweep):
        raise CatalogError(
            f"process {found.pid} on {found.host} works on sweep {sweep}; stop it first "
            f"(`adaptersweep cancel {sweep}`), or wait until it ends"
        )


def _remove_rest(connection: Connection, sweep: str) -> None:
    """Remove the sweep itself; trials that stay belong to others."""
    for each in (sweep_trials, outbox, mlflow_runs):
        connection.execute(delete(each).where(each.c.sweep == sweep))
    mine = select(submissions.c.id).where(submissions.c.sweep == sweep)
    held = trials.c.claimed_by.in_(mine)
    dead = held, trials.c.state == TrialState.RUNNING
    connection.execute(update(trials).where(*dead).values(state=TrialState.PENDING.value))
    connection.execute(update(trials).where(held).values(claimed_by=None))
    connection.execute(
        update(attempts).where(attempts.c.submission.in_(mine)).values(submission=None)
    )
    connection.execute(delete(submissions).where(submissions.c.sweep == sweep))
    connection.execute(delete(sweeps).where(sweeps.c.name == sweep))
