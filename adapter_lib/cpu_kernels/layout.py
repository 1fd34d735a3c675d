"""Rows without their padding: the real tokens of a batch one after another.

Everything between two attentions treats each token alone, so it is done for real tokens only.
Random numbers are drawn as for the padded batch, so dropout drops the same.

Legend for shapes: b batch, s tokens of the longest row, n tokens without padding: the real ones of
all rows, and a few that fill up, which nobody reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from adapter_lib.cpu_kernels.compiled import compiled

_WHOLE = 32
"""Tokens come in multiples of it: products of 943 rows take as long as those of 1,000."""
_WORTH = 0.97
"""Share of the padded batch above which laying it out anew costs more than it saves."""


@dataclass(frozen=True)
class Layout:
    """Attributes:
    shape: (b, s) of the padded batch.
    lengths: real tokens of each row, (b,).
    real: how many there are together.
    places: of all of them in the padded batch, ascending, and of a few more, (n,), that fill up.
    """

    shape: tuple[int, int]
    lengths: Tensor
    real: int
    places: Tensor

    @classmethod
    def of(cls, token_mask: Tensor) -> "Layout | None":
        """Return the layout of a batch by its mask, (b, s), True where a token is real.

        None where nothing is gained: on other devices, with little padding, and without compiled
        kernels; and where a row's real tokens are not its first ones.
        """
        if token_mask.device.type != "cpu" or compiled() is None:
            return None
        b, s = token_mask.shape
        lengths = token_mask.sum(1)
        real = int(lengths.sum())
        missing = -real % _WHOLE
        if real + missing > _WORTH * b * s:
            return None
        if not bool(((torch.arange(s) < lengths[:, None]) == token_mask).all()):
            return None
        places = token_mask.flatten().nonzero()[:, 0]
        return cls((b, s), lengths, real, functional.pad(places, (0, missing)))

    @property
    def starts(self) -> Tensor:
        """Where each row begins among all real tokens, (b,)."""
        return self.lengths.cumsum(0) - self.lengths

    def unpad(self, x: Tensor) -> Tensor:
        """Turn (b, s, …) into (1, n, …)."""
        return x.flatten(0, 1).index_select(0, self.places)[None]

    def pad(self, x: Tensor) -> Tensor:
        """Turn (1, n, …) into (b, s, …) with zeros for padding."""
        padded: Tensor = _Pad.apply(x, self)  # type: ignore[no-untyped-call]
        return padded

    def read(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x, (1, n, …), at one position of each row, (b, 1, …)."""
        return x[0, self.starts + positions][:, None]

    @property
    def mask(self) -> Tensor:
        """Which tokens of each row are real, (b, 1, 1, s)."""
        return (torch.arange(self.shape[1]) < self.lengths[:, None])[:, None, None]


_current: ContextVar[Layout | None] = ContextVar("layout", default=None)


@contextmanager
def laid_out(layout: Layout | None) -> Iterator[None]:
    """Let tensors of (1, n, …) be the real tokens of a batch inside."""
    token = _current.set(layout)
    try:
        yield
    finally:
        _current.reset(token)


def current_layout(x: Tensor) -> Layout | None:
    """Return the layout that x is in, if it is (1, n, …)."""
    layout = _current.get()
    if layout is None or x.ndim < 3 or x.shape[:2] != (1, len(layout.places)):
        return None
    return layout


class _Pad(torch.autograd.Function):
    """`Layout.pad`, whose gradient is what was copied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: Layout) -> Tensor:
        ctx.layout = layout
        b, s = layout.shape
        padded = x.new_zeros(b * s, *x.shape[2:])
        padded.index_copy_(0, layout.places[: layout.real], x[0, : layout.real])
        return padded.view(b, s, *x.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        by_x = ctx.layout.unpad(gradient)
        by_x[:, ctx.layout.real :] = 0
        return by_x, None
