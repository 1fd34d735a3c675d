"""Attention scores and their softmax, the way that is cheapest on the device.

On a CPU it is computed in float32: over rows of bfloat16 torch's own takes up to twice as long, and
five times where they are short.

Legend for shapes: b batch, s queries, t keys, h heads, k size of a head.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

_VECTOR = 16
"""Rows shorter than this, torch's softmax takes element by element: 15 times as long."""
_HALF_VECTOR = 32
"""Likewise the backward pass of its softmax in bfloat16."""


def softmax(scores: Tensor) -> Tensor:
    """Return the softmax over the last dimension, in the type of the scores."""
    length = scores.shape[-1]
    if scores.device.type != "cpu":
        return torch.softmax(scores, -1)
    if length < _VECTOR:
        scores = functional.pad(scores, (0, _VECTOR - length), value=-math.inf)
    weights = torch.softmax(scores, -1, dtype=torch.promote_types(scores.dtype, torch.float32))
    return weights[..., :length].to(scores.dtype)


def softmax_backward(gradient: Tensor, weights: Tensor) -> Tensor:
    """Return the gradient by the scores, in the type of the weights."""
    length, kind = weights.shape[-1], weights.dtype
    if length < _HALF_VECTOR and kind in (torch.bfloat16, torch.float16):
        gradient, weights = gradient.float(), weights.float()
    if length < _VECTOR:
        padding = (0, _VECTOR - length)
        gradient, weights = functional.pad(gradient, padding), functional.pad(weights, padding)
    found = torch._softmax_backward_data(gradient, weights, -1, weights.dtype)
    return found[..., :length].to(kind)


def added_to_scores(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to the scores for a boolean mask, or the mask if it is that."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, -math.inf)


def attention_weights(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return how much each query attends to each key, (b, h, s, t).

    Args:
        query: (b, h, s, k).
        key: (b, h, t, k).
        attn_mask: boolean, True where a query sees a key, or what is added to the scores; every
            query has to see some key.
        is_causal: instead of a mask, each query sees the keys up to its own position.
        scale: of the scores, 1/√k by default.
    """
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.transpose(-1, -2)
    if is_causal:
        attn_mask = no_later(query, key)
    if attn_mask is not None:
        scores = scores + added_to_scores(attn_mask, scores.dtype)
    return softmax(scores)


def no_later(query: Tensor, key: Tensor) -> Tensor:
    """Return (s, t): True where a key is not behind the query."""
    shape = query.shape[-2], key.shape[-2]
    return torch.ones(shape, dtype=torch.bool, device=query.device).tril()
