"""Keep of each alias who moved it, from what and why; keep no user or password of an address."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEPT = """
INSERT INTO alias_moves
    (name, task, base, alias, kind, from_version, to_version, trial_id, score, why, sweep, moved_by,
     moved_at)
SELECT r.name, t.task, t.base_name, r.alias, 'registered',
    (SELECT b.version FROM registrations b WHERE b.id = (
        SELECT max(c.id) FROM registrations c
        WHERE c.name = r.name AND c.alias = r.alias AND c.id < r.id)),
    r.version, r.trial_id, r.score, 'from before reasons were kept', NULL, 'unknown',
    r.registered_at
FROM registrations r JOIN trials t ON t.trial_id = r.trial_id ORDER BY r.id
"""


def upgrade() -> None:
    op.create_table(
        "alias_moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("from_version", sa.String(), nullable=True),
        sa.Column("to_version", sa.String(), nullable=True),
        sa.Column("trial_id", sa.String(length=20), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("sweep", sa.String(), nullable=True),
        sa.Column("moved_by", sa.String(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_moves")),
    )
    for columns in (["name", "alias", "id"], ["task", "alias", "id"]):
        name = op.f(f"ix_alias_moves_{'_'.join(columns)}")
        op.create_index(name, "alias_moves", columns, unique=False)
    op.execute(_KEPT)
    op.drop_index(op.f("ix_registrations_name_alias_id"), table_name="registrations")
    op.drop_table("registrations")
    _forget_users()


def _forget_users() -> None:
    connection = op.get_bind()
    query = "SELECT id, sweep, trial_id, tracking_uri FROM mlflow_runs ORDER BY id"
    rows = connection.execute(sa.text(query)).all()
    kept = {(r.sweep, r.trial_id, r.tracking_uri) for r in rows}
    for row in rows:
        plain = re.sub(r"^(https?://)\S*@", r"\1", row.tracking_uri)
        if plain == row.tracking_uri:
            continue
        if (row.sweep, row.trial_id, plain) in kept:  # one server, by two users
            change = "DELETE FROM mlflow_runs WHERE id = :id"
            connection.execute(sa.text(change), {"id": row.id})
            continue
        kept.add((row.sweep, row.trial_id, plain))
        change = "UPDATE mlflow_runs SET tracking_uri = :uri WHERE id = :id"
        connection.execute(sa.text(change), {"uri": plain, "id": row.id})
