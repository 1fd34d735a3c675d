"""Self-attention with its projections, all three in one product, on a CPU under autocast.

Legend for shapes: b batch, s tokens, h heads, k size of a head, d hidden.
"""

import torch
from torch import Tensor, nn

from adapter_lib.cpu_kernels.compiled import LANES
from adapter_lib.cpu_kernels.compiled_attention import can_mask, self_attend
from adapter_lib.cpu_kernels.mode import are_active
from adapter_lib.cpu_kernels.products import frozen_linear, is_frozen
from adapter_lib.ragged import Ragged


def projected_attention(
    h: Tensor,
    query: nn.Linear,
    key: nn.Linear,
    value: nn.Linear,
    *,
    heads: int,
    mask: Tensor | Ragged | None,
    dropout: float,
) -> Tensor | None:
    """Return the heads' outputs side by side, (b, s, h·k), or None where that has to be done apart.

    Args:
        h: (b, s, d).
        mask: boolean, (b, 1, 1, s), True where a token is seen; or the layout that h is in.
        dropout: on the attention weights; 0 outside of training.
    """
    projections = query, key, value
    outputs = {projection.out_features for projection in projections}
    size = query.out_features // heads
    joint = (
        are_active()
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
        and h.numel() > 0
        and len(outputs) == 1
        and size % LANES == 0
        and all(is_frozen(p.weight) and p.weight.dtype == torch.float32 for p in projections)
        and len({p.bias is None for p in projections}) == 1
        and can_mask(mask, rows=len(h), keys=h.shape[1])
    )
    if not joint:
        return None
    weights, biases = ([getattr(p, name) for p in projections] for name in ("weight", "bias"))
    return self_attend(frozen_linear(h, weights, biases), heads, mask, dropout)
