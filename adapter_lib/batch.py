"""Tokenised examples as a base model takes them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass
class Batch:
    """Tokenised examples, padded on either side.

    Attributes:
        input_ids: (b, s), int64.
        attention_mask: (b, s), int64 or bool, 1 where a token is real. Every row has one.
        token_type_ids: (b, s), int64, or None for zeros.
        lengths: how many tokens of each row are real, its first ones, (b,), where that is known
            without asking a device; None where it is not, or rows are padded elsewhere.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None = None
    lengths: NDArray[np.int64] | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on `device`."""
        types = self.token_type_ids
        return replace(
            self,
            input_ids=self.input_ids.to(device, non_blocking=True),
            attention_mask=self.attention_mask.to(device, non_blocking=True),
            token_type_ids=None if types is None else types.to(device, non_blocking=True),
        )

    def rows(self, indices: Tensor) -> "Batch":
        """Return the examples at `indices`, (n,), int64."""
        types = self.token_type_ids
        return Batch(
            self.input_ids[indices],
            self.attention_mask[indices],
            None if types is None else types[indices],
        )

    @property
    def kept_lengths(self) -> NDArray[np.int64]:
        """How many tokens of each row have to be computed, its first ones, (b,).

        The real ones, and padding too where that is not at the right, or not known to be.
        """
        if self.lengths is not None:
            return self.lengths
        mask = self.token_mask
        whole = np.full(len(mask), mask.shape[1], np.int64)
        if mask.device.type != "cpu":
            return whole
        real = mask.numpy()
        lengths = real.sum(1)
        at_the_right = bool(((np.arange(mask.shape[1]) < lengths[:, None]) == real).all())
        return lengths if at_the_right and lengths.all() else whole

    @property
    def token_mask(self) -> Tensor:
        """True where a token is real, (b, s)."""
        return self.attention_mask.bool()
