"""ModernBERT: a pre-norm encoder with rotary positions, most of whose layers see nearby tokens."""

from typing import Any

from torch import Tensor, nn

from adapter_lib.transformer.architectures.attention import (
    attend,
    read_heads,
    split_heads,
    visible_everywhere,
    visible_within,
)
from adapter_lib.transformer.architectures.distilbert import UntypedEmbed
from adapter_lib.transformer.architectures.layer_parts import ModelParts, Norm, identity
from adapter_lib.transformer.architectures.rotary import RotaryContext, Rotation, token_positions

_EVERYWHERE, _NEARBY = "full_attention", "sliding_attention"


class ModernBertLayerParts:
    """One `ModernBertEncoderLayer` by its parts. See `LayerParts`."""

    def __init__(self, layer: Any) -> None:
        self.module: nn.Module = layer
        self._attention: Any = layer.attn
        self._heads: int = layer.config.num_attention_heads
        self._kind: str = layer.attention_type
        self._entry: nn.Module = layer.attn_norm
        self._middle: nn.Module = layer.mlp_norm
        self._feed_forward: nn.Module = layer.mlp
        self.attention_norm: Norm = identity
        self.feed_forward_norm: Norm = identity

    def attend(
        self, h: Tensor, context: RotaryContext, token_index: Tensor | None = None
    ) -> Tensor:
        attention, rotation = self._attention, context.rotation[self._kind]
        query, key, value = (
            split_heads(x, self._heads) for x in attention.Wqkv(self._entry(h)).chunk(3, dim=-1)
        )
        x = attend(
            read_heads(rotation.rotate(query), token_index),
            rotation.rotate(key),
            value,
            visible=context.visible[self._kind].by(token_index, h.shape[1]),
            dropout=attention.attention_dropout if attention.training else 0.0,
        )
        projected: Tensor = attention.out_drop(attention.Wo(x))
        return projected

    def feed_forward(self, h: Tensor) -> Tensor:
        projected: Tensor = self._feed_forward(self._middle(h))
        return projected


class ModernBertContext:
    """Masks and rotations for both kinds of layers."""

    def __init__(self, model: Any) -> None:
        self._rotary = model.rotary_emb
        self._kinds = sorted(set(model.config.layer_types))
        self._window: int = model.config.sliding_window

    def __call__(self, h: Tensor, token_mask: Tensor) -> RotaryContext:
        positions = token_positions(h)
        return RotaryContext(
            visible={
                _EVERYWHERE: visible_everywhere(h, token_mask),
                _NEARBY: visible_within(token_mask, self._window, causal=False),
            },
            rotation={kind: Rotation(*self._rotary(h, positions, kind)) for kind in self._kinds},
        )


def describe(model: Any) -> ModelParts[RotaryContext]:
    """Return the parts of a `ModernBertModel`."""
    return ModelParts(
        embed=UntypedEmbed(model.embeddings),
        layers=[ModernBertLayerParts(layer) for layer in model.layers],
        hidden_size=model.config.hidden_size,
        context=ModernBertContext(model),
        final_norm=model.final_norm,
    )
