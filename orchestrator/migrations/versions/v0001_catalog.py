"""The first catalog: sweeps, submissions, trials with their results, outbox, registrations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=True),
        sa.Column("publisher_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sweeps")),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sweep", sa.String(), nullable=False),
        sa.Column("spec_yaml", sa.Text(), nullable=False),
        sa.Column("spec_digest", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_at", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["sweep"], ["sweeps.name"], name=op.f("fk_submissions_sweep")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
    )
    op.create_index(op.f("ix_submissions_sweep"), "submissions", ["sweep"], unique=False)
    op.create_table(
        "trials",
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("configuration", sa.String(length=20), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("base_name", sa.String(), nullable=False),
        sa.Column("base_identity", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("drop_mode", sa.String(), nullable=False),
        sa.Column("drop_depth", sa.Integer(), nullable=False),
        sa.Column("placement", sa.String(), nullable=True),
        sa.Column("bottleneck_size", sa.Integer(), nullable=True),
        sa.Column("sharing", sa.String(), nullable=True),
        sa.Column("non_linearity", sa.String(), nullable=True),
        sa.Column("keep", sa.Integer(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("learning_rate", sa.Float(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("best_epoch", sa.Integer(), nullable=True),
        sa.Column("trained_parameters", sa.BigInteger(), nullable=True),
        sa.Column("stored_parameters", sa.BigInteger(), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("failure_reason", sa.String(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'finished') = (result IS NOT NULL)", name=op.f("ck_trials_result")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'finished', 'failed', 'blocked')",
            name=op.f("ck_trials_state"),
        ),
        sa.ForeignKeyConstraint(
            ["claimed_by"], ["submissions.id"], name=op.f("fk_trials_claimed_by")
        ),
        sa.PrimaryKeyConstraint("trial_id", name=op.f("pk_trials")),
    )
    op.create_index(op.f("ix_trials_configuration"), "trials", ["configuration"], unique=False)
    op.create_index(op.f("ix_trials_state"), "trials", ["state"], unique=False)
    op.create_index(
        op.f("ix_trials_task_state_score"), "trials", ["task", "state", "score"], unique=False
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("submission", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission"], ["submissions.id"], name=op.f("fk_attempts_submission")
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name=op.f("fk_attempts_trial_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_trial_id"), "attempts", ["trial_id"], unique=False)
    op.create_table(
        "dependencies",
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("parent_id", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["trials.trial_id"], name=op.f("fk_dependencies_parent_id")
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name=op.f("fk_dependencies_trial_id")
        ),
        sa.PrimaryKeyConstraint("trial_id", "parent_id", name=op.f("pk_dependencies")),
    )
    op.create_index(op.f("ix_dependencies_parent_id"), "dependencies", ["parent_id"], unique=False)
    op.create_table(
        "epochs",
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("train_loss", sa.Float(), nullable=False),
        sa.Column("selection_score", sa.Float(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("learning_rate", sa.Float(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("train_s", sa.Float(), nullable=False),
        sa.Column("evaluate_s", sa.Float(), nullable=False),
        sa.Column("at_unix_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.trial_id"], name=op.f("fk_epochs_trial_id")),
        sa.PrimaryKeyConstraint("trial_id", "epoch", name=op.f("pk_epochs")),
    )
    op.create_table(
        "mlflow_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sweep", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(length=20), nullable=True),
        sa.Column("tracking_uri", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["sweep"], ["sweeps.name"], name=op.f("fk_mlflow_runs_sweep")),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name=op.f("fk_mlflow_runs_trial_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mlflow_runs")),
        sa.UniqueConstraint(
            "sweep",
            "tracking_uri",
            "trial_id",
            name=op.f("uq_mlflow_runs_sweep_tracking_uri_trial_id"),
        ),
    )
    op.create_index(
        "uq_mlflow_runs_parent",
        "mlflow_runs",
        ["sweep", "tracking_uri"],
        unique=True,
        sqlite_where=sa.text("trial_id IS NULL"),
        postgresql_where=sa.text("trial_id IS NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sweep", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(length=20), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sweep"], ["sweeps.name"], name=op.f("fk_outbox_sweep")),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.trial_id"], name=op.f("fk_outbox_trial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(
        op.f("ix_outbox_sweep_delivered_at_id"),
        "outbox",
        ["sweep", "delivered_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_outbox_trial_id"), "outbox", ["trial_id"], unique=False)
    op.create_table(
        "registrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name=op.f("fk_registrations_trial_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
    )
    op.create_index(
        op.f("ix_registrations_name_alias_id"),
        "registrations",
        ["name", "alias", "id"],
        unique=False,
    )
    op.create_table(
        "scores",
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("depth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.trial_id"], name=op.f("fk_scores_trial_id")),
        sa.PrimaryKeyConstraint("trial_id", "split", "depth", "metric", name=op.f("pk_scores")),
    )
    op.create_index(
        op.f("ix_scores_split_metric_depth_value"),
        "scores",
        ["split", "metric", "depth", "value"],
        unique=False,
    )
    op.create_table(
        "sweep_trials",
        sa.Column("sweep", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(length=20), nullable=False),
        sa.Column("submission", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission"], ["submissions.id"], name=op.f("fk_sweep_trials_submission")
        ),
        sa.ForeignKeyConstraint(["sweep"], ["sweeps.name"], name=op.f("fk_sweep_trials_sweep")),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name=op.f("fk_sweep_trials_trial_id")
        ),
        sa.PrimaryKeyConstraint("sweep", "trial_id", name=op.f("pk_sweep_trials")),
    )
    op.create_index(op.f("ix_sweep_trials_trial_id"), "sweep_trials", ["trial_id"], unique=False)
