"""What a base model cannot do, as far as its files say so without torch.

Checked again, by what was built, when a trial runs; a Hub model that is pinned without the network
says nothing here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapter_lib.config.base_files import weight_names
from adapter_lib.errors import BaseModelError

_POSITIONS = ("max_position_embeddings", "n_positions")
_PADDED = ("mpnet", "roberta", "xlm-roberta")  # positions are counted from behind the padding's
_WITHOUT_TABLE = ("deberta-v2", "llama", "modernbert", "qwen2")  # relative or rotary
_POST_NORM = ("albert", "bert", "deberta-v2", "distilbert", "electra", "mpnet", "roberta")
_POOLED = ("albert", "bert", "mpnet", "roberta", "xlm-roberta")


def longest_sequence(config: Mapping[str, Any]) -> int | None:
    """Return for how many tokens a base has positions, None for any number or if not known."""
    model_type = config.get("model_type")
    found = next((config[name] for name in _POSITIONS if name in config), None)
    if model_type in _WITHOUT_TABLE or not isinstance(found, int):
        return None
    padding = config.get("pad_token_id", 1) if model_type in _PADDED else -1
    longest = found - padding - 1 if isinstance(padding, int) else 0
    return longest if longest >= 1 else None  # what says otherwise is refused when it is loaded


def norms_follow_blocks(config: Mapping[str, Any]) -> bool | None:
    """Tell whether a norm follows each block, None if the architecture is not known."""
    model_type = config.get("model_type")
    if model_type is None:
        return None
    return model_type in (*_POST_NORM, "xlm-roberta")


def has_pooler(config: Mapping[str, Any], weights: Path) -> bool | None:
    """Tell whether a base was saved with its pooler, None if its files do not say so plainly."""
    if config.get("model_type") not in _POOLED:
        return False
    try:
        names = weight_names(weights)
    except BaseModelError:  # a damaged file is refused when it is loaded
        return None
    return None if names is None else any(".pooler." in f".{name}" for name in names)
