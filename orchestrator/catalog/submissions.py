"""Who works on what: submissions, and the claims they hold on trials."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, and_, delete, insert, select, update

from orchestrator.catalog.links import configurations_of, link
from orchestrator.catalog.outbox import Message, enqueue, enqueue_finished
from orchestrator.catalog.process import ProcessIdentity, job, person
from orchestrator.catalog.records import (
    SAME_ANYWHERE,
    AttemptOutcome,
    Control,
    OutboxKind,
    Request,
    Submission,
    SubmissionOutcome,
    TrialState,
)
from orchestrator.catalog.rows import configurations, trial_row
from orchestrator.catalog.store import (
    Store,
    chunks,
    clock,
    insert_new,
)
from orchestrator.catalog.tables import (
    attempts,
    submissions,
    sweep_trials,
    sweeps,
)
from orchestrator.catalog.tables import trials as trials_
from orchestrator.errors import CatalogError, SubmissionOverError
from workers.contract.trial import Trial

HEARTBEAT_LIMIT_S = 120.0
"""A submission that was silent for longer, by the database's clock, counts as dead."""

_HOLDERS = select(trials_.c.claimed_by).where(trials_.c.state == TrialState.RUNNING)
_AT_ONCE = 2000
"""Trials in one transaction of a submission's begin, so that other writers need not wait for it."""

_OPEN = (TrialState.PENDING, TrialState.FAILED, TrialState.STOPPED, TrialState.BLOCKED)


class Submissions(Store):
    """The part of the catalog that begins and ends submissions and hands out claims."""

    def begin_submission(
        self,
        sweep: str,
        spec_yaml: str,
        trials: Sequence[Trial],
        *,
        stoppable: Collection[str] = (),
    ) -> Submission:
        """Write down what a sweep asks for, and that this process works on it.

        Trials that the catalog knows keep their state, whichever sweep brought them, but failed
        and blocked ones become pending again. Unfinished trials that the sweep asked for earlier
        and no longer does leave the sweep; finished ones stay with it. An archived sweep comes back
        into sight.

        Written in many short transactions. What a process leaves that dies in between is a
        submission without an end, and trials that are pending, as after any other death.

        Args:
            stoppable: those that its rule of early termination may stop; it asks for all others
                in full, and no other sweep's rule stops those.

        Raises:
            CatalogError: a trial depends on one that neither the catalog nor `trials` has.
        """
        own = {t.trial_id: t for t in trials}
        keys = configurations(own.values(), self._known_parents(own))
        submission = self._enter(sweep, spec_yaml)
        planned = list(own.values())
        for start in range(0, len(planned), _AT_ONCE):  # parents stand before their children
            part = planned[start : start + _AT_ONCE]
            moment = submission.submitted_at
            rows = [
                trial_row(t, configuration=keys[t.trial_id], parents=own, created_at=moment)
                for t in part
            ]
            with self._writing() as connection:
                insert_new(connection, trials_, rows)
                link(connection, part, submission, stoppable)
        with self._writing() as connection:
            _begin(connection, submission)
        return submission

    def _known_parents(self, planned: Mapping[str, Trial]) -> dict[str, str]:
        """Return the configurations of parents that were not planned, but are in the catalog.

        Raises:
            CatalogError: one is not.
        """
        parents = {p for t in planned.values() for p in t.parents} - planned.keys()
        with self._reading() as connection:
            known = configurations_of(connection, sorted(parents))
        if missing := parents - set(known):
            waiting = next(t for t in planned.values() if missing & set(t.parents))
            raise CatalogError(
                f"trial {waiting.trial_id} ({waiting.label}) depends on {sorted(missing)[0]}, "
                "which is neither in the submission nor in the catalog; submit both together"
            )
        return known

    def _enter(self, sweep: str, spec_yaml: str) -> Submission:
        """Write down that this process works on a sweep."""
        me = ProcessIdentity.current()
        with self._writing() as connection:
            moment = clock(connection)
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
                "submitted_by": person(),
                "job": job(),
            }
            new = insert(submissions).values(row).returning(submissions)
            return submission_from(connection.execute(new).mappings().one())

    def heartbeat(
        self, submission_id: int, *, wants_workers: bool = False, gpu_s: float = 0.0
    ) -> Control:
        """Say that the submission still lives, and return what it is to obey.

        It has two minutes between two of these.

        Args:
            wants_workers: whether it has more to run than workers.
            gpu_s: for how long its workers have held GPUs, times how many.

        Raises:
            SubmissionOverError: it has ended, or its trials were taken over.
        """
        with self._writing() as connection:
            _check_open(connection, submission_id)
            connection.execute(
                update(submissions)
                .where(submissions.c.id == submission_id)
                .values(heartbeat_at=clock(connection), wants_workers=wants_workers, gpu_s=gpu_s)
            )
            return _control(connection, submission_id)

    def end_submission(
        self,
        submission_id: int,
        outcome: SubmissionOutcome,
        *,
        ended_by: str | None = None,
        gpu_s: float | None = None,
    ) -> None:
        """Close a submission; trials that it still holds become pending. Ending twice is once.

        Args:
            ended_by: the budget that was reached, in words.
            gpu_s: as for `heartbeat`; None leaves what that said last.
        """
        with self._writing() as connection:
            said = {"ended_by": ended_by, "gpu_s": gpu_s}
            values = {name: value for name, value in said.items() if value is not None}
            open_ = submissions.c.id == submission_id, submissions.c.ended_at.is_(None)
            if values:
                connection.execute(update(submissions).where(*open_).values(values))
            end(connection, submission_id, outcome, held=AttemptOutcome.RELEASED)

    def claim(self, trial_ids: Iterable[str], submission_id: int) -> dict[str, int]:
        """Take trials for a submission; return those that it got, each with its attempt's number.

        It gets what nobody runs: pending, stopped and blocked trials, and failed ones that may do
        better in another submission. Before that, submissions that hold trials and are dead are
        ended, and what they held is pending: their process on this host is gone, or they were
        silent for two minutes. From then on such a one may write no more, should it wake up.

        The number grows from attempt to attempt. Whoever commits must show it; see
        `workers.contract.claims`.

        Raises:
            SubmissionOverError: it has ended, or its own trials were taken over.
        """
        claimed: dict[str, int] = {}
        with self._writing() as connection:
            _check_open(connection, submission_id)
            moment = clock(connection)
            for dead in dead_submissions(connection):
                outcome = SubmissionOutcome.TAKEN_OVER
                end(connection, dead, outcome, held=AttemptOutcome.LOST)
            hopeless = and_(
                trials_.c.state == TrialState.FAILED, trials_.c.failure_reason.in_(SAME_ANYWHERE)
            )
            for part in chunks(trial_ids):
                got = connection.scalars(
                    update(trials_)
                    .where(trials_.c.trial_id.in_(part), trials_.c.state.in_(_OPEN), ~hopeless)
                    .values(
                        state=TrialState.RUNNING.value,
                        claimed_by=submission_id,
                        started_at=moment,
                        ended_at=None,
                        failure_reason=None,
                        failure_message=None,
                        stopped=None,
                    )
                    .returning(trials_.c.trial_id)
                ).all()
                if got:
                    opened = [
                        {"trial_id": t, "submission": submission_id, "started_at": moment}
                        for t in got
                    ]
                    new = insert(attempts).returning(attempts.c.trial_id, attempts.c.id)
                    claimed.update((r.trial_id, r.id) for r in connection.execute(new, opened))
        return claimed

    def release(self, trial_ids: Iterable[str], submission_id: int) -> set[str]:
        """Hand running trials of a submission back as pending, and return which they were."""
        released = set[str]()
        with self._writing() as connection:
            for part in chunks(trial_ids):
                outcome = AttemptOutcome.RELEASED
                released |= _release(connection, part, submission_id, outcome=outcome)
        return released


