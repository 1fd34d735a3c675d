"""What machine this is: processor, GPU and versions. No torch here."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from workers.contract.measurement import Machine


def this_machine(gpu: str | None = None) -> Machine:
    """Describe the machine as far as times depend on it.

    Args:
        gpu: the name of the GPU that computes; None for the processor.
    """
    cpu = cpu_name()
    return Machine(
        device=gpu or cpu,
        cpu=cpu,
        cores=cores(),
        python=platform.python_version(),
        torch=version("torch"),
        transformers=version("transformers"),
        adaptersweep=version("adaptersweep"),
    )


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return what the processor calls itself."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
