"""Keep what people ask of running submissions, and what each sweep may take of a cluster."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    priority = sa.Column("priority", sa.Integer(), nullable=False, server_default=sa.text("0"))
    op.add_column("sweeps", priority)
    op.add_column("sweeps", sa.Column("max_workers", sa.Integer(), nullable=True))
    unknown = sa.text("''")
    who = sa.Column("submitted_by", sa.String(), nullable=False, server_default=unknown)
    op.add_column("submissions", who)
    op.add_column("submissions", sa.Column("job", sa.String(), nullable=True))
    run = sa.Column("request", sa.String(), nullable=False, server_default=sa.text("'run'"))
    op.add_column("submissions", run)
    op.add_column("submissions", sa.Column("requested_by", sa.String(), nullable=True))
    wants: sa.Column[bool] = sa.Column(
        "wants_workers", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("submissions", wants)
