"""Many numbers of many trials at once, as plain rows for tables and figures."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, and_, select

from orchestrator.catalog.reading import Reading
from orchestrator.catalog.store import chunks
from orchestrator.catalog.tables import epochs, scores, trials

_CURVE = ("trial_id", "epoch", "train_loss", "selection_score", "learning_rate", "train_s")


class Series(Reading):
    """The part of the catalog that figures ask."""

    def primary_scores(self, trial_ids: Iterable[str]) -> list[tuple[str, str, int, float]]:
        """Return trial, split, drop depth and the primary metric, for all that was measured."""
        s, t = scores.c, trials.c
        own = and_(s.trial_id == t.trial_id, s.metric == t.metric)
        query = select(s.trial_id, s.split, s.depth, s.value).join(trials, own)
        order = (s.trial_id, s.split.desc(), s.depth)
        return [tuple(row) for row in self._of(query.order_by(*order), trial_ids, s.trial_id)]

    def learning_curves(
        self, trial_ids: Iterable[str]
    ) -> list[tuple[str, int, float, float, float, float]]:
        """Return trial, epoch, training loss, selection score, learning rate and seconds."""
        columns = [epochs.c[name] for name in _CURVE]
        query = select(*columns).order_by(epochs.c.trial_id, epochs.c.epoch)
        return [tuple(row) for row in self._of(query, trial_ids, epochs.c.trial_id)]

    def _of(self, query: Select[Any], trial_ids: Iterable[str], key: Any) -> Sequence[Any]:
        found: list[Any] = []
        with self._reading() as connection:
            for part in chunks(trial_ids):
                found += connection.execute(query.where(key.in_(part))).all()
        return found
