"""Prediction heads on one token, as AdapterHub's classification heads.

An encoder's heads read the first real token, a causal model's the last, which alone has seen all.

Legend for shapes: b batch, s tokens, d hidden.
"""

import torch
from torch import Tensor, nn

from adapter_lib.backbone import Batch
from adapter_lib.configuration import HeadConfig
from adapter_lib.linear import normal_linear


class Head(nn.Module):
    """Dropout and a linear layer, before which a head of two layers has dropout, d→d and tanh."""

    def __init__(
        self, config: HeadConfig, *, hidden_size: int, generator: torch.Generator | None = None
    ) -> None:
        """Build on the CPU; weights ~ N(0, 0.02²), zero biases.

        Args:
            generator: of the CPU; None draws from torch's global one.
        """
        super().__init__()
        self.config = config
        self.dense: nn.Linear | None = None
        if config.layers == 2:
            self.dense = normal_linear(hidden_size, hidden_size, generator)
        self.output = normal_linear(hidden_size, config.labels, generator)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, h: Tensor, batch: Batch, *, causal: bool = False) -> Tensor:
        """Return logits, (b, labels), from the first real token of the hidden states h, (b, s, d).

        For regression that is one value per example, (b, 1).

        Args:
            causal: read the last real token instead.
        """
        token = last_token if causal else first_token
        x = token(h, batch.attention_mask)
        if self.dense is not None:
            x = torch.tanh(self.dense(self.dropout(x)))
        logits: Tensor = self.output(self.dropout(x))
        return logits


def first_token(h: Tensor, attention_mask: Tensor) -> Tensor:
    """Return h, (b, s, d), at each row's first real token, (b, d); padding may be on the left."""
    first = attention_mask.long().argmax(dim=1)  # the first among equal maxima
    return h[torch.arange(len(first), device=h.device), first]


def last_token(h: Tensor, attention_mask: Tensor) -> Tensor:
    """Return h, (b, s, d), at each row's last real token, (b, d); padding may be on the left."""
    tokens = attention_mask.shape[1]
    last = tokens - 1 - attention_mask.long().flip(1).argmax(dim=1)
    return h[torch.arange(len(last), device=h.device), last]
