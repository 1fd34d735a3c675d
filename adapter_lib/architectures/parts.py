"""What a transformer is made of, as far as the loop over its layers has to know.

Every architecture supported so far is post-norm: a block's output is `norm(x + residual)`, where x
is what the block projected. How the parts are found in a model is left to one file per
architecture.

Legend for shapes: b batch, s tokens, d hidden.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

Norm = Callable[[Tensor], Tensor]


class LayerParts(Protocol):
    """One transformer layer, over the modules that transformers built."""

    @property
    def module(self) -> nn.Module:
        """The whole layer, to switch between training and evaluation mode."""

    @property
    def attention_norm(self) -> Norm:
        """The norm that follows attention and its residual."""

    @property
    def feed_forward_norm(self) -> Norm:
        """The norm that follows the feed-forward block and its residual."""

    def attend(self, h: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Return attention up to its output projection and dropout, (b, s, d).

        `attention_mask` is boolean, (b, 1, 1, s), True where a token may be attended to; None
        means everywhere.
        """

    def feed_forward(self, h: Tensor) -> Tensor:
        """Return the feed-forward block up to its output projection and dropout, (b, s, d)."""


@dataclass(frozen=True)
class ModelParts:
    """Attributes:
    embeddings: called with `input_ids` and `token_type_ids` (or None), returns (b, s, d).
    layers: from the lowest to the highest.
    """

    embeddings: nn.Module
    layers: Sequence[LayerParts]
    hidden_size: int
