"""What a catalog holds of a sweep, as tables: read once, when first asked for, and never written.

Figures, reports and notebooks all read here, so that a number is the same wherever it stands. What
may be compared and which configuration stands for what is said by `dashboards.comparing`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any

import pandas as pd

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.measurements import MeasurementRow
from orchestrator.catalog.records import TrialFilter, TrialRow, TrialState
from orchestrator.planning.plan import matches
from orchestrator.planning.settings import Settings
from orchestrator.spec.axes import AXES, Condition
from workers.contract.measurement import Action
from workers.contract.results import TrialResult
from workers.contract.trial import BaseModelRef

TRIAL_COLUMNS = tuple(name for name in TrialRow.model_fields if name != "unsaid")
DEPTH_COLUMNS = ("trial_id", "split", "depth", "score")
EPOCH_COLUMNS = (
    *("trial_id", "epoch", "train_loss", "selection_score", "learning_rate", "train_s"),
)
ATTENTION_COLUMNS = ("trial_id", "layer", "source", "weight")
RECORD_COLUMNS = (
    *("trial_id", "majority", "adapter_parameters", "size_bytes", "pack_width"),
    *("prefixes", "prefixes_computed", "prefix_bytes", "prefix_prepare_s"),
    *("checkpoint", "selected_on", "validation_from_train"),
)


def read_results(
    catalog: Catalog,
    sweep: str | None = None,
    *,
    where: Condition | None = None,
    trial_ids: Iterable[str] | None = None,
) -> "Results":
    """Return the trials of a sweep, or of the whole catalog; the catalog must stay open for them.

    Args:
        where: leave out what does not meet it.
        trial_ids: leave out all others.

    Raises:
        CatalogError: there is no such sweep.
    """
    rows = catalog.trials(TrialFilter(sweep=sweep), "trial_id", limit=None)
    if trial_ids is not None:
        wanted = set(trial_ids)
        rows = [row for row in rows if row.trial_id in wanted]
    if where is not None:
        known = catalog.planned(row.trial_id for row in rows)
        rows = [row for row in rows if matches(known[row.trial_id], where)]
    return Results(catalog, rows, sweep)


class Results:
    """Trials and what they measured. Every table is a DataFrame of its own; change copies alone.

    Attributes:
        sweep: None for the whole catalog.
        rows: the trials as the catalog hands them out.
        letters: configuration → the letter that it has where somebody compares a few of them.
    """

    def __init__(
        self,
        catalog: Catalog,
        rows: Sequence[TrialRow],
        sweep: str | None,
        *,
        letters: Mapping[str, str] | None = None,
    ) -> None:
        self._catalog = catalog
        self.rows = rows
        self.sweep = sweep
        self.letters = letters or {}

    @cached_property
    def finished(self) -> list[str]:
        return [row.trial_id for row in self.rows if row.state is TrialState.FINISHED]

    @cached_property
    def began_at(self) -> datetime | None:
        """Return when the sweep was first submitted; what had ended before was reused by it."""
        found = (s.created_at for s in self._catalog.sweeps() if s.name == self.sweep)
        return next(found, None)

    @cached_property
    def settings(self) -> Mapping[str, Settings]:
        """Return configuration → every setting of it, those of what it builds on included."""
        one = {row.configuration: row.trial_id for row in self.rows}
        found = self._catalog.settings(one.values())
        return {configuration: found[trial_id] for configuration, trial_id in one.items()}

    @cached_property
    def bases(self) -> Mapping[str, BaseModelRef]:
        """Return base model's identity → what is known of it."""
        one = {row.base_identity: row.trial_id for row in self.rows}
        known = self._catalog.planned(one.values())
        return {identity: known[trial_id].base for identity, trial_id in one.items()}

    @cached_property
    def layers(self) -> Mapping[str, int]:
        """Return base model's identity → how many layers it has."""
        return {identity: base.layers for identity, base in self.bases.items()}

    def timed(self, action: Action) -> list[MeasurementRow]:
        """Return every cell that was timed doing this, the latest run first."""
        return self._catalog.timed(action)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial, finished or not: its columns, its score on test, then its axes.

        An axis that a trial does not have is empty.
        """
        test = self._catalog.test_scores(self.finished)
        axes = [name for name in AXES if name not in (*TRIAL_COLUMNS, "base_model")]
        rows = [
            {name: self.settings[row.configuration].get(name) for name in axes}
            | row.model_dump(mode="json", exclude={"unsaid"})
            | {"test_score": test.get(row.trial_id)}
            for row in self.rows
        ]
        made = pd.DataFrame(rows, columns=[*TRIAL_COLUMNS, "test_score", *axes])
        for name in ("created_at", "started_at", "ended_at"):
            made[name] = pd.to_datetime(made[name], utc=True, format="ISO8601")
        return made

    @cached_property
    def depths(self) -> pd.DataFrame:
        """One row per trial, split and drop depth: the primary metric."""
        found = self._catalog.primary_scores(self.finished)
        return pd.DataFrame(found, columns=list(DEPTH_COLUMNS))

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """One row per trial and epoch, of unfinished trials too."""
        found = self._catalog.learning_curves(row.trial_id for row in self.rows)
        return pd.DataFrame(found, columns=list(EPOCH_COLUMNS))

    @cached_property
    def attention(self) -> pd.DataFrame:
        """One row per fusion, layer and source: its mean weight.

        Of a pruned fusion, the sources that stayed, without a weight.
        """
        fused = [row.trial_id for row in self.rows if "fusion" in row.method.value]
        rows = [row for i, r in self.results(fused).items() for row in _attention_rows(i, r)]
        return pd.DataFrame(rows, columns=list(ATTENTION_COLUMNS))

    @cached_property
    def records(self) -> pd.DataFrame:
        """One row per finished trial: sizes, what the fast path did, what was chosen on what."""
        rows = [_record_row(i, result) for i, result in self.results(self.finished).items()]
        return pd.DataFrame(rows, columns=list(RECORD_COLUMNS))

    def results(self, trial_ids: Iterable[str]) -> dict[str, TrialResult]:
        """Return the full records of those of the trials that are finished."""
        return self._catalog.results(trial_ids)

    def scores_by_depth(self) -> dict[str, dict[int, float]]:
        """Return trial → drop depth → the primary metric on validation."""
        found = self.depths[self.depths["split"] == "validation"]
        rows = found[["trial_id", "depth", "score"]].itertuples(index=False, name=None)
        return {
            trial_id: {depth: score for _, depth, score in group}
            for trial_id, group in groupby(rows, key=lambda row: row[0])
        }


def _attention_rows(trial_id: str, result: TrialResult) -> Iterator[tuple[Any, ...]]:
    for layer, weights in result.attention.items():
        yield from ((trial_id, layer, source, weight) for source, weight in weights.items())
    for layer, kept in result.kept.items():
        yield from ((trial_id, layer, source, None) for source in kept)


def _record_row(trial_id: str, result: TrialResult) -> tuple[Any, ...]:
    prefix, chosen = result.prefix, result.selection
    used = None if prefix is None else sum(len(cuts) for cuts in prefix.cut_points.values())
    return (
        trial_id,
        result.majority,
        result.parameters.adapter,
        None if result.adapter is None else result.adapter.size_bytes,
        result.pack_width,
        used,
        None if prefix is None else prefix.computed,
        None if prefix is None else prefix.bytes,
        None if prefix is None else prefix.prepare_s,
        chosen.checkpoint,
        chosen.selected_on.value,
        chosen.validation_from_train,
    )
