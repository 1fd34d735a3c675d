"""The real tokens of one or several batches, row after row, so that no padding is computed.

What treats each token alone takes all of them at once. Attention takes one batch after the other,
each padded to its own longest row.

Legend for shapes: b rows of a batch of s tokens, padding included; p such tokens of all batches; n
tokens without padding, and with those that fill up; r rows of all batches; h heads, k size of a
head; g models, m tokens of the one that has most.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from adapter_lib.transformer.batch import Batch, to_device

Lengths = NDArray[np.int64]
Alone = Callable[[int], AbstractContextManager[Any]]


@dataclass(frozen=True, eq=False)
class RaggedBatch:
    """Where each token stands, with padding and without.

    Sizes are kept as numbers of the host: to ask a GPU would make it wait.

    Attributes:
        masks: of each batch, (b, s), True where a token is real.
        shapes: b and s of each.
        lengths: how many tokens of each row are kept, its first ones, (b,) of each batch.
        alone: from a batch's number to the context in which it is computed apart from the others;
            None for a single batch, which is always apart.
        multiple: tokens are filled up to a multiple of it with copies that nobody reads.
    """

    masks: Sequence[Tensor]
    shapes: Sequence[tuple[int, int]]
    lengths: Sequence[Lengths]
    alone: Alone | None = None
    multiple: int = 1

    @classmethod
    def of(cls, batches: Sequence[Batch], alone: Alone | None = None, *, multiple: int = 1) -> Self:
        """Return where the tokens of batches stand."""
        masks = [batch.token_mask for batch in batches]
        shapes = [(mask.shape[0], mask.shape[1]) for mask in masks]
        return cls(masks, shapes, [b.kept_lengths for b in batches], alone, multiple)

    @cached_property
    def sizes(self) -> list[int]:
        """How many tokens of each batch are kept."""
        return [int(lengths.sum()) for lengths in self.lengths]

    @cached_property
    def padded_sizes(self) -> list[int]:
        """How many tokens each batch has with padding."""
        return [b * s for b, s in self.shapes]

    @cached_property
    def real(self) -> int:
        """How many tokens are kept."""
        return sum(self.sizes)

    @cached_property
    def tokens(self) -> int:
        """How many there are with those that fill up, n."""
        if self.real == sum(self.padded_sizes):
            return self.real
        return -(-self.real // self.multiple) * self.multiple

    @cached_property
    def token_mask(self) -> Tensor:
        """True where a token is real and does not fill up, (1, n)."""
        mask = self.join(self.masks)
        mask[:, self.real :] = False
        return mask

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        """Turn (b, s, …) of each batch into (1, n, …)."""
        flat = [piece.flatten(0, 1) for piece in pieces]
        x = flat[0] if len(flat) == 1 else torch.cat(flat)
        if self._places is None:
            return x[None]
        joined: Tensor = _Collect.apply(x, self._places, self.real)  # type: ignore[no-untyped-call]
        return joined[None]

    def apart(self, x: Tensor) -> list[Tensor]:
        """Turn (1, n, …) into (b, s, …) of each batch, with zeros for padding."""
        flat, size = x[0], sum(self.padded_sizes)
        if self._places is not None:
            flat = _Spread.apply(flat, self._places, size, self.real)  # type: ignore[no-untyped-call]
        pieces = zip(torch.split(flat, self.padded_sizes), self.shapes, strict=True)
        return [piece.view(*shape, *x.shape[2:]) for piece, shape in pieces]

    def split(self, x: Tensor) -> list[Tensor]:
        """Return each batch's part of (1, n, …) without padding, a view."""
        return list(torch.split(x[:, : self.real], self.sizes, dim=1))

    def read(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x, (1, n, …), at one position of each row, (r,), as (1, r, …)."""
        return x[:, self.row_starts + positions]

    def of_one_token(self) -> "RaggedBatch":
        """Return where one real token of each row stands."""
        shapes = [(b, 1) for b, _ in self.shapes]
        masks = [mask.new_ones(shape) for mask, shape in zip(self.masks, shapes, strict=True)]
        return RaggedBatch(masks, shapes, [np.ones(b, np.int64) for b, _ in shapes], self.alone)

    def pad_rows(self, x: Tensor) -> Tensor:
        """Turn (1, n, …) into (r, s, …) for the largest s, with zeros for padding."""
        rows = sum(b for b, _ in self.shapes)
        size = rows * self._longest
        spread: Tensor = _Spread.apply(  # type: ignore[no-untyped-call]
            x[0], self._places_in_rows, size, self.real
        )
        return spread.view(rows, self._longest, *x.shape[2:])

    @cached_property
    def row_mask(self) -> Tensor:
        """Which tokens of `pad_rows` are real, (r, 1, 1, s)."""
        padded = [
            functional.pad(mask, (0, self._longest - s))
            for mask, (_, s) in zip(self.masks, self.shapes, strict=True)
        ]
        return torch.cat(padded)[:, None, None]

    @cached_property
    def row_starts(self) -> Tensor:
        """Where each row begins, (r,)."""
        lengths = np.concatenate(self.lengths)
        return _index(np.cumsum(lengths) - lengths, self._device)

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
        apart = [self.apart(x.transpose(1, 2)) for x in (query, key, value)]
        outputs = []
        for number, heads in enumerate(zip(*apart, strict=True)):
            q, k, v = (x.transpose(1, 2) for x in heads)
            with self.context(number):
                x = functional.scaled_dot_product_attention(
                    q, k, v, attn_mask=self._visible[number], dropout_p=dropout, scale=scale
                )
            outputs.append(x.transpose(1, 2))
        return self.join(outputs).transpose(1, 2)

    def context(self, number: int) -> AbstractContextManager[Any]:
        """Return the context in which a batch is computed apart from the others."""
        return nullcontext() if self.alone is None else self.alone(number)

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
    def _places(self) -> Tensor | None:
        """Where each token stands with padding, (n,), the first place for what fills up.

        None where nothing is left out.
        """
        if self.real == sum(self.padded_sizes):
            return None
        starts = np.cumsum(self.padded_sizes) - self.padded_sizes
        found = [
            start + kept_places(lengths, s)
            for start, lengths, (_, s) in zip(starts, self.lengths, self.shapes, strict=True)
        ]
        return self._filled(np.concatenate(found))

    @cached_property
    def _places_in_rows(self) -> Tensor:
        """Where each token stands in the rows of `pad_rows`, flattened, (n,)."""
        return self._filled(kept_places(np.concatenate(self.lengths), self._longest))

    def _filled(self, places: NDArray[np.int64]) -> Tensor:
        return _index(np.pad(places, (0, self.tokens - len(places))), self._device)

    @property
    def _device(self) -> torch.device:
        return self.masks[0].device


def kept_places(lengths: Lengths, tokens: int) -> NDArray[np.int64]:
    """Return where the first tokens of each row stand in rows of so many tokens, flattened."""
    return np.flatnonzero(np.arange(tokens) < lengths[:, None])


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
            self._places = _index(kept_places(np.array(sizes), max(sizes)), device)

    def apart(self, x: Tensor) -> Tensor:
        """Turn (…, d) into (g, m, d), with zeros behind what a model has."""
        x = x.reshape(-1, x.shape[-1])
        if self._places is not None:
            g, m = self._shape
            x = _Spread.apply(x, self._places, g * m, len(x))  # type: ignore[no-untyped-call]
        return x.view(*self._shape, -1)

    def together(self, y: Tensor) -> Tensor:
        """Turn (g, m, d) into (n, d)."""
        y = y.flatten(0, 1)
        if self._places is None:
            return y
        collected: Tensor = _Collect.apply(  # type: ignore[no-untyped-call]
            y, self._places, len(self._places)
        )
        return collected


_current: ContextVar[RaggedBatch | None] = ContextVar("ragged", default=None)


@contextmanager
def laid_out(layout: RaggedBatch) -> Iterator[None]:
    """Let tensors of (1, n, …) be the tokens of a batch inside; dropout draws for its padding too.

    So what is dropped is the same with padding and without.
    """
    token = _current.set(layout)
    try:
        with DrawnAsPadded():
            yield
    finally:
        _current.reset(token)


def current_layout(x: Tensor) -> RaggedBatch | None:
    """Return the layout that x is in, if it is (1, n, …)."""
    layout = _current.get()
    if layout is None or x.ndim < 3 or x.shape[:2] != (1, layout.tokens):
        return None
    return layout


class DrawnAsPadded(TorchFunctionMode):
    """While it is entered, dropout on tokens without padding is drawn for the padded batch."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Take over what draws random numbers; see `TorchFunctionMode`."""
        options = kwargs or {}
        layout = current_layout(args[0]) if func is functional.dropout else None
        if layout is None or not options.get("training") or not options.get("p"):
            return func(*args, **options)
        x, (shape,) = args[0], layout.shapes
        with torch.no_grad():
            ones = x.new_ones(*shape, *x.shape[2:])
            mask = layout.join([functional.dropout(ones, options["p"])])
        return x * mask


class _Spread(torch.autograd.Function):
    """From (n, …) to (size, …): each to the place that is its own, with zeros elsewhere.

    Only the first `real` ones go anywhere.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor, size: int, real: int) -> Tensor:
        ctx.save_for_backward(places)
        ctx.real = real
        return x.new_zeros(size, *x.shape[1:]).index_copy_(0, places[:real], x[:real])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (places,) = ctx.saved_tensors
        by_x = gradient.index_select(0, places)
        if ctx.real < len(places):
            by_x[ctx.real :] = 0
        return by_x, None, None, None


class _Collect(torch.autograd.Function):
    """From (size, …) to (n, …): what stands at each place, none of the first `real` ones twice.

    `index_select` alone has to add gradients up, as places might repeat. Nobody reads what is
    behind the first `real` ones.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor, real: int) -> Tensor:
        ctx.save_for_backward(places)
        ctx.size, ctx.real = len(x), real
        return x.index_select(0, places)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        spread = gradient.new_zeros(ctx.size, *gradient.shape[1:])
        spread.index_copy_(0, places[: ctx.real], gradient[: ctx.real])
        return spread, None, None


def _index(places: NDArray[np.int64], device: torch.device) -> Tensor:
    return to_device(torch.from_numpy(places), device)
