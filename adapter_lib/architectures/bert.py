"""BERT and what has its module names: RoBERTa and XLM-R differ in their embeddings only."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.architectures.parts import ModelParts, Norm
from adapter_lib.errors import UnsupportedArchitectureError


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

    def attend(self, h: Tensor, attention_mask: Tensor | None) -> Tensor:
        attention = self._attention
        query, key, value = (
            projection(h).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for projection in (attention.query, attention.key, attention.value)
        )
        x = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=attention_mask,
            dropout_p=self._dropout if attention.training else 0.0,
        )
        output = self._attention_output
        projected: Tensor = output.dropout(output.dense(x.transpose(1, 2).flatten(-2)))
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        output = self._output
        projected: Tensor = output.dropout(output.dense(self._intermediate(h)))
        return projected


def describe(model: Any) -> ModelParts:
    """Return the parts of a `BertModel`, `RobertaModel` or `XLMRobertaModel`.

    Raises:
        UnsupportedArchitectureError: the model is a decoder or has relative positions.
    """
    config = model.config
    if config.is_decoder:
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
    return ModelParts(
        embeddings=model.embeddings,
        layers=[BertLayerParts(layer) for layer in model.encoder.layer],
        hidden_size=config.hidden_size,
    )
