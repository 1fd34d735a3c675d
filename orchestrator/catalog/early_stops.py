"""What rules of early termination and budgets ask of the catalog.

Learning curves so far, what was stopped, who wants trials in full, and what a sweep has taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from orchestrator.catalog.records import Stop, TrialState
from orchestrator.catalog.rows import epoch_from
from orchestrator.catalog.store import Store, chunks
from orchestrator.catalog.tables import attempts, epochs, submissions, sweep_trials, trials
from workers.contract.results import Epoch


@dataclass(frozen=True)
class Taken:
    """What a sweep has taken in all its submissions.

    Attributes:
        trials: those that workers were given, whatever became of them.
        wall_s: for how long it was worked on, pauses included.
        gpu_s: for how long its workers held GPUs, times how many.
    """

    trials: frozenset[str] = frozenset()
    wall_s: float = 0.0
    gpu_s: float = 0.0


class EarlyStops(Store):
    """The part of the catalog that rules of early termination ask."""

    def stops(self, trial_ids: Iterable[str]) -> dict[str, Stop]:
        """Return why trials were stopped, of those that are stopped now."""
        found: dict[str, Stop] = {}
        query = select(trials.c.trial_id, trials.c.stopped)
        query = query.where(trials.c.state == TrialState.STOPPED, trials.c.stopped.is_not(None))
        with self._reading() as connection:
            for part in chunks(trial_ids):
                for row in connection.execute(query.where(trials.c.trial_id.in_(part))):
                    found[row.trial_id] = Stop.model_validate_json(row.stopped)
        return found

    def curves(self, trial_ids: Iterable[str]) -> dict[str, list[Epoch]]:
        """Return the learning curves of trials as far as they are known."""
        found: dict[str, list[Epoch]] = {}
        query = select(epochs).order_by(epochs.c.trial_id, epochs.c.epoch)
        with self._reading() as connection:
            for part in chunks(trial_ids):
                of_part = query.where(epochs.c.trial_id.in_(part))
                for row in connection.execute(of_part).mappings():
                    found.setdefault(row["trial_id"], []).append(epoch_from(row))
        return found

    def wanted_in_full(self, trial_ids: Iterable[str], sweep: str) -> set[str]:
        """Return which of the trials some other sweep asks for, and not under a rule of its own."""
        wanted = set[str]()
        links = sweep_trials.c
        query = select(links.trial_id).where(links.sweep != sweep, links.in_full)
        with self._reading() as connection:
            for part in chunks(trial_ids):
                wanted.update(connection.scalars(query.where(links.trial_id.in_(part))))
        return wanted

    def taken(self, sweep: str, *, before: int) -> Taken:
        """Return what a sweep has taken.

        Args:
            before: the submission whose own time is left out, since it still goes on.
        """
        s = submissions.c
        given = select(attempts.c.trial_id).join(submissions, s.id == attempts.c.submission)
        spans = select(s.submitted_at, s.heartbeat_at, s.ended_at, s.gpu_s)
        with self._reading() as connection:
            trials_ = frozenset(connection.scalars(given.where(s.sweep == sweep)))
            rows = connection.execute(spans.where(s.sweep == sweep, s.id != before)).all()
        wall_s = sum(
            ((row.ended_at or row.heartbeat_at) - row.submitted_at).total_seconds() for row in rows
        )
        return Taken(trials_, max(0.0, wall_s), sum(row.gpu_s for row in rows))
