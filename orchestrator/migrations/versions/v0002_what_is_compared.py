"""What a trial's score may be compared with, and what its label leaves out."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CHUNK = 1000


def upgrade() -> None:
    for name, default in (("fingerprint", "''"), ("unsaid", "'{}'")):
        kind = sa.String() if name == "fingerprint" else sa.Text()
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(default))
        op.add_column("trials", column)
    _fill_in()


def _fill_in() -> None:
    """Read fingerprints and metrics out of the configurations; a label's rest stays unsaid."""
    trials = sa.table(
        "trials", *map(sa.column, ("trial_id", "config", "method", "fingerprint", "metric"))
    )
    known = trials.c.trial_id
    fill = (
        sa.update(trials)
        .where(known == sa.bindparam("of"))
        .values(
            fingerprint=sa.bindparam("found"),
            metric=sa.func.coalesce(trials.c.metric, sa.bindparam("planned")),
        )
    )
    connection, last = op.get_bind(), ""
    while True:
        query = sa.select(known, trials.c.config, trials.c.method).where(known > last)
        rows = connection.execute(query.order_by(known).limit(_CHUNK)).all()
        if not rows:
            return
        values = []
        for trial_id, config, method in rows:
            task = json.loads(config)["task"]
            metric = "masked_accuracy" if method == "pretraining" else task["card"]["metric"]
            values.append({"of": trial_id, "found": task["fingerprint"], "planned": metric})
        connection.execute(fill, values)
        last = rows[-1].trial_id
