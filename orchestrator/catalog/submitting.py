"""Who works on what: submissions, and the claims they hold on trials."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from orchestrator.catalog.outbox import enqueue, enqueue_finished
from orchestrator.catalog.process import ProcessIdentity
from orchestrator.catalog.records import (
    AttemptOutcome,
    OutboxKind,
    Submission,
    SubmissionOutcome,
    TrialState,
)
from orchestrator.catalog.rows import configurations, trial_row
from orchestrator.catalog.store import Store, chunks, insert_new, insert_or_replace, now
from orchestrator.catalog.tables import (
    attempts,
    dependencies,
    submissions,
    sweep_trials,
    sweeps,
    trials,
)
from orchestrator.errors import CatalogError
from workers.trial import Trial

HEARTBEAT_LIMIT_S = 120.0
"""A submission that was silent for longer counts as dead."""

_OPEN = (TrialState.PENDING, TrialState.FAILED, TrialState.BLOCKED)


class Submissions(Store):
    """The part of the catalog that begins and ends submissions and hands out claims."""

    def begin_submission(self, sweep: str, spec_yaml: str, trials: Sequence[Trial]) -> Submission:
        """Write down what a sweep asks for, and that this process works on it.

        Trials that the catalog knows keep their state, whichever sweep brought them, but failed
        and blocked ones become pending again. Unfinished trials that the sweep asked for earlier
        and no longer does leave the sweep; finished ones stay with it.

        Raises:
            CatalogError: a trial depends on one that neither the catalog nor `trials` has.
        """
        me, moment = ProcessIdentity.current(), now()
        with self._writing() as connection:
            insert_new(connection, sweeps, [{"name": sweep, "created_at": moment}])
            row = {
                "sweep": sweep,
                "spec_yaml": spec_yaml,
                "spec_digest": hashlib.sha256(spec_yaml.encode()).hexdigest(),
                "host": me.host,
                "pid": me.pid,
                "process_started_at": me.started_at,
                "submitted_at": moment,
                "heartbeat_at": moment,
            }
            new = insert(submissions).values(row).returning(submissions)
            submission = submission_from(connection.execute(new).mappings().one())
            _insert_trials(connection, trials, moment)
            _link(connection, trials, submission)
            enqueue_finished(connection, sweep, moment)
            enqueue(
                connection,
                [(sweep, OutboxKind.SWEEP_STARTED, None, f"started:{submission.id}", {})],
                moment,
            )
        return submission

    def heartbeat(self, submission_id: int) -> None:
        """Say that the submission still lives; it has two minutes between two of these.

        Raises:
            CatalogError: there is no such submission, or it has ended.
        """
        with self._writing() as connection:
            alive = connection.execute(
                update(submissions)
                .where(submissions.c.id == submission_id, submissions.c.ended_at.is_(None))
                .values(heartbeat_at=now())
            )
        if alive.rowcount == 0:
            raise CatalogError(f"submission {submission_id} is unknown or has ended")

    def end_submission(self, submission_id: int, outcome: SubmissionOutcome) -> None:
        """Close a submission; trials that it still holds become pending. Ending twice is once."""
        moment = now()
        with self._writing() as connection:
            sweep = connection.scalar(
                update(submissions)
                .where(submissions.c.id == submission_id, submissions.c.ended_at.is_(None))
                .values(ended_at=moment, outcome=outcome.value)
                .returning(submissions.c.sweep)
            )
            if sweep is None:
                return
            held = trials.c.claimed_by == submission_id
            ids = connection.scalars(
                select(trials.c.trial_id).where(held, trials.c.state == TrialState.RUNNING)
            ).all()
            _release(connection, ids, submission_id)
            payload = {"outcome": outcome.value}
            key = f"ended:{submission_id}"
            enqueue(connection, [(sweep, OutboxKind.SWEEP_ENDED, None, key, payload)], moment)

    def claim(self, trial_ids: Iterable[str], submission_id: int) -> set[str]:
        """Take trials for a submission, and return those that it got: no other one has them.

        A pending trial can be taken, and a running one whose submission is dead: it has ended,
        its process on this host is gone, or it was silent for two minutes. Opens an attempt.
        """
        moment, claimed = now(), set[str]()
        with self._writing() as connection:
            dead = _dead_submissions(connection, moment)
            for part in chunks(trial_ids):
                here = trials.c.trial_id.in_(part)
                lost = (trials.c.state == TrialState.RUNNING) & trials.c.claimed_by.in_(dead)
                taken_over = connection.scalars(select(trials.c.trial_id).where(here, lost)).all()
                _close_attempts(connection, taken_over, AttemptOutcome.LOST, moment)
                got = connection.scalars(
                    update(trials)
                    .where(here, (trials.c.state == TrialState.PENDING) | lost)
                    .values(
                        state=TrialState.RUNNING.value,
                        claimed_by=submission_id,
                        started_at=moment,
                        ended_at=None,
                    )
                    .returning(trials.c.trial_id)
                ).all()
                if got:
                    opened = [
                        {"trial_id": t, "submission": submission_id, "started_at": moment}
                        for t in got
                    ]
                    connection.execute(insert(attempts), opened)
                claimed.update(got)
        return claimed

    def release(self, trial_ids: Iterable[str], submission_id: int) -> set[str]:
        """Hand running trials of a submission back as pending, and return which they were."""
        released = set[str]()
        with self._writing() as connection:
            for part in chunks(trial_ids):
                released |= _release(connection, part, submission_id)
        return released


def submission_from(row: RowMapping) -> Submission:
    return Submission.model_validate({k: v for k, v in row.items() if k != "spec_yaml"})


def _insert_trials(connection: Connection, planned: Sequence[Trial], moment: datetime) -> None:
    own = {t.trial_id for t in planned}
    parents = {p for t in planned for p in t.parents} - own
    known: dict[str, str] = {}
    for part in chunks(sorted(parents)):
        columns = select(trials.c.trial_id, trials.c.configuration)
        found = connection.execute(columns.where(trials.c.trial_id.in_(part)))
        known.update((r.trial_id, r.configuration) for r in found)
    if missing := parents - set(known):
        waiting = next(t for t in planned if missing & set(t.parents))
        raise CatalogError(
            f"trial {waiting.trial_id} ({waiting.label}) depends on {sorted(missing)[0]}, which is "
            "neither in the submission nor in the catalog; submit both together"
        )
    keys = configurations(planned, known)
    rows = [
        trial_row(t, configuration=keys[t.trial_id], created_at=moment)
        for t in {t.trial_id: t for t in planned}.values()
    ]
    insert_new(connection, trials, rows)
    edges = [
        {"trial_id": t, "parent_id": p}
        for t, p in dict.fromkeys((t.trial_id, p) for t in planned for p in t.parents)
    ]
    insert_new(connection, dependencies, edges)


def _link(connection: Connection, planned: Sequence[Trial], submission: Submission) -> None:
    """Make the sweep's trials those that are planned now, and let them run again."""
    links = [
        {"sweep": submission.sweep, "trial_id": t, "submission": submission.id}
        for t in dict.fromkeys(t.trial_id for t in planned)
    ]
    insert_or_replace(connection, sweep_trials, links)
    unfinished = select(trials.c.trial_id).where(trials.c.state.in_(_OPEN))
    of_sweep = sweep_trials.c.sweep == submission.sweep
    connection.execute(
        delete(sweep_trials).where(
            of_sweep,
            sweep_trials.c.submission != submission.id,
            sweep_trials.c.trial_id.in_(unfinished),
        )
    )
    connection.execute(
        update(trials)
        .where(
            trials.c.trial_id.in_(select(sweep_trials.c.trial_id).where(of_sweep)),
            trials.c.state.in_((TrialState.FAILED, TrialState.BLOCKED)),
        )
        .values(state=TrialState.PENDING.value, failure_reason=None, failure_message=None)
    )


