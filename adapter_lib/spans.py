"""The tokens of several batches one batch after another, each padded to its own longest row alone.

What treats each token alone takes all of them at once; attention takes one batch after the other.

Legend for shapes: b rows of a batch of s tokens; n tokens of all batches; r rows of all; h heads,
k size of a head, d hidden; g models, m tokens of the one that has most.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class Spans:
    """Where each batch stands among all tokens.

    Sizes are kept as numbers: to ask a tensor costs microseconds under a `TorchFunctionMode`.

    Attributes:
        masks: of each batch, (b, s), True where a token is real.
        shapes: b and s of each.
        alone: from a batch's number to the context in which it is computed apart from the others.
    """

    masks: Sequence[Tensor]
    shapes: Sequence[tuple[int, int]]
    alone: Callable[[int], AbstractContextManager[Any]]

    @classmethod
    def of(
        cls, masks: Sequence[Tensor], alone: Callable[[int], AbstractContextManager[Any]]
    ) -> Self:
        """Return the spans of batches with these masks."""
        return cls(masks, [(mask.shape[0], mask.shape[1]) for mask in masks], alone)

    @cached_property
    def sizes(self) -> list[int]:
        """How many tokens each batch has, padding included."""
        return [b * s for b, s in self.shapes]

    @cached_property
    def token_mask(self) -> Tensor:
        """True where a token is real, (1, n)."""
        return joined(self.masks)

    def apart(self, x: Tensor) -> list[Tensor]:
        """Turn (1, n, …) into (b, s, …) of each batch, all of them views."""
        behind = x.shape[2:]
        pieces = zip(torch.split(x[0], self.sizes), self.shapes, strict=True)
        return [piece.view(b, s, *behind) for piece, (b, s) in pieces]

    def read(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x, (1, n, …), at one position of each row, (r,), as (1, r, …)."""
        return x[:, self._row_starts + positions]

    def of_one_token(self) -> "Spans":
        """Return the spans of one real token in each row."""
        shapes = [(b, 1) for b, _ in self.shapes]
        masks = [mask.new_ones(shape) for mask, shape in zip(self.masks, shapes, strict=True)]
        return Spans(masks, shapes, self.alone)

    def pad(self, x: Tensor) -> Tensor:
        """Turn (1, n, …) into (r, s, …) for the largest s, with zeros for what is missing."""
        rows, longest, flat = sum(b for b, _ in self.shapes), self._longest, x[0]
        if any(s < longest for _, s in self.shapes):
            flat = _Spread.apply(flat, self._places, rows * longest)  # type: ignore[no-untyped-call]
        return flat.view(rows, longest, *x.shape[2:])

    @cached_property
    def mask(self) -> Tensor:
        """Which tokens of `pad` are real, (r, 1, 1, s)."""
        padded = [
            functional.pad(mask, (0, self._longest - s))
            for mask, (_, s) in zip(self.masks, self.shapes, strict=True)
        ]
        return torch.cat(padded)[:, None, None]

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, dropout: float, scale: float | None
    ) -> Tensor:
        """Let each token see the real ones of its own row.

        Args:
            query: like the next two (1, h, n, k).
            dropout: on the attention weights.

        Returns:
            (1, h, n, k).
        """
        outputs = []
        parts = zip(*(self._by_row(x) for x in (query, key, value)), self._visible, strict=True)
        for number, (q, k, v, seen) in enumerate(parts):
            with self.alone(number):
                x = functional.scaled_dot_product_attention(
                    q, k, v, attn_mask=seen, dropout_p=dropout, scale=scale
                )
            outputs.append(x.transpose(1, 2).flatten(0, 1))
        return torch.cat(outputs).transpose(0, 1)[None]

    def _by_row(self, x: Tensor) -> list[Tensor]:
        """Turn (1, h, n, k) into (b, h, s, k) of each batch."""
        return [piece.transpose(1, 2) for piece in self.apart(x.transpose(1, 2))]

    @cached_property
    def _visible(self) -> list[Tensor | None]:
        """What the tokens of each batch see, (b, 1, 1, s); None for all, which is faster.

        Asking a GPU would make it wait, so there it is never None.
        """
        return [
            None if mask.device.type == "cpu" and bool(mask.all()) else mask[:, None, None]
            for mask in self.masks
        ]

    @cached_property
    def _longest(self) -> int:
        return max(s for _, s in self.shapes)

    @cached_property
    def _row_starts(self) -> Tensor:
        """Where each row begins, (r,)."""
        lengths = np.concatenate([np.full(b, s) for b, s in self.shapes])
        return _index(np.cumsum(lengths) - lengths, self.masks[0].device)

    @cached_property
    def _places(self) -> Tensor:
        """Where each token stands in the rows of `pad`, flattened, (n,)."""
        found, first = [], 0
        for b, s in self.shapes:
            rows = (first + np.arange(b)) * self._longest
            found.append((rows[:, None] + np.arange(s)).ravel())
            first += b
        return _index(np.concatenate(found), self.masks[0].device)


def joined(pieces: Sequence[Tensor]) -> Tensor:
    """Turn (b, s, …) of each batch into (1, n, …)."""
    if len(pieces) == 1:
        return pieces[0].flatten(0, 1)[None]
    return torch.cat([piece.flatten(0, 1) for piece in pieces])[None]


class ByModel:
    """Turns tokens one model after another into as many places for each model, and back."""

    def __init__(self, sizes: Sequence[int], device: torch.device) -> None:
        """Begin.

        Args:
            sizes: how many tokens each model has, (g,).
        """
        self.sizes = tuple(sizes)
        self._shape = len(sizes), max(sizes)
        self._places: Tensor | None = None
        if len(set(sizes)) > 1:
            starts = np.arange(len(sizes)) * max(sizes)
            places = [start + np.arange(n) for start, n in zip(starts, sizes, strict=True)]
            self._places = _index(np.concatenate(places), device)

    def apart(self, x: Tensor) -> Tensor:
        """Turn (…, d) into (g, m, d), with zeros behind what a model has."""
        x = x.reshape(-1, x.shape[-1])
        if self._places is not None:
            g, m = self._shape
            x = _Spread.apply(x, self._places, g * m)  # type: ignore[no-untyped-call]
        return x.view(*self._shape, -1)

    def together(self, y: Tensor) -> Tensor:
        """Turn (g, m, d) into (n, d)."""
        y = y.flatten(0, 1)
        if self._places is None:
            return y
        collected: Tensor = _Collect.apply(y, self._places)  # type: ignore[no-untyped-call]
        return collected


class _Spread(torch.autograd.Function):
    """From (n, …) to (size, …): each to the place that is its own, with zeros elsewhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(places)
        return x.new_zeros(size, *x.shape[1:]).index_copy_(0, places, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        return gradient.index_select(0, places), None, None


class _Collect(torch.autograd.Function):
    """From (size, …) to (n, …): what stands at each place, none of which occurs twice.

    `index_select` alone has to add gradients up, as places might repeat.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.size = len(x)
        return x.index_select(0, places)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        spread = gradient.new_zeros(ctx.size, *gradient.shape[1:])
        return spread.index_copy_(0, places, gradient), None


def _index(places: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(places.astype(np.int64)).to(device, non_blocking=True)
