"""Prediction heads, as AdapterHub's: on one token of a row, on the mean of all, or on every token.

An encoder's heads on one token read the first real one, a causal model's the last, which alone has
seen all. Losses are left to the caller.

Legend for shapes: b batch, s tokens, d hidden, e embedding, V vocabulary, c choices.
"""

from collections.abc import Callable
from typing import Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.config.configuration import HeadConfig, HeadKind, Pooling
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.linear import normal_linear
from adapter_lib.transformer.architectures import Pooler, read_tokens
from adapter_lib.transformer.backbone import Backbone, Batch

T = TypeVar("T")


class HeadFormula:
    """The formula of a head on hidden states, for one head's layers or those of several at once.

    Attributes:
        training: whether dropout is on.
        dense, output: d→d, None in heads of one layer, and d→outputs.
    """

    config: HeadConfig
    training: bool
    dense: Callable[[Tensor], Tensor] | None
    output: Callable[[Tensor], Tensor]

    def scores(self, x: Tensor, pooler: Pooler | None) -> Tensor:
        """Map the tokens that are read, (…, d), to (…, outputs); `pooler` is of the base."""
        if self.config.use_pooler:
            x = _given(pooler, "pooler")(x)
        if self.dense is not None:
            x = torch.tanh(self.dense(self.dropped(x)))
        return self.output(self.dropped(x))

    def dropped(self, x: Tensor) -> Tensor:
        """Return x under the head's dropout."""
        return functional.dropout(x, self.config.dropout, self.training)


class Head(nn.Module, HeadFormula):
    """Dropout and a linear layer, before which a head of two layers has dropout, d→d and tanh.

    For masked language modelling these are d→e, GELU and a LayerNorm, then the base's frozen token
    embedding and a bias, as in BERT. What belongs to the base is given to `forward`.
    """

    def __init__(
        self,
        config: HeadConfig,
        *,
        hidden_size: int,
        embedding_size: int | None = None,
        norm_eps: float = 1e-12,
        generator: torch.Generator | None = None,
    ) -> None:
        """Build on the CPU; weights ~ N(0, 0.02²), zero biases.

        Args:
            embedding_size: e, for masked language modelling; d by default.
            norm_eps: of the base's norms, likewise; BERT's by default.
            generator: of the CPU; None draws from torch's global one.
        """
        super().__init__()
        self.config = config
        self.size = hidden_size
        self.dense: nn.Linear | None = None
        if config.kind is HeadKind.MASKED_LM:
            self.size = embedding_size or hidden_size
            self.dense = normal_linear(hidden_size, self.size, generator)
            self.norm = nn.LayerNorm(self.size, eps=norm_eps)
            self.bias = nn.Parameter(torch.zeros(config.labels))
            return
        if config.layers == 2:
            self.dense = normal_linear(hidden_size, hidden_size, generator)
        self.output = normal_linear(hidden_size, config.outputs, generator)

    @classmethod
    def over(
        cls, backbone: Backbone, config: HeadConfig, *, generator: torch.Generator | None = None
    ) -> Self:
        """Build a head with the sizes of `backbone`."""
        return cls(
            config,
            hidden_size=backbone.hidden_size,
            embedding_size=backbone.token_embedding.shape[1],
            norm_eps=backbone.norm_eps,
            generator=generator,
        )

    def forward(
        self,
        h: Tensor,
        batch: Batch,
        *,
        causal: bool = False,
        pooler: Pooler | None = None,
        embedding: Tensor | None = None,
    ) -> Tensor:
        """Return logits from hidden states h, (b, s, d), or the token's that is read, (b, 1, d).

        They are (b, labels) for classification; (b, 1) for regression; (b / c, c) for multiple
        choice, where a batch holds each example's c rows one after another; (b, s, labels) for
        spans (start and end) and token classification, padding included; (b, s, V) for masked
        language modelling.

        Args:
            causal: heads on one token read the last real one instead of the first.
            pooler: of the base, for `use_pooler`.
            embedding: of the base's tokens, (V, e), for masked language modelling.

        Raises:
            ConfigurationError: the rows do not make up whole examples, or what the base must
                give is missing.
        """
        if self.config.kind is HeadKind.MASKED_LM:
            return self.over_vocabulary(h, embedding)
        return self.by_example(self.scores(self.read(h, batch, causal=causal), pooler))

    def read(self, h: Tensor, batch: Batch, *, causal: bool = False) -> Tensor:
        """Return what is read of hidden states, (b, s, d) or (b, 1, d): (b, d), or all of them."""
        if not self.config.kind.answers_by_row:
            return h
        if self.config.pooling is Pooling.MEAN:
            return mean_of_tokens(h, batch.token_mask)
        if h.shape[1] > 1:
            h = read_tokens(h, self.token_index(batch, causal=causal))
        return h[:, 0]

    def by_example(self, scores: Tensor) -> Tensor:
        """Return scores, (…, outputs), as logits: for multiple choice the c of an example together.

        Raises:
            ConfigurationError: the rows do not make up whole examples.
        """
        choices = self.config.labels
        if self.config.kind is not HeadKind.MULTIPLE_CHOICE:
            return scores
        if len(scores) % choices:
            raise ConfigurationError(
                f"expected {choices} rows for each example of a multiple-choice head, found "
                f"{len(scores)} rows; keep an example's rows in one batch, one after another"
            )
        return scores.view(-1, choices)

    def token_index(self, batch: Batch, *, causal: bool = False) -> Tensor | None:
        """Return the position of the only token of each row that is read, (b,); None for all.

        Args:
            causal: of the base.
        """
        if not self.config.reads_one_token:
            return None
        return (last_position if causal else first_position)(batch.attention_mask)

    def over_vocabulary(self, x: Tensor, embedding: Tensor | None) -> Tensor:
        """Return scores over the vocabulary, (…, V), for any hidden states, (…, d).

        Give it the masked tokens alone where the others' scores are not needed.

        Raises:
            ConfigurationError: the head is for something else, or there is no embedding.
        """
        if self.config.kind is not HeadKind.MASKED_LM or self.dense is None:
            raise ConfigurationError(f"expected a masked_lm head, found a {self.config.kind} one")
        x = self.norm(functional.gelu(self.dense(self.dropped(x))))
        return functional.linear(self.dropped(x), _given(embedding, "embedding"), self.bias)


def _given(value: T | None, name: str) -> T:
    if value is None:
        raise ConfigurationError(
            f"this head needs the base's {name}, found none; use it in an AdapterModel over a base "
            "that has one"
        )
    return value


def mean_of_tokens(h: Tensor, token_mask: Tensor) -> Tensor:
    """Return the mean of each row's real tokens, (b, d), whatever padding holds."""
    real = h.masked_fill(~token_mask[..., None], 0.0)
    return real.sum(1) / token_mask.sum(1, keepdim=True)


def first_position(attention_mask: Tensor) -> Tensor:
    """Return the position of each row's first real token, (b,); padding may be on the left."""
    return attention_mask.long().argmax(dim=1)  # the first among equal maxima


def last_position(attention_mask: Tensor) -> Tensor:
    """Return the position of each row's last real token, (b,); padding may be on the right."""
    return attention_mask.shape[1] - 1 - attention_mask.long().flip(1).argmax(dim=1)
