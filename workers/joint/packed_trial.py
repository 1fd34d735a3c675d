"""One trial in a pack: its batches, its random numbers, and where its parameters are meanwhile."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from adapter_lib.joint.row_dropout import RandomStream
from adapter_lib.joint.stacked_parameters import StackedParameters
from workers.errors import WorkerError
from workers.joint.stacked_optimiser import Change, StackedOptimiser
from workers.training.micro_batch import MicroBatch
from workers.training.trainer import Trainer


class PackedTrial:
    """One trial in a pack.

    Attributes:
        trainer: what trains it alone, and holds its state.
        stream: what its dropout draws from.
        train_s: its share of the seconds of this epoch's passes.
        total: the sum of this epoch's losses that were read.
        failure: why it cannot go on.
        pack_width: the most trials that a pass with it had.
    """

    def __init__(self, trainer: Trainer) -> None:
        """Take over a trainer that was just built or restored, with its random numbers."""
        self.trainer = trainer
        self.stream = RandomStream(trainer.device)
        self.stack: StackedParameters | None = None
        self.optimiser: StackedOptimiser | None = None
        self.row = 0
        self.pack_width = 1
        self.failure: WorkerError | None = None
        self._group: list[MicroBatch] = []
        self._group_state = self.stream.state
        self._used: NDArray[np.bool_] | None = None
        self._known = 0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Draw the batches of the coming epoch."""
        self.train_s, self.total = 0.0, 0.0
        self._micro_batches: deque[MicroBatch] = deque()
        if not self.trainer.done:
            self._micro_batches.extend(self.trainer.draw_epoch())

    @property
    def micro_batch(self) -> MicroBatch:
        """The next batch."""
        return self._micro_batches[0]

    @property
    def epoch_ended(self) -> bool:
        return not self._micro_batches

    def begin_batch(self) -> None:
        """Note what the next batch has gradients for, and how to do its group again."""
        if self._used is None:
            self._group, self._group_state = [], self.stream.state
            self._used = np.zeros(1, bool)
            if self.stack is None:
                self.trainer.optimiser.zero_grad(set_to_none=True)
        if self.stack is not None:
            self._used = self._used | self.stack.used(self.trainer.model, self.micro_batch.depth)

    def end_batch(self) -> bool:
        """Go on to the batch after the next; return whether its loss is news."""
        self._group.append(self._micro_batches.popleft())
        self._known -= 1
        return self._known < 0

    def change(self) -> Change:
        """Return the step to do after the next batch, which is the last of its group."""
        used, self._used = self._used, None
        assert used is not None
        rate = self.trainer.learning_rate(self.micro_batch.step)
        return Change(rate, self.trainer.trial.training.gradient_clip, used)

    def rewind(self) -> None:
        """Go back to where the group of batches began that is under way: all of it is done again.

        Its gradients are to be dropped.
        """
        if self._used is None:
            return
        self._used = None
        self._known = max(self._known, 0) + len(self._group)
        self._micro_batches.extendleft(reversed(self._group))
        self._group = []
        self.stream.state = self._group_state
