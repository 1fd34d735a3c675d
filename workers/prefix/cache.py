"""The prefix cache: what the frozen layers give for a task's splits, stored on this node.

The activations at a cut point depend on the base, the tokens and the settings in `_Source.name`,
and on nothing else, so all trials and all workers of a node share it.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from adapter_lib.model import AdapterModel
from adapter_lib.transformer.activations import ActivationsAt, Block, CutPoint
from workers.batches.batching import evaluation_batches, sequences_of
from workers.batches.examples import Examples
from workers.batches.feeding import Feed, Feeds
from workers.batches.precision import autocast
from workers.batches.stored_activations import StoredActivations
from workers.contract.results import PrefixUse
from workers.contract.task_card import Split
from workers.contract.trial import CacheDtype, Trial, content_hash
from workers.errors import TrialFailedError
from workers.prefix.store import ArrayStore

log = logging.getLogger(__name__)

_LAYOUT = 1
"""Raised by one whenever what is stored changes."""
_OPEN_ARRAYS = 256
_TYPES: dict[CacheDtype, np.dtype[Any]] = {
    CacheDtype.FLOAT32: np.dtype(np.float32),
    CacheDtype.FLOAT16: np.dtype(np.float16),
}


@dataclass
class PrefixCache:
    """What this worker knows of the store. One per process."""

    store: ArrayStore
    device_bytes: int = 0
    """What of it may lie in the device's memory, in all; the rest is read from the host's."""

    def __post_init__(self) -> None:
        self._open: OrderedDict[str, StoredActivations] = OrderedDict()
        self._wanted: set[str] = set()

    def feeds(
        self,
        trial: Trial,
        model: AdapterModel,
        splits: Mapping[Split, Examples],
        wanted: Mapping[Split, Collection[CutPoint]],
    ) -> tuple[Feeds, PrefixUse]:
        """Return a feed for each split that starts at the wanted cut points, and what that took.

        A cut point that cannot be kept is left out, and what is below it is taken up instead.
        """
        started = time.perf_counter()
        device = next(model.parameters()).device
        feeds, computed, self._wanted = {}, 0, set()
        for split, examples in splits.items():
            cut_points = [
                cut_point for cut_point in wanted.get(split, ()) if cut_point.unsummed > CutPoint(0)
            ]
            source = _Source(trial, model, examples)
            names = {cut_point: source.name(cut_point) for cut_point in cut_points}
            self._wanted |= set(names.values())
            found = {
                cut_point: stored
                for cut_point in cut_points
                if (stored := self._find(source, cut_point)) is not None
            }
            missing = [cut_point for cut_point in cut_points if cut_point not in found]
            if missing:
                try:
                    with self.store.locked(source.name(None)):
                        computed += self._make(source, missing)
                except OSError as error:  # it costs speed and nothing else
                    log.warning("the prefix cache cannot be used: %s", error)
                found |= {t: s for t in missing if (s := self._find(source, t)) is not None}
            for cut_point in found:
                self._open.move_to_end(names[cut_point])
            feeds[split] = Feed(examples, device, found)
        while len(self._open) > _OPEN_ARRAYS:
            self._open.popitem(last=False)
        use = PrefixUse(
            cut_points={
                split: tuple(map(str, sorted(feed.stored))) for split, feed in feeds.items()
            },
            computed=computed,
            bytes=sum(s.values.nbytes for feed in feeds.values() for s in feed.stored.values()),
            prepare_s=time.perf_counter() - started,
        )
        return feeds, use

    def _find(self, source: "_Source", cut_point: CutPoint) -> StoredActivations | None:
        name = source.name(cut_point)
        if name not in self._open:
            array = self.store.read(name)
            if array is None:
                return None
            fits = self._make_room(array.nbytes)
            self._open[name] = source.opened(cut_point, array, on_device=fits)
        return self._open[name]

    def _make_room(self, size: int) -> bool:
        """Let the device go of what this trial does not read; False if there is no room even so."""
        held = {n: s.values.nbytes for n, s in self._open.items() if s.values.device.type != "cpu"}
        taken = sum(held.values())
        for name in [name for name in held if name not in self._wanted]:
            if taken + size > self.device_bytes:
                taken -= held[name]
                del self._open[name]
        return taken + size <= self.device_bytes

    def _make(self, source: "_Source", cut_points: Collection[CutPoint]) -> int:
        """Compute in one run over the split what another process has not stored by now.

        Returns how many cut points that were.
        """
        missing = sorted(
            cut_point for cut_point in cut_points if self._find(source, cut_point) is None
        )
        while missing and source.size(missing) > self.store.budget:
            log.info(
                "cut point %s does not fit the cache of %d bytes", missing[0], self.store.budget
            )
            del missing[0]  # the deepest save most
        if not missing:
            return 0
        shapes = {source.name(cut_point): source.shape(cut_point) for cut_point in missing}
        below = self._below(source, missing[0])
        if not self.store.write(
            shapes, source.dtype, lambda arrays: source.fill(arrays, missing, below)
        ):
            log.warning("no room in %s for the frozen part", self.store.folder)
            return 0
        log.info("computed the frozen part up to %s", ", ".join(map(str, missing)))
        return len(missing)

    def _below(self, source: "_Source", cut_point: CutPoint) -> dict[CutPoint, StoredActivations]:
        """Return the nearest stored cut point below, if one is kept exactly and for all tokens."""
        for other in source.whole_below(cut_point):
            if (stored := self._find(source, other)) is not None:
                return {other: stored}
        return {}


class _Source:
    """One split under one base and its settings: what is stored, under which names."""

    def __init__(self, trial: Trial, model: AdapterModel, examples: Examples) -> None:
        self._trial = trial
        self._model = model
        self._examples = examples
        self._device = next(model.parameters()).device
        self._layers = model.backbone.layers_count
        self._reads_one = model.reads_one_token
        self.dtype: np.dtype[Any] = _TYPES[trial.training.cache_dtype]

    def name(self, cut_point: CutPoint | None) -> str:
        """Return the content hash of all that decides the values; None: of all cut points."""
        one_token = None
        if cut_point is not None and self._one_token(cut_point):
            one_token = "last" if self._model.backbone.causal else "first"
        return content_hash(
            {
                "layout": _LAYOUT,
                "base": self._trial.base.identity,
                "tokens": self._examples.tokens.digest,
                "cut_point": None if cut_point is None else str(cut_point),
                "one_token": one_token,
                "precision": self._trial.training.precision,
                "stored": self._trial.training.cache_dtype,
                "device": self._device.type,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            }
        )

    def shape(self, cut_point: CutPoint) -> tuple[int, int, int]:
        """Return (p, tokens, d) of what is stored."""
        parts = 1 if cut_point.summed or cut_point.block is Block.ENTRY else 2
        return parts, int(self._offsets(cut_point)[-1]), self._model.backbone.hidden_size

    def size(self, cut_points: Collection[CutPoint]) -> int:
        """Return their bytes."""
        return (
            sum(int(np.prod(self.shape(cut_point))) for cut_point in cut_points)
            * self.dtype.itemsize
        )

    def opened(
        self, cut_point: CutPoint, array: NDArray[np.floating], *, on_device: bool
    ) -> StoredActivations:
        """Return what is stored, in the host's memory or the device's."""
        values = torch.from_numpy(array)
        if on_device:
            values = values.to(self._device)
        return StoredActivations(values, self._offsets(cut_point), self._one_token(cut_point))

    def whole_below(self, cut_point: CutPoint) -> list[CutPoint]:
        """Return the cut points from which `cut_point` can be reached exactly, nearest first."""
        if self.dtype != np.float32:
            return []
        layers = range(min(cut_point.layer, self._layers - 1), -1, -1)
        known = [CutPoint(layer, Block.FEED_FORWARD, summed=True) for layer in layers]
        return [o for o in known if o.unsummed < cut_point.unsummed and not self._one_token(o)]

    def fill(
        self,
        arrays: Mapping[str, NDArray[np.floating]],
        cut_points: Collection[CutPoint],
        below: Mapping[CutPoint, StoredActivations],
    ) -> None:
        """Run the frozen part over the split; put the activations at `cut_points` into arrays."""
        model, tokens = self._model, self._examples.tokens
        feed = Feed(self._examples, self._device, below)
        names = {cut_point: self.name(cut_point) for cut_point in cut_points}
        model.eval()
        with torch.inference_mode(), autocast(self._trial.training.precision, self._device):
            for indices in evaluation_batches(tokens, self._device):
                start: ActivationsAt | None = feed.start(indices, min(cut_points), whole=True)
                activations = model.frozen(feed.batch(indices), cut_points, start=start)
                sequences = sequences_of(tokens, indices)
                for cut_point in cut_points:
                    offsets = self._offsets(cut_point)
                    ends = zip(offsets[sequences], offsets[sequences + 1], strict=True)
                    rows = [slice(first, end) for first, end in ends]
                    for part, values in zip(
                        arrays[names[cut_point]], activations[cut_point].parts, strict=True
                    ):
                        found = values.float().cpu().numpy()
                        for row, own in zip(rows, found, strict=True):
                            # A row at a time, into which a copy goes without another array.
                            part[row] = _checked(own[: row.stop - row.start], self.dtype)

    def _one_token(self, cut_point: CutPoint) -> bool:
        return self._reads_one and cut_point.unsummed > CutPoint(self._layers - 1)

    def _offsets(self, cut_point: CutPoint) -> NDArray[np.int64]:
        offsets = self._examples.tokens.offsets
        return np.arange(len(offsets)) if self._one_token(cut_point) else offsets


def _checked(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[np.floating]:
    """Return the values as `dtype`.

    Raises:
        TrialFailedError: one is too large for it.
    """
    if dtype == np.float16 and np.abs(values).max(initial=0.0) > np.finfo(np.float16).max:
        raise TrialFailedError(
            "bad_input",
            "hidden states of this base are too large for `training.cache_dtype: float16`; "
            "declare float32",
        )
    return values.astype(dtype, copy=False)
