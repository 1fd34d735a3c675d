"""Where the cheaper kernels stand in for torch's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from adapter_lib.cpu_kernels.attention import attention
from adapter_lib.cpu_kernels.dropout import dropout
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


_FAST: Mapping[Any, Callable[..., Tensor]] = {
    functional.linear: linear,
    functional.dropout: dropout,
    functional.scaled_dot_product_attention: attention,
}


class _Kernels(TorchFunctionMode):
    """Calls what is in `_FAST` for its keys. Torch leaves the mode while it does."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        chosen: Callable[..., Any] = _FAST.get(func, func)
        return chosen(*args, **(kwargs or {}))
