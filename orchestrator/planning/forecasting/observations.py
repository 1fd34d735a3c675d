"""What finished trials took, as the forecast reads it: from the catalog, or from a calibration."""

import math
from collections.abc import Hashable, Iterable, Mapping

from orchestrator.planning.forecasting.rates import Place
from orchestrator.planning.forecasting.trial_work import (
    Machine,
    PrefixNeed,
    Sizes,
    SplitSize,
    Work,
    measuring_work,
    prefix_needs,
    read_sizes,
    size_key,
    training_work,
)
from workers.contract.frozen import Frozen
from workers.contract.results import TrialResult
from workers.contract.spending import Phase, Spent
from workers.contract.task_card import Split
from workers.contract.trial import DropMode, Trial

Family = tuple[str, str, str, bool]
"""Base, device, precision and whether on the fast path: outside of it nothing is comparable."""


def family_of(trial: Trial, device: str) -> Family:
    return trial.base.identity, device, trial.training.precision.value, trial.fast_path


def place_of(trial: Trial, *, measuring: bool = False) -> Place:
    """Return which trials take as long as this one, to train or to measure."""
    training, drop = trial.training, trial.drop
    adapter = None
    if trial.adapter is not None:
        own = trial.adapter
        sizes = own.bottleneck_size, own.layer_sizes
        adapter = own.placement, sizes, own.leave_out, own.trained_norm
    fusion = len(trial.fusion.sources) if trial.fusion else 0
    keep = trial.pruning.keep if trial.pruning else 0
    settings = training.batch_size, training.accumulate, training.batching, training.frozen_dropout
    depth = trial.drop.depth if drop.mode is not DropMode.ROBUST else None
    mode: Hashable = (drop.mode, drop.measure) if measuring else drop.mode is DropMode.ROBUST
    line = trial.method, adapter, fusion, keep, trial.top_layers, settings, mode
    return Place(size_key(trial), line, depth)


def kind_of(trial: Trial) -> Hashable:
    """Return what decides all that is forecast of a trial: those that share it are counted once."""
    training, drop = trial.training, trial.drop
    return (
        (trial.method, size_key(trial), trial.adapter, trial.top_layers, trial.fast_path),
        (drop.mode, drop.depth, drop.measure, trial.head.layers, trial.head.pooling),
        (training.batch_size, training.accumulate, training.batching, training.frozen_dropout),
        (training.epochs, training.patience, training.cache_dtype, training.precision),
        len(trial.fusion.sources) if trial.fusion else 0,
        trial.pruning.keep if trial.pruning else 0,
        trial.removal is not None and (trial.removal.first, trial.removal.at_random),
    )


class Observation(Frozen):
    """One trial that was run, or as much of one as a calibration runs.

    Attributes:
        sizes: of what was run; `whole` tells whether that is all of the task.
        epochs: that it was trained for; 0 where a task was only read.
        adapter_bytes: None where it left none, or one of other size.
        prefix_height: layers × tokens that it computed for the prefix cache; None: not known.
    """

    trial: Trial
    sizes: dict[Split, SplitSize]
    machine: Machine
    epochs: int
    spent: dict[Phase, Spent]
    adapter_bytes: int | None = None
    prefix_height: float | None = None
    whole: bool = True

    @property
    def training_work(self) -> Work:
        return training_work(self.trial, self.sizes, self.machine) * self.epochs

    @property
    def measuring_work(self) -> Work:
        return measuring_work(self.trial, self.sizes, self.machine, self.epochs)

    @property
    def fixed(self) -> Spent | None:
        """Return what its model, checkpoints and files took; None where none were made."""
        if Phase.KEEPING not in self.spent:
            return None
        return self.spent.get(Phase.BUILD, Spent()) + self.spent[Phase.KEEPING]

    @property
    def trained_share(self) -> float:
        """Return the part of its epochs that it was trained for before it stopped early."""
        return self.epochs / self.trial.training.epochs

    @property
    def tokens(self) -> float:
        return sum(size.tokens for size in self.sizes.values())


def observe(trial: Trial, result: TrialResult) -> Observation | None:
    """Return what can be learnt from a result; None where it does not say what it took."""
    sizes = read_sizes(result.readings)
    if not result.spent or Split.TRAIN not in sizes or Split.VALIDATION not in sizes:
        return None
    device, _, _ = result.environment.get("device", "cpu").partition(":")
    threads = int(result.environment.get("threads", "1"))
    machine = Machine(device, threads, keeps_prefixes=result.prefix is not None)
    return Observation(
        trial=trial,
        sizes=dict(sizes),
        machine=machine,
        epochs=len(result.curve),
        spent=result.spent,
        adapter_bytes=result.left.size_bytes if result.left else None,
        prefix_height=_height(result, prefix_needs(trial, sizes, machine), sizes),
    )


def _height(
    result: TrialResult, needs: Mapping[Split, list[PrefixNeed]], sizes: Sizes
) -> float | None:
    """Return what it computed for the prefix cache, where that was all that it wanted."""
    wanted = sum(map(len, needs.values()))
    if result.prefix is None or not wanted or result.prefix.computed != wanted:
        return None
    return math.fsum(max(n.height for n in of) * sizes[s].tokens for s, of in needs.items())


def trained(observations: Iterable[Observation]) -> list[Observation]:
    """Return those that were trained, as all are but pruned fusions and adapters."""
    return [o for o in observations if not o.trial.method.trains_nothing and o.epochs]
