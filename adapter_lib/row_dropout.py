"""Dropout for several models in one batch, each with random numbers of its own.

Wherever dropout would draw for all rows at once, a mask is drawn for one model after the other, for
their own number and length of rows and with the state that the device's generator has for this
model. So a model draws the same whoever else is in the batch, and each may begin with dropout at a
layer of its own; on a CPU it is exactly what it would draw alone. On a GPU that holds but for
attention, whose fused kernels draw in an order of their own when a model is alone. Everything else
runs on all rows at once.

Legend for shapes: b rows of a model, padded to those of the largest; s tokens, likewise; d hidden,
h heads.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from adapter_lib.errors import ConfigurationError
from adapter_lib.softmax import attention_weights


def default_generator(device: torch.device) -> torch.Generator:
    """Return the generator that dropout on a device draws from."""
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        return torch.cuda.default_generators[index]
    return torch.default_generator


class RandomStream:
    """Random numbers that are a model's own: inside a `with`, the device draws from them."""

    def __init__(self, device: torch.device) -> None:
        """Go on from the state that the device's generator is in now."""
        self._generator = default_generator(device)
        self._own = self._generator.get_state()
        self._outer = self._own

    @property
    def state(self) -> Tensor:
        """What follows next; set it to draw the same again."""
        return self._own

    @state.setter
    def state(self, state: Tensor) -> None:
        self._own = state

    def __enter__(self) -> None:
        self._outer = self._generator.get_state()
        self._generator.set_state(self._own)

    def __exit__(self, *_: object) -> None:
        self._own = self._generator.get_state()
        self._generator.set_state(self._outer)


@dataclass(frozen=True)
class Rows:
    """One model's part of a batch.

    Attributes:
        stream: what its dropout draws from.
        dropout_from: the lowest layer with dropout; -1 for the embeddings too.
        rows: how many of its b rows are real, the first ones.
        tokens: the longest of them.
    """

    stream: RandomStream
    dropout_from: int
    rows: int
    tokens: int


class RowDropout(TorchFunctionMode):
    """While it is entered, dropout is drawn model by model.

    Attributes:
        layer: that is run; -1 for the embeddings.
    """

    def __init__(self, size: int) -> None:
        """Begin with dropout off.

        Args:
            size: rows of every model.
        """
        super().__init__()
        self.layer = -1
        self._size = size
        self._owners: Sequence[Rows] = ()
        self._everywhere = False

    @contextmanager
    def rows_of(self, owners: Sequence[Rows], *, everywhere: bool = False) -> Iterator[None]:
        """Let the batch be the rows of these models, b each; of none, to leave dropout off.

        Args:
            everywhere: dropout is on whatever the layer, as in adapters and heads.
        """
        before = self._owners, self._everywhere
        self._owners, self._everywhere = owners, everywhere
        try:
            yield
        finally:
            self._owners, self._everywhere = before

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Take over what draws random numbers; see `TorchFunctionMode`."""
        kwargs = kwargs or {}
        if func is functional.dropout and kwargs.get("training", True) and kwargs["p"] > 0:
            return self._drop(args[0], kwargs["p"])
        if func is functional.scaled_dot_product_attention and kwargs.get("dropout_p", 0.0) > 0:
            return self._attend(*args, **kwargs)
        return func(*args, **kwargs)

    def _drop(self, x: Tensor, p: float) -> Tensor:
        """Drop in (b, s, d), in (b, 1, d) or (b, d) of one token each, or in what it attends to.

        That is (b, h, 1, s).
        """
        if x.ndim == 4:
            lengths: tuple[int, ...] = (3,)
        else:
            lengths = (1,) if x.ndim == 3 and x.shape[1] > 1 else ()
        mask = self._mask(x, p, lengths=lengths)
        return x if mask is None else x * mask

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
    ) -> Tensor:
        """Attend in (b, h, s, d / h), and to a query of (b, h, 1, d / h); every one sees a key."""
        lengths = (2, 3) if query.shape[2] > 1 else (3,)
        shape = torch.Size((*query.shape[:3], key.shape[2]))
        mask = self._mask(query, dropout_p, shape, lengths=lengths)
        if mask is None:
            return functional.scaled_dot_product_attention(
                query, key, value, attn_mask, is_causal=is_causal, scale=scale
            )
        weights = attention_weights(query, key, attn_mask, is_causal=is_causal, scale=scale)
        return (weights * mask) @ value

    @torch.no_grad()
    def _mask(
        self, like: Tensor, p: float, shape: torch.Size | None = None, *, lengths: tuple[int, ...]
    ) -> Tensor | None:
        """Return what to multiply with: 0, or for what stays 1 / (1 - p); None where nobody drops.

        Args:
            like: has the rows of all models, and the mask's type and device.
            shape: of the mask, by default that of `like`.
            lengths: its dimensions that go over tokens.
        """
        on = [self._everywhere or self.layer >= owner.dropout_from for owner in self._owners]
        if not any(on):
            return None
        shape = like.shape if shape is None else shape
        size = self._size
        if shape[0] != size * len(on):
            raise ConfigurationError(
                f"expected {size} rows of each of {len(on)} models under dropout, found a tensor "
                f"of shape {tuple(shape)}; train models over this base one by one"
            )
        ones = like.new_ones(size, *shape[1:])
        masks = []
        for active, owner in zip(on, self._owners, strict=True):
            if not active:
                masks.append(ones)
                continue
            own = [owner.rows, *shape[1:]]
            for dimension in lengths:
                own[dimension] = owner.tokens
            with owner.stream:
                # Of ones, it is the mask; and what is drawn depends on nothing but the shape.
                drawn = functional.dropout(ones.flatten()[: math.prod(own)].view(own), p)
            missing = [size - found for size, found in zip(ones.shape, own, strict=True)]
            padding = [n for found in reversed(missing) for n in (0, found)]
            masks.append(functional.pad(drawn, padding) if any(missing) else drawn)
        return masks[0] if len(masks) == 1 else torch.cat(masks)
