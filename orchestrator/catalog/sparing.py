"""Which trials' files nothing needs any more, and letting them go while nobody can ask for them.

Needed are files of what runs or is still to run, of what the registry has ever named or weighed,
of what such trials are built on, and of sweeps that somebody works on or that have trials to come.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from orchestrator.catalog.records import TrialState
from orchestrator.catalog.removing import parents_of_all, with_ancestors
from orchestrator.catalog.store import Store
from orchestrator.catalog.submissions import check_known, living
from orchestrator.catalog.tables import alias_moves, sweep_trials, sweeps, trials

_TO_COME = (TrialState.PENDING, TrialState.RUNNING)
_AT_ONCE = 200


@dataclass(frozen=True)
class Spare:
    """Trials of which files can go.

    Attributes:
        finished: their scores stay, their adapters and checkpoints can go.
        abandoned: no sweep asks for them any more and they never finished; all of it can go.
        registered: finished trials that the registry needs.
        built_on: finished trials that others are still to be built on.
        to_come: finished trials of sweeps that are not done.
    """

    finished: tuple[str, ...]
    abandoned: tuple[str, ...]
    registered: int
    built_on: int
    to_come: int


class Sparing(Store):
    """The part of the catalog that knows whose files are needed."""

    def spare(self, sweep: str | None = None) -> Spare:
        """Say whose files nothing needs; changes nothing.

        Args:
            sweep: only trials that it asks for, and that no other sweep does.

        Raises:
            CatalogError: there is no such sweep.
        """
        with self._reading() as connection:
            return _spare(connection, sweep)

    def let_go(self, trial_ids: Sequence[str], dispose: Callable[[Sequence[str]], None]) -> int:
        """Dispose of files of trials, as far as nothing has come to need them; return of how many.

        Args:
            dispose: removes files of trials; nobody else writes the catalog meanwhile.
        """
        gone = 0
        for start in range(0, len(trial_ids), _AT_ONCE):
            with self._writing() as connection:
                spare = _spare(connection, None)
                still = {*spare.finished, *spare.abandoned}
                part = [i for i in trial_ids[start : start + _AT_ONCE] if i in still]
                dispose(part)
            gone += len(part)
        return gone


def _spare(connection: Connection, sweep: str | None) -> Spare:
    rows = connection.execute(select(trials.c.trial_id, trials.c.state))
    states: dict[str, str] = {row.trial_id: row.state for row in rows}
    asked: dict[str, set[str]] = {}
    links = select(sweep_trials.c.trial_id, sweep_trials.c.sweep)
    for trial_id, name in connection.execute(links):
        asked.setdefault(trial_id, set()).add(name)
    parents = parents_of_all(connection)
    named = set(connection.scalars(select(alias_moves.c.trial_id)))
    registered = with_ancestors(named & states.keys(), parents)
    coming = {i for i in asked if states[i] != TrialState.FINISHED}
    built_on = with_ancestors(coming, parents) - coming
    busy = {name for name in connection.scalars(select(sweeps.c.name)) if living(connection, name)}
    busy |= {name for i in coming if states[i] in _TO_COME for name in asked[i]}
    to_come = {i for i, names in asked.items() if names & busy}
    candidates = set(states)
    if sweep is not None:
        check_known(connection, sweep)
        candidates = {i for i, names in asked.items() if names == {sweep}}
    finished = {i for i in candidates if states[i] == TrialState.FINISHED}
    lost = {i for i in candidates - finished - asked.keys() if states[i] != TrialState.RUNNING}
    return Spare(
        tuple(sorted(finished - registered - built_on - to_come)),
        tuple(sorted(lost - registered - built_on)),
        len(finished & registered),
        len(finished & built_on - registered),
        len(finished & to_come - built_on - registered),
    )
