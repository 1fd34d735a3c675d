"""The checks of a GPU, one function each, and the order in which they are run.

Each takes the bench that `made_bench` prepares and returns what it found. All of them run on a CPU
too, which shows that a check works and says nothing about a GPU; what only a GPU has is left out.
"""

import logging
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers

from workers.contract.task_card import TaskRef
from workers.contract.trial import BaseModelRef, Optimiser, Precision, Training
from workers.running.gpu_check.finding import Finding, Report, describe
from workers.running.gpu_check.made_base import write_base, write_task
from workers.running.gpu_check.made_trials import (
    Load,
    of_every_kind,
    of_one_kind,
    pinned,
    training_of,
)
from workers.running.gpu_check.memory_limits import memory_findings
from workers.running.gpu_check.same_results import (
    LARGEST_DIFFERENCE,
    Outcome,
    differences,
    run_all,
)
from workers.running.gpu_check.throughput import throughput_findings, waits_for_nothing

log = logging.getLogger(__name__)

_LEARNT = 0.6
"""Accuracy that says that something was learnt; without, it is a half."""

Check = Callable[["Bench"], Iterator[Finding]]


@dataclass(frozen=True)
class Sizes:
    """How much a check computes.

    Attributes:
        layers, hidden_size: of the small base, on which results are compared.
        rows: of the small tasks; with batches of 8 and two epochs, a quarter of that in steps.
        seeds: over which the spread of scores is taken.
        pack_widths: in which trials must end as they do alone.
        large_layers, large_hidden_size: of the base that time and memory are measured with, unless
            one is named.
        widths: of packs that are timed.
        batch_size, tokens: of what is timed.
        steps: of each trial, in each width.
    """

    layers: int = 4
    hidden_size: int = 64
    rows: int = 80
    seeds: int = 8
    pack_widths: tuple[int, ...] = (4, 32)
    large_layers: int = 12
    large_hidden_size: int = 768
    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    batch_size: int = 32
    tokens: tuple[int, int] = (32, 128)
    steps: int = 10


TINY = Sizes(
    layers=2,
    hidden_size=32,
    rows=48,
    seeds=3,
    pack_widths=(4,),
    large_layers=2,
    large_hidden_size=64,
    widths=(1, 2),
    batch_size=4,
    tokens=(8, 16),
    steps=2,
)
"""For a processor: the same checks, and no figure worth reading."""


@dataclass(frozen=True)
class Bench:
    """What checks are run on.

    Attributes:
        still, drops: the small base without and with dropout.
        tasks: the small ones.
        load, full: what is timed; `full` has rows that are all as long as the longest.
    """

    device: torch.device
    folder: Path
    sizes: Sizes
    still: BaseModelRef
    drops: BaseModelRef
    tasks: list[TaskRef]
    load: Load
    full: Load


def made_bench(device: torch.device, folder: Path, sizes: Sizes, *, base: str | None) -> Bench:
    """Write bases and tasks into a folder.

    Args:
        base: the source of a base model to measure time and memory with, instead of a made one.

    Raises:
        WorkerError: there is no such base.
    """
    transformers.logging.disable_progress_bar()
    small = {"layers": sizes.layers, "hidden_size": sizes.hidden_size}
    sources = {
        name: f"folder:{write_base(folder / name, dropout=dropout, **small)}"
        for name, dropout in (("still", 0.0), ("drops", 0.1))
    }
    if base is None:
        layers, hidden_size = sizes.large_layers, sizes.large_hidden_size
        made = write_base(folder / "large", layers=layers, hidden_size=hidden_size, dropout=0.1)
        base = f"folder:{made}"
    held_out = sizes.rows // 2
    tasks = [
        write_task(folder / name, rows=sizes.rows, held_out=held_out, tokens=(6, 14), seed=seed)
        for seed, name in enumerate(("one", "two", "three"))
    ]
    shortest, longest = sizes.tokens
    rows = 4 * sizes.batch_size
    mixed = write_task(folder / "mixed", rows=rows, held_out=8, tokens=(shortest, longest))
    full = write_task(folder / "full", rows=rows, held_out=8, tokens=(longest, longest))
    large, timed = pinned(base, mixed, full)
    still, small_tasks = pinned(sources["still"], *tasks)
    drops, _ = pinned(sources["drops"])
    loads = [Load(large, task, sizes.batch_size, longest) for task in timed]
    return Bench(device, folder, sizes, still, drops, small_tasks, *loads)


def kinds(bench: Bench) -> Iterator[Finding]:
    """Every kind of trial ends on the device as on the CPU, in float32 and without dropout."""
    trials = of_every_kind(bench.still, bench.tasks, _exact())
    expected, found = (
        run_all(trials, bench.folder / f"kinds-{number}", device, width=1)
        for number, device in enumerate((torch.device("cpu"), bench.device))
    )
    yield _compared(f"{len(trials)} kinds of trials equal to the CPU", expected, found)


def packs(bench: Bench) -> Iterator[Finding]:
    """Trials end in packs as alone: of two widths, from what is stored, and with dropout."""
    trials = of_every_kind(bench.still, bench.tasks, _exact())
    many = of_one_kind(bench.still, bench.tasks[0], _exact(), count=max(bench.sizes.pack_widths))
    trials += [trial for trial in many if trial.seed]
    expected = {trial.label for trial in many}
    alone = run_all(trials, bench.folder / "alone", bench.device, width=1)
    for width in bench.sizes.pack_widths:
        for cache_gib in (0, 1):
            folder = bench.folder / f"packs-{width}-{cache_gib}"
            found = run_all(trials, folder, bench.device, width=width, cache_gib=cache_gib)
            kept = "from stored activations" if cache_gib else "nothing stored"
            check = f"packs of {width} equal to trials alone, {kept}"
            if left := [o.label for o in found if o.label in expected and not o.packed]:
                yield Finding(check, False, f"{left[0]} was not trained in a pack", "all are")
            else:
                yield _compared(check, alone, found)


