"""Rotary positions (Su et al. 2021), as transformers lays them out: a head's two halves are paired.

Legend for shapes: b batch, s tokens, h heads, k size of a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adapter_lib.transformer.architectures.attention import Visible


@dataclass(frozen=True)
class Rotation:
    """Attributes:
    cosines, sines: (1, s, k), of each token's angles.
    """

    cosines: Tensor
    sines: Tensor

    def rotate(self, x: Tensor) -> Tensor:
        """Return queries or keys, (b, h, s, k), turned by their positions."""
        left, right = x.chunk(2, dim=-1)
        cosines, sines = self.cosines[:, None].to(x.dtype), self.sines[:, None].to(x.dtype)
        return x * cosines + torch.cat([-right, left], dim=-1) * sines


@dataclass(frozen=True)
class RotaryContext:
    """Attributes:
    visible: by the kind of layer, which tokens see which.
    rotation: by the kind of layer.
    """

    visible: dict[str, Visible]
    rotation: dict[str, Rotation]


def token_positions(h: Tensor) -> Tensor:
    """Return (1, s): positions counted from the left edge of the batch, padding included."""
    return torch.arange(h.shape[1], device=h.device)[None]
