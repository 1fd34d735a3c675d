"""How much a trial computes, in units that do not depend on the machine.

The unit is one layer's forward pass for one token (`orchestrator.planning.layer_passes`). Rows are
ragged on the fast path, so real tokens count and padding does not.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter_lib.config.configuration import Placement
from adapter_lib.config.cut_points import Block, CutPoint
from orchestrator.planning.layer_passes import (
    ATTENTION,
    ONE_TOKEN,
    backward_of,
    entries_of,
    entry_at,
    layers_above,
    reads_one_token,
)
from workers.contract.measured_depths import measured_depths, selection_depths
from workers.contract.results import Reading
from workers.contract.task_card import Split
from workers.contract.trial import CacheDtype, DropMode, Method, Trial

_HEAD = 1 / 4
"""A head's two products and their gradients for a row: each is 1/12 of a layer for a token."""
_VOCABULARY = 3.0
"""What masked language modelling's scores over the vocabulary add to a token, in layers: 15 % of
tokens times a BERT's 30,000 words are about one layer, and as much twice for its gradients."""
_FUSION_LAYER, _FUSION_SOURCE = 0.1, 0.02
"""What a fusion adds to a layer, and each of its sources; it is folded (decision 6)."""
_TOKENS_MEASURED_AT_ONCE = {"cpu": 1024, "cuda": 8192}
"""As `workers.batches.batching` cuts a split."""


@dataclass(frozen=True)
class SplitSize:
    """How much there is of a split.

    Attributes:
        counted: whether all rows were tokenised, rather than some of them.
    """

    rows: int
    sequences: int
    tokens: float
    counted: bool = True


Sizes = Mapping[Split, SplitSize]
SizeKey = tuple[str, str, int]


def size_key(trial: Trial) -> SizeKey:
    """Return what decides how many tokens a trial reads."""
    return trial.task.fingerprint, trial.base.identity, trial.training.max_length


def read_sizes(readings: Mapping[Split, Reading]) -> Sizes:
    """Return what a result says of its splits; empty where it did not count tokens yet."""
    if any(not reading.tokens for reading in readings.values()):
        return {}
    return {
        split: SplitSize(reading.rows, reading.sequences, reading.tokens)
        for split, reading in readings.items()
    }


@dataclass(frozen=True)
class Work:
    """What is computed: passes of a layer for a token, and batches, each of which costs extra."""

    token_layers: float = 0.0
    batches: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.token_layers + other.token_layers, self.batches + other.batches)

    def __mul__(self, times: float) -> "Work":
        return Work(self.token_layers * times, self.batches * times)


@dataclass(frozen=True)
class Machine:
    """On what a plan's trials run: `device` is `cpu` or `cuda`; whether prefixes are kept there."""

    device: str = "cpu"
    threads: int = 1
    keeps_prefixes: bool = True


def training_work(trial: Trial, sizes: Sizes, machine: Machine) -> Work:
    """Return what one epoch of training computes; nothing for what is not trained."""
    if trial.method.trains_nothing:
        return Work()
    size = sizes[Split.TRAIN]
    depths = range(trial.base.layers) if trial.drop.mode is DropMode.ROBUST else [trial.drop.depth]
    stored = _stored(trial, machine) and not trial.training.frozen_dropout
    one_token = reads_one_token(trial) and trial.fast_path
    units = 0.0
    for depth, entry in zip(depths, entries_of(trial), strict=True):
        above = layers_above(trial, entry, one_token=one_token)
        below = 0.0
        if entry is not None and not stored:
            below = _all_layers(trial, one_token) - above
        units += below + above * (1 + backward_of(trial)) + 3 * _added(trial, depth, one_token)
    units /= len(depths)
    if trial.method is Method.PRETRAINING:
        units += _VOCABULARY
    tokens = size.tokens * _attention_factor(trial, size)
    return Work(
        tokens * units + size.rows * _HEAD, math.ceil(size.rows / trial.training.batch_size)
    )


def measuring_work(trial: Trial, sizes: Sizes, machine: Machine, epochs: float) -> Work:
    """Return what all measuring of a trial computes that is trained for so many epochs."""
    chosen, final = selection_depths(trial), measured_depths(trial)
    trained = not trial.method.trains_nothing
    work = Work()
    if trained:
        final = [depth for depth in final if depth not in chosen]
        work = _forward(trial, sizes[Split.VALIDATION], chosen, machine) * epochs
    if final:
        work += _forward(trial, sizes[Split.VALIDATION], final, machine)
    if Split.TEST in sizes:
        work += _forward(trial, sizes[Split.TEST], chosen, machine)
    if trial.method is Method.FUSION:  # its mean attention over the training set
        work += _forward(trial, sizes[Split.TRAIN], [trial.drop.depth], machine)
    return work