def submission_from(row: RowMapping) -> Submission:
    return Submission.model_validate({k: v for k, v in row.items() if k != "spec_yaml"})


def _begin(connection: Connection, submission: Submission) -> None:
    """Make the sweep's trials those that are asked for, and end dead ones that hold no trial."""
    sweep, moment = submission.sweep, clock(connection)
    busy = {submission.id, *connection.scalars(_HOLDERS)}
    for earlier in _open(connection, sweep):
        if earlier.id not in busy and is_dead(earlier, moment):
            end(connection, earlier.id, SubmissionOutcome.TAKEN_OVER, held=AttemptOutcome.LOST)
    connection.execute(update(sweeps).where(sweeps.c.name == sweep).values(archived_at=None))
    unfinished = select(trials_.c.trial_id).where(trials_.c.state.in_(_OPEN))
    of_sweep = sweep_trials.c.sweep == sweep
    connection.execute(
        delete(sweep_trials).where(
            of_sweep,
            sweep_trials.c.submission != submission.id,
            sweep_trials.c.trial_id.in_(unfinished),
        )
    )
    connection.execute(
        update(trials_)
        .where(
            trials_.c.trial_id.in_(select(sweep_trials.c.trial_id).where(of_sweep)),
            trials_.c.state.in_((TrialState.FAILED, TrialState.BLOCKED)),
        )
        .values(state=TrialState.PENDING.value, failure_reason=None, failure_message=None)
    )
    enqueue_finished(connection, sweep, moment)
    started: Message = (sweep, OutboxKind.SWEEP_STARTED, None, f"started:{submission.id}", {})
    enqueue(connection, [started], moment)


def dead_submissions(connection: Connection) -> list[int]:
    """Return those submissions, among the ones that hold running trials, which are dead."""
    moment = clock(connection)
    rows = connection.execute(select(submissions).where(submissions.c.id.in_(_HOLDERS)))
    return [r["id"] for r in rows.mappings() if is_dead(submission_from(r), moment)]


