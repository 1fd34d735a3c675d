"""What the tracking server has still to be told, who tells it, and what it calls our runs.

An entry is written in the transaction of what it tells, so neither exists without the other.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from orchestrator.catalog.process import ProcessIdentity
from orchestrator.catalog.read_order import from_trials_told
from orchestrator.catalog.records import OutboxEntry, OutboxKind, TrialState
from orchestrator.catalog.store import Store, chunks, clock, insert_new, now
from orchestrator.catalog.tables import mlflow_runs, outbox, sweep_trials, sweeps, trials

LEASE_S = 60.0
"""For how long a publisher on another host may be silent before its sweep is taken over."""

_LONGEST_PAUSE_S = 300.0
_AT_ONCE = 500

Message = tuple[str, OutboxKind, str | None, str, dict[str, Any]]
"""Sweep, kind, trial, key, payload. A second message with the same key is dropped."""


class Outbox(Store):
    """The part of the catalog that the publisher works with."""

    def take_publishing(self, sweep: str) -> bool:
        """Become, or stay, the one process that publishes a sweep; False while another one is."""
        me = ProcessIdentity.current()
        with self._writing() as connection:
            moment = clock(connection)
            found = connection.execute(
                select(sweeps.c.publisher, sweeps.c.publisher_until).where(sweeps.c.name == sweep)
            ).one_or_none()
            if found is None:
                return False
            if found.publisher is not None and found.publisher_until > moment:
                holder = ProcessIdentity.model_validate_json(found.publisher)
                if holder != me and not holder.known_dead:
                    return False
            until = moment + timedelta(seconds=LEASE_S)
            connection.execute(
                update(sweeps)
                .where(sweeps.c.name == sweep)
                .values(publisher=me.model_dump_json(), publisher_until=until)
            )
        return True

    def give_up_publishing(self, sweep: str) -> None:
        """Let another process publish the sweep."""
        me = ProcessIdentity.current().model_dump_json()
        with self._writing() as connection:
            connection.execute(
                update(sweeps)
                .where(sweeps.c.name == sweep, sweeps.c.publisher == me)
                .values(publisher=None, publisher_until=None)
            )

    def undelivered(self, sweep: str, *, early: bool = False) -> list[OutboxEntry]:
        """Return the oldest entries that are due; with `early` also those that should wait."""
        due = or_(outbox.c.next_try_at.is_(None), outbox.c.next_try_at <= now())
        query = select(outbox).where(outbox.c.sweep == sweep, outbox.c.delivered_at.is_(None))
        with self._reading() as connection:
            rows = connection.execute(
                (query if early else query.where(due)).order_by(outbox.c.id).limit(_AT_ONCE)
            ).mappings()
            return [_entry(r) for r in rows]

    def count_undelivered(self, sweep: str) -> int:
        """Count what the tracking server does not know yet."""
        mine = and_(outbox.c.sweep == sweep, outbox.c.delivered_at.is_(None))
        with self._reading() as connection:
            return connection.scalar(select(func.count()).select_from(outbox).where(mine)) or 0

    def outbox_lag(self, sweep: str) -> tuple[int, float]:
        """Return how much the tracking server does not know, and for how long already, seconds."""
        mine = and_(outbox.c.sweep == sweep, outbox.c.delivered_at.is_(None))
        oldest = func.min(outbox.c.created_at)
        with self._reading() as connection:
            entries, since = connection.execute(select(func.count(), oldest).where(mine)).one()
        return entries, max(0.0, (now() - since).total_seconds()) if since is not None else 0.0

    def told_of_ends(self, sweep: str, trial_ids: Iterable[str]) -> set[str]:
        """Return the trials of which entries say that they were stopped or failed once."""
        found = set[str]()
        ends = outbox.c.kind.in_((OutboxKind.TRIAL_STOPPED, OutboxKind.TRIAL_FAILED))
        query = from_trials_told(select(outbox.c.trial_id).where(outbox.c.sweep == sweep, ends))
        with self._reading() as connection:
            for part in chunks(trial_ids):
                found.update(connection.scalars(query.where(outbox.c.trial_id.in_(part))))
        return found

    def mark_delivered(self, entry_ids: Iterable[int]) -> None:
        """Note that the tracking server knows these."""
        with self._writing() as connection:
            for part in chunks(entry_ids):
                connection.execute(
                    update(outbox).where(outbox.c.id.in_(part)).values(delivered_at=now())
                )

    def mark_undeliverable(self, entry_ids: Iterable[int], error: str) -> None:
        """Note a vain try; the next one waits twice as long as the last, five minutes at most."""
        moment = now()
        with self._writing() as connection:
            for part in chunks(entry_ids):
                rows = connection.execute(
                    select(outbox.c.id, outbox.c.tries).where(outbox.c.id.in_(part))
                )
                for row in rows.all():
                    pause_s = min(2.0 ** min(row.tries, 20), _LONGEST_PAUSE_S)
                    connection.execute(
                        update(outbox)
                        .where(outbox.c.id == row.id)
                        .values(
                            tries=row.tries + 1,
                            last_error=error,
                            next_try_at=moment + timedelta(seconds=pause_s),
                        )
                    )

    def redeliver(self, sweep: str, tracking_uri: str) -> None:
        """Forget what a tracking server knows of a sweep: all of it is to be told again."""
        here = mlflow_runs.c.sweep == sweep, mlflow_runs.c.tracking_uri == tracking_uri
        with self._writing() as connection:
            connection.execute(delete(mlflow_runs).where(*here))
            connection.execute(
                update(outbox)
                .where(outbox.c.sweep == sweep)
                .values(delivered_at=None, next_try_at=None)
            )

    def epochs_told(self, sweep: str, trial_ids: Iterable[str]) -> dict[str, set[int]]:
        """Return the epochs of trials that have outbox entries of their own in this sweep."""
        found: dict[str, set[int]] = defaultdict(set)
        query = from_trials_told(
            select(outbox.c.trial_id, outbox.c.payload).where(
                outbox.c.sweep == sweep, outbox.c.kind == OutboxKind.TRIAL_EPOCH
            )
        )
        with self._reading() as connection:
            for part in chunks(trial_ids):
                for trial_id, payload in connection.execute(
                    query.where(outbox.c.trial_id.in_(part))
                ):
                    found[trial_id].add(json.loads(payload)["epoch"])
        return found

    def mlflow_runs(self, sweep: str, tracking_uri: str) -> dict[str | None, str]:
        """Return trial → run id, and None → the sweep's parent run."""
        query = select(mlflow_runs.c.trial_id, mlflow_runs.c.run_id).where(
            mlflow_runs.c.sweep == sweep, mlflow_runs.c.tracking_uri == tracking_uri
        )
        with self._reading() as connection:
            return {r.trial_id: r.run_id for r in connection.execute(query)}

    def record_mlflow_runs(
        self, sweep: str, runs: Mapping[str | None, str], *, tracking_uri: str
    ) -> None:
        """Note which runs stand for trials, None for the sweep. A new run replaces an old one."""
        here = mlflow_runs.c.sweep == sweep, mlflow_runs.c.tracking_uri == tracking_uri
        with self._writing() as connection:
            for trial_id, run_id in runs.items():
                # Not `IS NOT DISTINCT FROM`, for which PostgreSQL reads the runs of all trials.
                same = mlflow_runs.c.trial_id == trial_id  # `IS NULL` of the sweep's own
                changed = connection.execute(
                    update(mlflow_runs).where(*here, same).values(run_id=run_id)
                )
                if changed.rowcount == 0:
                    row = {
                        "sweep": sweep,
                        "trial_id": trial_id,
                        "tracking_uri": tracking_uri,
                        "run_id": run_id,
                    }
                    connection.execute(insert(mlflow_runs).values(row))


