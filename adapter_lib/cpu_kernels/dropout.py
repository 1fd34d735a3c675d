"""Dropout on a CPU, from 8 random bits an element and a few numbers more.

Torch's generator is the only source, so its state says what follows.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.transformer.ragged_batch import current_layout

_LEVELS = 1 << 8
_LOWEST = -(1 << 7)


def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return x with each element zero with probability p and the others scaled by 1/(1 - p)."""
    if not training or inplace or not 0 < p < 1:
        return functional.dropout(x, p, training, inplace)
    return x * kept(_levels_of(x, p), p, x.dtype).mul_(1 / (1 - p))


def lowest_kept(p: float) -> int:
    """Return the lowest level that is not dropped with probability p."""
    return _LOWEST + max(1, int(p * _LEVELS))


def kept(levels: Tensor, p: float, dtype: torch.dtype) -> Tensor:
    """Return 0 for the levels that are dropped with probability p, and 1 for the others.

    A comparison that writes numbers takes an eighth of one that writes booleans and casts them.
    """
    found = torch.empty(levels.shape, dtype=dtype)
    return torch.ge(levels, lowest_kept(p), out=found)


def random_levels(shape: torch.Size, p: float) -> Tensor:
    """Return an int8 for every element; `kept` drops each with probability p exactly.

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


def _levels_of(x: Tensor, p: float) -> Tensor:
    """Return the levels of x, drawn for its padding too where that was left out."""
    layout = current_layout(x)
    if layout is None:
        return random_levels(x.shape, p)
    (shape,) = layout.shapes
    return layout.join([random_levels(torch.Size((*shape, *x.shape[2:])), p)])
