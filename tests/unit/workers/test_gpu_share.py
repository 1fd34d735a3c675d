"""A worker on a GPU: its share of the memory, running out of it, and a GPU that gave up."""

import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sweeping import write_sweep

from orchestrator.running.driver import plan_sweep
from workers.batches.stored_activations import StoredActivations
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, read_failure, read_result
from workers.errors import WorkerError
from workers.joint.joint_training import Pack
from workers.prefix.cache import PrefixCache
from workers.prefix.store import ArrayStore
from workers.running.accelerator import (
    CONTEXT_BYTES,
    DeviceLostError,
    check_alive,
    claim,
    emulates_bfloat16,
    is_out_of_memory,
)
from workers.running.bundle import run_bundle
from workers.running.one_trial import reason_of
from workers.running.warm_state import WarmState
from workers.training.trainer import Trainer

GIB = 2**30
LOST = torch.AcceleratorError("CUDA error: device-side assert triggered\nfurther lines")


class Gpu:
    """Stands for a GPU of 80 GiB, as torch tells of it."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] = (9, 0)
    ) -> None:
        self.fractions: list[float] = []
        properties = type("", (), {"total_memory": 80 * GIB})
        for name, answer in {
            "is_available": lambda: True,
            "current_device": lambda: 0,
            "get_device_properties": lambda _: properties,
            "get_device_capability": lambda _: capability,
            "set_per_process_memory_fraction": lambda share, _: self.fractions.append(share),
        }.items():
            monkeypatch.setattr(torch.cuda, name, answer)


def test_a_worker_is_held_to_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Gpu(monkeypatch)
    assert claim(torch.device("cuda")) == (torch.device("cuda:0"), 80 * GIB - CONTEXT_BYTES)
    assert gpu.fractions == []
    _, mine = claim(torch.device("cuda"), 0.25)
    assert mine == 20 * GIB - CONTEXT_BYTES
    assert gpu.fractions == [mine / (80 * GIB)]
    with pytest.raises(
        WorkerError, match=r"more than 0\.01.*found 0\.005; raise `resources\.gpus`"
    ):
        claim(torch.device("cuda"), 0.005)


def test_a_worker_knows_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    Gpu(monkeypatch)
    warm = WarmState(torch.device("cuda"), gpu_share=0.5)
    assert warm.memory_bytes == 40 * GIB - CONTEXT_BYTES
    assert warm._prefixes is not None
    assert warm._prefixes.device_bytes == warm.memory_bytes // 4
    assert warm.width("any")._memory_bytes == warm.memory_bytes
    assert WarmState(torch.device("cpu"), gpu_share=0.5).memory_bytes is None


def test_a_node_without_a_gpu_says_so() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(WorkerError, match=r"expected a GPU.*found none; install torch for CUDA"):
        WarmState(torch.device("cuda"))


def test_gpus_from_before_ampere_emulate_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, emulated in {(7, 0): True, (7, 5): True, (8, 0): False, (9, 0): False}.items():
        Gpu(monkeypatch, capability)
        assert emulates_bfloat16(torch.device("cuda:0")) is emulated
    assert not emulates_bfloat16(torch.device("cpu"))


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (torch.AcceleratorError("CUDA error: out of memory\n"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (OSError("Cannot allocate memory"), True),
        (RuntimeError("CUDA error: invalid argument"), False),
        (ValueError("out of memory"), False),
        (LOST, False),
    ],
)
def test_running_out_of_memory_is_known(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) is memory
    assert (reason_of(error) is FailureReason.OUT_OF_MEMORY) is memory


def test_a_lost_gpu_is_known() -> None:
    check_alive(torch.AcceleratorError("CUDA error: out of memory"))
    check_alive(RuntimeError("expected a matrix"))
    with pytest.raises(DeviceLostError, match="gave up: CUDA error: device-side assert triggered;"):
        check_alive(LOST)


TWO = """\
adapter: { bottleneck_size: 4 }
training: { batch_size: 8, max_length: 16, epochs: 2 }
seeds: [0, 1, 2, 3]
"""


@pytest.mark.parametrize("width", [1, 4])
def test_a_lost_gpu_ends_its_worker_and_fails_no_trial(
    toy_base: Path,
    make_task: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=TWO))
    trials, workspace = list(plan.trials.values()), Workspace(tmp_path / "run")

    def broken(*_: object) -> None:
        raise LOST

    monkeypatch.setattr(*((Trainer, "train_on") if width == 1 else (Pack, "run_pass")), broken)
    warm = WarmState(torch.device("cpu"), FastPath(pack_width=width, cache_gib=0))
    with pytest.raises(DeviceLostError):
        list(run_bundle(trials, workspace, warm))
    monkeypatch.undo()
    assert all(read_failure(workspace.trial(trial.trial_id)) is None for trial in trials)
    list(run_bundle(trials, workspace, WarmState(torch.device("cpu"), FastPath(cache_gib=0))))
    assert all(read_result(workspace.trial(trial.trial_id)) for trial in trials)


def test_what_a_failed_pass_held_is_free_before_the_pack_is_made_anew(
    toy_base: Path,
    make_task: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=TWO))
    losses, resize, held, alive = Pack._losses, Pack.resize, [], []

    def too_many(pack: Pack) -> object:
        found = losses(pack)
        held.append(weakref.ref(found[0][0]))
        if len(pack.packed_trials) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return found

    def resized(pack: Pack, rows: int) -> None:
        alive.append(held[-1]() is not None)
        resize(pack, rows)

    monkeypatch.setattr(Pack, "_losses", too_many)
    monkeypatch.setattr(Pack, "resize", resized)
    warm = WarmState(torch.device("cpu"), FastPath(pack_width=4, cache_gib=0))
    events = list(run_bundle(list(plan.trials.values()), Workspace(tmp_path / "run"), warm))
    assert sum(event.kind == "finished" for event in events) == 4
    assert alive == [False]


def stored(size: int) -> StoredActivations:
    values = torch.empty(1, size, 1, device="meta")
    return StoredActivations(values, np.array([0, size]), one_token=False)


def test_stored_activations_keep_to_their_part_of_the_gpu(tmp_path: Path) -> None:
    """The oldest that this trial does not read goes first; what it reads itself stays."""
    cache = PrefixCache(ArrayStore(tmp_path, budget=1), device_bytes=400)
    cache._open = OrderedDict(a=stored(25), b=stored(25), c=stored(25))
    cache._wanted = {"a", "new"}
    assert cache._make_room(100)
    assert list(cache._open) == ["a", "b", "c"]
    assert cache._make_room(200)
    assert list(cache._open) == ["a", "c"]
    assert not cache._make_room(400)
    assert list(cache._open) == ["a"]
    assert not PrefixCache(ArrayStore(tmp_path, budget=1))._make_room(1)  # on a CPU
