"""What the fast path will do for a plan, in units that need no measuring and no torch.

The unit is one layer's forward pass for one example; the backward pass through a frozen layer
costs another, one that trains the layer's weights two. Rows and tokens are left out, since a plan
does not read the data: all tasks count alike, and the bytes are for each token. What that takes in
seconds is left to `forecast`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from adapter_lib.config.configuration import Pooling
from adapter_lib.config.cut_points import Block, CutPoint
from workers.contract.task_card import TaskKind
from workers.contract.trial import CacheDtype, DropMode, Method, Trial

ATTENTION = 1 / 3
"""The share of a layer's products in its attention: 4 of 12, with a feed-forward of 4 times d."""
ONE_TOKEN = 1 / 6
"""What is left of a layer of which one token is read: keys and values of all the others. BERT and
its like do without them, which a plan cannot know."""
READ_ALL = (TaskKind.SPAN, TaskKind.TOKEN_CLASSIFICATION)


@dataclass(frozen=True)
class LayerPasses:
    """Of all trials of a plan together.

    Attributes:
        cut_points: how many different points of frozen parts are stored, over all bases and tasks.
        bytes_per_token: of one of them, at most.
        plain: layer units of training, an example and epoch each, without the fast path.
        fast: with it.
    """

    cut_points: int
    bytes_per_token: int
    plain: float
    fast: float

    @property
    def saving(self) -> float:
        """How many times fewer layers training runs through; 1 where nothing is trained."""
        return self.plain / self.fast if self.fast else 1.0


def layer_passes(trials: Collection[Trial]) -> LayerPasses:
    """Count what `trials` cost with the fast path and without."""
    cut_points: dict[tuple[str, str, str], int] = {}
    plain = fast = 0.0
    for trial in trials:
        entries = entries_of(trial)
        pruned = trial.method.trains_nothing  # reads what was stored before
        epochs = trial.training.epochs
        plain += epochs * sum(_plain(trial, entry) for entry in entries) / len(entries)
        fast += epochs * sum(_fast(trial, entry) for entry in entries) / len(entries)
        size = 2 if trial.training.cache_dtype is CacheDtype.FLOAT16 else 4
        for entry in entries:
            if entry is not None and entry.unsummed > CutPoint(0) and not pruned:
                parts = 1 if entry.summed or entry.block is Block.ENTRY else 2
                key = (trial.base.identity, trial.task.fingerprint, str(entry))
                cut_points[key] = size * parts * trial.base.hidden_size
    return LayerPasses(len(cut_points), max(cut_points.values(), default=0), plain, fast)


def entries_of(trial: Trial) -> list[CutPoint | None]:
    """Return where each batch's frozen part ends: one point, or for robust training any."""
    robust = trial.drop.mode is DropMode.ROBUST
    depths = range(trial.base.layers) if robust else [trial.drop.depth]
    return [entry_at(trial, depth) for depth in depths]


def entry_at(trial: Trial, depth: int) -> CutPoint | None:
    """Return where the frozen part ends with so many layers dropped; None where nothing is."""
    layers = trial.base.layers
    match trial.method:
        case Method.PRETRAINING | Method.FULL_FINE_TUNING | Method.LAYER_NORM:
            return None
        case Method.HEAD_ONLY:
            return CutPoint(layers)
        case Method.TOP_LAYERS:
            assert trial.top_layers is not None
            return CutPoint(layers - trial.top_layers)
    if trial.adapter is None:
        return CutPoint(depth, Block.FEED_FORWARD, summed=True)
    return trial.adapter.entry(max(depth, trial.adapter.drop_depth))


def _plain(trial: Trial, entry: CutPoint | None) -> float:
    if trial.method.trains_nothing:
        return 0.0
    above = layers_above(trial, entry, one_token=False)
    return trial.base.layers + above * backward_of(trial)


def _fast(trial: Trial, entry: CutPoint | None) -> float:
    if trial.method.trains_nothing:
        return 0.0
    one_token = reads_one_token(trial)
    above = layers_above(trial, entry, one_token=one_token)
    if trial.training.frozen_dropout and entry is not None:
        top = 1 - ONE_TOKEN if one_token else 0.0
        return trial.base.layers - top + above * backward_of(trial)
    return above * (1 + backward_of(trial))


def reads_one_token(trial: Trial) -> bool:
    """Tell whether the head reads one token of a row, so that the top layer computes no other."""
    by_row = trial.task.card.kind not in READ_ALL and trial.method is not Method.PRETRAINING
    return by_row and trial.head.pooling is Pooling.TOKEN


def backward_of(trial: Trial) -> int:
    """Return what the backward pass through a layer costs, in units."""
    trains_layers = trial.method in (Method.FULL_FINE_TUNING, Method.TOP_LAYERS)
    return 2 if trains_layers else 1


def layers_above(trial: Trial, entry: CutPoint | None, *, one_token: bool) -> float:
    """Return the layers from `entry` upwards, in units."""
    layers = trial.base.layers
    if entry is None:
        entry = CutPoint(0)
    if entry.layer == layers:
        return 0.0
    done = {Block.ENTRY: 0.0, Block.ATTENTION: ATTENTION, Block.FEED_FORWARD: 1.0}[entry.block]
    if not one_token:
        return layers - entry.layer - done
    if entry.layer == layers - 1:
        return ONE_TOKEN if entry.block is Block.ENTRY else 0.0
    return layers - 1 - entry.layer - done + ONE_TOKEN
