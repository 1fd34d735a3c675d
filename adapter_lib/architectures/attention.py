"""Scaled dot-product attention and its masks, for the architectures of this folder.

Legend for shapes: b batch, s tokens, h heads, k size of a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Visible:
    """Which tokens see which.

    Attributes:
        mask: boolean, (b, 1, 1 or s, s), True where the query (row) sees the key (column), or
            what is added to their scores, (b, h, s, s); None where all see all.
        causal: without mask, that a token sees no later ones.
    """

    mask: Tensor | None
    causal: bool = False

    def by(self, read: Tensor | None, keys: int) -> "Visible":
        """Return what the tokens at `read`, (b,), see of `keys` tokens; for None, all of them.

        The mask is (b or 1, 1 or h, 1, s) then.
        """
        if read is None or (self.mask is None and not self.causal):
            return self
        if self.mask is None:
            positions = torch.arange(keys, device=read.device)
            return Visible((positions <= read[:, None])[:, None, None, :])
        if self.mask.shape[2] == 1:
            return self
        rows = self.mask.expand(len(read), -1, -1, -1)
        return Visible(rows[torch.arange(len(read), device=read.device), :, read][:, :, None])


def visible_everywhere(h: Tensor, token_mask: Tensor) -> Visible:
    """Let every token see all real ones."""
    return Visible(None if _all_real(token_mask) else token_mask[:, None, None, :])


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
    lowered = torch.is_autocast_enabled(kind) and h.dtype == torch.float32
    return h.to(torch.get_autocast_dtype(kind)) if lowered else h


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Turn (b, s, h·k) into (b, h, s, k)."""
    apart: Tensor = x.unflatten(-1, (heads, -1))  # type: ignore[no-untyped-call]
    return apart.transpose(1, 2)


def read_heads(x: Tensor, read: Tensor | None) -> Tensor:
    """Return x, (b, h, s, k), at one position of each row, (b, h, 1, k), or all of x for None."""
    if read is None:
        return x
    return x[torch.arange(len(x), device=x.device), :, read][:, :, None]


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


def _all_real(token_mask: Tensor) -> bool:
    """Say whether the mask can be left out, which is faster.

    Asking a GPU would make it wait, so there the mask is always given.
    """
    return token_mask.device.type == "cpu" and bool(token_mask.all())


def _or_itself(mask: Tensor, distance: Tensor) -> Tensor:
    """Let a token see itself, so that no row of a softmax is empty."""
    return mask | (distance == 0)
