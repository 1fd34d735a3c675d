"""Linear layers on a CPU, whose products oneDNN computes.

In float32 that is because it uses AVX-512 on every processor that has it; MKL, torch's choice, does
so on Intel's only. Weights are read where they are. Under autocast frozen weights are cast, and
packed the way that the products read them, once and not in every step.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import Parameter, functional
from torch.utils.weak import WeakIdKeyDictionary


@cache
def has_fast_products() -> bool:
    """Say whether oneDNN is there and finds AVX-512, without which it gains little over MKL."""
    return (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `functional.linear` of x, (…, inputs): where it is cheaper, by oneDNN."""
    if torch.is_autocast_enabled("cpu"):
        if not is_frozen(weight) or weight.dtype != torch.float32 or x.ndim < 2 or not x.numel():
            return functional.linear(lowest(x), weight, bias)
        return _frozen_linear(lowest(x), weight, bias)
    plain = (
        x.dtype != torch.float32
        or weight.dtype != torch.float32
        or x.ndim < 2
        or x.numel() == 0
        or not has_fast_products()
    )
    if plain:
        return functional.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return _product(x, weight, bias)
    output: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return output


def is_frozen(weight: Tensor) -> bool:
    """Say whether a weight is a frozen one of the model, and not a product made for one batch."""
    return isinstance(weight, Parameter) and not (weight.requires_grad or weight.is_inference())


def _frozen_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    known = frozen_weight(weight, bias, x.dtype)
    if known.packed is None:
        return functional.linear(x, known.plain, known.bias)
    output: Tensor = _FrozenLinear.apply(x, known)  # type: ignore[no-untyped-call]
    return output


def lowest(x: Tensor) -> Tensor:
    """Return x in the type that autocast has for products, if it is float32."""
    return x.to(torch.get_autocast_dtype("cpu")) if x.dtype == torch.float32 else x


class FrozenWeight:
    """A frozen weight in another type, as the products of both directions read it.

    Attributes:
        plain: (outputs, inputs); nothing is left of it once both directions are packed.
        packed: for the outputs; None where nothing is gained.
        bias: (outputs,), or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        self.stamp = _stamp(weight, bias, dtype)
        self.plain = weight.detach().to(dtype)
        self.bias = None if bias is None else bias.detach().to(dtype)
        pack = has_fast_products() and dtype == torch.bfloat16
        self.packed = _packed(self.plain) if pack else None
        self._turned: Tensor | None = None

    @property
    def turned(self) -> Tensor:
        """The transposed weight, packed for the gradients by inputs."""
        if self._turned is None:
            with torch.inference_mode(mode=False), torch.no_grad():
                self._turned = _packed(self.plain.t())
            self.plain = self.plain[:0].clone()
        return self._turned


def frozen_weight(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> FrozenWeight:
    """Return it from memory, unless weight or bias was written to since."""
    found: FrozenWeight | None = _frozen.get(weight)  # type: ignore[no-untyped-call]
    if found is None or found.stamp != _stamp(weight, bias, dtype):
        with torch.inference_mode(mode=False), torch.no_grad():  # for training too
            found = _frozen[weight] = FrozenWeight(weight, bias, dtype)
    return found


_frozen: WeakIdKeyDictionary = WeakIdKeyDictionary()
"""Weight → what is kept of it."""


def _stamp(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> tuple[Any, ...]:
    """Return what changes when one of them is written to or replaced."""
    given = (x for x in (weight, bias) if x is not None)
    return (dtype, *((x._version, x.data_ptr()) for x in given))


def _packed(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    return packed


def product(x: Tensor, weight: FrozenWeight, *, turned: bool = False) -> Tensor:
    """Return the outputs of a packed weight, (…, outputs), or of its transpose without bias."""
    if turned:
        return _product(x, weight.turned, None)
    assert weight.packed is not None
    return _product(x, weight.packed, weight.bias)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x·weightᵀ + bias."""
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return y


class _FrozenLinear(torch.autograd.Function):
    """Keeps nothing of the input, for no weight wants a gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: FrozenWeight) -> Tensor:
        ctx.weight = weight
        return product(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return product(gradient, ctx.weight, turned=True), None


class _Linear(torch.autograd.Function):
    """A linear layer whose products, backward too, oneDNN computes; frozen weights cost nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        by_x, by_weight, by_bias = ctx.needs_input_grad
        rows = gradient.flatten(0, -2)
        return (
            _product(gradient, weight.t(), None) if by_x else None,
            _product(rows.t(), x.flatten(0, -2).t(), None) if by_weight else None,
            rows.sum(0) if by_bias else None,
        )
