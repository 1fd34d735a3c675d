"""What became of trials: epochs, results, failures. Each is one transaction with its outbox."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from orchestrator.catalog.outbox import Message, enqueue
from orchestrator.catalog.records import AttemptOutcome, OutboxKind, TrialState
from orchestrator.catalog.rows import epoch_row, result_columns, score_rows
from orchestrator.catalog.store import Store, chunks, insert_new, insert_or_replace, now
from orchestrator.catalog.tables import attempts, epochs, scores, submissions, sweep_trials, trials
from orchestrator.errors import CatalogError
from workers.contract.redaction import redacted
from workers.contract.results import Epoch, TrialFailure, TrialResult


class Recording(Store):
    """The part of the catalog that writes down what trials result in."""

    def record_epoch(
        self, sweep: str, trial_id: str, epoch: Epoch, *, by: int | None = None
    ) -> bool:
        """Write one point of a trial's learning curve; False where the trial is finished.

        Args:
            by: the submission that tells it; False too where that does not hold the trial.
        """
        moment = now()
        with self._writing() as connection:
            if _state(connection, trial_id) is TrialState.FINISHED:
                return False
            if by is not None and not _holds(connection, by, trial_id):
                return False
            insert_or_replace(connection, epochs, [epoch_row(trial_id, epoch)])
            key = f"epoch:{sweep}:{trial_id}:{epoch.epoch}"
            payload = epoch.model_dump(mode="json")
            message = (sweep, OutboxKind.TRIAL_EPOCH, trial_id, key, payload)
            enqueue(connection, [message], moment)
        return True

    def record_result(self, sweep: str, result: TrialResult) -> bool:
        """Finish a trial, from whatever state it is in; the first result wins, for good.

        Every sweep that has the trial is published: `sweep` and any other that asked for it.

        Returns:
            Whether this result is the one that counts; False where the trial was finished.

        Raises:
            CatalogError: no such trial was submitted.
        """
        moment, trial_id = now(), result.trial_id
        with self._writing() as connection:
            changed = connection.execute(
                update(trials)
                .where(trials.c.trial_id == trial_id, trials.c.state != TrialState.FINISHED)
                .values(ended_at=moment, **result_columns(result))
            )
            if changed.rowcount == 0:
                _state(connection, trial_id)  # raises where the trial is unknown
                return False
            insert_new(connection, scores, score_rows(result))
            connection.execute(delete(epochs).where(epochs.c.trial_id == trial_id))
            insert_new(connection, epochs, [epoch_row(trial_id, e) for e in result.curve])
            _close_attempt(connection, trial_id, AttemptOutcome.FINISHED, moment)
            of_sweeps = _sweeps_of(connection, trial_id) | {sweep}
            messages: list[Message] = [
                (s, OutboxKind.TRIAL_FINISHED, trial_id, f"finished:{s}:{trial_id}", {})
                for s in sorted(of_sweeps)
            ]
            enqueue(connection, messages, moment)
        return True

    def record_failure(self, sweep: str, failure: TrialFailure, *, by: int | None = None) -> bool:
        """Mark a pending or running trial as failed; False where it was in another state.

        Args:
            by: the submission that tells it; False too where that does not hold the trial, unless
                nobody does.

        Raises:
            CatalogError: no such trial was submitted.
        """
        moment, trial_id, said = now(), failure.trial_id, redacted(failure.message)
        with self._writing() as connection:
            state = _state(connection, trial_id)
            if by is not None and not _holds(connection, by, trial_id):
                ended = select(submissions.c.ended_at).where(submissions.c.id == by)
                if state is TrialState.RUNNING or connection.scalar(ended) is not None:
                    return False
            changed = connection.execute(
                update(trials)
                .where(
                    trials.c.trial_id == trial_id,
                    trials.c.state.in_((TrialState.PENDING, TrialState.RUNNING)),
                )
                .values(
                    state=TrialState.FAILED.value,
                    failure_reason=failure.reason.value,
                    failure_message=said,
                    ended_at=moment,
                )
            )
            if changed.rowcount == 0:
                return False
            message = f"{failure.reason}: {said}"
            _close_attempt(connection, trial_id, AttemptOutcome.FAILED, moment, message=message)
            payload = {"reason": failure.reason.value, "message": said}
            messages: list[Message] = [
                (
                    s,
                    OutboxKind.TRIAL_FAILED,
                    trial_id,
                    f"failed:{s}:{trial_id}:{moment.isoformat()}",
                    payload,
                )
                for s in sorted(_sweeps_of(connection, trial_id) | {sweep})
            ]
            enqueue(connection, messages, moment)
        return True

    def record_blocked(self, trial_ids: Iterable[str], reason: str) -> set[str]:
        """Mark pending trials that can never run as blocked, and return which they were."""
        blocked = set[str]()
        with self._writing() as connection:
            for part in chunks(trial_ids):
                rows = connection.scalars(
                    update(trials)
                    .where(trials.c.trial_id.in_(part), trials.c.state == TrialState.PENDING)
                    .values(state=TrialState.BLOCKED.value, failure_message=reason, ended_at=now())
                    .returning(trials.c.trial_id)
                )
                blocked.update(rows)
        return blocked


def _state(connection: Connection, trial_id: str) -> TrialState:
    found = connection.scalar(select(trials.c.state).where(trials.c.trial_id == trial_id))
    if found is None:
        raise CatalogError(
            f"the catalog has no trial {trial_id}; submit the sweep that asks for it"
        )
    return TrialState(found)


def _holds(connection: Connection, submission_id: int, trial_id: str) -> bool:
    holder = select(trials.c.claimed_by).where(trials.c.trial_id == trial_id)
    running = holder.where(trials.c.state == TrialState.RUNNING)
    return connection.scalar(running) == submission_id


def _sweeps_of(connection: Connection, trial_id: str) -> set[str]:
    links = select(sweep_trials.c.sweep).where(sweep_trials.c.trial_id == trial_id)
    return set(connection.scalars(links))


def _close_attempt(
    connection: Connection,
    trial_id: str,
    outcome: AttemptOutcome,
    moment: datetime,
    *,
    message: str | None = None,
) -> None:
    connection.execute(
        update(attempts)
        .where(attempts.c.trial_id == trial_id, attempts.c.ended_at.is_(None))
        .values(ended_at=moment, outcome=outcome.value, message=message)
    )
