"""How many trials are trained together: one on a CPU, what pays and fits on a GPU."""

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
