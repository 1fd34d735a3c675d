"""ELECTRA's discriminator: BERT's layers over embeddings that may be narrower than them."""

from typing import Any

from adapter_lib.transformer.architectures.attention import (
    Visible,
    visible_everywhere,
    visible_in_rows,
)
from adapter_lib.transformer.architectures.bert import BertEmbed, BertLayerParts, refuse_variants
from adapter_lib.transformer.architectures.layer_parts import ModelParts


def describe(model: Any) -> ModelParts[Visible]:
    """Return the parts of an `ElectraModel`.

    Raises:
        UnsupportedArchitectureError: the model is a decoder or has relative positions.
    """
    refuse_variants(model.config)
    return ModelParts(
        embed=BertEmbed(model.embeddings, getattr(model, "embeddings_project", None)),
        layers=[BertLayerParts(layer) for layer in model.encoder.layer],
        hidden_size=model.config.hidden_size,
        context=visible_everywhere,
        joint=visible_in_rows,
    )
