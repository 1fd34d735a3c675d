"""Cut points: places between a transformer's blocks where a run can be stopped. No torch here."""

from dataclasses import dataclass, replace
from enum import IntEnum


class Block(IntEnum):
    """How far a layer has been run."""

    ENTRY = 0  # not at all
    ATTENTION = 1  # up to the projection of attention, in front of its residual and norm
    FEED_FORWARD = 2  # up to the projection of the feed-forward block, likewise


@dataclass(frozen=True, order=True)
class CutPoint:
    """A point on the way through the layers, in the order in which they are reached.

    Attributes:
        layer: 0…L; L, with `ENTRY`, is above the highest layer and its norm.
        summed: the activations there are the sum of projection and residual, which is all that some
            adapters read.
    """

    layer: int
    block: Block = Block.ENTRY
    summed: bool = False

    @property
    def unsummed(self) -> "CutPoint":
        """The same point with both parts apart, as a run passes it."""
        return replace(self, summed=False)

    @property
    def next(self) -> "CutPoint":
        """The point one block further on."""
        if self.block is Block.FEED_FORWARD:
            return CutPoint(self.layer + 1)
        return CutPoint(self.layer, Block(self.block + 1))

    def __str__(self) -> str:
        block = self.block.name.lower().replace("_", "-")
        return f"{self.layer}-{block}{'-sum' if self.summed else ''}"
