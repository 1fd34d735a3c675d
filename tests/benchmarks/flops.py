"""Count floating-point operations of matrix products, attention included; needs torch alone."""

import math
from collections.abc import Callable
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


def counted(work: Callable[[], Any]) -> int:
    """Do `work` and return the operations of its products; additions and norms are left out."""
    with flop_counter.FlopCounterMode(display=False, custom_mapping=_ON_CPU) as counter:
        work()
    return int(counter.get_total_flops())
