"""DeBERTa-v2 and v3: post-norm, with scores that depend on content and relative position apart."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.transformer.architectures.attention import (
    Visible,
    attend,
    cast_once,
    read_heads,
    split_heads,
)
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm
from adapter_lib.transformer.architectures.positions import longest_row


@dataclass(frozen=True)
class RelativePositions:
    """Attributes:
    token_mask: (b, s), True where a token is real.
    buckets: (1, s, s), the bucketed distance from query to key; None without relative attention.
    embeddings: (2·buckets, d), one for each.
    """

    token_mask: Tensor
    buckets: Tensor | None
    embeddings: Tensor | None


class DebertaLayerParts:
    """One `DebertaV2Layer` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.attention.self
        self._attention_output: Any = layer.attention.output
        self._heads: int = self._attention.num_attention_heads
        self._score_parts = 1 + len({"c2p", "p2c"} & set(self._attention.pos_att_type))
        self._intermediate: nn.Module = layer.intermediate
        self._output: Any = layer.output
        self.attention_norm: Norm = layer.attention.output.LayerNorm
        self.feed_forward_norm: Norm = layer.output.LayerNorm

    def attend(
        self, h: Tensor, context: RelativePositions, token_index: Tensor | None = None
    ) -> Tensor:
        attention, h = self._attention, cast_once(h)
        query = split_heads(attention.query_proj(h), self._heads)
        key = split_heads(attention.key_proj(h), self._heads)
        visible = Visible(self._bias(query, key, context))  # which takes every query
        x = attend(
            read_heads(query, token_index),
            key,
            split_heads(attention.value_proj(h), self._heads),
            visible=visible.by(token_index, h.shape[1]),
            dropout=attention.dropout.p if attention.training else 0.0,
            scale=(query.shape[-1] * self._score_parts) ** -0.5,
        )
        output = self._attention_output
        projected: Tensor = output.dropout(output.dense(x))
        return projected

    def _bias(self, query: Tensor, key: Tensor, context: RelativePositions) -> Tensor:
        """Return what is added to the scores, (b, h, s, s), -∞ for padding."""
        hidden = ~context.token_mask[:, None, None, :]
        if context.embeddings is None:
            return torch.zeros_like(hidden, dtype=query.dtype).masked_fill(hidden, -torch.inf)
        attention = self._attention
        bias: Tensor = attention.disentangled_attention_bias(
            query.flatten(0, 1),
            key.flatten(0, 1),
            context.buckets,
            attention.pos_dropout(context.embeddings),
            self._score_parts,
        )
        return bias.view(-1, self._heads, *bias.shape[1:]).masked_fill(hidden, -torch.inf)

    def feed_forward(self, h: Tensor) -> Tensor:
        output = self._output
        projected: Tensor = output.dropout(output.dense(self._intermediate(h)))
        return projected


class DebertaEmbed:
    """Embeddings of tokens and, where the model has them, positions and types; zero at padding."""

    def __init__(self, embeddings: Any) -> None:
        self._embeddings = embeddings
        biased = embeddings.position_biased_input
        self.most_tokens = longest_row(embeddings) if biased else None

    def __call__(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None,
        token_mask: Tensor,
        positions: Tensor | None,
    ) -> Tensor:
        h: Tensor = self._embeddings(
            input_ids=input_ids,
            token_type_ids=token_type_ids,
            position_ids=positions,
            mask=token_mask,
        )
        return h


class DebertaContext:
    """Relative positions of a batch, which all layers share."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def __call__(self, h: Tensor, token_mask: Tensor) -> RelativePositions:
        encoder = self._encoder
        return RelativePositions(token_mask, encoder.get_rel_pos(h), encoder.get_rel_embedding())


def describe(model: Any) -> ModelParts[RelativePositions]:
    """Return the parts of a `DebertaV2Model`.

    Raises:
        UnsupportedArchitectureError: there is a convolution beside the lowest layer, as in the two
            largest models of version 2.
    """
    if model.encoder.conv is not None:
        raise UnsupportedArchitectureError(
            f"expected a deberta-v2 without convolution, found conv_kernel_size="
            f"{model.config.conv_kernel_size}; version 3 has none in any size"
        )
    return ModelParts(
        embed=DebertaEmbed(model.embeddings),
        layers=[DebertaLayerParts(layer) for layer in model.encoder.layer],
        hidden_size=model.config.hidden_size,
        context=DebertaContext(model.encoder),
    )
