"""Scaled dot-product attention and its masks, for the architectures of this folder.

Legend for shapes: b batch, s tokens, h heads, k size of a head.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.transformer.architectures.layer_parts import read_tokens
from adapter_lib.transformer.ragged_batch import RaggedBatch


@dataclass(frozen=True)
class Visible:
    """Which tokens see which.

    Attributes:
        mask: boolean, (b, 1, 1 or s, s), True where the query (row) sees the key (column), or
            what is added to their scores, (b, h, s, s); None where all see all.
        causal: without mask, that a token sees no later ones.
        layout: of rows one after another without padding; each token sees all of its own row.
    """

    mask: Tensor | None
    causal: bool = False
    layout: RaggedBatch | None = None

    def by(self, token_index: Tensor | None, keys: int) -> "Visible":
        """Return what the tokens at `token_index`, (b,), see of `keys` tokens; None: all of them.

        The mask is (b or 1, 1 or h, 1, s) then.
        """
        if token_index is None or (self.mask is None and not self.causal):
            return self
        if self.mask is None:
            positions = torch.arange(keys, device=token_index.device)
            return Visible((positions <= token_index[:, None])[:, None, None, :])
        if self.mask.shape[2] == 1:
            return self
        rows = self.mask.expand(len(token_index), -1, -1, -1)
        return Visible(
            rows[torch.arange(len(token_index), device=token_index.device), :, token_index][
                :, :, None
            ]
        )


def visible_everywhere(h: Tensor, token_mask: Tensor) -> Visible:
    """Let every token see all real ones."""
    return Visible(None if _all_real(token_mask) else token_mask[:, None, None, :])


def visible_in_rows(layout: RaggedBatch) -> Visible:
    """Let every token see all of its row, in rows one after another."""
    return Visible(None, layout=layout)


def visible_before(h: Tensor, token_mask: Tensor) -> Visible:
    """Let every token see itself and the real ones before it."""
    if _all_real(token_mask):
        return Visible(None, causal=True)
    distance = token_distance(token_mask)
    return Visible(_or_itself((distance >= 0) & token_mask[:, None, None, :], distance))


def visible_within(token_mask: Tensor, window: int, *, causal: bool) -> Visible:
    """Let every token see the real ones at most `window` away, for causal those before it only."""
    distance = token_distance(token_mask)
    near = (distance <= window) & (distance >= (0 if causal else -window))
    return Visible(_or_itself(near & token_mask[:, None, None, :], distance))


def token_distance(token_mask: Tensor) -> Tensor:
    """Return (s, s): the query's position (row) less the key's (column)."""
    positions = torch.arange(token_mask.shape[1], device=token_mask.device)
    return positions[:, None] - positions[None, :]


def cast_once(h: Tensor) -> Tensor:
    """Return h as autocast will have it, so that several products need one cast, not one each."""
    kind = h.device.type
    if h.dtype != torch.float32 or not torch.amp.is_autocast_available(kind):
        return h
    if not torch.is_autocast_enabled(kind):
        return h
    return h.to(torch.get_autocast_dtype(kind))


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Turn (b, s, h·k) into (b, h, s, k)."""
    apart: Tensor = x.unflatten(-1, (heads, -1))  # type: ignore[no-untyped-call]
    return apart.transpose(1, 2)


def read_heads(x: Tensor, token_index: Tensor | None) -> Tensor:
    """Return x, (b, h, s, k), at one position of each row, (b, h, 1, k), or all of x for None."""
    if token_index is None:
        return x
    return x[torch.arange(len(x), device=x.device), :, token_index][:, :, None]


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    visible: Visible,
    dropout: float,
    scale: float | None = None,
) -> Tensor:
    """Return the heads' outputs side by side, (b, s, h·k), from three of (b, h, s, k).

    Args:
        dropout: on the attention weights; 0 outside of training.
        scale: of the scores, 1/√k by default.
    """
    if visible.layout is not None:
        x = visible.layout.attend(query, key, value, dropout, scale)
        return x.transpose(1, 2).flatten(-2)
    x = functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=visible.mask,
        dropout_p=dropout,
        is_causal=visible.causal,
        scale=scale,
    )
    return x.transpose(1, 2).flatten(-2)


def self_attend(
    h: Tensor,
    query: nn.Linear,
    key: nn.Linear,
    value: nn.Linear,
    *,
    heads: int,
    visible: Visible,
    dropout: float,
    token_index: Tensor | None,
) -> Tensor:
    """Return the heads' outputs side by side, (b, s, d), for queries, keys and values of h alone.

    Args:
        h: (b, s, d).
        visible: by the tokens at `token_index`, where that is given.
        dropout: on the attention weights; 0 outside of training.
        token_index: the positions, (b,), of the tokens that attend, (b, 1, d) then; None for all.
    """
    if token_index is not None and visible.layout is not None:
        asking = visible.layout.read(h, token_index)[0][:, None]
        h, visible = visible.layout.pad_rows(h), Visible(visible.layout.row_mask)
    else:
        asking = read_tokens(h, token_index)
    if token_index is None or key.weight.requires_grad or value.weight.requires_grad:
        return attend(
            split_heads(query(asking), heads),
            split_heads(key(h), heads),
            split_heads(value(h), heads),
            visible=visible,
            dropout=dropout,
        )
    q = query(asking).view(len(h), heads, -1)
    return _attend_to_states(q, h, key, value, visible=visible, dropout=dropout)


def _attend_to_states(
    query: Tensor, h: Tensor, key: nn.Linear, value: nn.Linear, *, visible: Visible, dropout: float
) -> Tensor:
    """Return what one token of each row gets, (b, 1, h·k), without keys and values of the others.

    Its scores q·(W_k h + b_k) are (W_kᵀ q)·h and a term that is the same for all tokens, which a
    softmax ignores; likewise Σ a (W_v h + b_v) = W_v Σ a h + b_v Σ a. So both weights are applied
    once to each row and head instead of once to each token.

    Args:
        query: (b, h, k).
        h: (b, s, d).
    """
    heads, size = query.shape[1:]
    by_head = key.weight.view(heads, size, -1)
    asked = torch.matmul(query.transpose(0, 1) / math.sqrt(size), by_head).transpose(0, 1)
    scores = torch.matmul(asked, h.transpose(1, 2))
    if visible.mask is not None:
        scores = scores + _added_to_scores(visible.mask, scores.dtype)[:, :, 0]
    weights = torch.softmax(scores, -1).to(scores.dtype)[:, :, None]
    if dropout:
        weights = functional.dropout(weights, p=dropout)
    mixed = torch.matmul(weights[:, :, 0], h)
    by_head = value.weight.view(heads, size, -1).transpose(1, 2)
    x = torch.matmul(mixed.transpose(0, 1), by_head).transpose(0, 1)
    x = x + weights.sum(-1) * value.bias.view(heads, size)
    return x.flatten(1)[:, None]


def _added_to_scores(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to the scores for a boolean mask, or the mask if it is that."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, -math.inf)


def _all_real(token_mask: Tensor) -> bool:
    """Say whether the mask can be left out, which is faster.

    Asking a GPU would make it wait, so there the mask is always given.
    """
    return token_mask.device.type == "cpu" and bool(token_mask.all())


def _or_itself(mask: Tensor, distance: Tensor) -> Tensor:
    """Let a token see itself, so that no row of a softmax is empty."""
    return mask | (distance == 0)
