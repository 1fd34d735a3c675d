"""Llama and what has its module names: pre-norm decoders with rotary positions.

Qwen2 differs in biases, and in layers that see nearby tokens only.
"""

from typing import Any

from torch import Tensor, nn

from adapter_lib.transformer.architectures.attention import (
    attend,
    cast_once,
    read_heads,
    split_heads,
    visible_before,
    visible_within,
)
from adapter_lib.transformer.architectures.distilbert import UntypedEmbed
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm, identity
from adapter_lib.transformer.architectures.rotary import RotaryContext, Rotation, token_positions

_ALL, _NEARBY = "full_attention", "sliding_attention"


class LlamaLayerParts:
    """One `LlamaDecoderLayer` or `Qwen2DecoderLayer` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any, kind: str) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.self_attn
        self._kind = kind
        config = layer.self_attn.config
        self._heads: int = config.num_attention_heads
        self._key_heads: int = config.num_key_value_heads
        self._entry: nn.Module = layer.input_layernorm
        self._middle: nn.Module = layer.post_attention_layernorm
        self._feed_forward: nn.Module = layer.mlp
        self.attention_norm: Norm = identity
        self.feed_forward_norm: Norm = identity

    def attend(
        self, h: Tensor, context: RotaryContext, token_index: Tensor | None = None
    ) -> Tensor:
        attention, rotation = self._attention, context.rotation[_ALL]
        h = cast_once(self._entry(h))
        key = rotation.rotate(split_heads(attention.k_proj(h), self._key_heads))
        value = split_heads(attention.v_proj(h), self._key_heads)
        queries_per_key = self._heads // self._key_heads
        x = attend(
            read_heads(rotation.rotate(split_heads(attention.q_proj(h), self._heads)), token_index),
            key.repeat_interleave(queries_per_key, dim=1),
            value.repeat_interleave(queries_per_key, dim=1),
            visible=context.visible[self._kind].by(token_index, h.shape[1]),
            dropout=attention.attention_dropout if attention.training else 0.0,
        )
        projected: Tensor = attention.o_proj(x)
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        projected: Tensor = self._feed_forward(self._middle(h))
        return projected


class LlamaContext:
    """Causal masks, for nearby tokens too where layers need it, and one rotation."""

    def __init__(self, model: Any, window: int | None) -> None:
        self._rotary = model.rotary_emb
        self._window = window

    def __call__(self, h: Tensor, token_mask: Tensor) -> RotaryContext:
        visible = {_ALL: visible_before(h, token_mask)}
        if self._window is not None:  # which counts the token itself
            visible[_NEARBY] = visible_within(token_mask, self._window - 1, causal=True)
        return RotaryContext(visible, {_ALL: Rotation(*self._rotary(h, token_positions(h)))})


def describe(model: Any) -> ModelParts[RotaryContext]:
    """Return the parts of a `LlamaModel` or `Qwen2Model`."""
    config = model.config
    kinds = getattr(config, "layer_types", None) or [_ALL] * len(model.layers)
    return ModelParts(
        embed=UntypedEmbed(model.embed_tokens),
        layers=[
            LlamaLayerParts(layer, kind) for layer, kind in zip(model.layers, kinds, strict=True)
        ],
        hidden_size=config.hidden_size,
        context=LlamaContext(model, config.sliding_window if _NEARBY in kinds else None),
        final_norm=model.norm,
        causal=True,
    )
