"""A stopwatch that waits for the device."""

import time
from collections.abc import Callable

import torch


def timed(
    work: Callable[[], object], device: torch.device, *, at_least_s: float = 0.0
) -> tuple[float, float]:
    """Return what `work` takes, in seconds of the clock and of this process's processors.

    Args:
        at_least_s: do it again until that much time has passed, and return the mean.
    """
    wait(device)
    wall, cpu, times = time.perf_counter(), time.process_time(), 0
    while not times or time.perf_counter() - wall < at_least_s:
        work()
        times += 1
        wait(device)
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def wait(device: torch.device) -> None:
    """Wait until a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
