"""How many workers fit a node, and what this machine has. Knows no Ray."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Node:
    """What a node of the cluster has in all, used or not; `custom` is what it was started with."""

    cpus: float
    gpus: float
    custom: Mapping[str, float] = field(default_factory=dict)


def fits(node: Node, *, cpus: float, gpus: float, custom: Mapping[str, float] | None = None) -> int:
    """Return how many workers that take so much fit a node at once."""
    found = _times(node.cpus, cpus)
    if gpus:
        per_gpu = _times(1, gpus)
        on_gpus = int(node.gpus) * per_gpu if per_gpu else _times(node.gpus, gpus)
        found = min(found, on_gpus)
    more = [_times(node.custom.get(name, 0.0), part) for name, part in (custom or {}).items()]
    return min([found, *more])


def _times(whole: float, part: float) -> int:
    """Return how often a part fits, in ten-thousandths as Ray counts: 1 holds 0.1 ten times."""
    return round(whole * 10_000) // round(part * 10_000)


def this_machine(*, quota: Path = _QUOTA) -> Node:
    """Return what this machine has: its processors, or a container's share of them; its GPUs."""
    cpus = os.cpu_count() or 1
    try:
        allowed, _, period = quota.read_text(encoding="utf-8").partition(" ")
        cpus = min(cpus, max(1, int(allowed) // int(period)))
    except (OSError, ValueError):  # no such file, or no limit
        pass
    return Node(cpus, _gpus())


def _gpus() -> int:
    try:
        command = ["nvidia-smi", "--list-gpus"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return len(found.stdout.splitlines())
