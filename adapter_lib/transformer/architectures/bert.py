"""BERT and what has its module names: RoBERTa and XLM-R differ in their embeddings only."""

from typing import Any

from torch import Tensor, nn

from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.transformer.architectures.attention import (
    Visible,
    cast_once,
    self_attend,
    visible_everywhere,
    visible_in_rows,
)
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm, find_pooler
from adapter_lib.transformer.architectures.positions import longest_row, table_positions


class BertLayerParts:
    """One `BertLayer` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.attention.self
        self._attention_output: Any = layer.attention.output
        self._intermediate: nn.Module = layer.intermediate
        self._output: Any = layer.output
        self._heads: int = self._attention.num_attention_heads
        self._dropout: float = self._attention.dropout.p
        self.attention_norm: Norm = layer.attention.output.LayerNorm
        self.feed_forward_norm: Norm = layer.output.LayerNorm

    def attend(self, h: Tensor, context: Visible, token_index: Tensor | None = None) -> Tensor:
        attention, h = self._attention, cast_once(h)
        x = self_attend(
            h,
            attention.query,
            attention.key,
            attention.value,
            heads=self._heads,
            visible=context.by(token_index, h.shape[1]),
            dropout=self._dropout if attention.training else 0.0,
            token_index=token_index,
        )
        output = self._attention_output
        projected: Tensor = output.dropout(output.dense(x))
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        output = self._output
        projected: Tensor = output.dropout(output.dense(self._intermediate(h)))
        return projected


class BertEmbed:
    """Embeddings of tokens, positions and token types, and a projection where there is one."""

    def __init__(self, embeddings: Any, projection: nn.Module | None = None) -> None:
        self._embeddings = embeddings
        self._projection = projection
        self.most_tokens = longest_row(embeddings)

    def __call__(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None,
        token_mask: Tensor,
        positions: Tensor | None,
    ) -> Tensor:
        h: Tensor = self._embeddings(
            input_ids,
            token_type_ids=token_type_ids,
            position_ids=table_positions(self._embeddings, input_ids, token_mask, positions),
        )
        return h if self._projection is None else self._projection(h)


def describe(model: Any) -> ModelParts[Visible]:
    """Return the parts of a `BertModel`, `RobertaModel` or `XLMRobertaModel`.

    Raises:
        UnsupportedArchitectureError: the model is a decoder or has relative positions.
    """
    refuse_variants(model.config)
    return ModelParts(
        embed=BertEmbed(model.embeddings),
        layers=[BertLayerParts(layer) for layer in model.encoder.layer],
        hidden_size=model.config.hidden_size,
        context=visible_everywhere,
        joint=visible_in_rows,
        pooler=find_pooler(model),
    )


def refuse_variants(config: Any) -> None:
    """Raise UnsupportedArchitectureError for a decoder or for relative positions."""
    if getattr(config, "is_decoder", False):
        raise UnsupportedArchitectureError(
            f"expected an encoder, found a {config.model_type} decoder; load it with "
            "is_decoder=False"
        )
    positions = getattr(config, "position_embedding_type", "absolute") or "absolute"
    if positions != "absolute":
        raise UnsupportedArchitectureError(
            f"expected absolute positions, found position_embedding_type={positions!r} in the "
            f"{config.model_type} configuration; transformers 5 would silently ignore it"
        )
