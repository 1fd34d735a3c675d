"""GPT-2: a pre-norm decoder with learned positions."""

from typing import Any

import torch
from torch import Tensor, nn

from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.transformer.architectures.attention import (
    Visible,
    attend,
    read_heads,
    split_heads,
    visible_before,
)
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm, identity


class Gpt2LayerParts:
    """One `GPT2Block` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.attn
        self._entry: nn.Module = layer.ln_1
        self._middle: nn.Module = layer.ln_2
        self._feed_forward: nn.Module = layer.mlp
        self.attention_norm: Norm = identity
        self.feed_forward_norm: Norm = identity

    def attend(self, h: Tensor, context: Visible, token_index: Tensor | None = None) -> Tensor:
        attention = self._attention
        query, key, value = (
            split_heads(x, attention.num_heads)
            for x in attention.c_attn(self._entry(h)).chunk(3, dim=-1)
        )
        x = attend(
            read_heads(query, token_index),
            key,
            value,
            visible=context.by(token_index, h.shape[1]),
            dropout=attention.attn_dropout.p if attention.training else 0.0,
            scale=attention.scaling,
        )
        projected: Tensor = attention.resid_dropout(attention.c_proj(x))
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        projected: Tensor = self._feed_forward(self._middle(h))
        return projected


class Gpt2Embed:
    """Embeddings of tokens and positions."""

    def __init__(self, model: Any) -> None:
        self._tokens: nn.Module = model.wte
        self._positions: nn.Module = model.wpe
        self.most_tokens: int | None = model.wpe.num_embeddings
        self._dropout: nn.Module = model.drop

    def __call__(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None,
        token_mask: Tensor,
        positions: Tensor | None,
    ) -> Tensor:
        if positions is None:
            positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        h: Tensor = self._dropout(self._tokens(input_ids) + self._positions(positions))
        return h


def describe(model: Any) -> ModelParts[Visible]:
    """Return the parts of a `GPT2Model`.

    Raises:
        UnsupportedArchitectureError: the model attends to an encoder.
    """
    if model.config.add_cross_attention:
        raise UnsupportedArchitectureError(
            "expected a decoder on its own, found a gpt2 with add_cross_attention=True; load it "
            "without"
        )
    return ModelParts(
        embed=Gpt2Embed(model),
        layers=[Gpt2LayerParts(layer) for layer in model.h],
        hidden_size=model.config.hidden_size,
        context=visible_before,
        final_norm=model.ln_f,
        causal=True,
    )
