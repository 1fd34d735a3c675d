"""Points between the blocks of a transformer, where a run can be stopped, stored and taken up.

What lies below the lowest adapter is frozen, so what is held there depends on the input alone and
can be computed once for all trials. Who stores it is left to the caller.

Legend for shapes: b batch, s tokens, d hidden, L layers.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from torch import Tensor


class Block(IntEnum):
    """How far a layer has been run."""

    ENTRY = 0  # not at all
    ATTENTION = 1  # up to the projection of attention, in front of its residual and norm
    FEED_FORWARD = 2  # up to the projection of the feed-forward block, likewise


@dataclass(frozen=True, order=True)
class Tap:
    """A point on the way through the layers, in the order in which they are reached.

    Attributes:
        layer: 0…L; L, with `ENTRY`, is above the highest layer and its norm.
        added: what is held is the sum of projection and residual, which is all that some adapters
            read there.
    """

    layer: int
    block: Block = Block.ENTRY
    added: bool = False

    @property
    def point(self) -> "Tap":
        """The same point with both parts apart, as a run passes it."""
        return replace(self, added=False)

    @property
    def next(self) -> "Tap":
        """The point one block further on."""
        if self.block is Block.FEED_FORWARD:
            return Tap(self.layer + 1)
        return Tap(self.layer, Block(self.block + 1))

    def __str__(self) -> str:
        block = self.block.name.lower().replace("_", "-")
        return f"{self.layer}-{block}{'-sum' if self.added else ''}"


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
