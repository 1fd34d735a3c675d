"""The interface of an architecture: the parts of its layers that the loop over them calls.

A block's output is `norm(x + residual)`, where x is what the block projected. In a post-norm
architecture that norm is the layer's own; in a pre-norm one it is the identity, and the norm at
the block's entry belongs to `attend` and `feed_forward`. How the parts are found in a model is
left to one file per architecture.

A backbone may be deep-copied, so parts hold modules as attributes and never in a closure.

Legend for shapes: b batch, s tokens, d hidden.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from adapter_lib.transformer.ragged_batch import RaggedBatch, current_layout

Norm = Callable[[Tensor], Tensor]
Context = TypeVar("Context")
ContextIn = TypeVar("ContextIn", contravariant=True)


class LayerParts(Protocol[ContextIn]):
    """One transformer layer, over the modules that transformers built."""

    @property
    def module(self) -> nn.Module:
        """What is switched between training and evaluation mode for this layer alone."""

    @property
    def attention_norm(self) -> Norm:
        """The norm that follows attention and its residual; `identity` in a pre-norm layer."""

    @property
    def feed_forward_norm(self) -> Norm:
        """The norm that follows the feed-forward block and its residual, likewise."""

    def attend(self, h: Tensor, context: ContextIn, token_index: Tensor | None = None) -> Tensor:
        """Return attention up to its output projection and dropout, (b, s, d).

        Args:
            token_index: the position of one token in each row, (b,); the output is theirs alone
                then, (b, 1, d).
        """

    def feed_forward(self, h: Tensor) -> Tensor:
        """Return the feed-forward block up to its output projection and dropout, (b, s, d)."""


class Embed(Protocol):
    """From tokens to the hidden states below layer 0."""

    @property
    def most_tokens(self) -> int | None:
        """The most tokens that a row may have; None for any number."""

    def __call__(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None,
        token_mask: Tensor,
        positions: Tensor | None,
    ) -> Tensor:
        """Return (b, s, d); all arguments are (b, s), the mask is True where a token is real.

        Args:
            positions: of each token, counted from 0; None for those from the left edge on, and
                without meaning where positions are relative.
        """


class Pooler(Protocol):
    """The dense layer and activation that a base was trained with on its first token."""

    @property
    def module(self) -> nn.Module:
        """What holds its weights."""

    def __call__(self, token: Tensor) -> Tensor:
        """Return (b, d) from a token's hidden state, (b, d)."""


class FirstTokenPooler:
    """A transformers module that reads token 0 of hidden states itself. See `Pooler`."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, token: Tensor) -> Tensor:
        pooled: Tensor = self.module(token[:, None])
        return pooled


def find_pooler(model: nn.Module) -> Pooler | None:
    """Return the model's `pooler`, None if it was built without."""
    module = getattr(model, "pooler", None)
    return None if module is None else FirstTokenPooler(module)


@dataclass(frozen=True)
class ModelParts(Generic[Context]):
    """Attributes:
    layers: from the lowest to the highest.
    context: from hidden states, (b, s, d), and token mask, (b, s), to what every layer's
        `attend` needs besides its input: which tokens see which, and where they are.
    joint: from the layout of batches without padding to the same, so that attention's projections
        are computed without it too; None where that cannot be said.
    final_norm: follows the highest layer, and counts as part of it.
    causal: a token sees no later ones, so only the last one has seen all.
    pooler: None where the architecture has none, or the model was built without.
    """

    embed: Embed
    layers: Sequence[LayerParts[Context]]
    hidden_size: int
    context: Callable[[Tensor, Tensor], Context]
    joint: Callable[[RaggedBatch], Context] | None = None
    final_norm: Norm | None = None
    causal: bool = False
    pooler: Pooler | None = None


def read_tokens(h: Tensor, token_index: Tensor | None) -> Tensor:
    """Return h, (b, s, d), at one position of each row, (b, 1, d), or all of h for None."""
    if token_index is None:
        return h
    layout = current_layout(h)
    if layout is not None:
        return layout.read(h, token_index)[0][:, None]
    return h[torch.arange(len(h), device=h.device), token_index][:, None]


def identity(x: Tensor) -> Tensor:
    """Return x: the norm that a pre-norm layer does not have after its blocks."""
    return x
