"""Keep measured times of training steps and inference passes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    texts = ("spec", "method", "action", "clock", "measured_by")
    op.create_table(
        "measurements",
        sa.Column("measurement_id", sa.String(length=20), nullable=False),
        sa.Column("run", sa.String(length=20), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("asked", sa.String(length=20), nullable=False),
        sa.Column("spec_hash", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("timing", "conditions", "machine")
        ),
        *(
            sa.Column(name, sa.Float(), nullable=False)
            for name in ("median_s", "low_s", "high_s", "load_before", "load_after")
        ),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("measurement_id", name=op.f("pk_measurements")),
        sa.UniqueConstraint("run", "place", name=op.f("uq_measurements_run_place")),
    )
    index = op.f("ix_measurements_asked_measured_at")
    op.create_index(index, "measurements", ["asked", "measured_at"], unique=False)
