"""Attention by the compiled kernels, on a CPU: each head of a row stays in the nearest cache.

Padding costs nothing. Legend for shapes: b batch, s queries, t keys, h heads, k size of a head.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakIdKeyDictionary

from adapter_lib.cpu_kernels.compiled import LANES, address, compiled, is_half
from adapter_lib.cpu_kernels.dropout import lowest_kept, random_levels
from adapter_lib.ragged import Ragged


def can_attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | Ragged | None) -> bool:
    """Say whether the kernels can read queries, keys and values, (b, h, s or t, k), and the mask.

    The mask has to be boolean, (b, 1, 1, t), True for the first tokens of each row, or the layout
    of a single batch.
    """
    if key.shape != value.shape or key.shape[:2] != query.shape[:2]:
        return False
    alike = query.dtype == key.dtype == value.dtype and is_half(query) is not None
    readable = all(_is_readable(x) for x in (query, key, value))
    if not (alike and readable and key.stride() == value.stride()):
        return False
    return can_mask(mask, rows=len(key), keys=key.shape[2])


def can_mask(mask: Tensor | Ragged | None, *, rows: int, keys: int) -> bool:
    """Say whether the kernels are there and know this mask or layout; see `can_attend`."""
    if compiled() is None:
        return False
    if isinstance(mask, Ragged):
        return mask.alone is None
    return mask is None or lengths_of(mask, rows=rows, keys=keys) is not None


def lengths_of(mask: Tensor, *, rows: int, keys: int) -> Tensor | None:
    """Return how many keys each row's queries see, (b,), from a boolean mask, (b, 1, 1, t).

    None if they are not the first ones, or the mask is another one.
    """
    if mask.dtype != torch.bool or mask.shape != (rows, 1, 1, keys):
        return None
    known: Tensor | str | None = _lengths.get(mask, "")  # type: ignore[no-untyped-call]
    if not isinstance(known, str):
        return known
    seen = mask[:, 0, 0]
    lengths = seen.sum(1)
    first = torch.arange(keys) < lengths[:, None]
    found = lengths if bool((first == seen).all()) and bool((lengths > 0).all()) else None
    _lengths[mask] = found
    return found


_lengths: WeakIdKeyDictionary = WeakIdKeyDictionary()
"""Mask → `lengths_of` it: every layer of a batch has the same mask."""


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | Ragged | None,
    dropout: float,
    scale: float | None,
) -> Tensor:
    """Return the attention outputs, (b, h, s, k), side by side in memory as (b, s, h·k).

    Args:
        query: (b, h, s, k), like the following something that `can_attend` agrees to. Where there
            are as many queries as keys, the queries behind a row's last key get zeros.
        mask: boolean, (b, 1, 1, t); or the layout of rows without padding, b being 1 then, and s
            and t all of their tokens.
    """
    dropped = _Dropped.drawn(_weights_shape(query, key.shape[2], mask), dropout)
    output: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
        dropped, mask, scale, query, key, value
    )
    return output


def self_attend(
    states: Tensor,
    heads: int,
    mask: Tensor | Ragged | None,
    dropout: float,
    scale: float | None = None,
) -> Tensor:
    """Return the attention outputs of queries, keys and values that lie side by side.

    Args:
        states: (b, s, 3·h·k).
        mask: as for `attend`.

    Returns:
        (b, s, h·k).
    """
    query, key, _ = _apart(states, heads)
    dropped = _Dropped.drawn(_weights_shape(query, key.shape[2], mask), dropout)
    output: Tensor = _SelfAttention.apply(  # type: ignore[no-untyped-call]
        dropped, mask, scale, states, heads
    )
    return output


def _is_readable(x: Tensor) -> bool:
    k = x.shape[3]
    batch, head, token, element = x.stride()
    whole = k % LANES == 0 and x.numel() > 0
    return whole and (head, element) == (k, 1) and batch == x.shape[2] * token


def _weights_shape(query: Tensor, keys: int, mask: Tensor | Ragged | None) -> torch.Size:
    """Return (b, h, s, t) of the padded batch."""
    b, h, s, _ = query.shape
    if isinstance(mask, Ragged):
        ((b, s),) = mask.shapes
        keys = s
    return torch.Size((b, h, s, keys))


_States = tuple[Tensor, Tensor, Tensor]
"""Queries, keys and values."""


@dataclass(frozen=True)
class _Dropped:
    """What dropout on the weights, of this shape, leaves."""

    shape: torch.Size
    levels: Tensor | None
    p: float

    @classmethod
    def drawn(cls, shape: torch.Size, p: float) -> "_Dropped":
        return cls(shape, random_levels(shape, p) if p else None, p)


class _Call:
    """What both directions of one attention give the kernels besides addresses.

    Each direction brings the tensors that it reads: under checkpointing, backward gets others than
    forward had, computed again.
    """

    def __init__(
        self,
        states: _States,
        mask: Tensor | Ragged | None,
        dropped: _Dropped,
        scale: float | None,
    ) -> None:
        query, key, value = states
        half = is_half(query)
        assert half is not None
        self._module: Any = compiled()
        self.strides = tuple(x.stride() for x in states)
        _, h, queries, k = query.shape
        self._output_shape = query.shape[0], queries, h, k
        self._mask = mask
        p = dropped.p
        self._numbers = (
            *(dropped.shape[0], h, k, query.stride(2), key.stride(2), value.stride(2)),
            *(lowest_kept(p) if p else 0, 1 / (1 - p)),
            *(1 / math.sqrt(k) if scale is None else scale, half),
        )

    def new(self, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return memory for what is written for real tokens only."""
        if isinstance(self._mask, Tensor):
            return like.new_zeros(shape)
        made = like.new_empty(shape)
        if self._mask is not None:
            made[:, self._mask.real :] = 0
        return made

    def new_alike(self, x: Tensor, strides: tuple[int, ...]) -> Tensor:
        """Return memory for the gradient by x, (b, h, n, k), with these strides."""
        b, _, n, _ = x.shape
        return self.new(x, (b, n, strides[2])).as_strided(x.shape, strides)

    def forward(
        self, states: _States, weights: Tensor | None, levels: Tensor | None, rows: Tensor
    ) -> Tensor:
        """Return the outputs, (b, s, h, k), and write the weights where there is memory for them.

        Args:
            rows: as `_rows` returns them.
        """
        b, s, h, k = self._output_shape
        output = self.new(states[0], (b, s, h, k))
        given = *map(address, (*states, weights, levels, rows)), *self._numbers
        self._module.attention(*given, address(output), h * k)
        return output

    def backward(
        self, states: _States, weights: Tensor, rows: Tensor, gradient: Tensor, made: _States
    ) -> None:
        """Write the gradients into `made`, whose strides are those of forward's states."""
        _, _, h, k = self._output_shape
        read = [
            x if x.stride() == strides else x.new_empty_strided(x.shape, strides).copy_(x)
            for x, strides in zip(states, self.strides, strict=True)
        ]
        weights, by_output = weights.contiguous(), gradient.contiguous()
        given = *map(address, (*read, weights, None, rows)), *self._numbers
        self._module.attention_backward(*given, address(by_output), h * k, *map(address, made))


