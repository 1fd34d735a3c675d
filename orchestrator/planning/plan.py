"""The plan of a sweep: its trials, parents before children. A value; building it is `planner`'s."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.spec.axes import AXES, Condition
from orchestrator.spec.model import SweepSpec
from workers.contract.trial import Method, Trial


@dataclass(frozen=True)
class Origin:
    """Where a sweep asks for a trial.

    Attributes:
        file: of the YAML; it may be one that the sweep extends.
        line: of the block, or of what in it names the trial.
        block: its key path, such as `trials[1]`.
        steps: which row, point, draw and conditional axes of the block it is.
    """

    file: str
    line: int
    block: str
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " · ".join((self.block, *self.steps))


@dataclass(frozen=True)
class Plan:
    """Every trial that a sweep asks for, once.

    Attributes:
        trials: by trial_id; a trial stands after all its parents.
        excluded: combinations that `exclude` dropped.
        repeated: combinations that name a trial which an earlier block already named.
        origins: by trial_id, where each is asked for first.
    """

    spec: SweepSpec
    trials: Mapping[str, Trial]
    excluded: int
    repeated: int
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def count_by_method(self) -> Mapping[Method, int]:
        counts = Counter(trial.method for trial in self.trials.values())
        return {method: counts[method] for method in Method if counts[method]}

    def kinds(self) -> Mapping[str, int]:
        """Return which kind of workers runs a trial: its place in `resources.kinds`, from 1.

        Trials that are not named are for workers as `resources` itself says.
        """
        wanted = [kind.where for kind in self.spec.resources.kinds]
        found = {}
        for trial_id, trial in self.trials.items() if wanted else ():
            met = (n for n, where in enumerate(wanted, start=1) if matches(trial, where))
            if number := next(met, 0):
                found[trial_id] = number
        return found


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
    return all(AXES[key].read(trial) in wanted for key, wanted in condition.given.items())
