"""How many bytes a plan will leave: adapters, predictions, logs, and what is there meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from orchestrator.planning.forecasting.estimates import Range
from orchestrator.planning.forecasting.observations import Observation, place_of
from orchestrator.planning.forecasting.trial_work import (
    Machine,
    SizeKey,
    Sizes,
    prefix_needs,
    size_key,
)
from workers.contract.head_settings import head_config
from workers.contract.measured_depths import measured_depths, selection_depths
from workers.contract.task_card import Split, TaskKind
from workers.contract.trial import Method, Trial

_FLOAT = 4
_MANIFEST_BYTES = 3_000
"""Of an adapter: its configuration and the header of its weights."""
_RECORD_BYTES, _EPOCH_BYTES = 9_000, 1_200
"""Of a trial's `trial.json`, `result.json` and log together, and for each of its epochs."""
_STORED_BYTES, _STORED_EPOCH_BYTES = 26_000, 3_500
"""Likewise in the catalog and in MLflow's database."""
_REPORT_BYTES = 1_100_000
"""Of a sweep's report, here and in MLflow, and of the figures on its page there."""
_TEXT_BYTES = 24
"""Of an answer that is a text."""
_LAYER_PARAMETERS = 12
"""Times d², of a transformer's layer."""


@dataclass(frozen=True)
class StorageNeeds:
    """Bytes.

    Attributes:
        artifacts: copies of adapters in MLflow, where its files are; the registered ones twice.
        report: of the sweep, with its copies in MLflow.
        databases: of catalog and MLflow.
        checkpoints: at most at once; none is left at the end.
        prefixes: on each node at most, outside of the workspace.
    """

    adapters: float = 0.0
    artifacts: float = 0.0
    predictions: float = 0.0
    report: float = 0.0
    records: float = 0.0
    databases: float = 0.0
    checkpoints: float = 0.0
    prefixes: float = 0.0

    @property
    def kept(self) -> float:
        """Return what is there once the sweep has ended, without the prefix cache."""
        left = (self.adapters, self.artifacts, self.report, self.predictions, self.records)
        return sum(left) + self.databases

    def as_json(self) -> dict[str, int]:
        found = {f.name: round(getattr(self, f.name)) for f in fields(self)}
        return found | {"kept": round(self.kept)}


def storage_range(needs: StorageNeeds, *, exact: bool) -> Range:
    """Return the range of what is kept: sizes are counted, answers and logs are estimated."""
    spread = 1.15 if exact else 1.4
    return Range(needs.kept / spread, needs.kept, needs.kept * spread)


def storage_needs(
    kinds: Sequence[tuple[Trial, int]],
    sizes: Mapping[SizeKey, Sizes],
    observations: Sequence[Observation],
    *,
    machine: Machine,
    workers: int,
    cache_bytes: float,
    keep_predictions: bool,
    winners: int,
) -> StorageNeeds:
    """Count what trials leave.

    Args:
        kinds: one of each kind, and how many there are.
        cache_bytes: what the prefix cache of a node may hold.
        winners: how many adapters will be registered, of the usual size.
    """
    seen = {place_of(o.trial).cell: o for o in observations}
    adapters = predictions = records = databases = 0.0
    largest = 0.0
    prefixes: dict[tuple[object, Split, float], float] = {}
    for trial, count in kinds:
        known, size = seen.get(place_of(trial).cell), sizes.get(size_key(trial))
        measured = known.adapter_bytes if known is not None and known.whole else None
        adapter = _FLOAT * stored_parameters(trial) if measured is None else measured
        adapters += count * adapter
        if keep_predictions and trial.method is not Method.PRETRAINING and size:
            predictions += count * _prediction_bytes(trial, size)
        records += count * (_RECORD_BYTES + _EPOCH_BYTES * trial.training.epochs)
        databases += count * (_STORED_BYTES + _STORED_EPOCH_BYTES * trial.training.epochs)
        largest = max(largest, 4 * _FLOAT * _trained_parameters(trial))
        if size:
            for split, needs in prefix_needs(trial, size, machine).items():
                for need in needs:
                    prefixes[size_key(trial), split, need.height] = need.size_bytes
    trials = sum(count for _, count in kinds)
    return StorageNeeds(
        adapters=adapters,
        artifacts=adapters + (adapters / trials * min(winners, trials) if trials else 0.0),
        report=_REPORT_BYTES if trials else 0.0,
        predictions=predictions,
        records=records,
        databases=databases,
        checkpoints=largest * min(workers, trials),
        prefixes=min(cache_bytes, sum(prefixes.values())),
    )


def stored_parameters(trial: Trial) -> float:
    """Return how many parameters a trial's adapter folder holds, in numbers of four bytes."""
    if not trial.method.leaves_files:
        return 0.0
    layers, hidden_size = trial.base.layers, trial.base.hidden_size
    head = 0.0
    if trial.method is not Method.PRETRAINING:
        head = head_config(trial.task.card, trial.head).parameter_count(hidden_size=hidden_size)
    own = 0.0
    if trial.adapter is not None:
        own = trial.adapter.parameter_count(layers=layers, hidden_size=hidden_size)
    elif trial.method in (Method.FUSION, Method.PRUNED_FUSION):
        sources = trial.pruning.keep if trial.pruning else len(trial.fusion.sources)  # type: ignore[union-attr]
        own = layers * (3 * hidden_size**2 + sources * hidden_size**2 / 8)
    return own + head + _MANIFEST_BYTES / _FLOAT


def _trained_parameters(trial: Trial) -> float:
    layers, hidden_size = trial.base.layers, trial.base.hidden_size
    match trial.method:
        case Method.PRUNED_FUSION | Method.PRUNED_ADAPTER:
            return 0.0
        case Method.FULL_FINE_TUNING:
            return _LAYER_PARAMETERS * layers * hidden_size**2 + 30_000 * hidden_size
        case Method.TOP_LAYERS:
            return _LAYER_PARAMETERS * (trial.top_layers or 0) * hidden_size**2
        case Method.LAYER_NORM:
            return 4.0 * layers * hidden_size
    return stored_parameters(trial)


def _prediction_bytes(trial: Trial, sizes: Sizes) -> float:
    """Return what is written of every row at every depth: the answer, and logits in two bytes."""
    card = trial.task.card
    match card.kind:
        case TaskKind.SPAN:
            row = _TEXT_BYTES + 4.0
        case TaskKind.TOKEN_CLASSIFICATION:
            size = sizes[Split.VALIDATION]
            row = size.tokens / max(1, size.rows) + 4
        case TaskKind.REGRESSION:
            row = 8.0 + 2
        case TaskKind.MULTIPLE_CHOICE:
            row = 1.0 + 2 * (card.choices or 2)
        case _:
            row = 1.0 + 2 * len(card.label_names)
    total = len(measured_depths(trial)) * sizes[Split.VALIDATION].rows
    if Split.TEST in sizes:
        total += len(selection_depths(trial)) * sizes[Split.TEST].rows
    return total * row
