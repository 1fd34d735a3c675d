"""The checks of a GPU find what is off. They are tried on the processor, with defects put in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from workers.batches.precision import autocast
from workers.contract.trial import Precision
from workers.joint.joint_training import Pack
from workers.joint.stacked_optimiser import Change, StackedOptimiser
from workers.running.gpu_check import checks, memory_limits, same_results, throughput
from workers.running.gpu_check.checks import TINY, Bench, made_bench, run_checks
from workers.running.gpu_check.finding import Finding, Report, WidthTime
from workers.running.gpu_check.made_trials import of_every_kind
from workers.running.gpu_check.memory_limits import memory_findings
from workers.running.gpu_check.same_results import Outcome
from workers.training.trainer import Trainer

CPU, GPU = torch.device("cpu"), torch.device("cuda")
GIB = 2**30


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return made_bench(CPU, tmp_path, replace(TINY, rows=24), base=None)


@pytest.fixture
def few_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(*arguments: Any) -> list[Any]:
        return of_every_kind(*arguments)[2:5]

    monkeypatch.setattr(checks, "of_every_kind", some)


def verdicts(findings: Iterator[Finding]) -> list[bool | None]:
    return [finding.ok for finding in findings]


@pytest.mark.slow
def test_nothing_is_off_on_a_processor(tmp_path: Path) -> None:
    names: list[str] = []
    report = run_checks(made_bench(CPU, tmp_path, TINY, base=None), began=names.append)
    assert report.ok, report.findings
    assert [f.check for f in report.findings if f.ok] == [
        "19 kinds of trials equal to the CPU",
        "packs of 4 equal to trials alone, nothing stored",
        "packs of 4 equal to trials alone, from stored activations",
        "packs of 4 learn as trials alone do, with dropout",
        "bfloat16 within the spread of seeds",
    ]
    assert [(t.width, t.precision) for t in report.throughput][:3] == [
        (0, "bfloat16"),
        (1, "bfloat16"),
        (2, "bfloat16"),
    ]
    assert names[0] == "kinds"
    assert names[-1] == "throughput"


def test_a_check_that_fails_is_off_and_the_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Bench) -> Iterator[Finding]:
        yield Finding("begun", True, "")
        raise torch.AcceleratorError("CUDA error: no kernel image is available\nmore lines")

    def sound(_: Bench) -> Iterator[Finding]:
        yield Finding("sound", True, "")

    monkeypatch.setattr(checks, "CHECKS", (broken, sound))
    monkeypatch.setattr(checks, "throughput_findings", lambda *_, **__: iter(()))
    report = run_checks(bench)
    assert [(f.check, f.ok) for f in report.findings] == [
        ("begun", True),
        ("broken", False),
        ("sound", True),
    ]
    assert report.findings[1].found == (
        "AcceleratorError: CUDA error: no kernel image is available"
    )
    assert not report.ok


@pytest.mark.usefixtures("few_kinds")
def test_a_device_that_computes_otherwise_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_all, rate = same_results.run_all, Trainer.learning_rate

    def on_device(trials: Sequence[Any], folder: Path, *arguments: Any, **options: Any) -> Any:
        factor = 1.02 if folder.name == "kinds-1" else 1.0
        monkeypatch.setattr(Trainer, "learning_rate", lambda t, step: factor * rate(t, step))
        return run_all(trials, folder, *arguments, **options)

    assert verdicts(checks.kinds(bench)) == [True]
    monkeypatch.setattr(checks, "run_all", on_device)
    bench.folder.joinpath("kinds-0").rename(bench.folder / "before-0")
    bench.folder.joinpath("kinds-1").rename(bench.folder / "before-1")
    assert verdicts(checks.kinds(bench)) == [False]


@pytest.mark.usefixtures("few_kinds")
def test_a_wrong_pack_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    step = StackedOptimiser.step

    def too_far(optimiser: StackedOptimiser, changes: dict[int, Change]) -> None:
        """The second row of every stack learns a little faster."""
        found = {
            row: replace(change, learning_rate=change.learning_rate * (1.02 if row == 1 else 1))
            for row, change in changes.items()
        }
        step(optimiser, found)

    monkeypatch.setattr(StackedOptimiser, "step", too_far)
    found = list(checks.packs(bench))
    assert [finding.ok for finding in found] == [False, False]
    assert "seed" in found[0].found


@pytest.mark.usefixtures("few_kinds")
def test_packs_that_fall_apart_into_trials_alone_are_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Pack) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(Pack, "run_pass", broken)
    found = list(checks.packs(bench))
    assert [finding.ok for finding in found] == [False, False]
    assert found[0].found.endswith("was not trained in a pack")


class _Blind(TorchFunctionMode):
    """A device whose bfloat16 is wrong."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        return found * 0 if func is functional.layer_norm else found


def test_a_bfloat16_that_is_off_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = made_bench(CPU, tmp_path, TINY, base=None)
    assert verdicts(checks.reduced_precision(bench)) == [True]

    def wrong(precision: Precision, device: torch.device) -> Any:
        return _Blind() if precision is Precision.BFLOAT16 else autocast(precision, device)

    monkeypatch.setattr("workers.training.trainer.autocast", wrong)
    for precision in Precision:
        folder = bench.folder / f"precision-{precision}"
        folder.rename(folder.with_name(f"before-{precision}"))
    assert verdicts(checks.reduced_precision(bench)) == [False]


