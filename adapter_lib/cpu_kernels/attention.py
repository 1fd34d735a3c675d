"""Attention on a CPU, a few rows at a time.

Torch has no fused attention with dropout for CPUs, and from its single operations the weights of a
whole batch go through memory some ten times. Here they go there once, for the backward pass. What
torch looks for and this does not: rows that see nothing. No mask of `architectures.attention` has
one.

Legend for shapes: b batch, s queries, t keys, h heads, k size of a head.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from adapter_lib.cpu_kernels.dropout import dropout, kept, random_levels
from adapter_lib.transformer.softmax import (
    added_to_scores,
    attention_weights,
    no_later,
    softmax,
    softmax_backward,
)

_ROWS_BYTES = 1 << 19
"""Weights of the rows taken at a time: half of a usual second-level cache."""


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return `scaled_dot_product_attention`, (b, h, s, k), in which every query sees some key.

    Args:
        attn_mask: boolean, True where a query sees a key, or what is added to the scores.
    """
    learnt = attn_mask is not None and attn_mask.requires_grad
    if dropout_p == 0.0 and (learnt or query.dtype != torch.bfloat16):
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask, 0.0, is_causal, scale=scale
        )
    if learnt or not 0 <= dropout_p < 1:
        weights = attention_weights(query, key, attn_mask, is_causal=is_causal, scale=scale)
        return dropout(weights, dropout_p) @ value
    if is_causal:
        attn_mask = no_later(query, key)
    return _cached_attention(query, key, value, attn_mask, dropout_p, scale)


def _cached_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None,
    dropout_p: float,
    scale: float | None,
) -> Tensor:
    """Return the attention outputs, (b, h, s, k), side by side in memory as (b, s, h·k).

    Args:
        value: (b, h, t, k); for the others see `attention_weights`. The mask gets no gradient.
    """
    levels = None
    if dropout_p:
        levels = random_levels(torch.Size((*query.shape[:-1], key.shape[-2])), dropout_p)
    if attn_mask is not None:
        attn_mask = added_to_scores(attn_mask, query.dtype)
        attn_mask = attn_mask.view(*(1,) * (4 - attn_mask.ndim), *attn_mask.shape)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    output: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
        query, key, value, attn_mask, levels, dropout_p, scale
    )
    return output


class _Attention(torch.autograd.Function):
    """Keeps its inputs and the weights before dropout, which is computed again going back."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        levels: Tensor | None,
        p: float,
        scale: float,
    ) -> Tensor:
        b, h, s, _ = query.shape
        shape = (b, h, s, key.shape[2])
        needed = any(ctx.needs_input_grad)
        stored = query.new_empty(shape) if needed else None
        output = _side_by_side(query, value.shape[-1])
        with torch.autocast("cpu", enabled=False):
            for rows in _few_rows(shape, query.element_size()):
                q, k, v = (x[rows].flatten(0, 1) for x in (query, key, value))
                scores = _rows_of(torch.bmm(q * scale, k.transpose(1, 2)), h)
                if mask is not None:
                    scores += mask[rows] if len(mask) > 1 else mask
                weights = softmax(scores)
                if stored is not None:
                    stored[rows] = weights
                if levels is not None:
                    weights = weights * kept(levels[rows], p, weights.dtype)
                    v = v * (1 / (1 - p))
                output[rows] = _rows_of(torch.bmm(weights.flatten(0, 1), v), h)
        if stored is not None:
            ctx.save_for_backward(query, key, value, stored, levels)
            ctx.p, ctx.scale = p, scale
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, stored, levels = ctx.saved_tensors
        p, h = ctx.p, query.shape[1]
        by_query, by_key, by_value = (_side_by_side(x, x.shape[-1]) for x in (query, key, value))
        for rows in _few_rows(stored.shape, stored.element_size()):
            q, k, v, g = (x[rows].flatten(0, 1) for x in (query, key, value, gradient))
            weights = stored[rows].flatten(0, 1)
            if levels is None:
                by_weights = torch.bmm(g, v.transpose(1, 2))
                by_value[rows] = _rows_of(torch.bmm(weights.transpose(1, 2), g), h)
            else:
                g = g * (1 / (1 - p))
                mask = kept(levels[rows], p, weights.dtype).flatten(0, 1)
                by_weights = torch.bmm(g, v.transpose(1, 2)).mul_(mask)
                mask *= weights
                by_value[rows] = _rows_of(torch.bmm(mask.transpose(1, 2), g), h)
            by_scores = softmax_backward(by_weights, weights)
            by_query[rows] = _rows_of(torch.bmm(by_scores, k * ctx.scale), h)
            by_key[rows] = _rows_of(torch.bmm(by_scores.transpose(1, 2), q * ctx.scale), h)
        return by_query, by_key, by_value, None, None, None, None


def _rows_of(x: Tensor, heads: int) -> Tensor:
    """Turn (rows·h, …) into (rows, h, …)."""
    return x.view(-1, heads, *x.shape[1:])


def _few_rows(shape: tuple[int, ...], element_size: int) -> Iterator[slice]:
    """Yield slices of b, together all of them, from weights' shape (b, h, s, t)."""
    each = element_size * max(1, math.prod(shape[1:]))
    step = max(1, _ROWS_BYTES // each)
    for first in range(0, shape[0], step):
        yield slice(first, first + step)


def _side_by_side(like: Tensor, size: int) -> Tensor:
    """Return an empty (b, h, s, size) that is (b, s, h·size) in memory."""
    b, h, s, _ = like.shape
    return like.new_empty(b, s, h, size).transpose(1, 2)