def enqueue(connection: Connection, messages: Sequence[Message], moment: datetime) -> None:
    """Add messages to the outbox of the transaction that `connection` is in."""
    rows = [
        {
            "sweep": sweep,
            "kind": kind.value,
            "trial_id": trial_id,
            "key": key,
            "payload": json.dumps(payload),
            "created_at": moment,
        }
        for sweep, kind, trial_id, key, payload in messages
    ]
    insert_new(connection, outbox, rows)


def enqueue_finished(connection: Connection, sweep: str, moment: datetime) -> None:
    """Tell of every finished trial of a sweep that was not told yet, such as reused ones."""
    finished = connection.scalars(
        select(trials.c.trial_id)
        .join(sweep_trials, sweep_trials.c.trial_id == trials.c.trial_id)
        .where(sweep_trials.c.sweep == sweep, trials.c.state == TrialState.FINISHED)
        .order_by(trials.c.trial_id)
    ).all()
    kind = OutboxKind.TRIAL_FINISHED
    messages: list[Message] = [(sweep, kind, t, f"finished:{sweep}:{t}", {}) for t in finished]
    enqueue(connection, messages, moment)


def _entry(row: Any) -> OutboxEntry:
    names = ("id", "sweep", "kind", "trial_id", "created_at", "tries", "last_error")
    values = {name: row[name] for name in names}
    return OutboxEntry(**values, payload=json.loads(row["payload"]))
