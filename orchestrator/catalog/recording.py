"""What became of trials: epochs, results, failures. Each is one transaction with its outbox."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from orchestrator.catalog.outbox import Message, enqueue
from orchestrator.catalog.records import AttemptOutcome, OutboxKind, Stop, TrialState
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
        """Write one point of a trial's learning curve; see `record_epochs`."""
        return bool(self.record_epochs(sweep, [(trial_id, epoch)], by=by))

    def record_epochs(
        self, sweep: str, points: Sequence[tuple[str, Epoch]], *, by: int | None = None
    ) -> int:
        """Write points of trials' learning curves; return how many were of trials that go on.

        Args:
            by: the submission that tells them; those of trials that it does not hold are left out.

        Raises:
            CatalogError: a trial was never submitted.
        """
        moment = now()
        with self._writing() as connection:
            found = _states(connection, (trial_id for trial_id, _ in points))
            taken = [
                (trial_id, epoch)
                for trial_id, epoch in points
                if found[trial_id][0] is not TrialState.FINISHED
                and (by is None or found[trial_id] == (TrialState.RUNNING, by))
            ]
            insert_or_replace(connection, epochs, [epoch_row(i, epoch) for i, epoch in taken])
            messages: list[Message] = [
                (
                    sweep,
                    OutboxKind.TRIAL_EPOCH,
                    trial_id,
                    f"epoch:{sweep}:{trial_id}:{epoch.epoch}",
                    epoch.model_dump(mode="json"),
                )
                for trial_id, epoch in taken
            ]
            enqueue(connection, messages, moment)
        return len(taken)

    def record_result(self, sweep: str, result: TrialResult) -> bool:
        """Finish a trial; see `record_results`."""
        return bool(self.record_results(sweep, [result]))

    def record_results(self, sweep: str, results: Sequence[TrialResult]) -> set[str]:
        """Finish trials, from whatever state they are in; the first result wins, for good.

        Every sweep that has a trial is published: `sweep` and any other that asked for it.

        Returns:
            The trials of which this result is the one that counts; the others were finished.

        Raises:
            CatalogError: a trial was never submitted; nothing is recorded.
        """
        moment = now()
        with self._writing() as connection:
            found = _states(connection, (r.trial_id for r in results))
            new = {
                r.trial_id: r for r in results if found[r.trial_id][0] is not TrialState.FINISHED
            }
            if not new:
                return set()
            finish = update(trials).where(trials.c.trial_id == bindparam("of"))
            rows = [{"of": i, "ended_at": moment} | result_columns(r) for i, r in new.items()]
            connection.execute(finish.values({k: bindparam(k) for k in rows[0] if k != "of"}), rows)
            insert_new(connection, scores, [row for r in new.values() for row in score_rows(r)])
            for part in chunks(new):
                connection.execute(delete(epochs).where(epochs.c.trial_id.in_(part)))
            curves = [epoch_row(i, epoch) for i, r in new.items() for epoch in r.curve]
            insert_new(connection, epochs, curves)
            close_attempts(connection, new, AttemptOutcome.FINISHED, moment)
            messages: list[Message] = [
                (s, OutboxKind.TRIAL_FINISHED, trial_id, f"finished:{s}:{trial_id}", {})
                for trial_id, of_sweeps in _sweeps_of(connection, new).items()
                for s in sorted(of_sweeps | {sweep})
            ]
            enqueue(connection, messages, moment)
        return set(new)

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
            state, holder = _states(connection, [trial_id])[trial_id]
            if by is not None and (state, holder) != (TrialState.RUNNING, by):
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
            close_attempts(connection, [trial_id], AttemptOutcome.FAILED, moment, message=message)
            payload = {"reason": failure.reason.value, "message": said}
            messages: list[Message] = [
                (
                    s,
                    OutboxKind.TRIAL_FAILED,
                    trial_id,
                    f"failed:{s}:{trial_id}:{moment.isoformat()}",
                    payload,
                )
                for s in sorted(_sweeps_of(connection, [trial_id])[trial_id] | {sweep})
            ]
            enqueue(connection, messages, moment)
        return True

    def record_stopped(
        self, sweep: str, stops: Mapping[str, Stop], *, by: int | None = None
    ) -> set[str]:
        """Mark trials as stopped by a rule that have not ended otherwise; return which they were.

        Args:
            by: the submission that tells it; running trials that it does not hold are left out.

        Raises:
            CatalogError: a trial was never submitted.
        """
        moment = now()
        with self._writing() as connection:
            found = _states(connection, stops)
            mine = {
                trial_id
                for trial_id, (state, holder) in found.items()
                if state in (TrialState.PENDING, TrialState.STOPPED)
                or (state is TrialState.RUNNING and by in (None, holder))
            }
            for trial_id in sorted(mine):
                stop = stops[trial_id]
                connection.execute(
                    update(trials)
                    .where(trials.c.trial_id == trial_id)
                    .values(
                        state=TrialState.STOPPED.value,
                        stopped=stop.model_dump_json(),
                        failure_message=stop.message,
                        ended_at=moment,
                    )
                )
                outcome = AttemptOutcome.STOPPED
                close_attempts(connection, [trial_id], outcome, moment, message=stop.message)
            messages: list[Message] = [
                (
                    s,
                    OutboxKind.TRIAL_STOPPED,
                    trial_id,
                    f"stopped:{s}:{trial_id}:{moment.isoformat()}",
                    {},
                )
                for trial_id, of_sweeps in sorted(_sweeps_of(connection, mine).items())
                for s in sorted(of_sweeps | {sweep})
            ]
            enqueue(connection, messages, moment)
        return mine

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


def _states(
    connection: Connection, trial_ids: Iterable[str]
) -> dict[str, tuple[TrialState, int | None]]:
    """Return each trial's state, and the submission that claimed it last.

    Raises:
        CatalogError: the catalog does not have one of them.
    """
    wanted = list(trial_ids)
    found: dict[str, tuple[TrialState, int | None]] = {}
    columns = select(trials.c.trial_id, trials.c.state, trials.c.claimed_by)
    for part in chunks(wanted):
        for row in connection.execute(columns.where(trials.c.trial_id.in_(part))):
            found[row.trial_id] = TrialState(row.state), row.claimed_by
    for trial_id in wanted:
        if trial_id not in found:
            raise CatalogError(
                f"the catalog has no trial {trial_id}; submit the sweep that asks for it"
            )
    return found


def _sweeps_of(connection: Connection, trial_ids: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {trial_id: set() for trial_id in trial_ids}
    links = select(sweep_trials.c.trial_id, sweep_trials.c.sweep)
    for part in chunks(found):
        for row in connection.execute(links.where(sweep_trials.c.trial_id.in_(part))):
            found[row.trial_id].add(row.sweep)
    return found


def close_attempts(
    connection: Connection,
    trial_ids: Iterable[str],
    outcome: AttemptOutcome,
    moment: datetime,
    *,
    message: str | None = None,
) -> None:
    for part in chunks(trial_ids):
        connection.execute(
            update(attempts)
            .where(attempts.c.trial_id.in_(part), attempts.c.ended_at.is_(None))
            .values(ended_at=moment, outcome=outcome.value, message=message)
        )
