"""Activations at a cut point: the hidden states from which a run over the layers can go on.

What lies below the lowest adapter is frozen, so the activations there depend on the input alone
and can be computed once for all trials. Who stores it is left to the caller.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adapter_lib.config.cut_points import Block as Block
from adapter_lib.config.cut_points import CutPoint as CutPoint


@dataclass(frozen=True)
class Activations:
    """The activations of a run at a cut point.

    Attributes:
        x: the block's projection, (b, s, d); None at a layer's entry, and where it was added.
        residual: its residual, (b, s, d); at a layer's entry the hidden states; otherwise the sum.
    """

    x: Tensor | None
    residual: Tensor

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors in it, one or two."""
        return (self.residual,) if self.x is None else (self.x, self.residual)

    @classmethod
    def of(cls, parts: tuple[Tensor, ...]) -> "Activations":
        """Return what has these `parts`."""
        return cls(parts[0] if len(parts) == 2 else None, parts[-1])

    def at(self, cut_point: CutPoint) -> "Activations":
        """Return what is stored of it for `cut_point`: the sum if no more is read there."""
        if not cut_point.summed or self.x is None:
            return self
        return Activations(None, self.x + self.residual)

    def apart(self) -> tuple[Tensor, Tensor]:
        """Return projection and residual, or the sum and a scalar zero for the residual."""
        if self.x is None:
            return self.residual, torch.zeros((), device=self.residual.device)
        return self.x, self.residual


@dataclass(frozen=True)
class ActivationsAt:
    """Where to take up a run, instead of at the embeddings, and the activations there."""

    cut_point: CutPoint
    activations: Activations
