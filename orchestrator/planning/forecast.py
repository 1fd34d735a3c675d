"""What the fast path will do for a plan, in units that need no measuring and no torch.

The unit is one layer's forward pass for one example; the backward pass through a frozen layer
costs another, one that trains the layer's weights two. Rows and tokens are left out, since a plan
does not read the data: all tasks count alike, and the bytes are for each token.
"""

from collections.abc import Collection
from dataclasses import dataclass

from adapter_lib.config.cut_points import Block, CutPoint
from workers.contract.task_card import TaskKind
from workers.contract.trial import CacheDtype, DropMode, Method, Trial

_ATTENTION = 1 / 3
"""The share of a layer's products in its attention: 4 of 12, with a feed-forward of 4 times d."""
_ONE_TOKEN = 1 / 6
"""What is left of a layer of which one token is read: keys and values of all the others. BERT and
its like do without them, which a plan cannot know."""
_READ_ALL = (TaskKind.SPAN, TaskKind.TOKEN_CLASSIFICATION)


@dataclass(frozen=True)
class Forecast:
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


def forecast(trials: Collection[Trial]) -> Forecast:
    """Count what `trials` cost with the fast path and without."""
    cut_points: dict[tuple[str, str, str], int] = {}
    plain = fast = 0.0
    for trial in trials:
        entries = _entries(trial)
        epochs = trial.training.epochs
        plain += epochs * sum(_plain(trial, entry) for entry in entries) / len(entries)
        fast += epochs * sum(_fast(trial, entry) for entry in entries) / len(entries)
        size = 2 if trial.training.cache_dtype is CacheDtype.FLOAT16 else 4
        for entry in entries:
            if entry is not None and entry.unsummed > CutPoint(0):
                parts = 1 if entry.summed or entry.block is Block.ENTRY else 2
                key = (trial.base.identity, trial.task.fingerprint, str(entry))
                cut_points[key] = size * parts * trial.base.hidden_size
    return Forecast(len(cut_points), max(cut_points.values(), default=0), plain, fast)


def _entries(trial: Trial) -> list[CutPoint | None]:
    """Return where each batch's frozen part ends: one point, or for robust training any."""
    layers = trial.base.layers
    match trial.method:
        case Method.PRETRAINING | Method.FULL_FINE_TUNING | Method.LAYER_NORM:
            return [None]
        case Method.HEAD_ONLY | Method.PRUNED_FUSION:
            return [CutPoint(layers)]
        case Method.TOP_LAYERS:
            assert trial.top_layers is not None
            return [CutPoint(layers - trial.top_layers)]
    robust = trial.drop.mode is DropMode.ROBUST
    depths = range(layers) if robust else [trial.drop.depth]
    if trial.adapter is None:
        return [CutPoint(depth, Block.FEED_FORWARD, summed=True) for depth in depths]
    return [trial.adapter.entry(max(depth, trial.adapter.drop_depth)) for depth in depths]


def _plain(trial: Trial, entry: CutPoint | None) -> float:
    if trial.method is Method.PRUNED_FUSION:
        return 0.0
    above = _above(trial, entry, one_token=False)
    return trial.base.layers + above * _backward(trial)


def _fast(trial: Trial, entry: CutPoint | None) -> float:
    if trial.method is Method.PRUNED_FUSION:
        return 0.0
    one_token = trial.task.card.kind not in _READ_ALL and trial.method is not Method.PRETRAINING
    above = _above(trial, entry, one_token=one_token)
    if trial.training.frozen_dropout and entry is not None:
        top = 1 - _ONE_TOKEN if one_token else 0.0
        return trial.base.layers - top + above * _backward(trial)
    return above * (1 + _backward(trial))


def _backward(trial: Trial) -> int:
    trains_layers = trial.method in (Method.FULL_FINE_TUNING, Method.TOP_LAYERS)
    return 2 if trains_layers else 1


def _above(trial: Trial, entry: CutPoint | None, *, one_token: bool) -> float:
    """Return the layers from `entry` upwards, in units."""
    layers = trial.base.layers
    if entry is None:
        entry = CutPoint(0)
    if entry.layer == layers:
        return 0.0
    done = {Block.ENTRY: 0.0, Block.ATTENTION: _ATTENTION, Block.FEED_FORWARD: 1.0}[entry.block]
    if not one_token:
        return layers - entry.layer - done
    if entry.layer == layers - 1:
        return _ONE_TOKEN if entry.block is Block.ENTRY else 0.0
    return layers - 1 - entry.layer - done + _ONE_TOKEN
