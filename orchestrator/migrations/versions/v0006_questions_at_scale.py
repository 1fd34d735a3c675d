"""Answer what is asked of a hundred thousand trials from indexes, without reading the trials."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_CHUNK = 1000

_TEST_SCORE = """
UPDATE trials SET test_score = (
    SELECT s.value FROM scores s
    WHERE s.trial_id = trials.trial_id AND s.split = 'test' AND s.metric = trials.metric
    AND s.depth = CASE WHEN trials.drop_mode = 'specialised' THEN trials.drop_depth ELSE 0 END)
WHERE state = 'finished'
"""

_CONFIGURATION = """
UPDATE sweep_trials SET configuration = (
    SELECT t.configuration FROM trials t WHERE t.trial_id = sweep_trials.trial_id)
"""

_COLUMNS = (
    *("trial_id", "state", "claimed_by", "task", "fingerprint", "method", "base_name"),
    *(
        "base_identity",
        "drop_mode",
        "drop_depth",
        "seed",
        "metric",
        "score",
        "test_score",
        "label",
        "unsaid_hash",
        "configuration",
    ),
    *("best_epoch", "trained_parameters", "stored_parameters", "duration_s", "placement"),
    *("bottleneck_size", "sharing", "non_linearity", "keep", "learning_rate", "failure_reason"),
    *("created_at", "started_at", "ended_at"),
)

_COMPARED = (
    *("configuration", "task", "fingerprint", "metric", "trial_id", "seed", "score", "state"),
    "unsaid_hash",
)


def upgrade() -> None:
    unknown = sa.text("''")
    for table, name in (("trials", "unsaid_hash"), ("sweep_trials", "configuration")):
        column = sa.Column(name, sa.String(length=20), nullable=False, server_default=unknown)
        op.add_column(table, column)
    op.add_column("trials", sa.Column("test_score", sa.Float(), nullable=True))
    op.execute(_TEST_SCORE)
    op.execute(_CONFIGURATION)
    _fill_in_hashes()
    op.drop_index(op.f("ix_trials_configuration"), table_name="trials")
    op.drop_index(op.f("ix_trials_task_state_score"), table_name="trials")
    op.drop_index(op.f("ix_trials_state"), table_name="trials")
    state = op.f("ix_trials_state_trial_id")
    op.create_index(state, "trials", ["state", "trial_id"], unique=False)
    op.create_index("ix_trials_columns", "trials", _COLUMNS, unique=False)
    op.create_index("ix_trials_compared", "trials", _COMPARED, unique=False)
    for name, unique in (("submission", False), ("configuration", True)):
        index = op.f(f"ix_sweep_trials_sweep_{name}_trial_id")
        op.create_index(index, "sweep_trials", ["sweep", name, "trial_id"], unique=unique)


def _fill_in_hashes() -> None:
    trials = sa.table("trials", *map(sa.column, ("trial_id", "unsaid", "unsaid_hash")))
    known = trials.c.trial_id
    fill = sa.update(trials).where(known == sa.bindparam("of"))
    fill = fill.values(unsaid_hash=sa.bindparam("hash"))
    connection, last = op.get_bind(), ""
    while True:
        query = sa.select(known, trials.c.unsaid).where(known > last).order_by(known)
        rows = connection.execute(query.limit(_CHUNK)).all()
        if not rows:
            return
        values = [{"of": r.trial_id, "hash": _hash(r.unsaid)} for r in rows]
        connection.execute(fill, values)
        last = rows[-1].trial_id


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
