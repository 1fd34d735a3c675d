"""Note which sweeps are out of sight."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    archived_at = sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("sweeps", archived_at)