def test_where_nothing_is_learnt_nothing_is_said_of_bfloat16(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "learning_rate", lambda *_: 0.0)
    (found,) = checks.reduced_precision(bench)
    assert not found.ok
    assert "nothing was learnt" in found.found


class FakeMeter(memory_limits.Meter):
    """A GPU of 8 GiB that tells what it is told to."""

    def __init__(self, allocated: float, reserved: float, counted: float) -> None:
        self.total = 8 * GIB
        self._answers = [(int(allocated * counted), 0), (0, int(reserved))]

    def unlimited(self) -> None: ...

    def forget(self) -> None: ...

    def taken(self) -> tuple[int, int]:
        return self._answers.pop(0)

    def context(self) -> int:
        return 300 * 2**20


@pytest.mark.parametrize(
    ("allocated", "over", "expected"),
    [
        (1.1, -1, [True, True, None]),
        (1.3, -1, [False, True, None]),  # more than was counted
        (1.1, 1, [True, False, None]),  # more than its share
    ],
)
def test_memory_that_is_overrun_is_found(
    bench: Bench, allocated: float, over: int, expected: list[bool | None]
) -> None:
    counted = memory_limits.memory_of(memory_limits._size(bench.full))
    limit = counted.of(7)
    meter = FakeMeter(allocated, limit + over, counted.of(6))
    found = memory_findings(bench.full, CPU, bench.folder / "memory", meter=meter)
    assert verdicts(found) == expected


def test_trials_that_are_lost_to_a_limit_are_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Pack, "run_pass", no_memory)
    monkeypatch.setattr(Trainer, "train_on", no_memory)
    meter = FakeMeter(1.0, 0, 1.0)
    found = list(memory_findings(bench.full, CPU, bench.folder / "memory", meter=meter))
    assert [finding.ok for finding in found] == [False, False, None]
    assert "CUDA out of memory" in found[1].found


def test_what_does_not_fit_at_all_is_not_judged(bench: Bench) -> None:
    meter = FakeMeter(1.0, 0, 1.0)
    meter.total = 2**20
    found = memory_findings(bench.full, CPU, bench.folder / "memory", meter=meter)
    assert verdicts(found) == [None]


def outcome(label: str, **changed: Any) -> Outcome:
    return Outcome(**({"label": label, "result": None, "failure": "", "parameters": {}} | changed))


def test_a_trial_that_failed_on_one_side_is_a_difference() -> None:
    largest, wrong = same_results.differences([outcome("a")], [outcome("a", failure="lost")])
    assert wrong == ["a: lost"]
    assert largest == 0.0


def times(*ms: float, precision: str = "bfloat16", peak: float = 0.01) -> list[WidthTime]:
    """Return what widths 0, 1, 2, 4, … took."""
    widths = (0, *(2**n for n in range(len(ms) - 1)))
    peaks = [int(peak * GIB * max(1, width)) for width in widths]
    return [WidthTime(w, precision, t, p) for w, t, p in zip(widths, ms, peaks, strict=True)]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool | None]]:
    """Judge what was measured on a GPU of one GiB."""
    properties = type("", (), {"total_memory": GIB})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)

    def judge(measured: list[WidthTime]) -> list[bool | None]:
        return verdicts(throughput._judged(measured, Precision.BFLOAT16, GPU))

    return judge


def test_a_width_that_is_not_the_best_is_found(gpu: Callable[..., list[bool | None]]) -> None:
    falling = times(20, 18, 10, 6, 4, 3, 2.5)
    other = [WidthTime(32, "float32", 5.0)]
    assert gpu(falling + other) == [None, True, True]
    # It stops where a doubling gains less than a tenth, and misses what comes behind.
    assert gpu(times(20, 18, 10, 6, 5.8, 3, 2) + other) == [None, False, True]
    # Memory bounds the width that is chosen, and so would that which is best.
    assert gpu(times(20, 18, 10, 6, 4, 3, 2.5, peak=0.1) + other) == [None, False, True]


def test_a_precision_that_is_slower_is_found(gpu: Callable[..., list[bool | None]]) -> None:
    measured = times(20, 18, 10, 6, 4, 3, 2.5)
    assert gpu([*measured, WidthTime(32, "float32", 2.4)]) == [None, True, True]
    assert gpu([*measured, WidthTime(32, "float32", 1.5)]) == [None, True, False]


def test_widths_for_which_there_is_no_memory_are_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_pass = Pack.run_pass

    def limited(pack: Pack) -> None:
        if len(pack.packed_trials) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        run_pass(pack)

    monkeypatch.setattr(Pack, "run_pass", limited)
    into: list[WidthTime] = []
    found = throughput.throughput_findings(
        bench.load, CPU, bench.folder / "times", widths=(1, 2, 4), steps=1, into=into
    )
    assert verdicts(found) == [None, None, None]
    assert [(t.width, t.precision) for t in into] == [
        (0, "bfloat16"),
        (1, "bfloat16"),
        (1, "float32"),
    ]


def test_a_report_is_as_good_as_its_worst_finding() -> None:
    fine, told, off = (Finding("a", ok, "") for ok in (True, None, False))
    assert Report({}, [fine, told]).ok
    assert not Report({}, [fine, off]).ok
