"""What the catalog knows of single trials and configurations beyond their rows."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select

from orchestrator.catalog.configuration_sums import planned_trials
from orchestrator.catalog.reading import HEX, Reading, begins_with
from orchestrator.catalog.records import (
    AttemptRow,
    ScoreRow,
    TrialFilter,
    TrialRow,
    TrialState,
)
from orchestrator.catalog.rows import by_name, epoch_from
from orchestrator.catalog.store import chunks
from orchestrator.catalog.tables import attempts, dependencies, epochs, scores, sweep_trials, trials
from orchestrator.errors import CatalogError
from orchestrator.planning.settings import Settings, settings
from workers.contract.results import Epoch


class Details(Reading):
    """The part of the catalog that `show` and `compare` ask."""

    def settings(self, trial_ids: Iterable[str]) -> dict[str, Settings]:
        """Return every setting of the trials, those of what they build on included."""
        wanted = list(trial_ids)
        known = self.with_parents(wanted)
        with self._legible():
            return {i: settings(known[i], known) for i in wanted}

    def scores(self, trial_ids: Iterable[str]) -> dict[str, list[ScoreRow]]:
        """Return what finished trials scored: by split, depth and metric."""
        found: dict[str, list[ScoreRow]] = {}
        columns = [scores.c[name] for name in ("trial_id", *ScoreRow.model_fields)]
        order = (scores.c.split.desc(), scores.c.depth, scores.c.metric)
        with self._reading() as connection:
            for part in chunks(trial_ids):
                query = select(*columns).where(scores.c.trial_id.in_(part)).order_by(*order)
                for row in connection.execute(query).mappings().all():
                    score = ScoreRow.model_validate({k: row[k] for k in ScoreRow.model_fields})
                    found.setdefault(row["trial_id"], []).append(score)
        return found

    def test_scores(self, trial_ids: Iterable[str]) -> dict[str, float]:
        """Return the primary metric on test at each trial's own depth, where it was measured."""
        return self._test_scores(trial_ids)

    def attempts(self, trial_id: str) -> list[AttemptRow]:
        """Return every try at a trial, the first one first."""
        columns = [attempts.c[name] for name in AttemptRow.model_fields]
        query = select(*columns).where(attempts.c.trial_id == trial_id).order_by(attempts.c.id)
        with self._reading() as connection:
            return [AttemptRow.model_validate(row) for row in by_name(connection.execute(query))]

    def epochs(self, trial_id: str) -> list[Epoch]:
        """Return a trial's learning curve so far."""
        query = select(epochs).where(epochs.c.trial_id == trial_id).order_by(epochs.c.epoch)
        with self._reading() as connection:
            return [epoch_from(r) for r in connection.execute(query).mappings()]

    def parents(self, trial_id: str) -> list[TrialRow]:
        """Return the trials that this one builds on."""
        edges = dependencies.c
        return self._linked(select(edges.parent_id).where(edges.trial_id == trial_id))

    def children(self, trial_id: str) -> list[TrialRow]:
        """Return the trials that build on this one."""
        edges = dependencies.c
        return self._linked(select(edges.trial_id).where(edges.parent_id == trial_id))

    def seeds_of(self, trial_id: str) -> list[str]:
        """Return the finished trials of a trial's configuration, one for each seed."""
        own = select(trials.c.configuration).where(trials.c.trial_id == trial_id)
        query = select(trials.c.trial_id).where(
            trials.c.configuration.in_(own), trials.c.state == TrialState.FINISHED
        )
        with self._reading() as connection:
            return list(connection.scalars(query.order_by(trials.c.trial_id)))

    def sweep_of(self, trial_id: str) -> str:
        """Return the sweep that asked for a trial last.

        Raises:
            CatalogError: no sweep asks for it.
        """
        query = (
            select(sweep_trials.c.sweep)
            .where(sweep_trials.c.trial_id == trial_id)
            .order_by(sweep_trials.c.submission.desc())
            .limit(1)
        )
        with self._reading() as connection:
            found = connection.scalar(query)
        if found is None:
            raise CatalogError(f"no sweep asks for trial {trial_id}; submit one that does")
        return str(found)

    def sweeps_of(self, trial_id: str) -> list[str]:
        """Return the sweeps that ask for a trial."""
        query = select(sweep_trials.c.sweep).where(sweep_trials.c.trial_id == trial_id)
        with self._reading() as connection:
            return list(connection.scalars(query.order_by(sweep_trials.c.sweep)))

    def configuration_rows(
        self, *configurations: str, where: TrialFilter | None = None
    ) -> list[TrialRow]:
        """Return the trials of configurations that count in a leaderboard, those of each by seed.

        Args:
            where: only trials that it chooses count.
        """
        ids: list[str] = []
        with self._reading() as connection:
            for part in chunks(configurations):
                query = planned_trials(where or TrialFilter(), part, archived=True)
                ids += [row.trial_id for row in connection.execute(query).all()]
        place = {configuration: n for n, configuration in enumerate(configurations)}
        return sorted(
            self._by_id(ids).values(), key=lambda row: (place[row.configuration], row.seed)
        )

    def configuration(self, id_prefix: str) -> str:
        """Return the one configuration whose id starts so, or else that of the one trial.

        Raises:
            CatalogError: no id does, or several do.
        """
        if HEX.fullmatch(id_prefix):
            here = begins_with(trials.c.configuration, id_prefix)
            query = select(trials.c.configuration).where(*here).distinct().limit(2)
            with self._reading() as connection:
                found = connection.scalars(query).all()
            if len(found) == 1:
                return str(found[0])
        return self.trial(id_prefix).configuration

    def _linked(self, ids: Select[Any]) -> list[TrialRow]:
        with self._reading() as connection:
            found = self._by_id(connection.scalars(ids).all())
        return sorted(found.values(), key=lambda row: (row.task, row.label, row.trial_id))
