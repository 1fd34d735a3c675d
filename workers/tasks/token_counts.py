"""How many tokens a task's rows are, told from some of them, without torch.

Exact counts are in the results of trials; this is for tasks that were never trained on.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from workers.contract.task_card import Split, TaskRef
from workers.tasks.load import load_task
from workers.tasks.rows import Rows

SAMPLED_ROWS = 400
"""Of a split: their mean length is within some per cent of that of all rows."""


@dataclass(frozen=True)
class TokenCount:
    """Of a split: its rows, how many sequences they are, and about how many tokens."""

    rows: int
    sequences: int
    tokens: float


def count_tokens(task: TaskRef, tokenizer: Path, *, max_length: int) -> dict[Split, TokenCount]:
    """Count the rows of a task, and the tokens of some.

    Args:
        tokenizer: a `tokenizer.json`.

    Raises:
        TaskError: the rows cannot be read, or are not those that were planned.
        OSError: the tokenizer cannot be read.
    """
    data = load_task(task)
    try:
        made = Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # the library raises nothing narrower
        raise OSError(f"{tokenizer} cannot be read: {error}") from error
    made.no_padding()
    made.enable_truncation(max_length, strategy="longest_first")
    return {split: _count(made, rows) for split, rows in data.splits.items()}


def _count(tokenizer: Tokenizer, rows: Rows) -> TokenCount:
    step = max(1, len(rows) // SAMPLED_ROWS)
    sampled = range(0, len(rows), step)
    texts = list(itertools.chain.from_iterable(_sequences(rows, row) for row in sampled))
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    per_row = len(texts) // max(1, len(sampled))
    mean = tokens / max(1, len(sampled))
    return TokenCount(len(rows), len(rows) * per_row, len(rows) * mean)


def _sequences(rows: Rows, row: int) -> Iterator[str | tuple[str, str]]:
    """Yield what is read of a row: one text or pair, or one for each of its choices."""
    text = rows.texts[row]
    if rows.choices is not None:
        yield from ((text, choice) for choice in rows.choices[row])
    elif rows.pairs is not None:
        yield text, rows.pairs[row]
    else:
        yield text
