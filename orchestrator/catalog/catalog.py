"""The catalog as one object; its parts say what each can do."""

from sqlalchemy import insert, select

from orchestrator.catalog.outbox import Outbox
from orchestrator.catalog.reading import Reading
from orchestrator.catalog.recording import Recording
from orchestrator.catalog.store import now
from orchestrator.catalog.submitting import Submissions
from orchestrator.catalog.tables import registrations


class Catalog(Submissions, Recording, Reading, Outbox):
    """Every sweep, trial, score and attempt of one installation. Open it with `Catalog.open`.

    Safe to use from several threads; each call is one short transaction.
    """

    def record_registration(
        self, *, name: str, version: str, alias: str, trial_id: str, score: float, digest: str
    ) -> bool:
        """Note that an alias of the registry names this version now; False where it did already."""
        same = registrations.c.name == name, registrations.c.alias == alias
        with self._writing() as connection:
            latest = connection.scalar(
                select(registrations.c.version)
                .where(*same)
                .order_by(registrations.c.id.desc())
                .limit(1)
            )
            if latest == version:
                return False
            row = {
                "name": name,
                "version": version,
                "alias": alias,
                "trial_id": trial_id,
                "score": score,
                "digest": digest,
                "registered_at": now(),
            }
            connection.execute(insert(registrations).values(row))
        return True
