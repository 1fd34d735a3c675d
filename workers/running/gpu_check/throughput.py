"""What a trial's step takes in packs of each width, and whether what `auto` chooses is best."""

import time
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path

import torch

from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.trial import Precision, Trial
from workers.joint.joint_training import Pack
from workers.joint.pack_width import PackWidth
from workers.joint.packed_trial import PackedTrial
from workers.running.accelerator import emulates_bfloat16, is_out_of_memory
from workers.running.gpu_check.finding import Finding, WidthTime
from workers.running.gpu_check.made_trials import Load
from workers.running.one_trial import begin_training
from workers.running.warm_state import WarmState
from workers.training.micro_batch import MicroBatch
from workers.training.trainer import Trainer

_WARM_UP_STEPS = 3
_AS_GOOD = 1.1
"""What is at most a tenth dearer than the best is as good: so much single measurements differ."""


class Passes:
    """Trials that are trained step by step, in a pack or one after another."""

    def __init__(
        self, trials: Sequence[Trial], folder: Path, warm: WarmState, *, packed: bool
    ) -> None:
        """Begin them in a workspace; those that they need are finished there."""
        self._device = warm.device
        trainers = [begin_training(trial, Workspace(folder), warm)[1] for trial in trials]
        self._pack = Pack(len(trials))
        self._alone = [] if packed else [(t, _endless(t)) for t in trainers]
        for trainer in trainers if packed else ():
            self._pack.join(PackedTrial(trainer))

    def step(self) -> None:
        """Do one step of every trial."""
        for trainer, micro_batches in self._alone:
            trainer.train_on(next(micro_batches))
        if self._pack.packed_trials:
            self._pack.run_pass()
            for packed in self._pack.packed_trials:
                if packed.epoch_ended:
                    packed.begin_epoch()

    def seconds(self, steps: int) -> float:
        """Return what one step of all takes, the mean of so many."""
        self.wait()
        started = time.perf_counter()
        for _ in range(steps):
            self.step()
        self.wait()
        return (time.perf_counter() - started) / steps

    def wait(self) -> None:
        """Wait until the device has done all."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _endless(trainer: Trainer) -> Iterator[MicroBatch]:
    return chain.from_iterable(trainer.draw_epoch() for _ in repeat(None))


def timed(
    trials: Sequence[Trial], folder: Path, device: torch.device, *, width: int, steps: int
) -> WidthTime:
    """Time a step of trials in a pack of `width`; 0 for one trial outside of packs.

    Raises:
        torch.OutOfMemoryError: so many do not fit.
    """
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    warm = WarmState(device, FastPath(cache_gib=0))
    passes = Passes(trials[: max(1, width)], folder, warm, packed=width > 0)
    passes.seconds(_WARM_UP_STEPS)
    seconds = passes.seconds(steps) / max(1, width)
    peak = torch.cuda.max_memory_allocated(device) if on_gpu else 0
    return WidthTime(width, trials[0].training.precision.value, seconds * 1e3, peak)


def throughput_findings(
    load: Load,
    device: torch.device,
    folder: Path,
    *,
    widths: Sequence[int],
    steps: int,
    into: list[WidthTime],
) -> Iterator[Finding]:
    """Time every width in the precision that `auto` takes, and the best one in the other too.

    Args:
        into: gets what was measured.
    """
    low = not emulates_bfloat16(device)
    chosen = Precision.BFLOAT16 if low else Precision.FLOAT32
    other = Precision.FLOAT32 if low else Precision.BFLOAT16
    for precision in (chosen, other):
        trials = load.trials(precision, count=max(widths))
        for width in (0, *widths) if precision is chosen else (_best(into).width,):
            try:
                into.append(timed(trials, folder, device, width=width, steps=steps))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                break
    yield from _judged(into, chosen, device)


def _judged(into: list[WidthTime], chosen: Precision, device: torch.device) -> Iterator[Finding]:
    own = [found for found in into if found.precision == chosen.value]
    packed = {found.width: found for found in own if found.width}
    alone = next(found for found in own if not found.width)
    best = _best(own)
    yield Finding(
        "throughput by pack width",
        None,
        ", ".join(f"{w}: {f.ms:.2f} ms" for w, f in packed.items())
        + f"; alone {alone.ms:.2f} ms a trial's step, best {alone.ms / best.ms:.1f} times faster",
    )
    width = chosen_width(packed, device)
    found = f"{width} ({packed[width].ms:.2f} ms); best {best.width} ({best.ms:.2f} ms)"
    on_gpu = device.type == "cuda"
    ok = packed[width].ms <= best.ms * _AS_GOOD if on_gpu else None
    yield Finding("pack_width: auto chooses the best", ok, found, "at most a tenth dearer")
    others = [found for found in into if found.precision != chosen.value]
    if others:
        faster = best.ms <= others[0].ms * _AS_GOOD if on_gpu else None
        text = f"{chosen}: {best.ms:.2f} ms, {others[0].precision}: {others[0].ms:.2f} ms"
        yield Finding("precision: auto chooses the faster", faster, text, "at most a tenth dearer")


def _best(found: Sequence[WidthTime]) -> WidthTime:
    return min((f for f in found if f.width), key=lambda f: f.ms)


def chosen_width(packed: dict[int, WidthTime], device: torch.device) -> int:
    """Return the width that `auto` would come to, had it measured the same; 1 on a CPU."""
    width = PackWidth(None, device)
    total = 0
    if device.type == "cuda":
        total = int(torch.cuda.get_device_properties(device).total_memory)
    while (found := packed.get(width.current)) is not None:
        if not width.measured(found.ms, peak_share=found.peak_bytes / total if total else 1.0):
            return width.current
    return max(packed)


def waits_for_nothing(load: Load, device: torch.device, folder: Path) -> Iterator[Finding]:
    """Let torch say where a pass makes the host wait for the GPU; losses are read after many."""
    if device.type != "cuda":
        yield Finding("a step waits for nothing", None, "there is no GPU to wait for")
        return
    trials = load.trials(Precision.FLOAT32, count=4)
    passes = Passes(trials, folder, WarmState(device, FastPath(cache_gib=0)), packed=True)
    passes.step()
    with warnings.catch_warnings(record=True) as waited:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            passes.step()
            passes.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    places = sorted({f"{Path(w.filename).name}:{w.lineno}" for w in waited})
    yield Finding(
        "a step waits for nothing",
        not places,
        ", ".join(places[:5]) or "no call waits",
        "torch.cuda.set_sync_debug_mode finds none",
    )