def dropout_in_packs(bench: Bench) -> Iterator[Finding]:
    """With dropout, trials in packs learn as they do alone, or draw even the same numbers."""
    training = _exact()
    trials = of_one_kind(bench.drops, bench.tasks[0], training, count=2 * bench.sizes.seeds)
    width = bench.sizes.pack_widths[0]
    alone = run_all(trials, bench.folder / "drops-1", bench.device, width=1)
    found = run_all(trials, bench.folder / "drops-n", bench.device, width=width)
    largest, wrong = differences(alone, found)
    yield Finding("dropout draws the same in packs", None, "no" if wrong else f"{largest:.1e}")
    yield _spread(f"packs of {width} learn as trials alone do, with dropout", alone, found)


def reduced_precision(bench: Bench) -> Iterator[Finding]:
    """bfloat16 ends within what another seed would change."""
    ends = []
    for precision in Precision:
        training = training_of(precision, epochs=6, learning_rate=1e-2, max_length=16)
        trials = of_one_kind(bench.drops, bench.tasks[0], training, count=2 * bench.sizes.seeds)
        folder = bench.folder / f"precision-{precision}"
        width = bench.sizes.pack_widths[0] if bench.device.type == "cuda" else 1
        ends.append(run_all(trials, folder, bench.device, width=width, cache_gib=1))
    check = "bfloat16 within the spread of seeds"
    scores = [_score(outcome) for outcome in ends[0] if outcome.result]
    if scores and statistics.mean(scores) < _LEARNT:
        found = f"in float32 nothing was learnt: accuracy {statistics.mean(scores):.2f}"
        yield Finding(check, False, found, f"{_LEARNT}, of which bfloat16 could lose something")
        return
    yield _spread(check, *ends)


def _exact() -> Training:
    return training_of(
        Precision.FLOAT32,
        epochs=2,
        optimiser=Optimiser.SGD,
        learning_rate=0.05,
        max_length=16,
    )


def _compared(check: str, expected: list[Outcome], found: list[Outcome]) -> Finding:
    largest, wrong = differences(expected, found)
    bound = f"parameters and losses to {LARGEST_DIFFERENCE:g}, scores to one row"
    text = "; ".join(wrong[:3]) + (f"; {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return Finding(check, not wrong, text or f"at most {largest:.1e} apart", bound)


def _spread(check: str, expected: list[Outcome], found: list[Outcome]) -> Finding:
    """Compare the means of scores and of last losses, trial by trial, with how they spread."""
    bound = "means of scores and last losses within 3 standard errors, at least 1 %"
    failed = [o for o in (*expected, *found) if o.result is None]
    if failed:
        return Finding(check, False, f"{failed[0].label}: {failed[0].failure}", bound)
    texts, ok = [], True
    for name, value in (("score", _score), ("loss", _last_loss)):
        before, after = [value(o) for o in expected], [value(o) for o in found]
        off = statistics.mean(after) - statistics.mean(before)
        spread = (statistics.variance(before) + statistics.variance(after)) / len(before)
        allowed = max(3 * math.sqrt(spread), 0.01)
        ok = ok and abs(off) <= allowed
        texts.append(f"{name} {off:+.4f} (allowed {allowed:.4f})")
    return Finding(check, ok, ", ".join(texts), bound)


def _score(outcome: Outcome) -> float:
    assert outcome.result is not None
    return outcome.result.score


def _last_loss(outcome: Outcome) -> float:
    return outcome.losses[-1]


def memory(bench: Bench) -> Iterator[Finding]:
    """Memory is as counted, and a worker's share is kept without a loss."""
    yield from memory_findings(bench.full, bench.device, bench.folder / "memory")


def waiting(bench: Bench) -> Iterator[Finding]:
    """No call in a step waits for the GPU."""
    yield from waits_for_nothing(bench.load, bench.device, bench.folder / "waiting")


CHECKS: tuple[Check, ...] = (kinds, packs, dropout_in_packs, reduced_precision, memory, waiting)


def run_checks(bench: Bench, *, began: Callable[[str], None] = log.info) -> Report:
    """Run all checks; one that cannot be run is off, and the others go on.

    Args:
        began: told what comes next.
    """
    report = Report(describe(bench.device))

    def throughput(bench: Bench) -> Iterator[Finding]:
        yield from throughput_findings(
            bench.load,
            bench.device,
            bench.folder / "throughput",
            widths=bench.sizes.widths,
            steps=bench.sizes.steps,
            into=report.throughput,
        )

    for check in (*CHECKS, throughput):
        began(check.__name__.replace("_", " "))
        report.findings.extend(_found(check, bench))
    return report


def _found(check: Check, bench: Bench) -> Iterator[Finding]:
    """Return what a check finds, and as its last finding what it fails with."""
    started = time.perf_counter()
    try:
        for finding in check(bench):
            seconds, started = time.perf_counter() - started, time.perf_counter()
            yield replace(finding, seconds=seconds)
    except Exception as error:  # whatever is wrong is what a check reports
        name = check.__name__.replace("_", " ")
        log.debug("%s", name, exc_info=True)
        yield Finding(name, False, f"{type(error).__name__}: {error}".splitlines()[0])
