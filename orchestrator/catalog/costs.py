"""What the catalog knows of what trials and submissions took, for whoever forecasts."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select

from orchestrator.catalog.reading import Reading
from orchestrator.catalog.records import TrialState
from orchestrator.catalog.tables import attempts, submissions, trials
from workers.contract.results import TrialResult
from workers.contract.trial import Trial

EQUAL_TRIALS = 6
"""Of one task, method, depth and size, so many are read, the latest: the rest tells the same."""
MOST_TRIALS_READ = 600
_SUBMISSIONS = 20


@dataclass(frozen=True)
class Overhead:
    """What a submission took beside its trials.

    Attributes:
        start_s: until the first trial was handed out.
        end_s: from its last trial to its own end.
    """

    start_s: float
    end_s: float


class Costs(Reading):
    """The part of the catalog that forecasts are made from."""

    def costs(self, bases: Collection[str]) -> list[tuple[Trial, TrialResult]]:
        """Return finished trials on these bases (identities) with their results, some of each kind.

        Newer ones come first.
        """
        t = trials.c
        kind = (t.base_identity, t.fingerprint, t.method, t.drop_mode, t.drop_depth, t.placement)
        place = func.row_number().over(
            partition_by=(*kind, t.bottleneck_size), order_by=t.ended_at.desc()
        )
        query = select(t.trial_id, t.ended_at, place.label("place")).where(
            t.state == TrialState.FINISHED, t.base_identity.in_(list(bases))
        )
        found = query.subquery()
        newest = select(found.c.trial_id).where(found.c.place <= EQUAL_TRIALS)
        newest = newest.order_by(found.c.ended_at.desc()).limit(MOST_TRIALS_READ)
        with self._reading() as connection:
            ids = list(connection.scalars(newest))
        planned, results = self.planned(ids), self.results(ids)
        return [(planned[i], results[i]) for i in ids if i in planned and i in results]

    def overheads(self) -> list[Overhead]:
        """Return what the latest submissions took that ran something and have ended."""
        query = (
            select(
                submissions.c.submitted_at,
                submissions.c.ended_at,
                func.min(attempts.c.started_at).label("first"),
                func.max(attempts.c.ended_at).label("last"),
            )
            .join(attempts, attempts.c.submission == submissions.c.id)
            .where(submissions.c.ended_at.is_not(None), submissions.c.outcome == "completed")
            .group_by(submissions.c.id, submissions.c.submitted_at, submissions.c.ended_at)
            .order_by(submissions.c.id.desc())
            .limit(_SUBMISSIONS)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return [
            Overhead(
                start_s=max(0.0, (row.first - row.submitted_at).total_seconds()),
                end_s=max(0.0, (row.ended_at - row.last).total_seconds()),
            )
            for row in rows
            if row.first is not None and row.last is not None
        ]
