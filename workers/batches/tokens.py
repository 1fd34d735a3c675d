"""Tokenised splits, stored flat and without padding. Every sequence has a token.

Which tasks stay tokenised between trials is left to `workers.running.warm_state`, padding to
`workers.batches.batching`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
    """A tokenised split; sequence i is `ids[offsets[i] : offsets[i + 1]]`.

    Attributes:
        ids: (all tokens,), int32.
        offsets: (sequences + 1,), int64, from 0 to the number of all tokens.
        types: (all tokens,), int32, the token types where the model uses them, otherwise None.
        pad_id: what padding is filled with.
        cut: (sequences,), whether each lost tokens to the maximal length.
        textless: (sequences,), whether each has special tokens alone, since its texts are empty or
            hold nothing that the tokenizer keeps.
        per_row: sequences of each row, which stand together; more than 1 for multiple choice.
        characters: (all tokens, 2), int32, each token's first character and the one behind its
            last in the row's last text, -1 for tokens of others; None where not asked for.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    types: NDArray[np.int32] | None
    pad_id: int
    cut: NDArray[np.bool_]
    textless: NDArray[np.bool_]
    per_row: int = 1
    characters: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return (len(self.offsets) - 1) // self.per_row

    def count(self, sequences: NDArray[np.bool_]) -> int:
        """Return the number of rows that have one of the sequences marked."""
        return int(sequences.reshape(-1, self.per_row).any(axis=1).sum())

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row's longest sequence, (rows,)."""
        longest: NDArray[np.int64] = np.diff(self.offsets).reshape(-1, self.per_row).max(axis=1)
        return longest

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what a base model sees of them, padding left out."""
        found = hashlib.sha256()
        for array in (self.ids, self.offsets, self.types):
            found.update(b"none" if array is None else array.tobytes())
        return found.hexdigest()

    def characters_of(self, row: int) -> NDArray[np.int32]:
        """Return where the tokens of a row of one sequence stand in its text, (tokens, 2)."""
        if self.characters is None:
            raise ValueError("these tokens were made without their characters")
        return self.characters[self.offsets[row] : self.offsets[row + 1]]


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
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except MemoryError:
        raise
    except Exception as error:  # the library raises no narrower one for a damaged file
        raise BaseModelSourceError(
            f"the tokenizer in {folder} cannot be read: {error!r:.500}; copy its files again"
        ) from error
    if not tokenizer.is_fast or tokenizer.pad_token_id is None:
        lacking = "padding token" if tokenizer.is_fast else "fast version (tokenizer.json)"
        raise BaseModelSourceError(f"the tokenizer in {folder} has no {lacking}; add one")
    return tokenizer


def tokenise(
    tokenizer: Any, rows: Rows, *, max_length: int, with_characters: bool = False
) -> Tokens:
    """Tokenise a split with the model's special tokens, at most `max_length` tokens an example.

    Of a pair, the longer text loses tokens first, from its end. A sequence that would have no token
    at all, as an empty text under a tokenizer without special tokens, becomes the one token that
    says so (`_token_of_nothing`): read at a padding position instead, its result would depend on
    the other rows of its batch.

    Args:
        with_characters: keep where each token stands in the last text of its row.
    """
    characters: list[NDArray[np.int32]] = []
    ids: list[NDArray[np.int32]] = []
    types: list[NDArray[np.int32]] = []
    cut: list[bool] = []
    textless: list[bool] = []
    typed = "token_type_ids" in tokenizer.model_input_names
    special = tokenizer.num_special_tokens_to_add(pair=rows.pairs is not None)
    nothing = _token_of_nothing(tokenizer)
    for encoded in _encoded(tokenizer, rows, max_length=max_length, typed=typed):
        found = encoded["input_ids"]
        cut.extend(bool(encoding.overflowing) for encoding in encoded.encodings)
        textless.extend(len(example) <= special for example in found)
        if with_characters:
            last = 0 if rows.pairs is None else 1
            characters.extend(_characters(encoding, last) for encoding in encoded.encodings)
        ids.extend(np.asarray(example or [nothing], np.int32) for example in found)
        if typed:
            types.extend(np.asarray(e or [0], np.int32) for e in encoded["token_type_ids"])
    lengths = [len(example) for example in ids]
    return Tokens(
        ids=np.concatenate(ids),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)]),
        types=np.concatenate(types) if typed else None,
        pad_id=int(tokenizer.pad_token_id),
        cut=np.asarray(cut, bool),
        textless=np.asarray(textless, bool),
        characters=np.concatenate(characters) if with_characters else None,
    )


def _encoded(tokenizer: Any, rows: Rows, *, max_length: int, typed: bool) -> Iterator[Any]:
    """Yield what the tokenizer makes of one part of the rows after another."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        yield tokenizer(
            list(rows.texts[part]),
            None if rows.pairs is None else list(rows.pairs[part]),
            truncation="longest_first",
            max_length=max_length,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=typed,
        )


def _token_of_nothing(tokenizer: Any) -> int:
    """Return the token that stands for a text without tokens: one that begins or ends texts."""
    named = ("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "unk_token_id")
    known = [getattr(tokenizer, name, None) for name in (*named, "pad_token_id")]
    return next(int(number) for number in known if number is not None)


def _characters(encoding: Any, text: int) -> NDArray[np.int32]:
    """Return each token's place in text 0 or 1, (tokens, 2); -1 for other tokens."""
    if not encoding.ids:
        return np.full((1, 2), -1, np.int32)  # of the token of nothing
    places = np.asarray(encoding.offsets, np.int32).reshape(-1, 2)
    own = np.asarray([number == text for number in encoding.sequence_ids], bool)
    return np.where(own[:, None], places, np.int32(-1))
