"""Cheaper kernels for what a transformer does most on a CPU: linear layers, dropout, attention.

Inside `fast_kernels`, torch's own functions are taken over, so that the modules which transformers
built stay as they are. What is computed is the same, to rounding, and for dropout in distribution:

- linear layers in float32 go to oneDNN, which uses AVX-512 on every processor that has it; MKL,
  torch's choice, does so on Intel's only. Weights are read where they are: nothing is packed.
  Under autocast they stay with torch, and frozen weights are cast once, not in every step.
- dropout draws 8 random bits an element instead of one random number, and a few numbers more for
  what they cannot say. Torch's generator is their only source, so its state says what follows.
- attention with dropout, and in bfloat16, is that of `adapter_lib.cpu_attention`, which skips
  torch's search for rows that see nothing: no mask of `architectures.attention` has one.

Nothing here is for other devices. Legend for shapes: b batch, s tokens, h heads, k size of a head.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import Parameter, functional
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from adapter_lib.cpu_attention import Drop, attention_weights, cached_attention

_LEVELS = 1 << 8
_LOWEST = -(1 << 7)

_fast: ContextVar[bool] = ContextVar("fast_kernels", default=True)


def fast_kernels(device: torch.device) -> AbstractContextManager[Any]:
    """Return the context for work on `device`: for all but the CPU one that changes nothing."""
    return _Kernels() if device.type == "cpu" and _fast.get() else nullcontext()


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Leave everything to torch inside: the reference that `fast_kernels` is compared with."""
    token = _fast.set(False)
    try:
        yield
    finally:
        _fast.reset(token)


@cache
def has_fast_products() -> bool:
    """Say whether oneDNN is there and finds AVX-512, without which it gains little over MKL."""
    return (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `functional.linear` of x, (…, inputs): float32 products outside autocast by oneDNN."""
    if torch.is_autocast_enabled("cpu"):
        if _stays(weight) and weight.dtype == torch.float32:
            weight = _lowered(weight, torch.get_autocast_dtype("cpu"))
        return functional.linear(x, weight, bias)
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


def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return x with each element zero with probability p and the others scaled by 1/(1 - p)."""
    if not training or inplace or not 0 < p < 1:
        return functional.dropout(x, p, training, inplace)
    return x * _kept(_random_levels(x.shape, p), p, x.dtype).mul_(1 / (1 - p))


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return `scaled_dot_product_attention`, (b, h, s, k), in which every query sees some key.

    Args:
        attn_mask: boolean, True where a query sees a key, or what is added to the scores.
    """
    learnt = attn_mask is not None and attn_mask.requires_grad
    if dropout_p == 0.0 and (learnt or query.dtype != torch.bfloat16):
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask, 0.0, is_causal, scale=scale
        )
    if learnt or not 0 <= dropout_p < 1:
        weights = attention_weights(query, key, attn_mask, is_causal=is_causal, scale=scale)
        return dropout(weights, dropout_p) @ value
    drop = None
    if dropout_p:
        levels = _random_levels(torch.Size((*query.shape[:-1], key.shape[-2])), dropout_p)
        drop = Drop(lambda rows: _kept(levels[rows], dropout_p, query.dtype), 1 / (1 - dropout_p))
    return cached_attention(query, key, value, attn_mask, drop, is_causal=is_causal, scale=scale)


def _kept(levels: Tensor, p: float, dtype: torch.dtype) -> Tensor:
    """Return 0 for the levels that are dropped with probability p, and 1 for the others.

    A comparison that writes numbers takes an eighth of one that writes booleans and casts them.
    """
    kept = torch.empty(levels.shape, dtype=dtype)
    return torch.ge(levels, _LOWEST + max(1, int(p * _LEVELS)), out=kept)


def _random_levels(shape: torch.Size, p: float) -> Tensor:
    """Return an int8 for every element; `_kept` drops each with probability p exactly.

    256 equally likely levels, of which it drops the lowest, fall short of p by less than 1/256.
    What is missing are random places, possibly the same ones, whose number has a Poisson
    distribution: so each element is hit independently of all others.
    """
    elements, lowest = shape.numel(), int(p * _LEVELS)
    words = torch.empty(-(-elements // 8), dtype=torch.int64)
    words = words.random_(-(1 << 63), None) if lowest else words.zero_()
    levels = words.view(torch.int8)[:elements]
    rate = -math.log1p(-(p * _LEVELS - lowest) / (_LEVELS - lowest))
    hits = torch.poisson(torch.tensor(rate * elements, dtype=torch.float64))
    levels[torch.randint(max(1, elements), (int(hits),))] = _LOWEST
    return levels.view(shape)


def _stays(weight: Tensor) -> bool:
    """Say whether a weight is a frozen one of the model, and not a product made for one batch."""
    return isinstance(weight, Parameter) and not (weight.requires_grad or weight.is_inference())


def _lowered(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a frozen weight in another type, from memory unless it was written to since."""
    stamp = (weight._version, weight.data_ptr(), dtype)
    kept = _lower.get(weight)  # type: ignore[no-untyped-call]
    if kept is None or kept[0] != stamp:
        with torch.inference_mode(mode=False), torch.no_grad():  # for training too
            kept = _lower[weight] = (stamp, weight.to(dtype))
    lowered: Tensor = kept[1]
    return lowered


_lower: WeakIdKeyDictionary = WeakIdKeyDictionary()


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x·weightᵀ + bias."""
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return y


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
