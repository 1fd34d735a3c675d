"""The frozen part of the base under a task's splits: found in the node's store, or computed.

What is held at a tap depends on the base, the tokens and the settings in `_Source.name`, and on
nothing else, so all trials and all workers of a node share it.
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
from adapter_lib.transformer.activations import Block, Start, Tap
from workers.batches.batching import evaluation_batches, sequences_of
from workers.batches.examples import Examples
from workers.batches.feeding import Feed, Feeds
from workers.batches.stored_activations import StoredTap
from workers.contract.results import PrefixUse
from workers.contract.task_card import Split
from workers.contract.trial import Precision, PrefixType, Trial, content_hash
from workers.errors import TrialFailedError
from workers.prefix.store import ArrayStore

log = logging.getLogger(__name__)

_LAYOUT = 1
"""Raised by one whenever what is stored changes."""
_OPEN_TAPS = 256
_TYPES: dict[PrefixType, np.dtype[Any]] = {
    PrefixType.FLOAT32: np.dtype(np.float32),
    PrefixType.FLOAT16: np.dtype(np.float16),
}


@dataclass
class PrefixCache:
    """What this worker knows of the store. One per process."""

    store: ArrayStore

    def __post_init__(self) -> None:
        self._open: OrderedDict[str, StoredTap] = OrderedDict()

    def feeds(
        self,
        trial: Trial,
        model: AdapterModel,
        splits: Mapping[Split, Examples],
        wanted: Mapping[Split, Collection[Tap]],
    ) -> tuple[Feeds, PrefixUse]:
        """Return a feed for each split that starts at the wanted taps, and what that took.

        A tap that cannot be kept is left out, and what is below it is taken up instead.
        """
        started = time.perf_counter()
        device = next(model.parameters()).device
        feeds, computed = {}, 0
        for split, examples in splits.items():
            taps = [tap for tap in wanted.get(split, ()) if tap.point > Tap(0)]
            source = _Source(trial, model, examples)
            names = {tap: source.name(tap) for tap in taps}
            found = {tap: stored for tap in taps if (stored := self._find(source, tap)) is not None}
            missing = [tap for tap in taps if tap not in found]
            if missing:
                try:
                    with self.store.locked(source.name(None)):
                        computed += self._make(source, missing)
                except OSError as error:  # it costs speed and nothing else
                    log.warning("the prefix cache cannot be used: %s", error)
                found |= {t: s for t in missing if (s := self._find(source, t)) is not None}
            for tap in found:
                self._open.move_to_end(names[tap])
            feeds[split] = Feed(examples, device, found)
        while len(self._open) > _OPEN_TAPS:
            self._open.popitem(last=False)
        use = PrefixUse(
            taps={split: tuple(map(str, sorted(feed.stored))) for split, feed in feeds.items()},
            computed=computed,
            bytes=sum(s.values.nbytes for feed in feeds.values() for s in feed.stored.values()),
            prepare_s=time.perf_counter() - started,
        )
        return feeds, use

    def _find(self, source: "_Source", tap: Tap) -> StoredTap | None:
        name = source.name(tap)
        if name not in self._open:
            array = self.store.read(name)
            if array is None:
                return None
            self._open[name] = source.opened(tap, array)
        return self._open[name]

    def _make(self, source: "_Source", taps: Collection[Tap]) -> int:
        """Compute in one run over the split what another process has not stored by now.

        Returns how many taps that were.
        """
        missing = sorted(tap for tap in taps if self._find(source, tap) is None)
        while missing and source.size(missing) > self.store.budget:
            log.info("tap %s does not fit the cache of %d bytes", missing[0], self.store.budget)
            del missing[0]  # the deepest save most
        if not missing:
            return 0
        shapes = {source.name(tap): source.shape(tap) for tap in missing}
        below = self._below(source, missing[0])
        if not self.store.write(
            shapes, source.dtype, lambda arrays: source.fill(arrays, missing, below)
        ):
            log.warning("no room in %s for the frozen part", self.store.folder)
            return 0
        log.info("computed the frozen part up to %s", ", ".join(map(str, missing)))
        return len(missing)

    def _below(self, source: "_Source", tap: Tap) -> dict[Tap, StoredTap]:
        """Return the nearest stored tap below, if one is kept exactly and for all tokens."""
        for other in source.whole_below(tap):
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
        self.dtype: np.dtype[Any] = _TYPES[trial.training.prefix_type]

    def name(self, tap: Tap | None) -> str:
        """Return the content hash of everything that decides the values; None: of all taps."""
        one_token = None
        if tap is not None and self._one_token(tap):
            one_token = "last" if self._model.backbone.causal else "first"
        return content_hash(
            {
                "layout": _LAYOUT,
                "base": self._trial.base.identity,
                "tokens": self._examples.tokens.digest,
                "tap": None if tap is None else str(tap),
                "one_token": one_token,
                "precision": self._trial.training.precision,
                "stored": self._trial.training.prefix_type,
                "device": self._device.type,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            }
        )

    def shape(self, tap: Tap) -> tuple[int, int, int]:
        """Return (p, tokens, d) of what is stored."""
        parts = 1 if tap.added or tap.block is Block.ENTRY else 2
        return parts, int(self._offsets(tap)[-1]), self._model.backbone.hidden_size

    def size(self, taps: Collection[Tap]) -> int:
        """Return their bytes."""
        return sum(int(np.prod(self.shape(tap))) for tap in taps) * self.dtype.itemsize

    def opened(self, tap: Tap, array: NDArray[np.floating]) -> StoredTap:
        """Return what is stored, in the device's memory where that has much room left."""
        values = torch.from_numpy(array)
        if self._device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self._device)
            if values.nbytes < free // 4:
                values = values.to(self._device)
        return StoredTap(values, self._offsets(tap), self._one_token(tap))

    def whole_below(self, tap: Tap) -> list[Tap]:
        """Return the taps from which runs to `tap` can start exactly, the nearest first."""
        if self.dtype != np.float32:
            return []
        layers = range(min(tap.layer, self._layers - 1), -1, -1)
        known = [Tap(layer, Block.FEED_FORWARD, added=True) for layer in layers]
        return [o for o in known if o.point < tap.point and not self._one_token(o)]

    def fill(
        self,
        arrays: Mapping[str, NDArray[np.floating]],
        taps: Collection[Tap],
        below: Mapping[Tap, StoredTap],
    ) -> None:
        """Run the frozen part over the split and put what is held at `taps` into the arrays."""
        model, tokens = self._model, self._examples.tokens
        feed = Feed(self._examples, self._device, below)
        names = {tap: self.name(tap) for tap in taps}
        reduced = self._trial.training.precision is Precision.BFLOAT16
        model.eval()
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=reduced),
        ):
            for indices in evaluation_batches(tokens, self._device):
                start: Start | None = feed.start(indices, min(taps), whole=True)
                held = model.frozen(feed.batch(indices), taps, start=start)
                sequences = sequences_of(tokens, indices)
                for tap in taps:
                    offsets = self._offsets(tap)
                    ends = zip(offsets[sequences], offsets[sequences + 1], strict=True)
                    rows = [slice(first, end) for first, end in ends]
                    for part, values in zip(arrays[names[tap]], held[tap].parts, strict=True):
                        found = values.float().cpu().numpy()
                        for row, own in zip(rows, found, strict=True):
                            # A row at a time, into which a copy goes without another array.
                            part[row] = _checked(own[: row.stop - row.start], self.dtype)

    def _one_token(self, tap: Tap) -> bool:
        return self._reads_one and tap.point > Tap(self._layers - 1)

    def _offsets(self, tap: Tap) -> NDArray[np.int64]:
        offsets = self._examples.tokens.offsets
        return np.arange(len(offsets)) if self._one_token(tap) else offsets


def _checked(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[np.floating]:
    """Return the values as `dtype`.

    Raises:
        TrialFailedError: one is too large for it.
    """
    if dtype == np.float16 and np.abs(values).max(initial=0.0) > np.finfo(np.float16).max:
        raise TrialFailedError(
            "bad_input",
            "hidden states of this base are too large for `training.prefix_type: float16`; "
            "declare float32",
        )
    return values.astype(dtype, copy=False)
