"""Learned positions, which count from each row's first real token, on whichever side padding is.

Legend for shapes: b batch, s tokens.
"""

from typing import Any

from torch import Tensor


def table_positions(
    embeddings: Any, input_ids: Tensor, token_mask: Tensor, positions: Tensor | None
) -> Tensor | None:
    """Return which row of its table `embeddings` looks up for each token, (b, s).

    Args:
        embeddings: a module of transformers; RoBERTa's and MPNet's tables begin behind the number
            of the padding token, which has the row of that number wherever it stands.
        positions: (b, s), counted from 0; None for those that transformers counts itself.
    """
    padding = _padding_before(embeddings)
    if positions is None or padding is None:
        return positions
    real = token_mask & (input_ids != padding)
    return real.cumsum(1) * real + padding


def longest_row(embeddings: Any) -> int | None:
    """Return for how many tokens `embeddings` has positions; None for any number."""
    table = getattr(embeddings, "position_embeddings", None)
    if table is None:
        return None
    padding = _padding_before(embeddings)
    places: int = table.num_embeddings
    return places if padding is None else places - padding - 1


def _padding_before(embeddings: Any) -> int | None:
    """Return the number of the padding token if positions begin behind it."""
    if not hasattr(embeddings, "create_position_ids_from_inputs_embeds"):
        return None
    padding: int = embeddings.padding_idx
    return padding
