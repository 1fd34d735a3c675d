"""ALBERT: post-norm layers that share their weights, over narrower embeddings."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.transformer.architectures.attention import (
    Visible,
    cast_once,
    self_attend,
    visible_everywhere,
    visible_in_rows,
)
from adapter_lib.transformer.architectures.bert import BertEmbed, refuse_variants
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm


class AlbertLayerParts:
    """One application of an `AlbertLayer` by its parts. See `LayerParts`.

    The same weights are other layers too, so this one's mode is kept in a module of its own.
    """

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = nn.Identity()
        self._layer = layer
        self._heads: int = layer.attention.num_attention_heads
        self._attention_dropout: float = layer.attention.attention_dropout.p
        self._output_dropout: float = layer.attention.output_dropout.p
        self.attention_norm: Norm = layer.attention.LayerNorm
        self.feed_forward_norm: Norm = layer.full_layer_layer_norm

    def attend(self, h: Tensor, context: Visible, token_index: Tensor | None = None) -> Tensor:
        attention, training = self._layer.attention, self.module.training
        h = cast_once(h)
        x = self_attend(
            h,
            attention.query,
            attention.key,
            attention.value,
            heads=self._heads,
            visible=context.by(token_index, h.shape[1]),
            dropout=self._attention_dropout if training else 0.0,
            token_index=token_index,
        )
        return functional.dropout(attention.dense(x), self._output_dropout, training)

    def feed_forward(self, h: Tensor) -> Tensor:
        projected: Tensor = self._layer.ff_chunk(h)
        return projected


class AlbertPooler:
    """A linear layer and an activation that stand in the model itself. See `Pooler`."""

    def __init__(self, model: Any) -> None:
        self.module: nn.Module = model.pooler
        self._activate: nn.Module = model.pooler_activation

    def __call__(self, token: Tensor) -> Tensor:
        pooled: Tensor = self._activate(self.module(token))
        return pooled


def describe(model: Any) -> ModelParts[Visible]:
    """Return the parts of an `AlbertModel`.

    Raises:
        UnsupportedArchitectureError: a group has several layers, which transformers does not
            count as layers.
    """
    config, encoder = model.config, model.encoder
    refuse_variants(config)
    if config.inner_group_num != 1:
        raise UnsupportedArchitectureError(
            f"expected an albert with one layer per group, found inner_group_num="
            f"{config.inner_group_num}; no published model has that"
        )
    group_size = config.num_hidden_layers / config.num_hidden_groups
    groups = [int(layer / group_size) for layer in range(config.num_hidden_layers)]
    return ModelParts(
        embed=BertEmbed(model.embeddings, encoder.embedding_hidden_mapping_in),
        layers=[
            AlbertLayerParts(encoder.albert_layer_groups[group].albert_layers[0])
            for group in groups
        ],
        hidden_size=config.hidden_size,
        context=visible_everywhere,
        joint=visible_in_rows,
        pooler=None if model.pooler is None else AlbertPooler(model),
    )
