"""What is known of each architecture without torch: one entry for each `model_type`.

An entry names the module of `adapter_lib.transformer.architectures` that describes the architecture
by its parts, and says what a base of it cannot do. That is checked again, by what was built, when a
trial runs; a Hub model that is pinned without the network says nothing here. What AdapterHub calls
tensors and dropout of an architecture is about AdapterHub alone: `adapter_lib.storage.adapterhub`,
`keys` and `base_dropout`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from adapter_lib.config.base_files import weight_names
from adapter_lib.errors import BaseModelError


class Positions(Enum):
    """What a base knows positions by, and so for how many tokens."""

    TABLE = "a table, from its first row on"
    TABLE_BEHIND_PADDING = "a table, from the row behind that of the padding on"
    RELATIVE = "distances or rotations, for any number of tokens"


@dataclass(frozen=True)
class ArchitectureFacts:
    """What is known of the models of one type.

    Attributes:
        described_by: the module of `adapter_lib.transformer.architectures`.
        norms_follow_blocks: whether it is post-norm; a pre-norm one has them in front.
        may_have_pooler: whether a base of it can be saved with one.
    """

    described_by: str
    positions: Positions = Positions.TABLE
    norms_follow_blocks: bool = True
    may_have_pooler: bool = False


ARCHITECTURES: dict[str, ArchitectureFacts] = {
    "albert": ArchitectureFacts("albert", may_have_pooler=True),
    "bert": ArchitectureFacts("bert", may_have_pooler=True),
    "deberta-v2": ArchitectureFacts("deberta_v2", Positions.RELATIVE),
    "distilbert": ArchitectureFacts("distilbert"),
    "electra": ArchitectureFacts("electra"),
    "gpt2": ArchitectureFacts("gpt2", norms_follow_blocks=False),
    "llama": ArchitectureFacts("llama", Positions.RELATIVE, norms_follow_blocks=False),
    "modernbert": ArchitectureFacts("modernbert", Positions.RELATIVE, norms_follow_blocks=False),
    "mpnet": ArchitectureFacts("mpnet", Positions.TABLE_BEHIND_PADDING, may_have_pooler=True),
    "qwen2": ArchitectureFacts("llama", Positions.RELATIVE, norms_follow_blocks=False),
    "roberta": ArchitectureFacts("bert", Positions.TABLE_BEHIND_PADDING, may_have_pooler=True),
    "xlm-roberta": ArchitectureFacts("bert", Positions.TABLE_BEHIND_PADDING, may_have_pooler=True),
}
"""`model_type` of transformers → what is known of it. A new architecture is an entry and a file."""

_TABLE_ROWS = ("max_position_embeddings", "n_positions")
_OTHER = ArchitectureFacts("", norms_follow_blocks=False)
"""For types that no entry names; no worker runs them."""


def _facts(config: Mapping[str, Any]) -> ArchitectureFacts:
    return ARCHITECTURES.get(str(config.get("model_type")), _OTHER)


def longest_sequence(config: Mapping[str, Any]) -> int | None:
    """Return for how many tokens a base has positions, None for any number or if not known."""
    positions = _facts(config).positions
    found = next((config[name] for name in _TABLE_ROWS if name in config), None)
    if positions is Positions.RELATIVE or not isinstance(found, int):
        return None
    behind_padding = positions is Positions.TABLE_BEHIND_PADDING
    padding = config.get("pad_token_id", 1) if behind_padding else -1
    longest = found - padding - 1 if isinstance(padding, int) else 0
    return longest if longest >= 1 else None  # what says otherwise is refused when it is loaded


def norms_follow_blocks(config: Mapping[str, Any]) -> bool | None:
    """Tell whether a norm follows each block, None if the architecture is not known."""
    return None if config.get("model_type") is None else _facts(config).norms_follow_blocks


def has_pooler(config: Mapping[str, Any], weights: Path) -> bool | None:
    """Tell whether a base was saved with its pooler, None if its files do not say so plainly."""
    if not _facts(config).may_have_pooler:
        return False
    try:
        names = weight_names(weights)
    except BaseModelError:  # a damaged file is refused when it is loaded
        return None
    return None if names is None else any(".pooler." in f".{name}" for name in names)
