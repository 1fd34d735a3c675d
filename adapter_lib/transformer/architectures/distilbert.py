"""DistilBERT: post-norm like BERT, without token types, under names of its own."""

from typing import Any

from torch import Tensor, nn

from adapter_lib.transformer.architectures.attention import (
    Visible,
    cast_once,
    self_attend,
    visible_everywhere,
    visible_in_rows,
)
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm
from adapter_lib.transformer.architectures.positions import longest_row, table_positions


class DistilBertLayerParts:
    """One `TransformerBlock` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.attention
        self._heads: int = layer.attention.n_heads
        self._dropout: float = layer.attention.dropout.p
        self._feed_forward: nn.Module = layer.ffn
        self.attention_norm: Norm = layer.sa_layer_norm
        self.feed_forward_norm: Norm = layer.output_layer_norm

    def attend(self, h: Tensor, context: Visible, token_index: Tensor | None = None) -> Tensor:
        attention, h = self._attention, cast_once(h)
        x = self_attend(
            h,
            attention.q_lin,
            attention.k_lin,
            attention.v_lin,
            heads=self._heads,
            visible=context.by(token_index, h.shape[1]),
            dropout=self._dropout if attention.training else 0.0,
            token_index=token_index,
        )
        projected: Tensor = attention.out_lin(x)
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        projected: Tensor = self._feed_forward(h)
        return projected


class UntypedEmbed:
    """Embeddings that know no token types; those of a batch are ignored, as a tokenizer's are."""

    def __init__(self, embeddings: nn.Module) -> None:
        self._embeddings = embeddings
        self.most_tokens = longest_row(embeddings)

    def __call__(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None,
        token_mask: Tensor,
        positions: Tensor | None,
    ) -> Tensor:
        if self.most_tokens is None:
            h: Tensor = self._embeddings(input_ids)
        else:
            rows = table_positions(self._embeddings, input_ids, token_mask, positions)
            h = self._embeddings(input_ids, position_ids=rows)
        return h


def describe(model: Any) -> ModelParts[Visible]:
    """Return the parts of a `DistilBertModel`."""
    return ModelParts(
        embed=UntypedEmbed(model.embeddings),
        layers=[DistilBertLayerParts(layer) for layer in model.transformer.layer],
        hidden_size=model.config.dim,
        context=visible_everywhere,
        joint=visible_in_rows,
    )
