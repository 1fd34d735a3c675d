"""Tokenised splits, stored flat and without padding.

Which tasks stay tokenised between trials is left to `warm`, padding to `batching`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from workers.errors import BaseModelSourceError
from workers.tasks.rows import Rows

_ROWS_AT_ONCE = 4096
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")


@dataclass(frozen=True, eq=False)
class Tokens:
    """A tokenised split; example i is `ids[offsets[i] : offsets[i + 1]]`.

    Attributes:
        ids: (all tokens,), int32.
        offsets: (rows + 1,), int64, from 0 to the number of all tokens.
        types: (all tokens,), int32, the token types where the model uses them, otherwise None.
        pad_id: what padding is filled with.
        truncated: number of examples that lost tokens to the maximal length.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    types: NDArray[np.int32] | None
    pad_id: int
    truncated: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example, (rows,)."""
        return np.diff(self.offsets)


@lru_cache(maxsize=4)
def tokenizer_for(folder: Path) -> Any:
    """Load the tokenizer that a base model's folder holds; nothing is downloaded.

    Raises:
        BaseModelSourceError: the folder holds no tokenizer, or one without a fast version or a
            padding token.
    """
    # transformers makes a tokenizer that knows no words where there is only a configuration.
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise BaseModelSourceError(
            f"{folder} holds no tokenizer; expected one of {', '.join(_VOCABULARIES)} beside the "
            "weights"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise BaseModelSourceError(
            f"the tokenizer in {folder} cannot be read: {error}; copy its files again"
        ) from error
    if not tokenizer.is_fast or tokenizer.pad_token_id is None:
        lacking = "padding token" if tokenizer.is_fast else "fast version (tokenizer.json)"
        raise BaseModelSourceError(f"the tokenizer in {folder} has no {lacking}; add one")
    return tokenizer


def tokenise(tokenizer: Any, rows: Rows, *, max_length: int) -> Tokens:
    """Tokenise a split with the model's special tokens, at most `max_length` tokens an example.

    Of a pair, the longer text loses tokens first.
    """
    ids: list[NDArray[np.int32]] = []
    types: list[NDArray[np.int32]] = []
    lengths: list[int] = []
    truncated = 0
    typed = "token_type_ids" in tokenizer.model_input_names
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        encoded = tokenizer(
            list(rows.texts[part]),
            None if rows.pairs is None else list(rows.pairs[part]),
            truncation="longest_first",
            max_length=max_length,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=typed,
        )
        truncated += sum(bool(encoding.overflowing) for encoding in encoded.encodings)
        lengths.extend(len(example) for example in encoded["input_ids"])
        ids.extend(np.asarray(example, np.int32) for example in encoded["input_ids"])
        if typed:
            types.extend(np.asarray(example, np.int32) for example in encoded["token_type_ids"])
    return Tokens(
        ids=np.concatenate(ids),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)]),
        types=np.concatenate(types) if typed else None,
        pad_id=int(tokenizer.pad_token_id),
        truncated=truncated,
    )
