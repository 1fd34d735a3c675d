"""How many trials are trained together: one on a CPU, what pays and fits on a GPU."""

import pytest
import torch

from workers.joint.pack_width import PackWidth

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_packing_is_off_on_a_cpu_until_it_is_asked_for() -> None:
    assert PackWidth(None, CPU).current == 1
    fixed = PackWidth(6, CPU)
    assert fixed.current == 6
    assert not fixed.passed(6)


def test_it_grows_while_a_trials_step_gets_a_tenth_cheaper() -> None:
    width = PackWidth(None, GPU)
    assert width.current == 4
    assert width.measured(0.010, peak_share=0.05)
    assert width.measured(0.006, peak_share=0.1)
    assert width.current == 16
    assert not width.measured(0.0055, peak_share=0.15)
    assert width.current == 16
    assert not width.passed(16)  # and no more is measured


def test_it_does_not_grow_into_memory_that_is_not_there() -> None:
    width = PackWidth(None, GPU)
    assert not width.measured(0.010, peak_share=0.46)
    assert width.current == 4


def test_half_of_those_at_work_go_on_when_memory_runs_out() -> None:
    width = PackWidth(16, GPU)
    assert width.halve(9)
    assert width.current == 4
    assert width.halve(2)
    assert not width.halve(1)
    assert width.current == 1


def test_it_goes_back_when_the_last_doubling_made_a_step_dearer() -> None:
    width = PackWidth(None, GPU)
    assert width.measured(0.010, peak_share=0.05)
    assert width.current == 8
    assert width.measured(0.011, peak_share=0.1)
    assert width.current == 4
    assert not width.passed(4)


class Clock:
    """Stands for a GPU whose every pass of 4 trials takes 40 ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, allocated: int, total: int) -> None:
        self.now = 0.0
        monkeypatch.setattr("workers.joint.pack_width.time.perf_counter", lambda: self.now)
        for name in ("synchronize", "reset_peak_memory_stats"):
            monkeypatch.setattr(torch.cuda, name, lambda _: None)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: allocated)
        monkeypatch.setattr(
            torch.cuda, "get_device_properties", lambda _: type("", (), {"total_memory": total})
        )


def test_what_is_measured_between_epochs_is_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of eight passes, after each of which measuring takes a second."""
    clock, width, seen = Clock(monkeypatch, allocated=1, total=100), PackWidth(None, GPU), []
    measured = width.measured
    monkeypatch.setattr(width, "measured", lambda s, **_: seen.append(s) or measured(s, **_))
    for number in range(1, 100):
        clock.now += 0.040
        if width.passed(4):
            break
        if number % 8 == 0:
            width.pause()
            clock.now += 1.0
    assert seen == [pytest.approx(0.010)]
    assert number == 23  # twenty, and the first one of each epoch, which starts the clock
    assert width.current == 8


def test_a_share_of_a_gpu_bounds_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, allocated=30, total=100)
    widths = {share: PackWidth(None, GPU, memory_bytes=share) for share in (None, 50)}
    for width in widths.values():
        for _ in range(21):
            clock.now += 0.040
            width.passed(4)
    assert {share: width.current for share, width in widths.items()} == {None: 8, 50: 4}
