"""MPNet: post-norm, with a bias for the distance of two tokens that all layers share."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from adapter_lib.transformer.architectures.attention import Visible, cast_once, self_attend
from adapter_lib.transformer.architectures.distilbert import UntypedEmbed
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm, find_pooler


class MpnetLayerParts:
    """One `MPNetLayer` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.attention
        self._heads: int = layer.attention.attn.num_attention_heads
        self._dropout: float = layer.attention.attn.dropout.p
        self._intermediate: nn.Module = layer.intermediate
        self._output: Any = layer.output
        self.attention_norm: Norm = layer.attention.LayerNorm
        self.feed_forward_norm: Norm = layer.output.LayerNorm

    def attend(self, h: Tensor, context: Visible, token_index: Tensor | None = None) -> Tensor:
        attention, h = self._attention.attn, cast_once(h)
        visible = context.by(token_index, h.shape[1])
        assert visible.mask is not None
        x = self_attend(
            h,
            attention.q,
            attention.k,
            attention.v,
            heads=self._heads,
            visible=replace(visible, mask=visible.mask.to(h.dtype)),  # autocast lowers it
            dropout=self._dropout if attention.training else 0.0,
            token_index=token_index,
        )
        projected: Tensor = self._attention.dropout(attention.o(x))
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        output = self._output
        projected: Tensor = output.dropout(output.dense(self._intermediate(h)))
        return projected


class PositionBias:
    """The bias added to the scores, (b, h, s, s), with -∞ where a token is padding."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def __call__(self, h: Tensor, token_mask: Tensor) -> Visible:
        bias: Tensor = self._encoder.compute_position_bias(h[:1])
        return Visible(bias.masked_fill(~token_mask[:, None, None, :], -torch.inf))


def describe(model: Any) -> ModelParts[Visible]:
    """Return the parts of an `MPNetModel`."""
    return ModelParts(
        embed=UntypedEmbed(model.embeddings),
        layers=[MpnetLayerParts(layer) for layer in model.encoder.layer],
        hidden_size=model.config.hidden_size,
        context=PositionBias(model.encoder),
        pooler=find_pooler(model),
    )
