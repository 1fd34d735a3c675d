"""Order the index that leaderboards read by what they group, and put the score on test into it.

So they look up no trial, and compare no texts to find out what is alike.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

_NAME = "ix_trials_compared"
_COLUMNS = (
    *("configuration", "task", "fingerprint", "metric", "unsaid_hash", "trial_id", "seed"),
    *("score", "state", "test_score"),
)


def upgrade() -> None:
    op.drop_index(_NAME, table_name="trials")
    op.create_index(_NAME, "trials", _COLUMNS, unique=False)
