"""One trial in a pack: its batches, its random numbers, and where its parameters are meanwhile."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapter_lib.joint.row_dropout import RandomStream
from adapter_lib.joint.stacked_parameters import Bank
from workers.batches.batching import Indices
from workers.errors import TrialFailedError
from workers.joint.stacked_optimiser import BankOptimiser, Change
from workers.training.trainer import Fit


@dataclass(frozen=True)
class Draw:
    """One batch: its rows, the layers it drops, its optimiser step, how many rows that has, and if
    it is the last one of it.
    """

    indices: Indices
    depth: int
    step: int
    step_rows: int
    last: bool


class Member:
    """One trial in a pack.

    Attributes:
        fit: what is trained.
        stream: what its dropout draws from.
        train_s: its share of the seconds of this epoch's passes.
        total: the sum of this epoch's losses that were read.
        failure: why it cannot go on.
        pack_width: the most members that a pass with it had.
    """

    def __init__(self, fit: Fit) -> None:
        """Take over a fit that was just built or restored, with the random numbers after that."""
        self.fit = fit
        self.stream = RandomStream(fit.device)
        self.bank: Bank | None = None
        self.optimiser: BankOptimiser | None = None
        self.slot = 0
        self.pack_width = 1
        self.failure: TrialFailedError | None = None
        self._group: list[Draw] = []
        self._group_state = self.stream.state
        self._used: NDArray[np.bool_] | None = None
        self._known = 0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Draw the batches of the coming epoch."""
        self.train_s, self.total = 0.0, 0.0
        self._draws: deque[Draw] = deque()
        if self.fit.done:
            return
        groups, first = self.fit.draw_epoch(), self.fit.next_step
        self.steps = len(groups)
        for position, group in enumerate(groups):
            rows = sum(map(len, group))
            for indices in group:
                draw = Draw(
                    indices, self.fit.draw_depth(), first + position, rows, indices is group[-1]
                )
                self._draws.append(draw)

    @property
    def draw(self) -> Draw:
        """The next batch."""
        return self._draws[0]

    @property
    def epoch_ended(self) -> bool:
        return not self._draws

    def begin_batch(self) -> None:
        """Note what the next batch has gradients for, and how to do its group again."""
        if self._used is None:
            self._group, self._group_state = [], self.stream.state
            self._used = np.zeros(1, bool)
            if self.bank is None:
                self.fit.optimiser.zero_grad(set_to_none=True)
        if self.bank is not None:
            self._used = self._used | self.bank.used(self.fit.model, self.draw.depth)

    def end_batch(self) -> bool:
        """Go on to the batch after the next; return whether its loss is news."""
        self._group.append(self._draws.popleft())
        self._known -= 1
        return self._known < 0

    def change(self) -> Change:
        """Return the step to do after the next batch, which is the last of its group."""
        used, self._used = self._used, None
        assert used is not None
        rate = self.fit.learning_rate(self.draw.step)
        return Change(rate, self.fit.trial.training.gradient_clip, used)

    def rewind(self) -> None:
        """Go back to where the group of batches began that is under way: all of it is done again.

        Its gradients are to be dropped.
        """
        if self._used is None:
            return
        self._used = None
        self._known = max(self._known, 0) + len(self._group)
        self._draws.extendleft(reversed(self._group))
        self._group = []
        self.stream.state = self._group_state
