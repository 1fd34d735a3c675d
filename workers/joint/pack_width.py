"""Choose how many trials are trained in one pass: one on a CPU, as many as pay on a GPU.

On a CPU a pass over the rows of several trials takes as long as as many passes. A GPU has
time and memory left over by one trial, so there the width is doubled for as long as that makes a
trial's step at least a tenth cheaper and its memory lasts, and halved when memory runs out or the
last doubling made it dearer.
"""

import logging
import time

import torch

log = logging.getLogger(__name__)

_FIRST_WIDTH = 4
_MEASURED_PASSES = 20
_LEAST_GAIN = 0.1
USABLE_MEMORY = 0.9


class PackWidth:
    """The width at present, and what was measured.

    Attributes:
        current: how many trials to train in one pass.
        packs: whether trials are trained in packs at all, be it of one, so that how a GPU draws
            dropout does not depend on the width.
    """

    def __init__(
        self, wanted: int | None, device: torch.device, *, memory_bytes: int | None = None
    ) -> None:
        """Begin.

        Args:
            wanted: a fixed width, which only running out of memory changes; None measures.
            memory_bytes: what a worker may use of a GPU; all of it by default.
        """
        self._device, self._memory_bytes = device, memory_bytes
        on_gpu = device.type == "cuda"
        self.current = wanted or (_FIRST_WIDTH if on_gpu else 1)
        self.packs = self.current > 1
        self._growing = wanted is None and on_gpu
        self._step_s: float | None = None
        self._passes, self._spent_s = 0, 0.0
        self._since: float | None = None

    def halve(self, packed_trials: int) -> bool:
        """Go on with half of so many after memory ran out; False if there is but one."""
        self._growing = False
        if packed_trials < 2:
            return False
        self.current = packed_trials // 2
        log.warning("out of memory: from now on %d trials are trained together", self.current)
        return True

    def passed(self, packed_trials: int) -> bool:
        """Count a pass of so many trials; True if the width has changed."""
        if not self._growing or packed_trials < self.current:
            self._passes, self._spent_s, self._since = 0, 0.0, None
            return False
        if self._since is None:  # from here on, the clock runs
            torch.cuda.synchronize(self._device)
            if self._passes == 0:
                torch.cuda.reset_peak_memory_stats(self._device)
            self._since = time.perf_counter()
            return False
        self._passes += 1
        if self._passes < _MEASURED_PASSES:
            return False
        self.pause()
        step_s = self._spent_s / (self._passes * packed_trials)
        self._passes, self._spent_s = 0, 0.0
        peak = torch.cuda.max_memory_allocated(self._device)
        total = self._memory_bytes or torch.cuda.get_device_properties(self._device).total_memory
        return self.measured(step_s, peak_share=peak / total)

    def pause(self) -> None:
        """Stop the clock until the next pass is done: what comes now is no pass."""
        if self._since is not None:
            torch.cuda.synchronize(self._device)
            self._spent_s += time.perf_counter() - self._since
            self._since = None

    def measured(self, step_s: float, *, peak_share: float) -> bool:
        """Double the width if that pays, go back if it did not, and return whether it changes.

        Args:
            step_s: seconds that one trial's step takes at this width.
            peak_share: of the memory that may be used, what was in use at once, 0…1.
        """
        before, self._step_s = self._step_s, step_s
        log.info("%d together: %.2f ms a trial's step", self.current, step_s * 1e3)
        pays = before is None or step_s <= before * (1 - _LEAST_GAIN)
        # Twice the trials need at most twice the memory: the base is there but once.
        self._growing = pays and 2 * peak_share <= USABLE_MEMORY
        if self._growing:
            self.current *= 2
        elif before is not None and step_s > before:
            self.current //= 2
        else:
            return False
        return True
