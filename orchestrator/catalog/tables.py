"""The catalog's tables. A change here needs a migration in `orchestrator/migrations/versions`."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)

from orchestrator.catalog.records import TrialState

SCHEMA_REVISION = "0009"
"""The newest migration; a test holds it equal to what is in the folder."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite, which knows no zones, stores it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _trial_key(*, primary: bool = True) -> Column[str]:
    return Column(
        "trial_id", String(20), ForeignKey("trials.trial_id"), primary_key=primary, nullable=False
    )


def _sweep_key(*, primary: bool = False) -> Column[str]:
    return Column("sweep", String, ForeignKey("sweeps.name"), primary_key=primary, nullable=False)


sweeps = Table(
    "sweeps",
    metadata,
    Column("name", String, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    # The one process that publishes this sweep, and until when it may without asking again.
    Column("publisher", Text),
    Column("publisher_until", UtcDateTime),
    Column("archived_at", UtcDateTime),  # since when it is out of sight
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("max_workers", Integer),  # None: as many as its YAML says
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Integer, primary_key=True),
    _sweep_key(),
    Column("spec_yaml", Text, nullable=False),
    Column("spec_digest", String(64), nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started_at", String, nullable=False),
    Column("submitted_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("outcome", String),
    Column("submitted_by", String, nullable=False, server_default=text("''")),
    Column("job", String),  # of Ray's Jobs API, where it came through that
    Column("request", String, nullable=False, server_default=text("'run'")),
    Column("requested_by", String),
    Column("wants_workers", Boolean, nullable=False, server_default=false()),
    Column("gpu_s", Float, nullable=False, server_default=text("0")),  # that workers held
    Column("ended_by", Text),  # the budget of its YAML that was reached
    Index(None, "sweep"),
)

trials = Table(
    "trials",
    metadata,
    Column("trial_id", String(20), primary_key=True),
    Column("configuration", String(20), nullable=False),
    Column("method", String, nullable=False),
    Column("base_name", String, nullable=False),
    Column("base_identity", String, nullable=False),
    Column("task", String, nullable=False),
    Column("drop_mode", String, nullable=False),
    Column("drop_depth", Integer, nullable=False),
    Column("placement", String),
    Column("bottleneck_size", Integer),
    Column("sharing", String),
    Column("non_linearity", String),
    Column("keep", Integer),
    Column("seed", BigInteger, nullable=False),
    Column("learning_rate", Float, nullable=False),
    Column("label", String, nullable=False),
    Column("config", Text, nullable=False),  # JSON of `Trial`
    Column("fingerprint", String, nullable=False, server_default=text("''")),
    # JSON of what the label leaves out (`orchestrator.planning.settings`).
    Column("unsaid", Text, nullable=False, server_default=text("'{}'")),
    # Of that text, which may be too long for an index.
    Column("unsaid_hash", String(20), nullable=False, server_default=text("''")),
    Column("state", String, nullable=False),
    Column("metric", String),  # the one that will be measured, from the start
    Column("score", Float),
    Column("test_score", Float),  # the same metric on test, at the trial's own depth
    Column("best_epoch", Integer),
    Column("trained_parameters", BigInteger),
    Column("stored_parameters", BigInteger),
    Column("duration_s", Float),
    Column("result", Text),  # JSON of `TrialResult`
    Column("failure_reason", String),
    Column("failure_message", Text),
    Column("stopped", Text),  # JSON of `Stop`, while that is its state
    Column("claimed_by", Integer, ForeignKey("submissions.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in TrialState)})", name="state"),
    CheckConstraint("(state = 'finished') = (result IS NOT NULL)", name="result"),
    Index(None, "state", "trial_id"),
)

# What a row holds beside these may be long: an index can hold no more than a few kilobytes a row,
# and a table of whole configurations and results takes long to read through.
TRIAL_COLUMNS = "ix_trials_columns"
COMPARED_TRIALS = "ix_trials_compared"
TRIAL_STATES = "ix_trials_state_trial_id"
SUBMITTED_TRIALS = "ix_sweep_trials_sweep_submission_trial_id"
TRIALS_TOLD = "ix_outbox_trial_id"
Index(
    TRIAL_COLUMNS,
    *(
        trials.c[name]
        for name in (
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
            ),
            *("configuration", "best_epoch", "trained_parameters", "stored_parameters"),
            *("duration_s", "placement", "bottleneck_size", "sharing", "non_linearity", "keep"),
            *("learning_rate", "failure_reason", "created_at", "started_at", "ended_at"),
        )
    ),
)
Index(
    COMPARED_TRIALS,
    *(
        trials.c[name]
        for name in (
            *("configuration", "task", "fingerprint", "metric", "unsaid_hash", "trial_id", "seed"),
            *("score", "state", "test_score"),
        )
    ),
)

sweep_trials = Table(
    "sweep_trials",
    metadata,
    _sweep_key(primary=True),
    _trial_key(),
    # The last submission whose specification asked for it.
    Column("submission", Integer, ForeignKey("submissions.id"), nullable=False),
    # As in `trials`: where both are read in its order, a join of the two is fast.
    Column("configuration", String(20), nullable=False, server_default=text("''")),
    # Whether it asks for the trial in full: no other sweep's rule may stop it then.
    Column("in_full", Boolean, nullable=False, server_default=true()),
    Index(None, "trial_id"),
    Index(None, "sweep", "submission", "trial_id"),
    Index(None, "sweep", "configuration", "trial_id", unique=True),
)

dependencies = Table(
    "dependencies",
    metadata,
    _trial_key(),
    Column("parent_id", String(20), ForeignKey("trials.trial_id"), primary_key=True),
    Index(None, "parent_id"),
)

scores = Table(
    "scores",
    metadata,
    _trial_key(),
    Column("split", String, primary_key=True),
    Column("depth", Integer, primary_key=True, autoincrement=False),
    Column("metric", String, primary_key=True),
    Column("value", Float, nullable=False),
    Index(None, "split", "metric", "depth", "value"),
)

epochs = Table(
    "epochs",
    metadata,
    _trial_key(),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("train_loss", Float, nullable=False),
    Column("selection_score", Float, nullable=False),
    Column("metrics", Text, nullable=False),  # JSON: metric → value
    Column("learning_rate", Float, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("train_s", Float, nullable=False),
    Column("evaluate_s", Float, nullable=False),
    Column("at_unix_ms", BigInteger, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    _trial_key(primary=False),
    Column("submission", Integer, ForeignKey("submissions.id")),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("outcome", String),
    Column("message", Text),
    Index(None, "trial_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    _sweep_key(),
    Column("kind", String, nullable=False),
    Column("trial_id", String(20), ForeignKey("trials.trial_id")),
    Column("key", String, nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("created_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    Column("next_try_at", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    UniqueConstraint("key"),
    Index(None, "sweep", "delivered_at", "id"),
    Index(None, "trial_id"),
)

mlflow_runs = Table(
    "mlflow_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    _sweep_key(),
    Column("trial_id", String(20), ForeignKey("trials.trial_id")),  # None for the parent run
    Column("tracking_uri", String, nullable=False),
    Column("run_id", String, nullable=False),
    UniqueConstraint("sweep", "tracking_uri", "trial_id"),
    Index(
        "uq_mlflow_runs_parent",
        "sweep",
        "tracking_uri",
        unique=True,
        sqlite_where=text("trial_id IS NULL"),
        postgresql_where=text("trial_id IS NULL"),
    ),
)

# No foreign keys: a version may come from another catalog, and a move outlives its trial's row.
alias_moves = Table(
    "alias_moves",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("task", String, nullable=False),
    Column("base", String, nullable=False),
    Column("alias", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("from_version", String),
    Column("to_version", String),
    Column("trial_id", String(20)),
    Column("score", Float),
    Column("why", Text, nullable=False),
    Column("sweep", String),
    Column("moved_by", String, nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
    Index(None, "name", "alias", "id"),
    Index(None, "task", "alias", "id"),
)

# No foreign keys: what is timed is no trial, and times outlive every sweep.
measurements = Table(
    "measurements",
    metadata,
    Column("measurement_id", String(20), primary_key=True),
    Column("run", String(20), nullable=False),  # the cells that took turns
    Column("place", Integer, nullable=False),  # in that run
    Column("asked", String(20), nullable=False),  # hash of group, machine and versions
    Column("spec", String, nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("method", String, nullable=False),
    Column("action", String, nullable=False),
    Column("timing", Text, nullable=False),  # JSON of `Timing`
    Column("conditions", Text, nullable=False),  # JSON of `Conditions`
    Column("machine", Text, nullable=False),  # JSON of `Machine`
    Column("clock", String, nullable=False),
    Column("median_s", Float, nullable=False),
    Column("low_s", Float, nullable=False),
    Column("high_s", Float, nullable=False),
    Column("load_before", Float, nullable=False),
    Column("load_after", Float, nullable=False),
    Column("measured_at", UtcDateTime, nullable=False),
    Column("measured_by", String, nullable=False),
    UniqueConstraint("run", "place"),
    Index(None, "asked", "measured_at"),
)
