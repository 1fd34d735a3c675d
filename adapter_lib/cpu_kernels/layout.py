"""Rows without their padding: the real tokens of a batch one after another.

Everything between two attentions treats each token alone, so it is done for real tokens only.
Random numbers are drawn as for the padded batch, so dropout drops the same.

Legend for shapes: b batch, s tokens of the longest row, n real tokens of all rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor

from adapter_lib.cpu_kernels.compiled import compiled


@dataclass(frozen=True)
class Layout:
    """Attributes:
    shape: (b, s) of the padded batch.
    lengths: real tokens of each row, (b,).
    places: of all real tokens in the padded batch, (n,), ascending.
    """

    shape: tuple[int, int]
    lengths: Tensor
    places: Tensor

    @classmethod
    def of(cls, token_mask: Tensor) -> "Layout | None":
        """Return the layout of a batch by its mask, (b, s), True where a token is real.

        None where nothing is gained: on other devices, without padding or compiled kernels, and
        where a row's real tokens are not its first ones.
        """
        if token_mask.device.type != "cpu" or compiled() is None:
            return None
        lengths = token_mask.sum(1)
        first = torch.arange(token_mask.shape[1]) < lengths[:, None]
        if bool(token_mask.all()) or not bool((first == token_mask).all()):
            return None
        b, s = token_mask.shape
        return cls((b, s), lengths, token_mask.flatten().nonzero()[:, 0])

    @property
    def starts(self) -> Tensor:
        """Where each row begins among all real tokens, (b,)."""
        return self.lengths.cumsum(0) - self.lengths

    def unpad(self, x: Tensor) -> Tensor:
        """Turn (b, s, …) into (1, n, …)."""
        return x.flatten(0, 1).index_select(0, self.places)[None]

    def pad(self, x: Tensor) -> Tensor:
        """Turn (1, n, …) into (b, s, …) with zeros for padding."""
        b, s = self.shape
        padded = x.new_zeros(b * s, *x.shape[2:])
        return padded.index_copy(0, self.places, x[0]).view(b, s, *x.shape[2:])


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
