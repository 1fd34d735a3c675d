"""A block's output: its projection, its residual and the norm that follows.

Legend for shapes: b batch, s tokens, d hidden.
"""

from torch import Tensor

from adapter_lib.architectures.parts import Norm
from adapter_lib.cpu_kernels import are_active
from adapter_lib.cpu_kernels.norms import can_fuse, sum_and_norm


def normed(total: Tensor, norm: Norm) -> Tensor:
    """Return norm(total), (b, s, d), to the last bit what `normed_sum` returns of two parts."""
    if are_active() and can_fuse(total, None, norm):
        return sum_and_norm(total, None, norm, with_sum=False)[1]  # type: ignore[arg-type]
    return norm(total)


def normed_sum(x: Tensor, residual: Tensor, norm: Norm) -> Tensor:
    """Return norm(x + residual), (b, s, d)."""
    if are_active() and can_fuse(x, residual, norm):
        return sum_and_norm(x, residual, norm, with_sum=False)[1]  # type: ignore[arg-type]
    return norm(x + residual)


def sum_and_normed(x: Tensor, residual: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """Return x + residual and the norm of it, both (b, s, d)."""
    if are_active() and can_fuse(x, residual, norm):
        total, normed = sum_and_norm(x, residual, norm, with_sum=True)  # type: ignore[arg-type]
        assert total is not None
        return total, normed
    total = x + residual
    return total, norm(total)