def _release(connection: Connection, ids: Sequence[str], submission_id: int) -> set[str]:
    released = set[str]()
    for part in chunks(ids):
        rows = connection.scalars(
            update(trials)
            .where(
                trials.c.trial_id.in_(part),
                trials.c.state == TrialState.RUNNING,
                trials.c.claimed_by == submission_id,
            )
            .values(state=TrialState.PENDING.value, claimed_by=None)
            .returning(trials.c.trial_id)
        )
        released.update(rows)
    _close_attempts(connection, sorted(released), AttemptOutcome.RELEASED, now())
    return released


def _close_attempts(
    connection: Connection, ids: Sequence[str], outcome: AttemptOutcome, moment: datetime
) -> None:
    for part in chunks(ids):
        connection.execute(
            update(attempts)
            .where(attempts.c.trial_id.in_(part), attempts.c.ended_at.is_(None))
            .values(ended_at=moment, outcome=outcome.value)
        )


def _dead_submissions(connection: Connection, moment: datetime) -> list[int]:
    """Return those submissions, among the ones that hold running trials, which are dead."""
    holders = select(trials.c.claimed_by).where(trials.c.state == TrialState.RUNNING)
    rows = connection.execute(select(submissions).where(submissions.c.id.in_(holders)))
    return [r["id"] for r in rows.mappings() if _is_dead(submission_from(r), moment)]


def _is_dead(submission: Submission, moment: datetime) -> bool:
    if submission.ended_at is not None:
        return True
    process = ProcessIdentity(
        host=submission.host, pid=submission.pid, started_at=submission.process_started_at
    )
    silent = moment - submission.heartbeat_at > timedelta(seconds=HEARTBEAT_LIMIT_S)
    return silent or process.known_dead
