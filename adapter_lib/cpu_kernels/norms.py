"""A residual's sum and its LayerNorm in one pass over memory, on a CPU.

Under autocast the norm is written twice, in float32 and in bfloat16: what products read of it,
they find by `lowered`, and no cast is needed. Its gradients come back the same two ways.

Legend for shapes: … whatever precedes, d hidden.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from adapter_lib.cpu_kernels.compiled import LANES, WIDEST, address, compiled, is_half

_TWIN = "_adapter_lib_lowered"


def can_fuse(x: Tensor, residual: Tensor | None, norm: Any) -> bool:
    """Say whether `sum_and_norm` knows what to do with a block's output and its norm."""
    if not isinstance(norm, nn.LayerNorm) or norm.weight is None or norm.bias is None:
        return False
    d = x.shape[-1]
    return (
        compiled() is not None
        and is_half(x) is not None
        and x.is_contiguous()
        and (residual is None or _is_nothing(residual) or _is_like(residual, x))
        and norm.normalized_shape == (d,)
        and d % LANES == 0
        and d <= WIDEST
        and norm.weight.dtype == torch.float32
        and not (norm.weight.requires_grad or norm.bias.requires_grad)
    )


def sum_and_norm(
    x: Tensor, residual: Tensor | None, norm: nn.LayerNorm, *, with_sum: bool
) -> tuple[Tensor | None, Tensor]:
    """Return x + residual, for `with_sum`, and its norm, both (…, d) and float32.

    Args:
        x: (…, d), float32 or bfloat16.
        residual: (…, d), float32; None or a scalar zero for nothing.
        norm: one that `can_fuse` agrees to; its weights get no gradient.
    """
    lower = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    with_residual = None if residual is None or residual.ndim == 0 else residual
    total, y, twin = _SumAndNorm.apply(  # type: ignore[no-untyped-call]
        x, with_residual, norm.weight, norm.bias, norm.eps, with_sum, lower
    )
    if lower:
        setattr(y, _TWIN, twin)
    return total, y


def lowered(x: Tensor) -> Tensor | None:
    """Return x in bfloat16 if `sum_and_norm` wrote it so too."""
    found: Tensor | None = getattr(x, _TWIN, None)
    return found


def _is_like(residual: Tensor, x: Tensor) -> bool:
    return residual.shape == x.shape and residual.is_contiguous() and is_half(residual) is False


def _is_nothing(residual: Tensor) -> bool:
    return residual.ndim == 0 and float(residual) == 0.0


class _SumAndNorm(torch.autograd.Function):
    """Keeps its inputs, and mean and deviation of each token."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        residual: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        with_sum: bool,
        lower: bool,
    ) -> tuple[Tensor | None, Tensor, Tensor | None]:
        module, d = compiled(), x.shape[-1]
        assert module is not None
        ctx.set_materialize_grads(False)
        moments = x.new_empty(x.numel() // d, 2, dtype=torch.float32)
        total = torch.empty_like(x, dtype=torch.float32) if with_sum else None
        y = torch.empty_like(x, dtype=torch.float32)
        twin = torch.empty_like(x, dtype=torch.bfloat16) if lower else None
        given = address(x), address(residual), address(weight), address(bias)
        made = address(total), address(y), address(twin), address(moments)
        module.normed_sum(*given, len(moments), d, eps, bool(is_half(x)), *made)
        ctx.save_for_backward(x, residual, weight, moments)
        ctx.module = module
        return total, y, twin

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, by_sum: Tensor | None, by_y: Tensor | None, by_twin: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, residual, weight, moments = ctx.saved_tensors
        half, d = bool(is_half(x)), x.shape[-1]
        whole = ctx.needs_input_grad[1] or not half
        by = torch.empty_like(x, dtype=torch.float32) if whole else None
        by_half = torch.empty_like(x) if half and ctx.needs_input_grad[0] else None
        gradients = [None if g is None else g.contiguous() for g in (by_sum, by_y, by_twin)]
        given = address(x), address(residual), address(weight)
        made = (*map(address, gradients), address(by), address(by_half))
        ctx.module.normed_sum_backward(*given, len(moments), d, half, address(moments), *made)
        by_x = by_half if half else by
        return by_x, by if ctx.needs_input_grad[1] else None, *(None,) * 5
