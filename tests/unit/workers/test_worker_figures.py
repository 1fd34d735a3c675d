"""What a worker takes comes with every event that it tells."""

import os

import psutil
import torch

from workers.running.worker_figures import worker_figures


def test_a_worker_on_a_cpu_tells_its_memory() -> None:
    found = worker_figures(torch.device("cpu"), bundle_trials=3)
    assert (found.pid, found.bundle_trials) == (os.getpid(), 3)
    rss = psutil.Process().memory_info().rss
    assert rss / 2 < found.memory_bytes < rss * 2
    assert found.gpu_allocated_bytes is found.gpu_used_bytes is found.gpu_total_bytes is None


def test_a_worker_on_a_gpu_tells_what_its_tensors_and_all_others_take(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (300, 1000))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 200)
    found = worker_figures(torch.device("cuda"), bundle_trials=1)
    assert found.gpu_allocated_bytes == 200
    assert found.gpu_used_bytes == 700
    assert found.gpu_total_bytes == 1000