def _forward(trial: Trial, size: SplitSize, depths: Sequence[int], machine: Machine) -> Work:
    one_token = reads_one_token(trial) and trial.fast_path
    units, highest = 0.0, 0.0
    for depth in depths:
        entry = entry_at(trial, depth)
        above = layers_above(trial, entry, one_token=one_token)
        units += above + _added(trial, depth, one_token)
        if entry is not None:
            highest = max(highest, _all_layers(trial, one_token) - above)
    if not _stored(trial, machine):
        units += highest  # the trunk, once for all depths
    tokens = size.tokens * _attention_factor(trial, size)
    at_once = _TOKENS_MEASURED_AT_ONCE[machine.device]
    batches = max(1.0, size.tokens / at_once) * len(depths)
    return Work(tokens * units + size.rows * len(depths) * _HEAD / 3, batches)


def _stored(trial: Trial, machine: Machine) -> bool:
    return trial.fast_path and machine.keeps_prefixes and trial.method is not Method.PRETRAINING


def _all_layers(trial: Trial, one_token: bool) -> float:
    return trial.base.layers - (1 - ONE_TOKEN if one_token else 0.0)


def _attention_factor(trial: Trial, size: SplitSize) -> float:
    """Return by how much scores between tokens make long rows dearer: s / 6d of a layer."""
    mean = size.tokens / max(1, size.sequences)
    return 1 + mean / (6 * trial.base.hidden_size)


def _added(trial: Trial, depth: int, one_token: bool) -> float:
    """Return what adapters or a fusion add to a token's pass at a drop depth, in layers."""
    layers, hidden_size = trial.base.layers, trial.base.hidden_size
    top = layers - 1
    if trial.adapter is not None:
        places = 2 if trial.adapter.placement is Placement.HOULSBY else 1
        with_adapter = [i for i in trial.adapter.layers_of(layers) if i >= depth]
        if one_token:
            with_adapter = [i for i in with_adapter if i != top]
        return sum(places * trial.adapter.size(i) / (6 * hidden_size) for i in with_adapter)
    if trial.method in (Method.FUSION, Method.PRUNED_FUSION):
        sources = trial.pruning.keep if trial.pruning else len(_sources(trial))
        return (layers - depth - one_token) * (_FUSION_LAYER + _FUSION_SOURCE * sources)
    return 0.0


def _sources(trial: Trial) -> Sequence[object]:
    return trial.fusion.sources if trial.fusion else ()


@dataclass(frozen=True)
class PrefixNeed:
    """A point of a split's frozen part that a trial takes up.

    Attributes:
        height: layers from the embeddings to it.
        size_bytes: of what is stored of it.
    """

    height: float
    size_bytes: float


def prefix_needs(trial: Trial, sizes: Sizes, machine: Machine) -> Mapping[Split, list[PrefixNeed]]:
    """Return by split what a trial wants from the prefix cache, as its worker will ask for it."""
    if not _stored(trial, machine) or entry_at(trial, trial.drop.depth) is None:
        return {}
    train = measured_depths(trial) if trial.drop.mode is DropMode.ROBUST else [trial.drop.depth]
    if trial.training.frozen_dropout or trial.method.trains_nothing:
        train = []
    wanted = {
        Split.TRAIN: train,
        Split.VALIDATION: measured_depths(trial),
        Split.TEST: selection_depths(trial),
    }
    found = {}
    for split, depths in wanted.items():
        entries = {entry_at(trial, depth) for depth in depths} if split in sizes else set()
        points = sorted(e for e in entries if e is not None and e.unsummed > CutPoint(0))
        if points:
            found[split] = [_need(trial, sizes[split], point) for point in points]
    return found


def _need(trial: Trial, size: SplitSize, point: CutPoint) -> PrefixNeed:
    done = {Block.ENTRY: 0.0, Block.ATTENTION: ATTENTION, Block.FEED_FORWARD: 1.0}[point.block]
    parts = 1 if point.summed or point.block is Block.ENTRY else 2
    high = point.unsummed > CutPoint(trial.base.layers - 1)
    kept = size.sequences if high and reads_one_token(trial) else size.tokens
    width = 2 if trial.training.cache_dtype is CacheDtype.FLOAT16 else 4
    return PrefixNeed(point.layer + done, parts * kept * trial.base.hidden_size * width)
