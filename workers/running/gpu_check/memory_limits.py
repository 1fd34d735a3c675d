"""A worker keeps to its share of a GPU's memory, loses nothing there, and takes what is counted."""

from collections.abc import Iterator
from pathlib import Path

import torch

from adapter_lib.config.base_files import CONFIG, read_json
from workers.bases.base_models import base_model_folder
from workers.contract.trial import Precision
from workers.joint.pack_memory import PackMemory, PassSize, memory_of
from workers.running.accelerator import CONTEXT_BYTES, memory_of_share
from workers.running.gpu_check.finding import Finding
from workers.running.gpu_check.made_trials import Load
from workers.running.gpu_check.same_results import Outcome, run_all

_TRIALS = 16
_FITTING = 6
"""So many trials, and no more, are let fit into the share that is tried."""
_MOST_ABOVE_COUNTED = 1.25


class Meter:
    """A device's memory: how much of it this process took, and how much it may."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.total = int(torch.cuda.get_device_properties(device).total_memory)

    def unlimited(self) -> None:
        """Let this process take all again."""
        torch.cuda.set_per_process_memory_fraction(1.0, self._device)

    def forget(self) -> None:
        """Begin anew with the most that was taken at once."""
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)

    def taken(self) -> tuple[int, int]:
        """Return the most bytes that tensors took at once, and that torch took for them."""
        allocated = torch.cuda.max_memory_allocated(self._device)
        return allocated, torch.cuda.max_memory_reserved(self._device)

    def context(self) -> int:
        """Return the bytes in use that torch knows nothing of, of other processes too."""
        free, total = torch.cuda.mem_get_info(self._device)
        return total - free - torch.cuda.memory_reserved(self._device)


def memory_findings(
    load: Load, device: torch.device, folder: Path, *, meter: Meter | None = None
) -> Iterator[Finding]:
    """Run a pack that fits and compare it with what is counted; then one that does not fit.

    Args:
        load: with rows that are all equally long.
        meter: of the device; by default a GPU's own, and without one nothing is found.
    """
    if meter is None:
        if device.type != "cuda":
            yield Finding("memory limits respected", None, "there is no GPU to limit")
            return
        meter = Meter(device)
    counted = memory_of(_size(load))
    fitting = min(_FITTING, counted.most(memory_of_share(meter.total, 1.0)) - 1)
    if fitting < 1:
        yield Finding("memory limits respected", None, "two trials of this base do not fit")
        return
    trials = load.trials(Precision.FLOAT32, count=_TRIALS, epochs=1)
    meter.forget()
    few = run_all(trials[:fitting], folder / "few", device, width=fitting)
    yield _as_counted(few, counted, meter)
    limit = counted.of(fitting + 1)
    share = (limit + CONTEXT_BYTES) / meter.total
    meter.forget()
    try:
        many = run_all(trials, folder / "many", device, width=_TRIALS, gpu_share=share)
        yield _kept(many, limit, meter)
    finally:
        meter.unlimited()
    yield Finding(
        "memory that is not torch's",
        None,
        f"{meter.context() / 2**20:.0f} MiB, of other processes too",
        f"{CONTEXT_BYTES / 2**20:.0f} MiB are set aside, as of "
        f"{memory_of_share(meter.total, 0.5) / 2**30:.1f} GiB for half of this GPU",
    )


def _size(load: Load) -> PassSize:
    base = load.base
    config = read_json(base_model_folder(base) / CONFIG)
    return PassSize(
        base.layers,
        base.hidden_size,
        rows=load.batch_size,
        tokens=load.tokens,
        precision=Precision.FLOAT32,
        vocabulary=int(config["vocab_size"]),
    )


def _as_counted(outcomes: list[Outcome], counted: PackMemory, meter: Meter) -> Finding:
    taken, expected = meter.taken()[0], counted.of(len(outcomes))
    return Finding(
        f"memory of a pack of {len(outcomes)} as counted",
        taken <= expected * _MOST_ABOVE_COUNTED and all(o.result for o in outcomes),
        _failed(outcomes) or f"{taken / 2**20:.0f} MiB, counted {expected / 2**20:.0f}",
        f"at most {_MOST_ABOVE_COUNTED - 1:.0%} more",
    )


def _kept(outcomes: list[Outcome], limit: int, meter: Meter) -> Finding:
    taken = meter.taken()[1]
    return Finding(
        "memory limits respected",
        taken <= limit and all(o.result for o in outcomes),
        _failed(outcomes)
        or f"{taken / 2**20:.0f} of {limit / 2**20:.0f} MiB, all of {len(outcomes)} trials done",
        "no more than the limit; no trial lost",
    )


def _failed(outcomes: list[Outcome]) -> str:
    return "; ".join(f"{o.label}: {o.failure}" for o in outcomes if o.result is None)[:300]
