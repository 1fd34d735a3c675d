"""Describe each supported architecture once, by the parts of a layer.

Hugging Face module names appear in this folder and in `adapter_lib.storage.adapterhub.keys`, and
nowhere else. A new architecture is a file here with a `describe` function, and an entry in
`adapter_lib.config.architecture_facts` that names it.
"""

from importlib import import_module
from typing import Any

from torch import Tensor, nn

from adapter_lib.config.architecture_facts import ARCHITECTURES
from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.transformer.architectures.layer_parts import (
    LayerParts,
    ModelParts,
    Norm,
    Pooler,
    read_tokens,
)

__all__ = [
    "LayerParts",
    "ModelParts",
    "Norm",
    "Pooler",
    "check_supported",
    "describe_model",
    "norm_eps_of",
    "norms_of",
    "read_tokens",
    "supported_model_types",
    "token_embedding",
]


def supported_model_types() -> list[str]:
    """List the `model_type` values that `describe_model` accepts."""
    return sorted(ARCHITECTURES)


def check_supported(model_type: str) -> None:
    """Raise UnsupportedArchitectureError if no file describes models of this type."""
    if model_type not in ARCHITECTURES:
        raise UnsupportedArchitectureError(
            f"expected a base model of type {', '.join(supported_model_types())}, found "
            f"{model_type!r}; describe it in adapter_lib/transformer/architectures, and name that "
            "in adapter_lib/config/architecture_facts.py"
        )


def describe_model(model: Any) -> ModelParts[Any]:
    """Return the parts of a transformers model without a task head.

    Raises:
        UnsupportedArchitectureError: no file describes the model's type, or not this variant.
    """
    model_type = model.config.model_type
    check_supported(model_type)
    module = import_module(f"{__name__}.{ARCHITECTURES[model_type].described_by}")
    parts: ModelParts[Any] = module.describe(model)
    return parts


def token_embedding(model: Any) -> Tensor:
    """Return the embedding of every token of the vocabulary, (V, e); e may differ from d."""
    weight: Tensor = model.get_input_embeddings().weight
    return weight


def norm_eps_of(model: Any) -> float:
    """Return what a model's norms add to a variance, as a masked-word head over it does too."""
    return float(getattr(model.config, "layer_norm_eps", 1e-12))


def norms_of(model: nn.Module) -> list[nn.Module]:
    """Return every LayerNorm or RMSNorm of a model, that of its embeddings too."""
    return [module for module in model.modules() if type(module).__name__.endswith("Norm")]
