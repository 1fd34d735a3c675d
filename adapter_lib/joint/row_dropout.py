"""Dropout for several models in one pass, each with random numbers of its own.

What one model computes alone draws in the state that the device's generator has for this model.
Wherever dropout would draw for the tokens of several at once, a mask is drawn for one model after
the other, and for the padding that was left out of the pass too. So a model draws what it would
draw alone, whoever else is in the pass, and each may begin with dropout at a layer of its own.
Everything else runs on all tokens at once.

Legend for shapes: b rows of a model, padded to its longest, of s tokens; n tokens of all models,
one model after another, with padding or without; d hidden, h heads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from adapter_lib.errors import ConfigurationError
from adapter_lib.transformer.batch import to_device
from adapter_lib.transformer.ragged_batch import kept_places

_PROBABILITY = {
    functional.dropout: "p",
    functional.scaled_dot_product_attention: "dropout_p",
}
"""What draws random numbers, and its argument for the probability of a drop."""


def default_generator(device: torch.device) -> torch.Generator:
    """Return the generator that dropout on a device draws from."""
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        return torch.cuda.default_generators[index]
    return torch.default_generator


class RandomStream:
    """A model's own random numbers: inside a `with`, the device's generator draws from them."""

    def __init__(self, device: torch.device) -> None:
        """Go on from the state that the device's generator is in now."""
        self._generator = default_generator(device)
        self._own = self._generator.get_state()
        self._outer = self._own

    @property
    def state(self) -> Tensor:
        """What follows next; set it to draw the same again."""
        return self._own

    @state.setter
    def state(self, state: Tensor) -> None:
        self._own = state

    def __enter__(self) -> None:
        self._outer = self._generator.get_state()
        self._generator.set_state(self._own)

    def __exit__(self, *_: object) -> None:
        self._own = self._generator.get_state()
        self._generator.set_state(self._outer)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one model in a pass, and how dropout acts on them.

    Attributes:
        stream: what its dropout draws from; None where dropout is off throughout.
        dropout_from: the lowest layer with dropout; -1 for the embeddings too.
        lengths: how many tokens of each row are in the pass, its first ones, (b,).
        tokens: how many tokens a row has with padding, s.
    """

    stream: RandomStream | None
    dropout_from: int
    lengths: NDArray[np.int64]
    tokens: int

    @property
    def rows(self) -> int:
        """How many rows it has, b."""
        return len(self.lengths)

    @cached_property
    def kept(self) -> int:
        """How many of its tokens are in the pass."""
        return int(self.lengths.sum())


class RowDropout(TorchFunctionMode):
    """Draws dropout model by model, wherever torch is asked for it inside a `with`.

    Attributes:
        layer: the one that is run; -1 for the embeddings.
    """

    def __init__(self) -> None:
        """Begin with dropout off."""
        super().__init__()
        self.layer = -1
        self._owners: Sequence[Rows] = ()
        self._everywhere = False
        self._places: dict[tuple[Rows, ...], Tensor] = {}

    @contextmanager
    def rows_of(self, owners: Sequence[Rows], *, everywhere: bool = False) -> Iterator[None]:
        """Say whose rows are computed inside a `with`; nobody's, to leave dropout off.

        Args:
            everywhere: dropout is on whatever the layer, as in adapters and heads.
        """
        before = self._owners, self._everywhere
        self._owners, self._everywhere = owners, everywhere
        try:
            yield
        finally:
            self._owners, self._everywhere = before

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Take over what draws random numbers; see `TorchFunctionMode`."""
        key = _PROBABILITY.get(func)
        if key is None or kwargs is None:
            return func(*args, **(kwargs or {}))
        if not kwargs.get(key) or not kwargs.get("training", True):
            return func(*args, **kwargs)
        streams = [self._stream(owner) for owner in self._owners]
        if not any(streams):
            return func(*args, **kwargs | {key: 0.0})
        if len(streams) == 1 and streams[0] is not None and not self._is_ragged(args[0]):
            with streams[0]:
                return func(*args, **kwargs)
        return args[0] * self._mask(args[0], kwargs[key], streams)

    def _stream(self, owner: Rows) -> RandomStream | None:
        """Return what dropout draws from for a model here; None if it is off."""
        return owner.stream if self._everywhere or self.layer >= owner.dropout_from else None

    def _is_ragged(self, x: Tensor) -> bool:
        """Say whether x, (…, d), has the tokens of the models without their padding."""
        kept = sum(owner.kept for owner in self._owners)
        padded = sum(owner.rows * owner.tokens for owner in self._owners)
        return x.ndim < 4 and x.shape[:-1].numel() == kept < padded

    @torch.no_grad()
    def _mask(self, x: Tensor, p: float, streams: Sequence[RandomStream | None]) -> Tensor:
        """Return what to multiply with: 0, or for what stays 1 / (1 - p).

        Args:
            x: (1, n, d), or of one token of each row, (1, n, d), (n, 1, d) or (n, d), or what
                those attend to, (n, h, 1, s) for the largest s.
        """
        shapes = self._shapes(x)
        ones = x.new_ones(max(shape.numel() for shape in shapes))
        masks = []
        for stream, shape in zip(streams, shapes, strict=True):
            # Of ones, it is the mask; and what is drawn depends on nothing but the shape.
            mask = ones[: shape.numel()].view(shape)
            if stream is not None:
                with stream:
                    mask = functional.dropout(mask, p)
            if x.ndim == 4:
                mask = functional.pad(mask, (0, x.shape[-1] - shape[-1]))
            masks.append(mask.reshape(-1, *x.shape[-1:]))
        mask = torch.cat(masks)
        if self._is_ragged(x):
            mask = mask.index_select(0, self._kept_places(x.device))
        return mask.view(x.shape)

    def _kept_places(self, device: torch.device) -> Tensor:
        """Return where the tokens without padding stand among those with it, (n,)."""
        key = tuple(self._owners)
        if key not in self._places:
            found, first = [], 0
            for owner in self._owners:
                found.append(first + kept_places(owner.lengths, owner.tokens))
                first += owner.rows * owner.tokens
            self._places[key] = to_device(torch.from_numpy(np.concatenate(found)), device)
        return self._places[key]

    def _shapes(self, x: Tensor) -> list[torch.Size]:
        """Return the shape of what each model alone would have instead of x, with padding."""
        if x.ndim == 4 and len(x) == sum(owner.rows for owner in self._owners):
            return [torch.Size((o.rows, *x.shape[1:3], o.tokens)) for o in self._owners]
        count, width = x.shape[:-1].numel(), x.shape[-1]
        padded = [owner.rows * owner.tokens for owner in self._owners]
        if x.ndim < 4 and (sum(padded) == count or self._is_ragged(x)):
            return [torch.Size((n, width)) for n in padded]
        if x.ndim < 4 and count == sum(owner.rows for owner in self._owners):
            return [torch.Size((owner.rows, width)) for owner in self._owners]
        raise ConfigurationError(
            f"expected the tokens of {len(self._owners)} models under dropout, found a tensor of "
            f"shape {tuple(x.shape)}; train models over this base one by one"
        )
