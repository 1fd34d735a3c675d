"""Points between the blocks of a transformer, where a run can be stopped, stored and taken up.

What lies below the lowest adapter is frozen, so what is held there depends on the input alone and
can be computed once for all trials. Who stores it is left to the caller.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adapter_lib.config.cut_points import Block as Block
from adapter_lib.config.cut_points import Tap as Tap


@dataclass(frozen=True)
class Held:
    """What a run holds at a tap.

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
    def of(cls, parts: tuple[Tensor, ...]) -> "Held":
        """Return what has these `parts`."""
        return cls(parts[0] if len(parts) == 2 else None, parts[-1])

    def at(self, tap: Tap) -> "Held":
        """Return what is stored of it for `tap`: the sum if that is all that is read there."""
        if not tap.added or self.x is None:
            return self
        return Held(None, self.x + self.residual)

    def apart(self) -> tuple[Tensor, Tensor]:
        """Return projection and residual, or the sum and a scalar zero for the residual."""
        if self.x is None:
            return self.residual, torch.zeros((), device=self.residual.device)
        return self.x, self.residual


@dataclass(frozen=True)
class Start:
    """Where to take up a run, instead of at the embeddings, and what was held there."""

    tap: Tap
    held: Held
