"""The plan of a sweep: its trials, parents before children. A value; building it is `planner`'s."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.spec.axes import ArrangementSetting, Condition
from orchestrator.spec.model import SweepSpec
from workers.contract.head_settings import usual_layers
from workers.contract.trial import Method, Training, Trial


@dataclass(frozen=True)
class Plan:
    """Every trial that a sweep asks for, once.

    Attributes:
        trials: by trial_id; a trial stands after all its parents.
        excluded: combinations that `exclude` dropped.
        repeated: combinations that name a trial which an earlier block already named.
    """

    spec: SweepSpec
    trials: Mapping[str, Trial]
    excluded: int
    repeated: int

    def count_by_method(self) -> Mapping[Method, int]:
        counts = Counter(trial.method for trial in self.trials.values())
        return {method: counts[method] for method in Method if counts[method]}


def _of_adapter(name: str) -> Callable[[Trial], Any]:
    return lambda trial: getattr(trial.adapter, name) if trial.adapter else None


def _of_fusion(name: str) -> Callable[[Trial], Any]:
    return lambda trial: getattr(trial.fusion.config, name) if trial.fusion else None


def _value_start(trial: Trial) -> Any:
    if trial.fusion is None:
        return None
    start = trial.fusion.config.value_off_diagonal
    return "random" if start is None else start


def _of_training(name: str) -> Callable[[Trial], Any]:
    return lambda trial: getattr(trial.training, name)


AXES: Mapping[str, Callable[[Trial], Any]] = {
    "base_model": lambda trial: trial.base.name,
    "task": lambda trial: trial.task.name,
    "method": lambda trial: trial.method,
    "seed": lambda trial: trial.seed,
    "placement": _of_adapter("placement"),
    "bottleneck_size": _of_adapter("bottleneck_size"),
    "reduction_factor": lambda trial: trial.reduction_factor,
    "non_linearity": _of_adapter("non_linearity"),
    "initialisation": _of_adapter("initialisation"),
    "layer_sizes": lambda trial: (trial.adapter and trial.adapter.layer_sizes) or None,
    "sharing": _of_adapter("sharing"),
    "group_layers": lambda trial: (
        trial.adapter.group_layers if trial.adapter and trial.adapter.group_layers > 1 else None
    ),
    "scaling": _of_adapter("scaling"),
    "dropout": _of_adapter("dropout"),
    "trained_norm": _of_adapter("trained_norm"),
    "arrangement": lambda trial: (
        ArrangementSetting.of(trial.adapter.arrangement) if trial.adapter else None
    ),
    "pretrained": lambda trial: trial.start_from is not None if trial.adapter else None,
    "layers": lambda trial: trial.top_layers,
    "head_layers": lambda trial: trial.head.layers or usual_layers(trial.task.card),
    "use_pooler": lambda trial: trial.head.use_pooler,
    "head_dropout": lambda trial: trial.head.dropout,
    "drop_mode": lambda trial: trial.drop.mode,
    "drop_depth": lambda trial: trial.drop.depth,
    "drop_measure": lambda trial: trial.drop.measure,
    "sources": lambda trial: len(trial.fusion.sources) if trial.fusion else None,
    "fusion_query": _of_fusion("query"),
    "fusion_key": _of_fusion("key"),
    "fusion_value": _of_fusion("value"),
    "query_before_norm": _of_fusion("query_before_norm"),
    "value_off_diagonal": _value_start,
    "regularisation": _of_fusion("regularisation"),
    "fusion_dropout": _of_fusion("dropout"),
    "keep": lambda trial: trial.pruning.keep if trial.pruning else None,
    "pruning_order": lambda trial: trial.pruning.order if trial.pruning else None,
    **{name: _of_training(name) for name in Training.model_fields},
}
"""A trial's coordinates, by the keys of `Condition`; None where an axis does not apply."""


def misfits(trial: Trial) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each setting that a trial's base model cannot have, with the reason."""
    base = trial.base
    longest, length = base.longest_sequence, trial.training.max_length
    if longest is not None and length > longest:
        yield (
            ("training", "max_length"),
            f"{base.name} has positions for {longest} tokens, found {length}; give {longest} or "
            "less",
        )
    if trial.adapter and trial.adapter.trained_norm and base.norms_follow_blocks is False:
        yield (
            ("adapter", "trained_norm"),
            f"{base.name} has no norms behind its blocks to train; drop it, or use a post-norm "
            "base such as BERT",
        )
    if trial.head.use_pooler and base.has_pooler is False:
        yield ("head", "use_pooler"), f"{base.name} has no pooler; drop it"


def matches(trial: Trial, condition: Condition) -> bool:
    """Tell whether every key of `condition` holds; a list holds when one of its values does."""
    return all(AXES[key](trial) in wanted for key, wanted in condition.given.items())
