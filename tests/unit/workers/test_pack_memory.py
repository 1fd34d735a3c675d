"""The memory of a pack, counted: what is alive, how it grows, and how many trials fit."""

from dataclasses import replace

import pytest
import torch

from workers.contract.trial import Precision
from workers.joint.pack_memory import (
    MemoryCount,
    PackMemory,
    PassSize,
    counted_bytes,
    memory_of,
)

META = torch.device("meta")
SMALL = PassSize(3, 64, rows=16, tokens=64, vocabulary=200, precision=Precision.FLOAT32)
GIB = 2**30


def test_what_is_alive_is_counted_once_and_until_it_is_gone() -> None:
    with MemoryCount() as memory:
        x = torch.zeros(1024, device=META)
        view = x.view(2, 512).t()
        assert memory.now == 4096
        y = x + 1
        assert (memory.now, memory.most) == (8192, 8192)
        del x
        assert memory.now == 8192  # the view has it
        del view, y
        assert (memory.now, memory.most) == (0, 8192)
        z = torch.zeros(1, device=META)
        assert memory.now == 512  # as CUDA's allocator gives it
        del z
        torch.zeros(1024)  # of the host
    assert memory.most == 8192


def test_what_a_product_keeps_for_its_gradient_is_counted() -> None:
    with MemoryCount() as memory:
        weight = torch.zeros(256, 256, device=META, requires_grad=True)
        x = torch.zeros(512, 256, device=META)
        y = x @ weight
        kept = memory.now
        del x
        assert memory.now == kept  # the graph needs it
        y.sum().backward()
        del y
        assert memory.now == 2 * weight.nbytes  # and its gradient


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("precision", list(Precision))
def test_memory_grows_by_as_much_with_every_trial(depth: int, precision: Precision) -> None:
    size = replace(SMALL, depth=depth, precision=precision)
    assert memory_of(size).of(6) == pytest.approx(counted_bytes(size, 6), rel=0.03)


def test_more_is_needed_for_more() -> None:
    plain = memory_of(SMALL)
    for larger in (
        replace(SMALL, rows=32),
        replace(SMALL, tokens=128),
        replace(SMALL, layers=4),
        replace(SMALL, hidden_size=128),
    ):
        assert memory_of(larger).per_trial > plain.per_trial
    for smaller in (replace(SMALL, depth=2), replace(SMALL, precision=Precision.BFLOAT16)):
        assert memory_of(smaller).per_trial < plain.per_trial


def test_attention_is_not_written_out() -> None:
    """Twice the tokens take twice the memory; with weights of (b, h, s, s) it would be more."""
    once, twice = (memory_of(replace(SMALL, tokens=s)).per_trial for s in (256, 512))
    assert twice == pytest.approx(2 * once, rel=0.05)


def test_as_many_trials_fit_as_the_usable_memory_holds() -> None:
    memory = PackMemory(fixed=GIB, per_trial=GIB // 2)
    assert memory.of(4) == 3 * GIB
    assert memory.most(10 * GIB) == 16
    assert memory.most(GIB) == 0


def test_auto_doubles_while_twice_as_many_surely_fit() -> None:
    memory = PackMemory(fixed=GIB, per_trial=GIB // 2)
    assert memory.chosen_width(10 * GIB) == 8  # 5 GiB, twice which is more than 9
    assert memory.chosen_width(12 * GIB) == 16
    assert memory.chosen_width(2 * GIB) == 1  # 4 do not fit, nor 2
    assert memory.chosen_width(3 * GIB) == 2