def is_dead(submission: Submission, moment: datetime) -> bool:
    """Tell whether nobody works on a submission at `moment`, a time by `clock`."""
    if submission.ended_at is not None:
        return True
    process = ProcessIdentity(
        host=submission.host, pid=submission.pid, started_at=submission.process_started_at
    )
    silent = moment - submission.heartbeat_at > timedelta(seconds=HEARTBEAT_LIMIT_S)
    return silent or process.known_dead


def living(connection: Connection, sweep: str) -> list[Submission]:
    """Return the submissions of a sweep that have not ended and are not dead."""
    moment = clock(connection)
    return [each for each in _open(connection, sweep) if not is_dead(each, moment)]


def _open(connection: Connection, sweep: str) -> list[Submission]:
    open_ = submissions.c.sweep == sweep, submissions.c.ended_at.is_(None)
    rows = connection.execute(select(submissions).where(*open_).order_by(submissions.c.id))
    return [submission_from(row) for row in rows.mappings()]


def check_known(connection: Connection, sweep: str) -> None:
    """Refuse a sweep that is not there.

    Raises:
        CatalogError: says which there are.
    """
    names = connection.scalars(select(sweeps.c.name).order_by(sweeps.c.name)).all()
    if sweep not in names:
        known = ", ".join(names) or "none yet"
        raise CatalogError(f"the catalog has no sweep {sweep!r}; it has: {known}")


def _control(connection: Connection, submission_id: int) -> Control:
    """Return what a submission is to obey now."""
    mine = submissions.c.id == submission_id
    query = select(submissions, sweeps.c.max_workers, sweeps.c.priority).join(sweeps).where(mine)
    row = connection.execute(query).mappings().one()
    higher = (
        select(submissions)
        .join(sweeps)
        .where(
            sweeps.c.priority > row["priority"],
            submissions.c.ended_at.is_(None),
            submissions.c.wants_workers,
            submissions.c.request == Request.RUN.value,
        )
        .order_by(sweeps.c.priority.desc())
    )
    moment = clock(connection)
    found = map(submission_from, connection.execute(higher).mappings())
    return Control(
        request=row["request"],
        requested_by=row["requested_by"],
        max_workers=row["max_workers"],
        outranked_by=next((s.sweep for s in found if not is_dead(s, moment)), None),
    )


def _check_open(connection: Connection, submission_id: int) -> None:
    columns = select(submissions.c.ended_at, submissions.c.outcome)
    found = connection.execute(columns.where(submissions.c.id == submission_id)).one_or_none()
    if found is None:
        raise SubmissionOverError(f"the catalog has no submission {submission_id}; submit again")
    if found.ended_at is None:
        return
    why = "has ended"
    if found.outcome == SubmissionOutcome.TAKEN_OVER:
        why = (
            f"was silent for more than {HEARTBEAT_LIMIT_S:g} s (its machine slept, or its process "
            "was stopped), and another submission took its trials over"
        )
    raise SubmissionOverError(f"submission {submission_id} {why}; submit again to go on")


def end(
    connection: Connection,
    submission_id: int,
    outcome: SubmissionOutcome,
    *,
    held: AttemptOutcome,
) -> None:
    """Close a submission unless it is closed; what it still holds is pending from now on."""
    moment = clock(connection)
    running = trials_.c.claimed_by == submission_id, trials_.c.state == TrialState.RUNNING
    ids = connection.scalars(select(trials_.c.trial_id).where(*running)).all()
    _release(connection, ids, submission_id, outcome=held)
    sweep = connection.scalar(
        update(submissions)
        .where(submissions.c.id == submission_id, submissions.c.ended_at.is_(None))
        .values(ended_at=moment, outcome=outcome.value)
        .returning(submissions.c.sweep)
    )
    if sweep is not None:
        payload = {"outcome": outcome.value}
        key = f"ended:{submission_id}"
        enqueue(connection, [(sweep, OutboxKind.SWEEP_ENDED, None, key, payload)], moment)


def _release(
    connection: Connection, ids: Sequence[str], submission_id: int, *, outcome: AttemptOutcome
) -> set[str]:
    released = set[str]()
    for part in chunks(ids):
        rows = connection.scalars(
            update(trials_)
            .where(
                trials_.c.trial_id.in_(part),
                trials_.c.state == TrialState.RUNNING,
                trials_.c.claimed_by == submission_id,
            )
            .values(state=TrialState.PENDING.value, claimed_by=None)
            .returning(trials_.c.trial_id)
        )
        released.update(rows)
    for part in chunks(sorted(released)):
        connection.execute(
            update(attempts)
            .where(attempts.c.trial_id.in_(part), attempts.c.ended_at.is_(None))
            .values(ended_at=clock(connection), outcome=outcome.value)
        )
    return released
