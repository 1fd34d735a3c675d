"""The kernels of `kernels.c`, where a C compiler built them and the processor can run them.

`adapter_lib.cpu_kernels` does without them what it does with them, only slower.
"""

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)

LANES = 16
"""Elements of a vector: sizes of heads and of hidden states have to be multiples."""
_VERSION = 3
"""Of the functions in `kernels.c`."""
WIDEST = 2048
"""The most that a token's hidden state may hold."""


def _is_recent() -> bool:
    """Say whether the processor has AVX-512; elsewhere the module must not even be loaded."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def _load() -> ModuleType | None:
    if not _is_recent():
        return None
    try:
        module = importlib.import_module("adapter_lib.cpu_kernels._compiled")
    except ImportError as error:
        log.info("no compiled kernels for the CPU, torch's own are used: %s", error)
        return None
    if (found := getattr(module, "VERSION", None)) != _VERSION:
        log.warning(
            "expected version %s of the compiled kernels, found %s; torch's own are used: install "
            "adaptersweep again",
            _VERSION,
            found,
        )
        return None
    return module


_module: Any = _load()
_wanted: ContextVar[bool] = ContextVar("compiled_kernels_wanted", default=True)


def compiled() -> Any | None:
    """Return the compiled module where it gains something: its functions know one thread."""
    return _module if torch.get_num_threads() == 1 and _wanted.get() else None


def describe() -> str:
    """Say in few words what computes on this machine's CPU, and why."""
    if not _is_recent():
        return "torch's own: this processor has no AVX-512"
    if _module is None:
        return "torch's own: not compiled; install adaptersweep again with a C compiler"
    return "compiled, for workers with one thread"


@contextmanager
def nothing_compiled() -> Iterator[None]:
    """Leave everything to torch's operations inside, as on a machine without a compiler."""
    token = _wanted.set(False)
    try:
        yield
    finally:
        _wanted.reset(token)


def address(x: Tensor | None) -> int:
    """Return where a tensor begins, 0 for none."""
    return 0 if x is None else x.data_ptr()


def is_half(x: Tensor) -> bool | None:
    """Say whether x is bfloat16, or not and float32; None for what the kernels cannot read."""
    if x.device.type != "cpu" or x.dtype not in (torch.bfloat16, torch.float32):
        return None
    return x.dtype == torch.bfloat16


def reads_autocast() -> bool:
    """Say whether the kernels can read what autocast makes of float32 now."""
    return not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") == torch.bfloat16
