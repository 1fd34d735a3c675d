"""A split and a task as the worker keeps them: tokens, and what the loss compares with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from workers.batches.tokens import Tokens
from workers.contract.results import Reading
from workers.contract.task_card import Split
from workers.tasks.rows import Rows


@dataclass(frozen=True)
class Examples:
    """One split, tokenised.

    Attributes:
        labels: one entry per row, as the task's objective made it.
        rows: what was tokenised.
    """

    tokens: Tokens
    labels: NDArray[Any]
    rows: Rows

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class TaskExamples:
    """A task's splits.

    Attributes:
        majority: the primary metric on validation of an answer that reads nothing.
        readings: what the tokenizer and the maximal length left of each split.
        oddities: what is allowed in the rows and probably not meant, for people.
    """

    splits: Mapping[Split, Examples]
    majority: float
    readings: Mapping[Split, Reading] = field(default_factory=dict)
    oddities: tuple[str, ...] = ()
