"""The context in which torch's linear layers on a CPU are computed by `products` instead."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from adapter_lib.cpu_kernels.products import linear

_wanted: ContextVar[bool] = ContextVar("fast_kernels_wanted", default=True)


def fast_kernels(device: torch.device) -> AbstractContextManager[Any]:
    """Return the context for work on `device`: for all but the CPU one that changes nothing."""
    return _Kernels() if device.type == "cpu" and _wanted.get() else nullcontext()


def are_wanted() -> bool:
    """Say whether `fast_kernels` would stand in for torch's on a CPU."""
    return _wanted.get()


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Leave everything to torch inside: the reference that `fast_kernels` is compared with."""
    token = _wanted.set(False)
    try:
        yield
    finally:
        _wanted.reset(token)


class _Kernels(TorchFunctionMode):
    """Calls our linear layer for torch's, which leaves the mode while it does."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        chosen: Callable[..., Any] = linear if func is functional.linear else func
        return chosen(*args, **(kwargs or {}))
