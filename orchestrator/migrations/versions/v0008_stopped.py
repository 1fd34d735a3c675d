"""Know trials that a rule of early termination stopped, who wants them in full, and budgets.

The database checks which states there are. SQLite can change a check only by copying the table or,
since nothing that is stored changes, by writing down the new definition, as its documentation has
it; a table of large results, which others refer to, is not copied.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_BEFORE = "state IN ('pending', 'running', 'finished', 'failed', 'blocked')"
_NOW = "state IN ('pending', 'running', 'finished', 'failed', 'stopped', 'blocked')"


def upgrade() -> None:
    op.add_column("trials", sa.Column("stopped", sa.Text(), nullable=True))
    in_full: sa.Column[bool] = sa.Column(
        "in_full", sa.Boolean(), nullable=False, server_default=sa.true()
    )
    op.add_column("sweep_trials", in_full)
    gpu_s: sa.Column[float] = sa.Column(
        "gpu_s", sa.Float(), nullable=False, server_default=sa.text("0")
    )
    op.add_column("submissions", gpu_s)
    op.add_column("submissions", sa.Column("ended_by", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _write_down()
    else:
        op.drop_constraint(op.f("ck_trials_state"), "trials", type_="check")
        op.create_check_constraint(op.f("ck_trials_state"), "trials", _NOW)


def _write_down() -> None:
    connection = op.get_bind()
    own = "type = 'table' AND name = 'trials'"
    before = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE {own}").scalar_one()
    if before.count(_BEFORE) != 1:
        raise RuntimeError(f"expected the check {_BEFORE} once in {before}")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        f"UPDATE sqlite_master SET sql = ? WHERE {own}", (before.replace(_BEFORE, _NOW),)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
