"""Count floating-point operations of matrix products, attention included; needs torch alone."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.utils import flop_counter


def _forward(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(flop_counter.sdpa_flop_count(query, key, value))


def _backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(flop_counter.sdpa_backward_flop_count(gradient, query, key, value))


def _linear(x: Any, weight: Any, *_: Any, **__: Any) -> int:
    return 2 * math.prod(x[:-1]) * math.prod(weight)


_ON_CPU = {
    torch.ops.mkldnn._linear_pointwise: _linear,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _forward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward,
}
"""What torch's own table lacks; formulas get shapes for tensors."""


def _torch_alone() -> AbstractContextManager[None]:
    """Return a context without compiled kernels; the peer's environment has none."""
    try:
        from adapter_lib.cpu_kernels.compiled import nothing_compiled
    except ImportError:
        return nullcontext()
    return nothing_compiled()


def counted(work: Callable[[], Any]) -> int:
    """Do `work` and return the operations of its products; additions and norms are left out.

    Compiled attention is no operation of torch, so its place is taken by those that are; they
    count what it would leave out for padding.
    """
    with (
        _torch_alone(),
        flop_counter.FlopCounterMode(display=False, custom_mapping=_ON_CPU) as counter,
    ):
        work()
    return int(counter.get_total_flops())
