"""What `repair` asks of the catalog: how things stand in all, and to note what was found."""

from collections.abc import Iterable

from sqlalchemy import delete, select, update

from orchestrator.catalog.outbox import Message, enqueue
from orchestrator.catalog.records import (
    AttemptOutcome,
    OutboxKind,
    Submission,
    SubmissionOutcome,
    TrialState,
)
from orchestrator.catalog.store import Store, chunks, clock
from orchestrator.catalog.submissions import end, is_dead, submission_from
from orchestrator.catalog.tables import mlflow_runs, outbox, submissions, sweep_trials, trials


class Mending(Store):
    """The part of the catalog that is put right."""

    def open_submissions(self) -> tuple[list[Submission], list[Submission]]:
        """Return the submissions that have not ended: those that live, and those that are dead."""
        with self._reading() as connection:
            moment = clock(connection)
            query = select(submissions).where(submissions.c.ended_at.is_(None))
            found = [submission_from(row) for row in connection.execute(query).mappings()]
        dead = [each for each in found if is_dead(each, moment)]
        return [each for each in found if each not in dead], dead

    def end_dead(self, submission_ids: Iterable[int]) -> None:
        """End submissions that nobody works on; what they held is pending from now on."""
        with self._writing() as connection:
            for each in submission_ids:
                end(connection, each, SubmissionOutcome.TAKEN_OVER, held=AttemptOutcome.LOST)

    def asked_for(self) -> dict[str, tuple[TrialState, str]]:
        """Return every trial that some sweep asks for: its state, and the name of such a sweep."""
        query = (
            select(trials.c.trial_id, trials.c.state, sweep_trials.c.sweep)
            .join(sweep_trials, sweep_trials.c.trial_id == trials.c.trial_id)
            .order_by(sweep_trials.c.sweep.desc())
        )
        with self._reading() as connection:
            return {r.trial_id: (TrialState(r.state), r.sweep) for r in connection.execute(query)}

    def tell_again(self, sweep: str, trial_ids: Iterable[str]) -> None:
        """Let the tracking server be told anew all there is of finished trials of a sweep."""
        with self._writing() as connection:
            moment = clock(connection)
            for part in chunks(trial_ids):
                here = outbox.c.sweep == sweep, outbox.c.trial_id.in_(part)
                again = {"delivered_at": None, "next_try_at": None}
                connection.execute(update(outbox).where(*here).values(again))
                messages: list[Message] = [
                    (sweep, OutboxKind.TRIAL_FINISHED, i, f"finished:{sweep}:{i}", {}) for i in part
                ]
                enqueue(connection, messages, moment)

    def forget_runs(self, sweep: str, trial_ids: Iterable[str]) -> None:
        """Forget runs that the tracking server no longer has, so that they are made anew."""
        with self._writing() as connection:
            for part in chunks(trial_ids):
                here = mlflow_runs.c.sweep == sweep, mlflow_runs.c.trial_id.in_(part)
                connection.execute(delete(mlflow_runs).where(*here))
