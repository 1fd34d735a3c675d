"""What people ask of submissions that run, from any machine that reaches the catalog.

A request is a word in the submission's row, and a limit one in its sweep's; the driver reads both
with its heartbeat. Obeying is left to `orchestrator.running.control`.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, update

from orchestrator.catalog.process import person
from orchestrator.catalog.reading import Reading
from orchestrator.catalog.records import AttemptOutcome, Request, Submission, TrialState
from orchestrator.catalog.store import chunks, clock
from orchestrator.catalog.submissions import check_known, is_dead, living, submission_from
from orchestrator.catalog.tables import attempts, submissions, sweep_trials, sweeps, trials
from orchestrator.errors import CatalogError

_FINAL = (Request.STOP, Request.CANCEL)
"""What is not taken back once it was asked; of the two, the later one ends it sooner."""

_PENDING = {
    "state": TrialState.PENDING.value,
    **dict.fromkeys(("ended_at", "failure_reason", "failure_message"), None),
}


class Controlling(Reading):
    """The part of the catalog through which people steer what runs."""

    def request(self, sweep: str, asked: Request) -> list[Submission]:
        """Ask every living submission of a sweep for something, and return them as they are now.

        Raises:
            CatalogError: there is no such sweep, nobody works on it, or it is ending already.
        """
        with self._writing() as connection:
            check_known(connection, sweep)
            working = living(connection, sweep)
            if not working:
                raise CatalogError(
                    f"expected somebody who works on sweep {sweep}, found nobody: it has ended or "
                    "its process is gone; `adaptersweep submit` or `adaptersweep resume` goes on"
                )
            ending = [s for s in working if s.request in _FINAL]
            if ending and asked not in _FINAL:
                raise CatalogError(
                    f"{ending[0].requested_by} asked sweep {sweep} to {ending[0].request}, and it "
                    "is ending; when it has, `adaptersweep submit` or `adaptersweep resume` goes on"
                )
            values = {"request": asked.value, "requested_by": person()}
            for submission in working:
                own = submissions.c.id == submission.id
                connection.execute(update(submissions).where(own).values(values))
            return living(connection, sweep)

    def set_limits(
        self, sweep: str, *, max_workers: int | None = None, priority: int | None = None
    ) -> None:
        """Change what a sweep may take of a cluster, now and whenever it runs again.

        Args:
            max_workers: at most so many workers; 0 for what its YAML says, None as it was.
            priority: sweeps with a higher one are given workers first; None as it was.

        Raises:
            CatalogError: there is no such sweep.
        """
        values: dict[str, int | None] = {}
        if max_workers is not None:
            values["max_workers"] = max_workers or None
        if priority is not None:
            values["priority"] = priority
        with self._writing() as connection:
            check_known(connection, sweep)
            if values:
                connection.execute(update(sweeps).where(sweeps.c.name == sweep).values(values))

    def retry(self, sweep: str, trial_ids: Sequence[str] | None = None) -> list[str]:
        """Make failed trials of a sweep pending again, and return which they were.

        Who works on the sweep runs them again, with what they blocked.

        Args:
            trial_ids: only these; None for all.

        Raises:
            CatalogError: there is no such sweep, or one of the trials has not failed in it.
        """
        with self._writing() as connection:
            check_known(connection, sweep)
            of_sweep = sweep_trials.c.sweep == sweep, sweep_trials.c.trial_id == trials.c.trial_id
            failed = trials.c.state == TrialState.FAILED, select(1).where(*of_sweep).exists()
            found = set(connection.scalars(select(trials.c.trial_id).where(*failed)))
            wanted = found if trial_ids is None else set(trial_ids)
            if strange := sorted(wanted - found):
                raise CatalogError(
                    f"expected failed trials of sweep {sweep}, found {', '.join(strange)}; "
                    f"`adaptersweep trials --sweep {sweep} --state failed` lists them"
                )
            for part in chunks(sorted(wanted)):
                chosen = trials.c.trial_id.in_(part)
                connection.execute(update(trials).where(chosen).values(_PENDING))
        return sorted(wanted)

    def last_attempts(self, trial_ids: Iterable[str]) -> dict[str, AttemptOutcome | None]:
        """Return how the last attempt at each trial that was tried ended; None if it is open."""
        found: dict[str, AttemptOutcome | None] = {}
        columns = select(attempts.c.trial_id, attempts.c.outcome).order_by(attempts.c.id)
        with self._reading() as connection:
            for part in chunks(trial_ids):
                for row in connection.execute(columns.where(attempts.c.trial_id.in_(part))):
                    found[row.trial_id] = AttemptOutcome(row.outcome) if row.outcome else None
        return found

    def unblock(self, trial_ids: Sequence[str]) -> None:
        """Make blocked trials pending again, since what blocked them is tried again."""
        with self._writing() as connection:
            for part in chunks(trial_ids):
                blocked = trials.c.trial_id.in_(part), trials.c.state == TrialState.BLOCKED
                connection.execute(update(trials).where(*blocked).values(_PENDING))

    def submissions(self, sweep: str | None = None, *, ended: bool = False) -> list[Submission]:
        """Return who works on what, the latest first.

        Args:
            ended: those too that have ended or whose process is gone.
        """
        query = select(submissions).order_by(submissions.c.id.desc())
        if sweep is not None:
            query = query.where(submissions.c.sweep == sweep)
        if not ended:
            query = query.where(submissions.c.ended_at.is_(None))
        with self._reading() as connection:
            if sweep is not None:
                check_known(connection, sweep)
            moment = clock(connection)
            found = [submission_from(row) for row in connection.execute(query).mappings()]
        return [s for s in found if ended or not is_dead(s, moment)]

    def spec_yaml(self, sweep: str) -> str:
        """Return the YAML that a sweep was submitted with last.

        Raises:
            CatalogError: there is no such sweep.
        """
        own = submissions.c.sweep == sweep
        with self._reading() as connection:
            check_known(connection, sweep)
            query = select(submissions.c.spec_yaml).where(own).order_by(submissions.c.id.desc())
            return str(connection.execute(query.limit(1)).scalar_one())
