"""After which epochs a worker waits to hear whether a trial goes on.

Who decides, and by which rule, is left to the orchestrator. No torch here: drivers read this too.
"""

import math

from workers.contract.frozen import Frozen


def epoch_at(point: float, epochs: int) -> int:
    """Return the epoch at whose end a point is reached.

    Args:
        point: an epoch, or below 1 a share of the training rows that a trial reads in all.
        epochs: of that trial.
    """
    return math.ceil(point * epochs - 1e-9) if point < 1 else int(point)


class DecisionPoints(Frozen):
    """When it is decided of a trial whether it goes on.

    Attributes:
        rungs: epochs, or shares of all training rows.
        every_from: likewise; every epoch from there on is one. None for none of them.
    """

    rungs: tuple[float, ...] = ()
    every_from: float | None = None

    @property
    def first(self) -> float:
        """Return the first of all points; infinity where there is none."""
        return min((*self.rungs, *([] if self.every_from is None else [self.every_from]), math.inf))

    def include(self, epoch: int, epochs: int) -> bool:
        """Tell whether it is decided after an epoch of a trial of so many; not after the last."""
        if epoch >= epochs:
            return False
        if self.every_from is not None and epoch >= epoch_at(self.every_from, epochs):
            return True
        return any(epoch == epoch_at(rung, epochs) for rung in self.rungs)
