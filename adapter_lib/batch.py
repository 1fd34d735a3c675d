"""Tokenised examples as a base model takes them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass
class Batch:
    """Tokenised examples, padded on either side.

    Attributes:
        input_ids: (b, s), int64.
        attention_mask: (b, s), int64 or bool, 1 where a token is real. Every row has one.
        token_type_ids: (b, s), int64, or None for zeros.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None = None

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
    def token_mask(self) -> Tensor:
        """True where a token is real, (b, s)."""
        return self.attention_mask.bool()
