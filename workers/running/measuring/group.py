"""Time the cells of a group in turns."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

from workers.contract.measurement import Cell, Group, Timing, alternate
from workers.errors import MeasuringError
from workers.running.accelerator import claim, is_out_of_memory
from workers.running.measuring.stopwatch import timed
from workers.running.measuring.timed_cells import TimedCells
from workers.running.memory import keep_freed_memory


def measure_group(group: Group, *, begun: Callable[[Cell], None] = lambda _: None) -> list[Timing]:
    """Warm up every cell, then time all of them in turns, a round after the other.

    Args:
        begun: told of each cell whose next round begins.

    Raises:
        MeasuringError: memory ran out.
        WorkerError: there is no such device.
    """
    conditions = group.conditions
    device, _ = claim(torch.device(conditions.device))
    if device.type == "cpu":
        keep_freed_memory()  # as a worker does
    try:
        with _threads(conditions.threads):
            return _timings(group, device, begun)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise MeasuringError(
            f"expected memory for {len(group.cells)} models and a batch of "
            f"{max(c.batch_size * c.length for c in group.cells):,} tokens, found too little: "
            f"{str(error).partition(chr(10))[0]}; give `micro_batch_size`, or smaller batches"
        ) from error
    finally:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _timings(group: Group, device: torch.device, begun: Callable[[Cell], None]) -> list[Timing]:
    conditions = group.conditions
    cells = TimedCells(conditions, device)
    prepared = {str(number): cells.prepare(cell) for number, cell in enumerate(group.cells)}
    for cell in prepared.values():
        cell.warm_up()

    def one_round(number: str) -> tuple[float, float]:
        begun(group.cells[int(number)])
        cell = prepared[number]
        wall, cpu = timed(cell.once, device, at_least_s=conditions.at_least_s)
        return wall / len(cell.depths), cpu / len(cell.depths)

    sides = {number: partial(one_round, number) for number in prepared}
    found = alternate(sides, rounds=conditions.rounds)
    return [
        Timing(
            cell=cell,
            wall_s=tuple(wall for wall, _ in found[str(number)]),
            cpu_s=tuple(cpu for _, cpu in found[str(number)]),
        )
        for number, cell in enumerate(group.cells)
    ]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