def _rows(states: _States, mask: Tensor | Ragged | None, shape: torch.Size) -> Tensor:
    """Return what `kernels.c` has to know of each row, int64, for weights of this shape."""
    query, key, _ = states
    h, k = query.shape[1], query.shape[3]
    b, _, s, t = shape
    numbers = torch.arange(b)
    if isinstance(mask, Ragged):
        asking = seen = mask.row_lengths
        first_query = first_key = mask.row_starts
    else:
        asking, seen = numbers.new_full((b,), s), numbers.new_full((b,), t)
        first_query, first_key = numbers * s, numbers * t
    if isinstance(mask, Tensor):
        lengths = lengths_of(mask, rows=b, keys=t)
        assert lengths is not None
        seen = lengths
        asking = lengths if s == t else asking
    return torch.stack(
        [
            first_query * query.stride(2),
            first_key * key.stride(2),
            first_query * (h * k),
            numbers * (h * s * t),
            numbers.new_full((b,), s * t),
            numbers.new_full((b,), t),
            asking,
            seen,
        ],
        dim=1,
    )


def _run(
    ctx: Any,
    states: _States,
    mask: Tensor | Ragged | None,
    dropped: _Dropped,
    scale: float | None,
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return the outputs, (b, s, h, k), and the weights and rows that backward will ask for."""
    weights = states[0].new_empty(dropped.shape) if any(ctx.needs_input_grad) else None
    rows = _rows(states, mask, dropped.shape)
    ctx.call = _Call(states, mask, dropped, scale)
    output: Tensor = ctx.call.forward(states, weights, dropped.levels, rows)
    return output, weights, rows


class _Attention(torch.autograd.Function):
    """Keeps its inputs, and the weights before dropout with the sign of what was dropped."""

    @staticmethod
    def forward(
        ctx: Any,
        dropped: _Dropped,
        mask: Tensor | Ragged | None,
        scale: float | None,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> Tensor:
        output, weights, rows = _run(ctx, (query, key, value), mask, dropped, scale)
        ctx.save_for_backward(query, key, value, weights, rows)
        return output.transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weights, rows = ctx.saved_tensors
        made = tuple(map(ctx.call.new_alike, (query, key, value), ctx.call.strides))
        states = query, key, value
        ctx.call.backward(states, weights, rows, gradient.transpose(1, 2), made)
        return None, None, None, *made


class _SelfAttention(torch.autograd.Function):
    """The same for states that lie side by side, whose gradients do so too."""

    @staticmethod
    def forward(
        ctx: Any,
        dropped: _Dropped,
        mask: Tensor | Ragged | None,
        scale: float | None,
        states: Tensor,
        heads: int,
    ) -> Tensor:
        output, weights, rows = _run(ctx, _apart(states, heads), mask, dropped, scale)
        ctx.save_for_backward(states, weights, rows)
        ctx.heads = heads
        return output.flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        states, weights, rows = ctx.saved_tensors
        states = states.contiguous()
        made = ctx.call.new(states, states.shape)
        apart, by = _apart(states, ctx.heads), _apart(made, ctx.heads)
        ctx.call.backward(apart, weights, rows, gradient, by)
        return None, None, None, made, None


def _apart(states: Tensor, heads: int) -> _States:
    """Turn (b, s, 3·h·k) into three of (b, h, s, k) in the same memory."""
    b, s, d = states.shape
    query, key, value = states.view(b, s, 3, heads, d // (3 * heads)).permute(2, 0, 3, 1, 4)
    return query, key, value
