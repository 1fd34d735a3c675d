"""Micro-batches: the rows of one forward and backward pass of a trial.

Where gradients are accumulated, several make one step of the optimiser.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.batches.batching import Indices


@dataclass(frozen=True)
class MicroBatch:
    """The rows of one pass, and its place in a step of the optimiser.

    Attributes:
        indices: of its rows.
        depth: how many lowest layers drop their adapters.
        step: the optimiser's step that it is part of, from 0.
        step_rows: how many rows that step has.
        first, last: whether it is the first or the last of its step.
    """

    indices: Indices
    depth: int
    step: int
    step_rows: int
    first: bool = True
    last: bool = True

    @property
    def weight(self) -> float:
        """What its mean loss counts for in its step: its share of the rows."""
        return len(self.indices) / self.step_rows


def micro_batches_of(step: int, batches: Sequence[tuple[Indices, int]]) -> list[MicroBatch]:
    """Return the micro-batches of one step, from the rows and the drop depth of each."""
    rows = sum(len(indices) for indices, _ in batches)
    last = len(batches) - 1
    return [
        MicroBatch(indices, depth, step, rows, first=number == 0, last=number == last)
        for number, (indices, depth) in enumerate(batches)
    ]
