"""Describe each supported architecture once, by the parts of a layer.

Hugging Face module names appear in this folder and in `adapter_lib.storage.adapterhub.keys`, and
nowhere else. A new architecture is a file with a `describe` function and an entry below.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.transformer.architectures import (
    albert,
    bert,
    deberta_v2,
    distilbert,
    electra,
    gpt2,
    llama,
    modernbert,
    mpnet,
)
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

_DESCRIBE: dict[str, Callable[[Any], ModelParts[Any]]] = {
    "albert": albert.describe,
    "bert": bert.describe,
    "deberta-v2": deberta_v2.describe,
    "distilbert": distilbert.describe,
    "electra": electra.describe,
    "gpt2": gpt2.describe,
    "llama": llama.describe,
    "modernbert": modernbert.describe,
    "mpnet": mpnet.describe,
    "qwen2": llama.describe,
    "roberta": bert.describe,
    "xlm-roberta": bert.describe,
}


def supported_model_types() -> list[str]:
    """List the `model_type` values that `describe_model` accepts."""
    return sorted(_DESCRIBE)


def check_supported(model_type: str) -> None:
    """Raise UnsupportedArchitectureError if no file describes models of this type."""
    if model_type not in _DESCRIBE:
        raise UnsupportedArchitectureError(
            f"expected a base model of type {', '.join(supported_model_types())}, found "
            f"{model_type!r}; describe it in adapter_lib/transformer/architectures"
        )


def describe_model(model: Any) -> ModelParts[Any]:
    """Return the parts of a transformers model without a task head.

    Raises:
        UnsupportedArchitectureError: no file describes the model's type, or not this variant.
    """
    model_type = model.config.model_type
    check_supported(model_type)
    return _DESCRIBE[model_type](model)


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
