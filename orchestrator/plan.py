"""The plan of a sweep: its trials, parents before children. A value; building it is `planner`'s."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.spec.model import SweepSpec
from workers.trial import Method, Trial


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


AXES = (
    "base_model",
    "task",
    "method",
    "seed",
    "placement",
    "bottleneck_size",
    "non_linearity",
    "initialisation",
    "sharing",
    "drop_mode",
    "drop_depth",
    "sources",
    "keep",
    "optimiser",
    "learning_rate",
    "weight_decay",
    "schedule",
    "warmup_fraction",
    "batch_size",
    "max_length",
    "epochs",
    "patience",
    "gradient_clip",
    "prefix_dropout",
    "precision",
)
"""What `exclude` and `where` can match on."""


def axes(trial: Trial) -> dict[str, Any]:
    """Return a trial's coordinates by the names in `AXES`; None where an axis does not apply."""
    adapter = trial.adapter
    flat: dict[str, Any] = {
        "base_model": trial.base.name,
        "task": trial.task.name,
        "method": trial.method,
        "seed": trial.seed,
        "placement": adapter and adapter.placement,
        "bottleneck_size": adapter and adapter.bottleneck_size,
        "non_linearity": adapter and adapter.non_linearity,
        "initialisation": adapter and adapter.initialisation,
        "sharing": adapter and adapter.sharing,
        "drop_mode": trial.drop.mode,
        "drop_depth": trial.drop.depth,
        "sources": trial.fusion and len(trial.fusion.sources),
        "keep": trial.pruning and trial.pruning.keep,
    }
    return flat | dict(trial.training)


def matches(trial: Trial, condition: Mapping[str, Any]) -> bool:
    """Tell whether every key of `condition` holds; a list holds when one of its values does."""
    flat = axes(trial)
    for key, wanted in condition.items():
        options = wanted if isinstance(wanted, list | tuple) else (wanted,)
        if flat[key] not in options:
            return False
    return True
